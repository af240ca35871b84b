"""The smallest graph that proves an ONNX Runtime provider: y = x + x, float32 (n,).

``python -m foley_export.probe`` writes it where the runtime keeps it (``foley_bridge/inference/probe.onnx``); a test holds
the shipped bytes to what this file makes.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import onnx
from onnx import TensorProto, helper

OPSET = 18  # pinned: onnx's own default is newer than what ONNX Runtime loads
IR_VERSION = 9


def probe_graph() -> bytes:
    """The graph, serialized; the same bytes every time."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "probe", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def main() -> None:
    target = Path(str(resources.files("foley_bridge.inference") / "probe.onnx"))
    target.write_bytes(probe_graph())
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
