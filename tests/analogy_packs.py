"""Packs with task ``analogy`` for tests: small graphs that are true to docs/packs.md, made in a moment, without PyTorch.

A clip has three pictures of 16 pixels, eight frames of eight bands, and 2 x 2 codes of 16. Its decoder is one layer of
attention; ``Oracle`` computes the same in numpy, all tokens anew for each code.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from foley_export.analogy.smaller import smaller as in_smaller_numbers
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from foley_bridge.inference.analogy_task import OPTIONAL, ROLES, AnalogyTask, Cached, Wanted
from foley_bridge.inference.clips import ClipPicture, ClipSound
from foley_bridge.inference.golden import golden_bytes
from foley_bridge.inference.manifest import File, GraphEntry, Manifest, Parity, Tensor

IR_VERSION, OPSET = 9, 20
TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "int32": TensorProto.INT32}
ENTRIES, ROWS, COLUMNS, FRAMES, FEATURES, WIDTH, HEADS = 16, 2, 2, 3, 3, 16, 2
CLIP = ROWS * COLUMNS
LOST = {"fp32": 1e-4, "int8": 0.5, "int4": 8.0, "fp16": 0.05}
"""How far logits may be from the golden ones, by the decoder's precision."""
PICTURE = ClipPicture(frames=FRAMES, short_side=16, size=16)
SOUND = ClipSound(sample_rate=8000, samples=128, n_fft=64, hop=16, mels=8, high_hz=3900.0, frames=8)
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Codes = NDArray[np.int64]


def small_task(condition: str = "all", *, leave_out: Sequence[str] = ()) -> AnalogyTask:
    """What the manifest says."""
    roles = [role for role in ROLES if role not in leave_out]
    positions = (2 if condition == "all" else 1) * FRAMES + (2 if condition != "none" else 1) * CLIP
    return AnalogyTask(
        graphs={role: f"analogy-{role}" for role in roles},
        picture=PICTURE,
        sound=SOUND,
        entries=ENTRIES,
        rows=ROWS,
        columns=COLUMNS,
        features=FEATURES,
        decoder=Cached(1, HEADS, WIDTH // HEADS, positions, condition),
        top_k=8,
        temperature=1.0,
        statistics="frozen",
        fill=-1.0,
        slide="half",
        pictures_per_column=1.5,
        sound_as="indices",
        offsets_s=(-0.1, 0.0, 0.1) if "sync" in roles else (),
        origin="runs",
        golden="analogy-golden.npz",
    )


def make_analogy_pack(
    folder: Path,
    *,
    name: str = "sounding",
    task: AnalogyTask | None = None,
    without: Sequence[str] = (),
    smaller: Sequence[str] = (),
    int8_mel: bool = False,
) -> Path:
    """A pack.

    Args:
        folder: of the pack itself; made.
        without: roles of ``OPTIONAL`` that it has no graph for.
        smaller: precisions that the decoder is there in, too.
        int8_mel: is there a mel to judge by? Its numbers are 2 % larger.

    Returns:
        ``folder``.
    """
    assert set(without) <= set(OPTIONAL)
    task = task or small_task(leave_out=without)
    folder.mkdir(parents=True)
    models = {role: small_graph(task, role) for role in task.graphs}
    for precision in smaller:
        task = replace(task, graphs={**task.graphs, f"decoder_{precision}": f"analogy-decoder-{precision}"})
        models[f"decoder_{precision}"] = in_smaller_numbers(models["decoder"], precision)
    if int8_mel:
        task = replace(task, graphs={**task.graphs, "mel_int8": "analogy-mel-int8"})
        models["mel_int8"] = small_graph(task, "mel")
        scale = next(each for each in models["mel_int8"].graph.initializer if each.name == "scale")
        scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) * np.float32(1.02), "scale"))
    entries = {}
    for role, model in models.items():
        (folder / f"analogy-{role}.onnx").write_bytes(model.SerializeToString(deterministic=True))
        inputs, outputs = (tuple(Tensor(*each) for each in end) for end in task.ends(role))
        precision = role.partition("_")[2] or "fp32"
        lost = () if precision == "fp32" else (0.01, 0.9)
        parity = Parity("numpy, float64", 2, 1e-6, 1e-7, LOST[precision], *lost)
        entries[task.graphs[role]] = GraphEntry(f"analogy-{role}.onnx", (), OPSET, precision, inputs, outputs, parity)
    (folder / task.golden).write_bytes(golden_bytes(golden_of(task)))
    manifest = Manifest(
        name=name,
        version="1",
        title="Means and tables",
        licence="Apache-2.0",
        created=datetime.date(2026, 1, 31).isoformat(),
        provenance={"command": "tests/analogy_packs.py"},
        files={path.name: File.of(path) for path in sorted(folder.iterdir())},
        graphs=entries,
        tasks={"analogy": task},
    )
    (folder / "pack.json").write_bytes(manifest.to_bytes())
    return folder


