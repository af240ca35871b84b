"""The decoder's graph in smaller numbers: what each step reads is nearly all weights, so fewer bytes are less time.

**int8** (``halves.py``) and **int4**, in blocks: matrices alone. Embeddings, norms and attention stay fp32.

**fp16**: all numbers but what goes in and the logits; the buffers, too. For GPUs: a CPU computes most of it in fp32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from foley_bridge.inference.analogy_task import FEATURES, LOGITS
from foley_export.analogy.halves import in_halves
from foley_export.analogy.products import Constants, Product, with_nodes, with_products

BLOCK = 32
INT8_ACTIVATIONS = 4
"""What MatMulNBits calls this accuracy level."""
Floats = NDArray[np.float32]


def smaller(model: onnx.ModelProto, precision: str) -> onnx.ModelProto:
    """A decoder's graph in ``int8``, ``int4`` or ``fp16``; that in fp32 stays as it is."""
    return halved(model) if precision == "fp16" else with_products(model, {"int8": in_halves, "int4": in_blocks}[precision])


def in_blocks(product: Product, constants: Constants) -> list[NodeProto]:
    """int4: weights in blocks of 32 along what is summed, each with a scale of its own (``com.microsoft.MatMulNBits``).

    What they are multiplied with is rounded to 8 bits, each block of each row by itself. So what comes out of a row does not
    depend on what other rows there are; with larger blocks ONNX Runtime's x86 kernels sum even and odd numbers of rows in
    different orders.
    """
    packed, scales = packed_blocks(product.matrix)
    given = [
        product.x,
        constants.add(f"{product.weight}_blocks", packed),
        constants.add(f"{product.weight}_scales", scales),
        *(["", "", product.bias] if product.bias else []),
    ]
    size = {"K": product.matrix.shape[0], "N": product.matrix.shape[1], "bits": 4, "block_size": BLOCK}
    how: dict[str, Any] = {"domain": "com.microsoft", "accuracy_level": INT8_ACTIVATIONS, **size}
    return [helper.make_node("MatMulNBits", given, [product.output], name=f"{product.output}_blocks", **how)]


def packed_blocks(matrix: Floats) -> tuple[NDArray[np.uint8], Floats]:
    """A matrix as MatMulNBits wants it.

    Args:
        matrix: float32 (k, n), to be multiplied from the left.

    Returns:
        uint8 (n, blocks, 16), two numbers each, the first one the lower half, 8 for 0; and float32 (n, blocks), what 1 of
        them means.
    """
    parts = np.pad(matrix.T, ((0, 0), (0, -matrix.shape[0] % BLOCK))).reshape(matrix.shape[1], -1, BLOCK)
    # of so few numbers none is given away: the largest, with its sign, is the one that is there on one side only
    scales = np.take_along_axis(parts, np.abs(parts).argmax(axis=2, keepdims=True), axis=2) / -8
    times = np.divide(1, scales, out=np.zeros_like(scales), where=scales != 0)
    numbers = np.clip(np.rint(parts * times) + 8, 0, 15).astype(np.uint8)
    return numbers[:, :, 0::2] | (numbers[:, :, 1::2] << 4), scales[:, :, 0].astype(np.float32)


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
    made = with_nodes(model, nodes, tensors)
    for value in (*made.graph.input, *made.graph.output):
        if value.type.tensor_type.elem_type == single and value.name not in (FEATURES, LOGITS):
            value.type.tensor_type.elem_type = half
    return made
