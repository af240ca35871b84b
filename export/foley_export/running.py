"""A graph in ONNX Runtime, on the CPU, before there is a pack around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import DTypeLike, NDArray

from foley_bridge.inference.in_place import Buffer, InPlace, run_bound

Floats = NDArray[np.float32]


class OnCpu:
    """A graph with any inputs and outputs.

    Args:
        threads: 0: as many as there are cores.
    """

    def __init__(self, model: onnx.ModelProto, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run(self, given: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs by name."""
        return self.run_in_place(given, ())

    def run_in_place(self, given: Mapping[str, NDArray[Any]], places: Sequence[InPlace]) -> dict[str, NDArray[Any]]:
        """As ``Session.run_in_place``."""
        return run_bound(self._session, given, places)

    def buffer(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Buffer:
        """As ``Session.buffer``."""
        return Buffer(shape, dtype)


def on_cpu(model: onnx.ModelProto, threads: int = 0) -> Callable[[Floats], Floats]:
    """A function from the graph's one input to its one output.

    Args:
        threads: 0: as many as there are cores.
    """
    graph = OnCpu(model, threads)
    name, made = model.graph.input[0].name, model.graph.output[0].name

    def run(given: Floats) -> Floats:
        return np.asarray(graph.run({name: given})[made])

    return run
