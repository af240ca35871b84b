"""int8: weights with one scale for each output, and what they are multiplied with in two halves of seven bits.

Processors multiply whole rows of eight bits by units of their own, many rows nearly as fast as they read the weights; blocks
with a scale each they do not. But rows of activations in eight bits lose too much. So each is two rows of the same product, a
coarse one and a fine one in steps a 126th as large: weights are read once, and they alone are rounded so much that it counts.

Sums are of integers, so they are exact in whatever order, and what comes out of a row knows nothing of other rows. Of numbers
of seven bits with weights to 127, two products add up within 16 bits, in which CPUs without VNNI add them.

What comes out of LayerNormalization has a largest possible size, the root of its width times its weights, plus its biases;
what comes from elsewhere, or where a few of those are much larger than the rest, is divided by its length first (which may be
1e-20 to 1e18). What is no number comes out as some number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import NodeProto, helper

from foley_export.analogy.products import Constants, Product

WEIGHT = 127
HALF = 63
"""The largest number of a half, on both sides of the middle."""
MIDDLE = 64
FINER = 2 * HALF
"""So many steps of the fine half are one of the coarse half."""
_LEAST = 1e-30  # no length is 0
_WIDE = 4  # times as large as is usual


def in_halves(product: Product, constants: Constants) -> list[NodeProto]:
    """Its nodes, as ``with_products`` wants them; what comes in is (n, t, k)."""
    made: list[NodeProto] = []

    def node(kind: str, given: list[str], **how: Any) -> str:
        output = f"{product.output}_{len(made)}"
        domain = "com.microsoft" if kind == "MatMulIntegerToFloat" else ""
        made.append(helper.make_node(kind, given, [output], name=output, domain=domain, **how))
        return output

    def number(name: str, value: float) -> str:
        return constants.add(name, np.array(value, np.float32))

    scales = np.maximum(np.abs(product.matrix).max(axis=0) / WEIGHT, np.finfo(np.float32).tiny)
    weights = constants.add(f"{product.weight}_eight_bits", np.rint(product.matrix / scales).astype(np.int8))
    each = constants.add(f"{product.weight}_scales", scales.astype(np.float32))
    middle = constants.add("halves_middle", np.array(MIDDLE, np.uint8))

    x, length, most = product.x, "", _most(product, constants)
    if most is None:
        last = constants.add("halves_last", np.array([-1], np.int64))
        length = node("Max", [node("ReduceL2", [x, last], keepdims=1), number("halves_least", _LEAST)])
        x, most = node("Div", [x, length]), 1.0
    coarse, fine = number(f"{product.output}_coarse", most / HALF), number(f"{product.output}_fine", most / HALF / FINER)
    upper = node("QuantizeLinear", [x, coarse, middle])
    rest = node("Sub", [x, node("DequantizeLinear", [upper, coarse, middle])])
    halves = node("Concat", [upper, node("QuantizeLinear", [rest, fine, middle])], axis=1)

    bias = []
    if product.bias and not length:  # it is added to both halves
        shared = constants.of(product.bias) / (1 + 1 / FINER)
        bias = ["", constants.add(f"{product.output}_bias", shared.astype(np.float32))]
    both = node("MatMulIntegerToFloat", [halves, weights, coarse, each, middle, *bias])
    apart = node("Reshape", [both, constants.add("halves_apart", np.array([0, 2, -1], np.int64))])
    shares = constants.add("halves_shares", np.array([[1, 1 / FINER]], np.float32))
    whole = constants.add(f"halves_of_{product.matrix.shape[1]}", np.array([0, -1, product.matrix.shape[1]], np.int64))
    sums = node("Reshape", [node("MatMul", [shares, apart]), whole])
    if length:
        sums = node("Mul", [sums, length])
        if product.bias:
            node("Add", [sums, product.bias])
    made[-1].output[0] = product.output
    return made


def _most(product: Product, constants: Constants) -> float | None:
    """How large any number that comes in can be; None where nothing says so, or most of them are much smaller."""
    by = product.by
    last = all(each.i == -1 for each in by.attribute if each.name == "axis")
    if by.op_type != "LayerNormalization" or not last or not {*by.input[1:]} <= set(constants.had):
        return None
    weights, *biases = (np.abs(constants.of(name)).astype(np.float64) for name in by.input[1:])
    sizes = np.sqrt(len(product.matrix)) * weights + sum(biases)
    return float(sizes.max()) if sizes.max() <= _WIDE * np.sqrt(np.square(sizes).mean()) else None