@dataclass(frozen=True)
class Oracle:
    """The decoder in numpy, float64."""

    features: Doubles
    codes: Doubles
    positions: Doubles
    query: Doubles
    key: Doubles
    value: Doubles
    out: Doubles
    head: Doubles

    @classmethod
    def of(cls, task: AnalogyTask) -> Oracle:
        """With the weights of the graph."""
        random = np.random.default_rng(7)

        def drawn(*shape: int) -> Doubles:
            return random.normal(size=shape).astype(np.float32).astype(np.float64)

        square = [drawn(WIDTH, WIDTH) / 2 for _ in range(4)]
        tables = [drawn(FEATURES, WIDTH), drawn(ENTRIES, WIDTH), drawn(task.decoder.positions, WIDTH)]
        return cls(*tables, *square, drawn(WIDTH, ENTRIES) / 16)

    def logits(self, features: Floats, codes: Codes) -> Doubles:
        """Of what comes after each token: (p, features) and (c,) to (p + c, entries)."""
        x = np.concatenate([features.astype(np.float64) @ self.features, self.codes[codes]])
        x = x + self.positions[: len(x)]
        query, key, value = (
            (x @ each).reshape(len(x), HEADS, -1).transpose(1, 0, 2) for each in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(WIDTH // HEADS)
        scores = np.where(np.tril(np.ones((len(x), len(x)))), scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=2, keepdims=True))
        attended = (weights / weights.sum(axis=2, keepdims=True)) @ value
        return (x + attended.transpose(1, 0, 2).reshape(len(x), WIDTH) @ self.out) @ self.head


def small_graph(task: AnalogyTask, role: str) -> onnx.ModelProto:
    """A role's graph."""
    nodes, held = {
        "picture": _picture,
        "codes": _codes,
        "mel": _mel,
        "vocoder": _vocoder,
        "sync": _sync,
        "onset": _onset,
        "decoder": _decoder,
    }[role](task)
    ends = ([_value(each) for each in end] for end in task.ends(role))
    graph = helper.make_graph(nodes, role, *ends, [numpy_helper.from_array(array, name) for name, array in held.items()])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def golden_of(task: AnalogyTask) -> dict[str, Floats]:
    """Inputs, and what must come out, computed with numpy."""
    random = np.random.default_rng(3)
    pictures = random.normal(size=(1, 3, FRAMES, 16, 16)).astype(np.float32)
    mels = random.uniform(-1, 1, (2, 1, 8, 8)).astype(np.float32)
    grid = random.integers(0, ENTRIES, (1, COLUMNS, ROWS))
    levels = (grid / ENTRIES * 5 - 4).transpose(0, 2, 1).repeat(4, axis=1).repeat(4, axis=2)
    features = random.normal(size=(1, task.prefix[0], FEATURES)).astype(np.float32)
    condition = random.integers(0, ENTRIES, (1, task.prefix[1]))
    codes = random.integers(0, ENTRIES, (1, CLIP))
    logits = Oracle.of(task).logits(features[0], np.concatenate([condition[0], codes[0, :-1]]))[-CLIP:]
    pooled = (mels.reshape(2, ROWS, 4, COLUMNS, 4).mean(axis=(2, 4)).transpose(0, 2, 1) + 1) * (ENTRIES / 2)
    made = {
        "picture_in": pictures,
        "picture_out": pictures.mean(axis=(3, 4)).transpose(0, 2, 1),
        "codes_in": mels,
        "codes_out": np.floor(pooled),
        "mel_in": grid,
        "mel_out": levels,
        "vocoder_in": levels,
        "vocoder_out": (levels.mean(axis=1)[:, :, None] * _ramp()).reshape(1, 1, -1),
        "sync_pictures": pictures,
        "sync_in": mels[:1],
        "sync_out": mels[:1].mean(axis=(1, 2, 3))[:, None] * [[-1.0, 2.0, 1.0]] + pictures.mean(),
        "onset_in": pictures,
        "onset_out": pictures.mean(axis=(1, 3, 4)),
        "decoder_in": features,
        "decoder_condition": condition,
        "decoder_draws": np.full((1, CLIP), 0.5),
        "decoder_codes": codes,
        "decoder_out": logits[None],
    }
    drawn = made["decoder_draws"]
    sampled = sample(task, Oracle.of(task), features[0], condition[0], drawn[0])
    made["decoder_codes"] = sampled[None]
    made["decoder_out"] = Oracle.of(task).logits(features[0], np.concatenate([condition[0], sampled[:-1]]))[None, -CLIP:]
    return {name: array.astype(np.float32) for name, array in made.items() if name.partition("_")[0] in task.graphs}


def sample(task: AnalogyTask, oracle: Oracle, features: Floats, condition: Codes, drawn: Doubles) -> Codes:
    """One clip's codes by the letter: sort, keep the likeliest, walk along them by index until the draw is passed."""
    made: list[int] = []
    for draw in drawn:
        logits = oracle.logits(features, np.concatenate([condition, made]).astype(np.int64))[-1] / task.temperature
        kept = sorted(np.argsort(-logits)[: task.top_k])
        weights = np.exp(logits[kept] - logits.max())
        passed, place = 0.0, 0
        while place < len(kept) - 1 and (passed := passed + float(weights[place] / weights.sum())) <= draw:
            place += 1
        made.append(int(kept[place]))
    return np.array(made)


def shortened(task: AnalogyTask, **changes: object) -> AnalogyTask:
    """A task with something changed."""
    return replace(task, **changes)  # type: ignore[arg-type]


Parts = tuple[list[onnx.NodeProto], dict[str, NDArray[np.generic]]]


def _value(wanted: Wanted) -> onnx.ValueInfoProto:
    name, dtype, shape = wanted
    return helper.make_tensor_value_info(name, TYPES[dtype], shape)


def _ramp() -> Floats:
    return np.linspace(0.01, 0.1, SOUND.hop, dtype=np.float32)


def _picture(task: AnalogyTask) -> Parts:
    nodes = [
        helper.make_node("ReduceMean", ["pictures", "sides"], ["means"], keepdims=0),
        helper.make_node("Transpose", ["means"], ["features"], perm=[0, 2, 1]),
    ]
    return nodes, {"sides": np.array([3, 4])}


def _codes(task: AnalogyTask) -> Parts:
    nodes = [
        helper.make_node("AveragePool", ["mel"], ["places"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Add", ["places", "one"], ["above"]),
        helper.make_node("Mul", ["above", "half"], ["level"]),
        helper.make_node("Floor", ["level"], ["whole"]),
        helper.make_node("Transpose", ["whole"], ["turned"], perm=[0, 3, 2, 1]),
        helper.make_node("Squeeze", ["turned", "last"], ["grid"]),
        helper.make_node("Cast", ["grid"], ["codes"], to=TensorProto.INT64),
    ]
    return nodes, {"one": np.float32([1]), "half": np.float32([ENTRIES / 2]), "last": np.array([3])}


def _mel(task: AnalogyTask) -> Parts:
    nodes = [
        helper.make_node("Cast", ["codes"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["numbers", "scale"], ["share"]),
        helper.make_node("Add", ["share", "lowest"], ["level"]),
        helper.make_node("Transpose", ["level"], ["rows"], perm=[0, 2, 1]),
        helper.make_node("Reshape", ["rows", "apart"], ["places"]),
        helper.make_node("Expand", ["places", "wide"], ["filled"]),
        helper.make_node("Reshape", ["filled", "bands"], ["magnitudes"]),
    ]
    held: dict[str, NDArray[np.generic]] = {
        "scale": np.float32([5 / ENTRIES]),
        "lowest": np.float32([-4]),
        "apart": np.array([0, ROWS, 1, -1, 1]),
        "wide": np.array([1, 1, 4, 1, 4]),
        "bands": np.array([0, 8, -1]),
    }
    return nodes, held


def _vocoder(task: AnalogyTask) -> Parts:
    nodes = [
        helper.make_node("ReduceMean", ["magnitudes", "bands"], ["level"], keepdims=1),
        helper.make_node("Unsqueeze", ["level", "end"], ["each"]),
        helper.make_node("Mul", ["each", "ramp"], ["ramps"]),
        helper.make_node("Reshape", ["ramps", "joined"], ["wave"]),
    ]
    return nodes, {"bands": np.array([1]), "end": np.array([3]), "ramp": _ramp(), "joined": np.array([0, 1, -1])}


def _sync(task: AnalogyTask) -> Parts:
    nodes = [
        helper.make_node("ReduceMean", ["mel", "of_mel"], ["loud"], keepdims=0),
        helper.make_node("Unsqueeze", ["loud", "end"], ["column"]),
        helper.make_node("Mul", ["column", "classes"], ["own"]),
        helper.make_node("ReduceMean", ["pictures"], ["bright"], keepdims=0),
        helper.make_node("Add", ["own", "bright"], ["offsets"]),
    ]
    return nodes, {"of_mel": np.array([1, 2, 3]), "end": np.array([1]), "classes": np.float32([-1, 2, 1])}


def _onset(task: AnalogyTask) -> Parts:
    return [helper.make_node("ReduceMean", ["pictures", "axes"], ["onsets"], keepdims=0)], {"axes": np.array([1, 3, 4])}


def _decoder(task: AnalogyTask) -> Parts:
    """A Range that goes into Gather as it is would be made a Slice by ONNX Runtime's optimizer, and a wrong one."""
    oracle = Oracle.of(task)
    node, turned = helper.make_node, {"perm": [0, 1, 3, 2]}
    nodes = [
        node("MatMul", ["features", "w_features"], ["seen"]),
        node("Gather", ["w_codes", "codes"], ["known"]),
        node("Concat", ["seen", "known"], ["tokens"], axis=1),
        node("Shape", ["tokens"], ["count"], start=1, end=2),
        node("Squeeze", ["count"], ["new"]),
        node("Range", ["none", "new", "one"], ["counted"]),
        node("Add", ["counted", "before"], ["own_places"]),
        node("Shape", ["shared_key_0"], ["pinned"], start=2, end=3),
        node("Add", ["own_places", "pinned"], ["places"]),
        node("Gather", ["w_positions", "places"], ["position"]),
        node("Add", ["tokens", "position"], ["x"]),
        node("Reshape", ["before", "second"], ["first_new"]),
        node("Add", ["first_new", "count"], ["last_new"]),
    ]
    for each in ("query", "key", "value"):
        nodes += [
            node("MatMul", ["x", f"w_{each}"], [f"{each}_whole"]),
            node("Reshape", [f"{each}_whole", "heads"], [f"{each}_apart"]),
            node("Transpose", [f"{each}_apart"], [each], perm=[2, 0, 1, 3]),
        ]
    for each in ("key", "value"):
        nodes += [
            node("Slice", [f"past_{each}_0", "zero", "first_new", "two"], [f"{each}_earlier"]),
            node("Slice", [f"past_{each}_0", "last_new", "far", "two"], [f"{each}_later"]),
            node("Concat", [f"{each}_earlier", each, f"{each}_later"], [f"present_{each}_0"], axis=2),
        ]
    nodes += [
        node("Mul", ["query", "scale"], ["asked"]),
        node("Transpose", ["shared_key_0"], ["shared_turned"], **turned),
        node("MatMul", ["asked", "shared_turned"], ["scores_shared"]),
        node("Transpose", ["present_key_0"], ["own_turned"], **turned),
        node("MatMul", ["asked", "own_turned"], ["scores_all"]),
        node("Shape", ["past_key_0"], ["room"], start=2, end=3),
        node("Squeeze", ["room"], ["rooms"]),
        node("Range", ["none", "rooms", "one"], ["there"]),
        node("Unsqueeze", ["own_places", "second"], ["here"]),
        node("Greater", ["there", "here"], ["unseen"]),
        node("Where", ["unseen", "nothing", "scores_all"], ["scores_own"]),
        node("Concat", ["scores_shared", "scores_own"], ["scores"], axis=3),
        node("Softmax", ["scores"], ["weights"], axis=3),
        node("Concat", ["pinned", "room"], ["parts"], axis=0),
        node("Split", ["weights", "parts"], ["weights_shared", "weights_own"], axis=3),
        node("MatMul", ["weights_shared", "shared_value_0"], ["sum_shared"]),
        node("MatMul", ["weights_own", "present_value_0"], ["sum_own"]),
        node("Add", ["sum_shared", "sum_own"], ["attended_apart"]),
        node("Transpose", ["attended_apart"], ["attended_rows"], perm=[1, 2, 0, 3]),
        node("Reshape", ["attended_rows", "whole"], ["attended"]),
        node("MatMul", ["attended", "w_out"], ["turned"]),
        node("Add", ["x", "turned"], ["y"]),
        node("Slice", ["y", "end", "far", "second"], ["ending"]),
        node("MatMul", ["ending", "w_head"], ["last_logits"]),
        node("Squeeze", ["last_logits", "second"], ["logits"]),
    ]
    held: dict[str, NDArray[np.generic]] = {f"w_{name}": each.astype(np.float32) for name, each in vars(oracle).items()}
    held |= {"end": np.array([-1]), "far": np.array([1 << 30]), "second": np.array([1]), "two": np.array([2])}
    held |= {"zero": np.array([0]), "one": np.array(1), "none": np.array(0), "nothing": np.array(-np.inf, np.float32)}
    held |= {"heads": np.array([0, 0, HEADS, WIDTH // HEADS]), "whole": np.array([0, 0, WIDTH])}
    return nodes, held | {"scale": np.float32(np.sqrt(HEADS / WIDTH)).reshape(())}
