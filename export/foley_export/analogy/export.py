"""From networks to a pack of Foley by analogy: a graph of each, the proof that it is what was trained, the manifest.

Parity is measured with clips of a data set's test split and with inputs of no meaning, in batches of several sizes and, where
the graph takes any, at several lengths; whole sequences are drawn by the graph and by PyTorch with the same numbers.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from foley_bridge.inference import decode
from foley_bridge.inference.analogy_task import CODES as CODES_IN
from foley_bridge.inference.analogy_task import FEATURES, MAGNITUDES, MEL, NEEDED, PICTURES, ROLES, AnalogyTask, Cached
from foley_bridge.inference.decode import Prefix
from foley_bridge.inference.manifest import File, GraphEntry, Manifest, Parity, Tensor
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import ANALOGY
from foley_export.analogy import graphs, losses, proof, shown
from foley_export.analogy.decoder_graph import OPSET as DECODER_OPSET
from foley_export.analogy.decoder_graph import REFERENCE_OPSET, cached_graph, reference_ends, reference_graph
from foley_export.analogy.parts import Parts
from foley_export.analogy.proof import Codes
from foley_export.analogy.shown import Clips
from foley_export.analogy.smaller import smaller
from foley_export.analogy.tracing import see
from foley_export.errors import ExportError
from foley_export.finishing import finish
from foley_export.graph import OPSET, shape_of
from foley_export.precision import quantised
from foley_export.running import OnCpu
from foley_export.whole_folder import whole_folder
from foley_export.zipped import write_arrays

GOLDEN = "analogy-golden.npz"
TAKES = 3
"""Sequences that are drawn; one more is longer than a clip."""
LONGER = 13
"""Columns of that one, at a clip of 10: its window moves."""
JUDGED = 8
"""Sequences by which it is seen what smaller numbers lose."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What a pack is to be.

    Attributes:
        name, version, title, licence: see docs/packs.md.
        data: what to prove with.
        cache: folder of that data's films.
        reference: where the decoder with plain concatenation is written, too; None: nowhere.
        beside: a pack whose tasks and graphs this one has, too.
        smaller: precisions that the decoder is wanted in, beside fp32; one that loses much is left away, and that is said.
        int8_pictures: is the picture network wanted in int8, too?
        int8_mel: is the decoder of mels wanted in int8, too, to judge by?
    """

    name: str | None = None
    version: str = "1"
    title: str | None = None
    licence: str = "LicenseRef-all-rights-reserved"
    data: str = shown.DATA
    cache: Path | None = None
    reference: Path | None = None
    beside: Path | None = None
    smaller: Sequence[str] = ("int8",)
    int8_pictures: bool = False
    int8_mel: bool = False


def export(parts: Parts, target: Path, wanted: Wanted, say: Say = lambda line: None) -> Manifest:
    """Make a pack.

    Args:
        target: the pack's folder, which is not there yet.
        say: is told what is being done.

    Returns:
        the manifest.

    Raises:
        ModelError, ExportError: it cannot be made, or would not be true; nothing is there then.
        PackError: the pack that it is to have beside it is none.
    """
    beside = None if wanted.beside is None else Pack.open(wanted.beside)
    if beside is not None and beside.manifest.analogy is not None:
        raise ExportError(f"{beside.folder} has the task analogy itself", "give one that has not")
    with whole_folder(target) as folder:
        say(f"clips of {wanted.data}")
        clips = shown.clips_of(wanted.data, parts.picture, parts.sound, wanted.cache)
        made = _Made(parts, clips, folder, say)
        for role in made.task.roles:
            made.add(role)
        for precision in wanted.smaller:
            made.add_smaller(precision)
        if wanted.int8_pictures or wanted.int8_mel:
            calibration = shown.clips_of(wanted.data, parts.picture, parts.sound, wanted.cache, "train")
            if wanted.int8_pictures:
                made.add_int8_pictures(calibration)
            if wanted.int8_mel:
                made.add_int8_mel(calibration)
        say("drawing codes by the decoder's graph and by PyTorch")
        sequences = made.draw()
        if wanted.reference is not None:
            say("the decoder with plain concatenation")
            made.write_reference(wanted.reference)
        made.write_golden()
        manifest = _manifest(made, wanted, sequences)
        if beside is not None:
            manifest = _with(manifest, beside, folder)
        finish(folder, manifest, say)
    return manifest


class _Made:
    """The graphs of a pack, as they come to be."""

    def __init__(self, parts: Parts, clips: Clips, folder: Path, say: Say) -> None:
        self.parts, self.clips, self.task = parts, clips, task_of(parts)
        self.entries: dict[str, GraphEntry] = {}
        self._folder, self._say = folder, say
        self._codes = self._looked(parts.codebook.encode, clips.mels)  # int64 (clips, codes)
        seen = self._looked(parts.model.features, clips.pictures)
        self.prefix = Prefix(seen[:1], seen[1:2], self._codes[:1])
        self._decoder: OnCpu | None = None
        self._model: onnx.ModelProto | None = None  # the decoder's

    def add(self, role: str) -> None:
        """Export a role's graph, prove it, and write it."""
        self._say(f"{role}: exporting, and proving it")
        if role == "decoder":
            model = cached_graph(self.parts.model.decoder, self.task.ends(role))
        else:
            module = self._module(role)
            model = graphs.graph(self.task, role, module)
        name = self.task.graphs[role]
        running = OnCpu(model, torch.get_num_threads())
        if role == "decoder":
            self._decoder, self._model = running, model
            proved = proof.prove_decoder(name, running, self.task, self.parts.model, self._sequences())
        elif role == "codes":
            given = [*shown.random_mels(self.task), self.clips.mels]
            proved = proof.prove_codes(name, running, self.parts.codebook, given)
        else:
            inputs, arrays = self._given(role)
            proved = proof.prove(name, running, module, inputs, arrays)
        (self._folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
        self.entries[name] = _entry(model, f"{name}.onnx", DECODER_OPSET if role == "decoder" else OPSET, proved)

    def add_smaller(self, precision: str) -> None:
        """The decoder in smaller numbers, with what it loses; only where that is not much."""
        assert self._model is not None
        role = f"decoder_{precision}"
        self._say(f"{role}: making it, and measuring what it loses")
        task, name = self.task.with_decoder(role), f"{self.task.graphs['decoder']}-{precision}"
        model = smaller(self._model, precision)
        drawn = shown.draws(JUDGED, task.rows * task.columns, seed=2)
        running = OnCpu(model, torch.get_num_threads())
        try:
            lost = losses.of_decoder(name, running, task, self.parts.model, self.prefix, drawn, losses.MOST[precision])
        except ExportError as error:
            self._say(f"{role}: left away: {error.message}")
            return
        said = f"logits {lost.worst:.2g} apart at worst, {lost.moved:.2%} of the probability on other codes"
        self._say(f"{role}: {said}, {lost.agreement:.1%} of draws the same")
        self.task = replace(self.task, graphs={**self.task.graphs, role: name})
        see(model, role, self.task.ends(role), DECODER_OPSET)
        (self._folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
        self.entries[name] = replace(_entry(model, f"{name}.onnx", DECODER_OPSET, lost), precision=precision)

    def add_int8_pictures(self, calibration: Clips) -> None:
        """The picture network with convolutions in int8, and what that loses of codes; ranges are taken from other clips."""
        role, name = "picture_int8", f"{self.task.graphs['picture']}-int8"
        self._say(f"{role}: making it, and measuring what it loses")
        plain = onnx.load(self._folder / f"{self.task.graphs['picture']}.onnx")
        model = quantised(plain, calibration.pictures, at_once=1)
        running = OnCpu(model, torch.get_num_threads())
        seen = [running.run({PICTURES: each[None]})[FEATURES] for each in self.clips.pictures[:2]]
        drawn = shown.draws(JUDGED, self.task.rows * self.task.columns, seed=2)
        prefixes = self.prefix, Prefix(seen[0], seen[1], self._codes[:1])
        lost = losses.of_pictures(name, self.task, self.parts.model, prefixes, drawn, losses.MOST_OF_PICTURES)
        self._say(f"{role}: features {lost.worst:.2g} apart at worst, {lost.moved:.2%} of the probability on other codes")
        self.task = replace(self.task, graphs={**self.task.graphs, role: name})
        see(model, role, self.task.ends(role), OPSET)
        (self._folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
        self.entries[name] = replace(_entry(model, f"{name}.onnx", OPSET, lost), precision="int8")

    def add_int8_mel(self, calibration: Clips) -> None:
        """The decoder of mels with convolutions in int8, and how well it is judged by; ranges are taken from other clips, and
        from codes of no meaning: what is drawn goes further than what is real."""
        assert self._decoder is not None
        role, name = "mel_int8", f"{self.task.graphs['mel']}-int8"
        self._say(f"{role}: making it, and measuring what it loses")
        grid = (-1, self.task.columns, self.task.rows)
        real = self._looked(self.parts.codebook.encode, calibration.mels).reshape(grid)
        free = np.random.default_rng(5).integers(0, self.task.entries, real.shape)
        plain = onnx.load(self._folder / f"{self.task.graphs['mel']}.onnx")
        model = quantised(plain, np.concatenate([real, free]), at_once=1)
        drawn = decode.generate(self._decoder, self.task, self.prefix, shown.draws(JUDGED, self._codes.shape[1], seed=2))
        codes = np.concatenate([drawn, self._codes]).reshape(grid)
        running = OnCpu(model, torch.get_num_threads())
        lost = losses.of_judging(name, running, self.task, self._module("mel"), codes, self.clips.mels)
        self._say(f"{role}: mels {lost.worst:.2g} apart at worst, {lost.agreement:.1%} of pairs judged the same")
        self.task = replace(self.task, graphs={**self.task.graphs, role: name})
        see(model, role, self.task.ends(role), OPSET)
        (self._folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
        self.entries[name] = replace(_entry(model, f"{name}.onnx", OPSET, lost), precision="int8")

    def draw(self) -> list[proof.Sequences]:
        """Codes by the graph and by PyTorch, of clips and of something longer."""
        assert self._decoder is not None
        task, clip = self.task, self.task.rows * self.task.columns
        long = task.rows * (task.columns * LONGER // 10)
        made = []
        for takes, count in ((TAKES, clip), (1, long)):
            prefix = self.prefix if count == clip else replace(self.prefix, features=self._long_features())
            made.append(proof.prove_sequences(self._decoder, task, self.parts.model, prefix, shown.draws(takes, count)))
        return made

    def write_reference(self, target: Path) -> None:
        """The decoder with plain concatenation, proved as the other one."""
        task = self.task
        model = reference_graph(self.parts.model.decoder, reference_ends(task.decoder, task.ends("decoder")))
        graph = OnCpu(model, torch.get_num_threads())
        parity = proof.prove_reference("decoder, as reference", graph, task, self.parts.model, self._sequences())
        self._say(f"{target}: opset {REFERENCE_OPSET}, {parity.worst:.1e} from PyTorch at worst")
        target.write_bytes(model.SerializeToString(deterministic=True))

    def write_golden(self) -> None:
        """One input of each graph, and what PyTorch makes of it; of the decoder a whole sequence."""
        task, clips = self.task, self.clips
        drawn = shown.draws(1, task.rows * task.columns, seed=1)
        codes = proof.generated(task, self.parts.model, self.prefix, drawn)
        features, before = decode.before(task, self.prefix, 0)
        arrays: dict[str, NDArray[Any]] = {
            "decoder_in": features,
            "decoder_condition": before,
            "decoder_draws": drawn,
            "decoder_codes": codes,
            "decoder_out": proof.logits_of(self.parts.model, self.prefix, codes),
        }
        real = self._codes[:1].reshape(1, task.columns, task.rows)
        shown_to = {"picture": clips.pictures[:1], "codes": clips.mels, "mel": real, "onset": clips.pictures[:1]}
        shown_to["vocoder"] = self._looked(graphs.Magnitudes(self.parts.codebook), real)
        for role in task.roles:
            if role == "sync":
                arrays |= {"sync_pictures": clips.pictures[:1], "sync_in": clips.mels[:1]}
                arrays["sync_out"] = self._looked(self._module(role), clips.pictures[:1], clips.mels[:1])
            elif role != "decoder":
                arrays |= {f"{role}_in": shown_to[role], f"{role}_out": self._looked(self._module(role), shown_to[role])}
        write_arrays(self._folder / GOLDEN, arrays)

    def _module(self, role: str) -> Any:
        parts = self.parts
        if role == "picture":
            return graphs.Features(parts.model)
        if role in ("codes", "mel"):
            return (graphs.Codes if role == "codes" else graphs.Magnitudes)(parts.codebook)
        if role == "vocoder":
            assert parts.vocoder is not None
            return parts.vocoder.plain()
        return graphs.Offsets(parts.sync) if role == "sync" and parts.sync is not None else parts.onset

    def _given(self, role: str) -> tuple[list[str], list[list[NDArray[Any]]]]:
        """Names of a graph's inputs, and what goes in, each time."""
        task, clips = self.task, self.clips
        if role in ("picture", "onset"):
            arrays: list[NDArray[Any]] = [*shown.random_pictures(task), *(each[None] for each in clips.pictures)]
            return [PICTURES], [[each] for each in arrays]
        if role == "mel":
            real = self._codes.reshape(len(self._codes), task.columns, task.rows)
            return [CODES_IN], [[each] for each in [*shown.random_codes(task), real]]
        if role == "vocoder":
            return [MAGNITUDES], [[each] for each in shown.random_magnitudes(task, clips.mels)]
        noise = [np.random.default_rng(3).normal(size=clips.pictures[:1].shape).astype(np.float32), clips.pictures[:1]]
        mels = [*shown.random_mels(task), clips.mels]
        return [PICTURES, MEL], [[noise[number % 2], each] for number, each in enumerate(mels)]

    def _sequences(self) -> list[tuple[Prefix, Codes]]:
        """Prefixes of real clips and of noise, and codes after them."""
        random, task = np.random.default_rng(4), self.task
        shape = self.prefix.features.shape
        noise = [random.normal(size=shape).astype(np.float32) for _ in range(2)]
        codes = random.integers(0, task.entries, (TAKES, task.rows * task.columns))
        other = random.integers(0, task.entries, self._codes[:1].shape)
        return [(self.prefix, self._codes[1:2]), (self.prefix, codes), (Prefix(noise[0], noise[1], other), codes[:2])]

    def _long_features(self) -> NDArray[np.float32]:
        """Of a picture that is longer than a clip, as different clips one after another."""
        pictures = np.concatenate(list(self.clips.pictures[1:3]), axis=1)[None]
        return self._looked(self.parts.model.features, pictures)

    @staticmethod
    def _looked(call: Callable[..., torch.Tensor], *arrays: NDArray[Any]) -> NDArray[Any]:
        with torch.inference_mode():
            return call(*(torch.from_numpy(np.ascontiguousarray(each)) for each in arrays)).numpy()


def task_of(parts: Parts) -> AnalogyTask:
    """What a manifest says of these networks."""
    config = parts.model.config
    there = {"vocoder": parts.vocoder, "sync": parts.sync, "onset": parts.onset}
    roles = [role for role in ROLES if role in NEEDED or there[role] is not None]
    decoder = config.decoder
    size = decoder.width // decoder.heads
    return AnalogyTask(
        graphs={role: f"analogy-{role}" for role in roles},
        picture=parts.picture,
        sound=parts.sound,
        entries=decoder.codes,
        rows=decoder.rows,
        columns=decoder.columns,
        features=decoder.picture,
        decoder=Cached(decoder.layers, decoder.heads, size, decoder.positions, decoder.condition),
        top_k=parts.top_k,
        temperature=parts.temperature,
        statistics="call" if config.picture.batch_statistics else "frozen",
        fill=parts.fill,
        slide=parts.slide,
        pictures_per_column=parts.pictures_per_column,
        sound_as=decoder.sound_as,
        offsets_s=parts.sync.offsets_s if parts.sync is not None else (),
        origin=parts.origin,
        golden=GOLDEN,
    )


def _entry(model: onnx.ModelProto, file: str, opset: int, proved: Parity) -> GraphEntry:
    def tensors(values: Any) -> tuple[Tensor, ...]:
        kinds = onnx.TensorProto
        dtypes = {kinds.FLOAT: "float32", kinds.FLOAT16: "float16", kinds.INT64: "int64", kinds.INT32: "int32"}
        return tuple(Tensor(each.name, dtypes[each.type.tensor_type.elem_type], tuple(shape_of(each))) for each in values)

    return GraphEntry(file, (), opset, "fp32", tensors(model.graph.input), tensors(model.graph.output), proved)


def _manifest(made: _Made, wanted: Wanted, sequences: list[proof.Sequences]) -> Manifest:
    import onnxruntime

    parts = made.parts
    provenance: Mapping[str, Any] = {
        **parts.provenance,
        "system": parts.model.config.system,
        "exported_with": {"torch": torch.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
        "proved_with": {"data": made.clips.data, "split": "test", "clips": len(made.clips.mels)},
        "sequences": [asdict(each) for each in sequences],
    }
    return Manifest(
        name=wanted.name or parts.name,
        version=wanted.version,
        title=wanted.title or f"Foley by analogy: {parts.model.config.system}",
        licence=wanted.licence,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        provenance=provenance,
        files={path.name: File.of(path) for path in sorted(made._folder.iterdir())},
        graphs=made.entries,
        tasks={ANALOGY: made.task},
    )


def _with(manifest: Manifest, beside: Pack, folder: Path) -> Manifest:
    """With another pack's files, graphs, tasks and provenance; what is said for people is this one's."""
    other = beside.manifest
    for kind, own, theirs in (("graph", manifest.graphs, other.graphs), ("file", manifest.files, other.files)):
        if common := sorted(own.keys() & theirs.keys()):
            raise ExportError(f"{beside.folder} has a {kind} {common[0]}, as this pack", "give another --beside")
    for name in other.files:
        (folder / name).write_bytes(beside.read(name))
    return replace(
        manifest,
        provenance={**other.provenance, ANALOGY: manifest.provenance},
        files={**other.files, **manifest.files},
        graphs={**other.graphs, **manifest.graphs},
        tasks={**other.tasks, **manifest.tasks},
    )
