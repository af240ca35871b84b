"""Packs for tests: two small graphs that are true to docs/packs.md, made in a moment.

What they know: red pictures lie near low sounds, green ones near middling, blue ones near high, whatever the brightness and
the level; beyond that, pictures and sounds that look alike lie near each other. The expected output beside them is computed
with numpy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from foley_bridge.inference.features import PictureFeatures, SoundFeatures, settings_to_json

OPSET = 18
IR_VERSION = 9
DIMENSION = 128
PICTURE = (3, 224, 224)
SOUND = (1, 64, 100)
_DETAIL = 0.02
Floats = NDArray[np.float32]


def make_pack(folder: Path, *, name: str = "tiny", version: str = "1", seed: int = 0, external: bool = False) -> Path:
    """A pack with task ``recommendation``.

    Args:
        folder: of the pack itself; made.
        seed: packs of other seeds have other weights, and so another space.
        external: the picture graph's weights lie in a file of their own.

    Returns:
        ``folder``.
    """
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    shared = np.linalg.qr(random.normal(size=(DIMENSION, 4)))[0].T  # red and low, green, blue and high, and what all have
    networks = {
        "picture": _Network(PICTURE, (28, 28), _colours(), shared, random),
        "sound": _Network(SOUND, (8, 10), _bands(), shared, random),
    }
    golden = {}
    for said, network in networks.items():
        shape = (2, *network.shape)
        golden[f"{said}_in"] = random.normal(size=shape).astype(np.float32)
        golden[f"{said}_out"] = network(golden[f"{said}_in"])
        model = network.graph(said)
        if external and said == "picture":
            onnx.save_model(
                model, folder / f"{said}.onnx", save_as_external_data=True, location="picture.bin", size_threshold=0
            )
        else:
            (folder / f"{said}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    np.savez(folder / "golden.npz", **golden)
    write_manifest(folder, manifest(name, version, external=["picture.bin"] if external else []))
    return folder


def manifest(name: str, version: str, *, external: list[str]) -> dict[str, Any]:
    """What ``make_pack`` writes, but for the files' hashes."""
    parity = {"against": "numpy, float64", "inputs": 2, "worst": 1e-6, "typical": 1e-7, "tolerance": 1e-4}
    graphs = {
        said: {
            "file": f"{said}.onnx",
            "external": external if said == "picture" else [],
            "opset": OPSET,
            "precision": "fp32",
            "inputs": [{"name": said, "dtype": "float32", "shape": ["batch", *shape]}],
            "outputs": [{"name": "embedding", "dtype": "float32", "shape": ["batch", DIMENSION]}],
            "parity": parity,
        }
        for said, shape in (("picture", PICTURE), ("sound", SOUND))
    }
    return {
        "foley_bridge_pack": 1,
        "name": name,
        "version": version,
        "title": "Colours and pitches",
        "licence": "Apache-2.0",
        "created": "2026-01-31",
        "provenance": {"command": "tests/packs.py", "trained_on": "nothing"},
        "files": {},
        "graphs": graphs,
        "tasks": {
            "recommendation": {
                "graphs": {"picture": "picture", "sound": "sound"},
                "picture": settings_to_json(PictureFeatures()),
                "sound": settings_to_json(SoundFeatures()),
                "dimension": DIMENSION,
                "calibration": {"near": 0.4, "far": 1.4},
                "golden": "golden.npz",
            }
        },
    }


def write_manifest(folder: Path, said: Mapping[str, Any]) -> None:
    """``pack.json``, with the sizes and hashes of what lies in the folder."""
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.name != "pack.json"
    }
    (folder / "pack.json").write_text(json.dumps({**said, "files": files}), "utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """For a test that changes something in it."""
    return dict(json.loads((folder / "pack.json").read_text("utf-8")))


class _Network:
    """Means of patches, a matrix, length 1."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        patch: tuple[int, int],
        meaning: NDArray[np.float64],
        shared: NDArray[np.float64],
        random: np.random.Generator,
    ) -> None:
        self.shape, self._patch = shape, patch
        detail = random.normal(size=(len(meaning), DIMENSION)) * _DETAIL / np.sqrt(len(meaning))
        self._weights = (meaning @ shared[:3] + detail).astype(np.float32)
        self._bias = (0.05 * shared[3]).astype(np.float32)  # a grey picture is somewhere, too

    def __call__(self, given: Floats) -> Floats:
        high, wide = self._patch
        channels, height, width = self.shape
        patches = given.astype(np.float64).reshape(len(given), channels, height // high, high, width // wide, wide)
        made = patches.mean(axis=(3, 5)).reshape(len(given), -1) @ self._weights + self._bias
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)

    def graph(self, name: str) -> onnx.ModelProto:
        nodes = [
            helper.make_node("AveragePool", [name], ["patches"], kernel_shape=self._patch, strides=self._patch),
            helper.make_node("Flatten", ["patches"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weights", "bias"], ["long"]),
            helper.make_node("LpNormalization", ["long"], ["embedding"], axis=1, p=2),
        ]
        given = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *self.shape])
        made = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIMENSION])
        held = [numpy_helper.from_array(self._weights, "weights"), numpy_helper.from_array(self._bias, "bias")]
        graph = helper.make_graph(nodes, name, [given], [made], held)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model


def _colours() -> NDArray[np.float64]:
    """(192, 3): how much red, green, blue there is, against the others."""
    return np.repeat(np.eye(3) - 1 / 3, 8 * 8, axis=0) / (8 * 8)


def _bands() -> NDArray[np.float64]:
    """(80, 3): how much low, middling, high sound there is, against the others."""
    third = np.repeat(np.eye(3), (3, 3, 2), axis=0) / np.array([3, 3, 2])  # eight patches of eight bands each
    return np.repeat(third - third.mean(axis=1, keepdims=True), 10, axis=0) / 10
