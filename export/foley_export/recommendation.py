"""From a checkpoint of recommendation to a pack: two graphs, and the proof that they are what was trained.

Parity and calibration are measured with pairs that the network never saw, the test split of its data; parity with inputs of no
meaning, too, but for int8 graphs, which know no numbers outside of the range that data have. What smaller graphs lose in top-10
against the fp32 ones is measured and kept.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from foley_bridge.inference.features import log_mel, picture
from foley_bridge.inference.manifest import File, GraphEntry, Manifest, Parity, Tensor
from foley_bridge.inference.recommendation_task import RecommendationTask
from foley_export import held_out, parity
from foley_export.errors import ExportError
from foley_export.finishing import finish
from foley_export.graph import OPSET, shape_of, to_onnx
from foley_export.held_out import Floats, Pairs
from foley_export.precision import halved, quantised
from foley_export.running import on_cpu
from foley_export.whole_folder import whole_folder
from foley_export.zipped import write_arrays

if TYPE_CHECKING:
    from foley_models.recommendation.checkpoint import Loaded

STREAMS = ("picture", "sound")
GOLDEN = "golden.npz"
TOP = 10
PAIRS = 428  # as many as the paper tests with
RANGES = 128
"""Pairs that an int8 graph's ranges are taken from, at most, of the validation split."""


@dataclass(frozen=True)
class Wanted:
    """What a pack is to be.

    Attributes:
        name, version, title, licence: see docs/packs.md.
        precision: "fp32", "fp16" or "int8".
        data: what to calibrate with; None: what the network was trained on.
        cache: folder of the data's decoded features.
        pairs: at most so many held-out pairs.
    """

    name: str | None = None
    version: str = "1"
    title: str | None = None
    licence: str = "LicenseRef-all-rights-reserved"
    precision: str = "fp32"
    data: str | None = None
    cache: Path | None = None
    pairs: int = PAIRS


def export(checkpoint: Path, target: Path, wanted: Wanted, say: Callable[[str], None] = lambda line: None) -> Manifest:
    """Make a pack.

    Args:
        target: the pack's folder, which is not there yet.
        say: is told what is being done.

    Returns:
        the manifest.

    Raises:
        ModelError, ExportError: it cannot be made, or would not be true; nothing is there then.
    """
    from foley_models.recommendation.checkpoint import load

    loaded = load(checkpoint)
    with whole_folder(target) as folder:
        data = wanted.data or str(loaded.trained.get("data") or "")
        if not data:
            raise ExportError(f"{checkpoint} does not say what it was trained on", "name its data with --calibrate")
        say(f"held-out pairs of {data}")
        pairs = held_out.pairs_of(data, "test", wanted.pairs, picture=loaded.picture, sound=loaded.sound, cache=wanted.cache)
        made = _Made(loaded, pairs, wanted)
        made.look()
        for stream in STREAMS:
            say(f"{stream}: exporting as {wanted.precision}, and proving it")
            made.add(stream, folder)
        made.write_golden(folder)
        manifest = made.manifest(folder)
        finish(folder, manifest, say)
    return manifest


