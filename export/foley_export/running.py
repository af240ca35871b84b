"""A graph in ONNX Runtime, on the CPU, before there is a pack around it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def on_cpu(model: onnx.ModelProto, threads: int = 0) -> Callable[[Floats], Floats]:
    """A function from the graph's one input to its one output.

    Args:
        threads: 0: as many as there are cores.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    name = model.graph.input[0].name

    def run(given: Floats) -> Floats:
        return np.asarray(session.run(None, {name: given})[0])

    return run
