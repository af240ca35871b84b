"""The decoder's graph in smaller numbers: what each step reads is nearly all weights, so fewer bytes are less time.

**int8, int4**: weights of matrices in blocks of 32 along what is summed, each block with a scale of its own
(``com.microsoft.MatMulNBits``); what they are multiplied with is rounded to 8 bits, each block of each row by itself. So what
comes out of a row does not depend on what other rows there are; with larger blocks ONNX Runtime's x86 kernels sum even and odd
numbers of rows in different orders. Embeddings, norms and attention stay fp32.

**fp16**: all numbers but what goes in and the logits; the buffers, too. For GPUs: a CPU computes most of it in fp32.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from foley_bridge.inference.analogy_task import FEATURES, LOGITS

BLOCK = 32
BITS = {"int8": 8, "int4": 4}
INT8_ACTIVATIONS = 4
"""What MatMulNBits calls this accuracy level."""
Floats = NDArray[np.float32]


def smaller(model: onnx.ModelProto, precision: str) -> onnx.ModelProto:
    """A decoder's graph in ``int8``, ``int4`` or ``fp16``; that in fp32 stays as it is."""
    return halved(model) if precision == "fp16" else in_blocks(model, BITS[precision])


def in_blocks(model: onnx.ModelProto, bits: int) -> onnx.ModelProto:
    """Products with constant matrices in blocks of integers; their biases go along."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    readers: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    nodes: list[NodeProto] = []
    tensors: dict[str, TensorProto] = {}
    replaced: set[str] = set()
    made: set[str] = set()  # what is computed already, with its bias
    for node in model.graph.node:
        if node.output[0] in made:
            continue
        matrix = _matrix(node, weights)
        if matrix is None:
            nodes.append(node)
            continue
        name, output, bias = node.input[1], node.output[0], ""
        after = readers.get(output, [])
        if len(after) == 1 and after[0].op_type == "Add":
            bias = next((each for each in after[0].input if each in weights), "")
            output = after[0].output[0] if bias else output
        packed, scales = packed_blocks(matrix, bits)
        replaced.add(name)
        tensors[f"{name}_blocks"] = numpy_helper.from_array(packed, f"{name}_blocks")
        tensors[f"{name}_scales"] = numpy_helper.from_array(scales, f"{name}_scales")
        given = [node.input[0], f"{name}_blocks", f"{name}_scales", *(["", "", bias] if bias else [])]
        size = {"K": matrix.shape[0], "N": matrix.shape[1], "bits": bits, "block_size": BLOCK}
        nodes.append(
            helper.make_node(
                "MatMulNBits",
                given,
                [output],
                name=f"{output}_blocks",
                domain="com.microsoft",
                accuracy_level=INT8_ACTIVATIONS,
                **size,
            )
        )
        made.add(output)
    kept = [tensor for name, tensor in weights.items() if name not in replaced]
    return _with(model, nodes, [*kept, *tensors.values()])


def packed_blocks(matrix: Floats, bits: int) -> tuple[NDArray[np.uint8], Floats]:
    """A matrix as MatMulNBits wants it.

    Args:
        matrix: float32 (k, n), to be multiplied from the left.

    Returns:
        uint8 (n, blocks, bytes of a block), the middle of the range for 0 (of two numbers of 4 bits the first is the lower
        half); and float32 (n, blocks), what 1 of them means.
    """
    count, middle = matrix.shape[0], 1 << (bits - 1)
    parts = np.pad(matrix.T, ((0, 0), (0, -count % BLOCK))).reshape(matrix.shape[1], -1, BLOCK)
    if bits == 8:
        scales = np.abs(parts).max(axis=2, keepdims=True) / (middle - 1)
    else:  # of so few numbers none is given away: the largest, with its sign, is the one that is there on one side only
        farthest = np.take_along_axis(parts, np.abs(parts).argmax(axis=2, keepdims=True), axis=2)
        scales = farthest / -middle
    times = np.divide(1, scales, out=np.zeros_like(scales), where=scales != 0)
    numbers = np.clip(np.rint(parts * times) + middle, 0, 2 * middle - 1).astype(np.uint8)
    if bits == 4:
        numbers = numbers[:, :, 0::2] | (numbers[:, :, 1::2] << 4)
    return numbers, scales[:, :, 0].astype(np.float32)


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """All of it in fp16, but for pictures' features, as they go in, and logits."""
    half, single = TensorProto.FLOAT16, TensorProto.FLOAT
    tensors = []
    for tensor in model.graph.initializer:
        if tensor.data_type == single:
            tensor = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name)
        tensors.append(tensor)
    nodes = [helper.make_node("Cast", [FEATURES], ["features_half"], to=half, name="features_half")]
    for node in model.graph.node:
        copied = NodeProto()
        copied.CopyFrom(node)
        for names, name, other in ((copied.input, FEATURES, "features_half"), (copied.output, LOGITS, "logits_half")):
            for place, each in enumerate(names):
                names[place] = other if each == name else each
        nodes.append(copied)
    nodes.append(helper.make_node("Cast", ["logits_half"], [LOGITS], to=single, name="logits_single"))
    made = _with(model, nodes, tensors)
    for value in (*made.graph.input, *made.graph.output):
        if value.type.tensor_type.elem_type == single and value.name not in (FEATURES, LOGITS):
            value.type.tensor_type.elem_type = half
    return made


def _matrix(node: NodeProto, weights: dict[str, TensorProto]) -> Floats | None:
    """What a node multiplies with from the right, (k, n), where that is all it does and is constant."""
    if node.op_type not in ("MatMul", "Gemm") or node.input[1] not in weights or len(node.input) > 2:
        return None
    matrix = numpy_helper.to_array(weights[node.input[1]])
    turned = any(each.name == "transB" and each.i for each in node.attribute)
    return matrix.T if turned else matrix


def _with(model: onnx.ModelProto, nodes: list[NodeProto], tensors: list[TensorProto]) -> onnx.ModelProto:
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