class _Made:
    """The parts of a pack, as they come to be."""

    def __init__(self, loaded: Loaded, pairs: Pairs, wanted: Wanted) -> None:
        self._loaded, self._pairs, self._wanted = loaded, pairs, wanted
        self._shapes = {
            "picture": (3, loaded.picture.size, loaded.picture.size),
            "sound": (1, loaded.sound.mels, loaded.sound.frames),
        }
        self._inputs: dict[str, Floats] = {}
        self._expected: dict[str, Floats] = {}
        self._graphs: dict[str, GraphEntry] = {}
        self._golden: dict[str, Floats] = {}
        self._embedded: dict[str, Floats] = {}
        self._embedded_fp32: dict[str, Floats] = {}

    def look(self) -> None:
        """What PyTorch makes of all inputs; raises ExportError when the network has learned nothing, before work begins."""
        for stream, shape in self._shapes.items():
            self._inputs[stream] = np.concatenate([parity.random_inputs(shape), self._of(self._pairs, stream)])
            self._expected[stream] = parity.torch_output(getattr(self._loaded.network, stream), self._inputs[stream])
        pictures, sounds = (self._expected[stream][-len(self._pairs) :] for stream in STREAMS)
        held_out.calibrate(pictures, sounds, self._pairs.labels)

    def add(self, stream: str, folder: Path) -> None:
        """Export one stream, prove it, and write its graph."""
        network, precision = getattr(self._loaded.network, stream), self._wanted.precision
        inputs, expected, real = self._inputs[stream], self._expected[stream], len(self._pairs)
        model = to_onnx(network, stream, self._shapes[stream])
        made = parity.output(on_cpu(model), inputs)
        proved = parity.prove(stream, made, expected, "fp32")
        self._embedded_fp32[stream] = made[-real:]
        if precision != "fp32":
            model = halved(model) if precision == "fp16" else quantised(model, self._of(self._for_ranges(), stream))
            made = parity.output(on_cpu(model), inputs)
            meant = slice(-real, None) if precision == "int8" else slice(None)
            proved = parity.prove(stream, made[meant], expected[meant], precision)
        self._embedded[stream] = made[-real:]
        (folder / f"{stream}.onnx").write_bytes(model.SerializeToString(deterministic=True))
        self._graphs[stream] = self._graph(model, proved)
        self._golden |= self._golden_of(stream, network, model)

    def write_golden(self, folder: Path) -> None:
        """Two inputs of each stream, and what comes of them."""
        write_arrays(folder / GOLDEN, self._golden)

    def manifest(self, folder: Path) -> Manifest:
        """Of what lies in the folder."""
        wanted, loaded = self._wanted, self._loaded
        task = RecommendationTask(
            picture_graph="picture",
            sound_graph="sound",
            picture=loaded.picture,
            sound=loaded.sound,
            calibration=held_out.calibrate(self._embedded["picture"], self._embedded["sound"], self._pairs.labels),
            golden=GOLDEN,
            dimension=loaded.system.embedding,
        )
        return Manifest(
            name=wanted.name or loaded.system.name,
            version=wanted.version,
            title=wanted.title or f"Recommendation by picture: {loaded.system.name}",
            licence=wanted.licence,
            created=datetime.datetime.now(datetime.UTC).date().isoformat(),
            provenance=self._provenance(),
            files={path.name: File.of(path) for path in sorted(folder.iterdir())},
            graphs=self._graphs,
            tasks={"recommendation": task},
        )

    def _graph(self, model: onnx.ModelProto, proved: Parity) -> GraphEntry:
        given, made = model.graph.input[0], model.graph.output[0]
        return GraphEntry(
            file=f"{given.name}.onnx",
            external=(),
            opset=OPSET,
            precision=self._wanted.precision,
            inputs=(Tensor(given.name, "float32", tuple(shape_of(given))),),
            outputs=(Tensor(made.name, "float32", tuple(shape_of(made))),),
            parity=proved,
        )

    def _golden_of(self, stream: str, network: Any, model: onnx.ModelProto) -> dict[str, Floats]:
        """One input of no meaning and one real one; for fp32 graphs what PyTorch gives, for smaller ones what they give."""
        given = np.concatenate([self._noise(stream), self._of(self._pairs, stream)[:1]])
        fp32 = self._wanted.precision == "fp32"
        made = parity.torch_output(network, given) if fp32 else parity.output(on_cpu(model), given)
        return {f"{stream}_in": given, f"{stream}_out": made}

    def _noise(self, stream: str) -> Floats:
        random = np.random.default_rng(0)
        if stream == "sound":
            samples = random.normal(scale=0.1, size=(1, self._loaded.sound.samples)).astype(np.float32)
            return log_mel(samples, self._loaded.sound)
        size = self._loaded.picture.size
        return picture(random.integers(0, 256, (size, size, 3), np.uint8), self._loaded.picture)[None]

    def _of(self, pairs: Pairs, stream: str) -> Floats:
        return pairs.pictures if stream == "picture" else pairs.sounds

    def _for_ranges(self) -> Pairs:
        return held_out.pairs_of(self._pairs.data, "validation", min(RANGES, self._wanted.pairs), cache=self._wanted.cache)

    def _provenance(self) -> dict[str, Any]:
        import onnxruntime
        import torch

        trained = self._loaded.trained
        return {
            **{key: value for key, value in trained.items() if _plain(value)},
            "trained_on": trained.get("data", "not said"),
            "system": self._loaded.system.to_json(),
            "checkpoint_sha256": hashlib.sha256(self._loaded.path.read_bytes()).hexdigest(),
            "exported_with": {
                "torch": torch.__version__,
                "onnx": onnx.__version__,
                "onnxruntime": onnxruntime.__version__,
            },
            "held_out": {"data": self._pairs.data, "split": "test", "pairs": len(self._pairs), **self._scores()},
        }

    def _scores(self) -> dict[str, Any]:
        """Top-10 over the held-out pairs; for smaller graphs, what was lost against fp32."""
        from foley_models.retrieval import nearest

        tops = nearest(self._embedded["picture"], self._embedded["sound"], TOP)
        score = held_out.found_in_top(tops)
        if self._wanted.precision == "fp32":
            return {"top_10": score}
        before = nearest(self._embedded_fp32["picture"], self._embedded_fp32["sound"], TOP)
        fp32 = held_out.found_in_top(before)
        return {"top_10": score, "top_10_fp32": fp32, "lost": fp32 - score, "in_common": held_out.in_common(tops, before)}


def _plain(value: Any) -> bool:
    """Can JSON hold it?"""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(each) for key, each in value.items())
    if isinstance(value, list):
        return all(map(_plain, value))
    return value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and np.isfinite(value))
