"""Products with constant matrices in a graph, found and written anew: what smaller decoders have in other numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, numpy_helper

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Product:
    """What comes in, times a matrix, plus a bias.

    Attributes:
        x: name of what comes in, (..., k).
        by: the node that makes it.
        matrix: (k, n).
        weight: the matrix's name.
        bias: its name, or none; a constant (n,).
        output: name of what comes out, (..., n).
    """

    x: str
    by: NodeProto
    matrix: Floats
    weight: str
    bias: str
    output: str


@dataclass
class Constants:
    """Tensors of a graph by name: those that it has, and those that are made for it."""

    had: dict[str, TensorProto]
    made: dict[str, TensorProto]

    def of(self, name: str) -> Floats:
        """Its numbers."""
        return numpy_helper.to_array(self.had[name]).astype(np.float32, copy=False)

    def add(self, name: str, array: NDArray[Any]) -> str:
        """One more, or the same again; its name."""
        self.made[name] = numpy_helper.from_array(array, name)
        return name


Written = Callable[[Product, Constants], list[NodeProto]]


def with_products(model: onnx.ModelProto, written: Written) -> onnx.ModelProto:
    """The same graph, products with constant matrices written otherwise; their biases go along.

    What comes from outside, maybe none of it, is multiplied as it was.

    Args:
        written: the nodes of a product, the last of which makes its output; adds the constants they need.
    """
    constants = Constants({tensor.name: tensor for tensor in model.graph.initializer}, {})
    readers: dict[str, list[NodeProto]] = {}
    makers: dict[str, NodeProto] = {}
    for node in model.graph.node:
        makers.update(dict.fromkeys(node.output, node))
        for name in node.input:
            readers.setdefault(name, []).append(node)
    nodes: list[NodeProto] = []
    made: set[str] = set()  # what is computed already, with its bias
    for node in model.graph.node:
        if node.output[0] in made:
            continue
        matrix = _matrix(node, constants)
        if matrix is None or node.input[0] not in makers:
            nodes.append(node)
            continue
        output, bias = node.output[0], ""
        after = readers.get(output, [])
        if len(after) == 1 and after[0].op_type == "Add":
            bias = next((each for each in after[0].input if each in constants.had), "")
            output = after[0].output[0] if bias else output
        x, weight = node.input[:2]
        nodes += written(Product(x, makers[x], matrix, weight, bias, output), constants)
        made.add(output)
    read = {name for node in nodes for name in node.input}
    kept = [tensor for name, tensor in constants.had.items() if name in read]
    return with_nodes(model, nodes, [*kept, *constants.made.values()])


def with_nodes(model: onnx.ModelProto, nodes: list[NodeProto], tensors: list[TensorProto]) -> onnx.ModelProto:
    """The same graph of other nodes and weights; the old ones are not copied, they may be large."""
    made = onnx.ModelProto(
        ir_version=model.ir_version, producer_name=model.producer_name, producer_version=model.producer_version
    )
    made.opset_import.extend(model.opset_import)
    made.graph.name = model.graph.name
    made.graph.input.extend(model.graph.input)
    made.graph.output.extend(model.graph.output)
    made.graph.node.extend(nodes)
    made.graph.initializer.extend(tensors)
    return made


def _matrix(node: NodeProto, constants: Constants) -> Floats | None:
    """What a node multiplies with from the right, (k, n), where it is constant."""
    return constants.of(node.input[1]) if node.op_type == "MatMul" and node.input[1] in constants.had else None
