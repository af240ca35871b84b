"""Does a provider run here? A program of its own: ``python probing.py PROVIDER GRAPH`` prints one line of JSON.

It knows nothing of foley_bridge, so that it starts wherever ONNX Runtime does. What must be loaded before a provider finds its
libraries is here, too, for the sessions.
"""

from __future__ import annotations

import contextlib
import json
import sys


def load_libraries(name: str) -> None:
    """What pip installed beside ONNX Runtime: CUDA and cuDNN, and TensorRT, which look for themselves elsewhere."""
    import onnxruntime

    if name in ("CUDAExecutionProvider", "TensorrtExecutionProvider") and hasattr(onnxruntime, "preload_dlls"):
        vars(onnxruntime)["print"] = lambda *words, **how: None  # it would name what it misses on stdout, amid our JSON
        with contextlib.suppress(Exception):
            onnxruntime.preload_dlls()
    if name == "TensorrtExecutionProvider":
        with contextlib.suppress(Exception):
            __import__("tensorrt_libs")


def main(name: str, graph: str) -> None:
    """Two numbers through a session."""
    import numpy as np
    import onnxruntime

    load_libraries(name)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(graph, options, providers=[name])
    given = {"x": np.array([1.5, -2.0], np.float32)}
    right = session.run(None, given)[0].tolist() == [3.0, -4.0]
    print(json.dumps({"providers": session.get_providers(), "right": right}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
