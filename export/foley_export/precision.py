"""Smaller graphs: convolutions in numbers of half size, or of eight bits.

All else (attention's sums over thousands of places, the last matrices, the norm) is little work and stays fp32, as do input
and output.

**fp16**: weights and arithmetic of the convolutions. ONNX Runtime's CPU kernels for x86 compute in fp32 nevertheless: there it
saves nearly half the file and no time. ReLU and pooling stay fp32, because the CPU has kernels of half size for them that keep
it from joining them to the convolutions.

**int8**: the convolutions with ReLU and max pooling between them; weights per channel, activations by the range they have over
calibration data (QDQ form, which CUDA and TensorRT read too). Activations are unsigned and weights signed with 7 bits: the form
that x86 kernels are fast with, and that does not overflow on those without VNNI. A half to a third of fp32's time
(docs/export.md).
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

Inputs = NDArray[Any]
PRECISIONS = ("fp32", "fp16", "int8")
_HALVED = ("Conv",)
_QUANTISED = ("Conv", "Relu", "MaxPool")


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The fp16 form of a graph; input and output stay float32."""
    made = _copy(model)
    graph = made.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    half: set[str] = set()  # tensors that are made in fp16
    cast: dict[tuple[str, int], str] = {}  # the same, and others, in the other form
    nodes: list[onnx.NodeProto] = []

    def as_type(name: str, kind: int) -> str:
        if (name, kind) not in cast:
            cast[name, kind] = f"{name}_{'half' if kind == TensorProto.FLOAT16 else 'float'}"
            nodes.append(helper.make_node("Cast", [name], [cast[name, kind]], to=kind, name=f"cast_{cast[name, kind]}"))
        return cast[name, kind]

    for node in graph.node:
        small = node.op_type in _HALVED
        for place, name in enumerate(node.input):
            if small and name in weights:
                _halve(weights[name])
            elif small and name not in half:
                node.input[place] = as_type(name, TensorProto.FLOAT16)
            elif not small and name in half:
                node.input[place] = as_type(name, TensorProto.FLOAT)
        half.update(node.output if small else ())
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]  # which say float32 of what is smaller now
    onnx.checker.check_model(made, full_check=True)
    return made


def _halve(tensor: TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))


def quantised(model: onnx.ModelProto, inputs: Inputs, *, at_once: int = 8) -> onnx.ModelProto:
    """The int8 form of a graph; input and output stay float32.

    Args:
        inputs: what the activations' ranges are taken from, (n, *shape).
        at_once: so many in a run.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder, "plain.onnx"), Path(folder, "small.onnx")
        onnx.save(model, plain)
        logger = logging.getLogger()
        level = logger.level
        logger.setLevel(logging.ERROR)  # it recommends a preparation that the exporter has done
        try:
            quantize_static(
                plain,
                small,
                _Reader(model.graph.input[0].name, inputs, at_once),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(_QUANTISED),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
        finally:
            logger.setLevel(level)
        made = onnx.load(small)
    made.ClearField("metadata_props")
    onnx.checker.check_model(made, full_check=True)
    return made


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    return copied


class _Reader(CalibrationDataReader):
    """The inputs, a few at a time, as the quantiser wants them."""

    def __init__(self, name: str, inputs: Inputs, at_once: int) -> None:
        parts = [{name: inputs[first : first + at_once]} for first in range(0, len(inputs), at_once)]
        self._parts = iter(parts)

    def get_next(self) -> dict[str, Inputs] | None:
        return next(self._parts, None)
