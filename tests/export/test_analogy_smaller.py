"""Products in smaller numbers: only weights are rounded by so much that it counts, and no row knows of another."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from foley_export.analogy.smaller import packed_blocks, smaller
from foley_export.running import OnCpu
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

WIDTH, INSIDE = 70, 150
Floats = NDArray[np.float32]


@pytest.fixture(scope="module", params=["even", "uneven"])
def plain(request: pytest.FixtureRequest) -> onnx.ModelProto:
    """A norm, in one case with a weight much larger than the rest, and two products, as each layer of a decoder has them."""
    random = np.random.default_rng(0)
    tensors = {
        "scale": random.uniform(0.2, 2, WIDTH),
        "shift": random.normal(size=WIDTH),
        "in": random.normal(size=(WIDTH, INSIDE)),
        "in_bias": random.normal(size=INSIDE),
        "out": random.normal(size=(INSIDE, WIDTH)) * (np.arange(WIDTH) != 5),  # a column of zeros
        "out_bias": random.normal(size=WIDTH),
    }
    if request.param == "uneven":
        tensors["scale"][3] *= 50
        tensors["in"][3] /= 50
    nodes = [
        helper.make_node("LayerNormalization", ["x", "scale", "shift"], ["normal"], epsilon=1e-5),
        helper.make_node("MatMul", ["normal", "in"], ["inside"]),
        helper.make_node("Add", ["inside", "in_bias"], ["biased"]),
        helper.make_node("Relu", ["biased"], ["positive"]),
        helper.make_node("MatMul", ["positive", "out"], ["back"]),
        helper.make_node("Add", ["out_bias", "back"], ["y"]),
        helper.make_node("Identity", ["x"], ["again"]),
        helper.make_node("MatMul", ["again", "in"], ["z"]),
    ]
    x, y, z = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "t", size])
        for name, size in (("x", WIDTH), ("y", WIDTH), ("z", INSIDE))
    )
    constants = [numpy_helper.from_array(each.astype(np.float32), name) for name, each in tensors.items()]
    graph = helper.make_graph(nodes, "plain", [x], [y, z], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def with_weights_rounded(plain: onnx.ModelProto) -> onnx.ModelProto:
    """Each column of a matrix to 127 steps on both sides of 0, and nothing else."""
    made = onnx.ModelProto()
    made.CopyFrom(plain)
    for tensor in made.graph.initializer:
        matrix = numpy_helper.to_array(tensor)
        if matrix.ndim == 2:
            step = np.maximum(np.abs(matrix).max(axis=0), 1e-30) / 127
            tensor.CopyFrom(numpy_helper.from_array((np.rint(matrix / step) * step).astype(np.float32), tensor.name))
    return made


def some(rows: int, tokens: int = 3) -> Floats:
    return np.random.default_rng(rows).normal(size=(rows, tokens, WIDTH)).astype(np.float32)


def test_of_eight_bits_only_the_weights_lose_anything(plain: onnx.ModelProto) -> None:
    x = some(4)
    made, rounded, exact = (
        OnCpu(each, 1).run({"x": x}) for each in (smaller(plain, "int8"), with_weights_rounded(plain), plain)
    )
    for name in ("y", "z"):
        size = np.abs(exact[name]).max()
        lost = np.abs(rounded[name] - exact[name]).max() / size
        apart = np.abs(made[name] - rounded[name]).max() / size
        assert 0 < apart < lost / 10, name  # in eight bits without halves: as much again


def test_rows_of_any_size_are_as_near(plain: onnx.ModelProto) -> None:
    x = some(5)
    x[1] = 0
    x[2] *= 1e15
    x[3] *= 1e-15
    x[4, :, 1:] = 0  # all in one place, the largest that a norm lets through
    made, rounded = (OnCpu(each, 1).run({"x": x}) for each in (smaller(plain, "int8"), with_weights_rounded(plain)))
    for name in ("y", "z"):
        sizes = np.maximum(np.abs(rounded[name]).max(axis=(1, 2), keepdims=True), 1e-30)
        assert (np.abs(made[name] - rounded[name]) / sizes).max() < 2e-3, name
    assert not made["z"][1].any()


def test_a_norms_range_is_known_unless_its_weights_are_uneven(plain: onnx.ModelProto, request: pytest.FixtureRequest) -> None:
    lengths = [node for node in smaller(plain, "int8").graph.node if node.op_type == "ReduceL2"]
    assert len(lengths) == {"even": 2, "uneven": 3}[request.node.callspec.params["plain"]]


def test_what_is_multiplied_stays_within_seven_bits(plain: onnx.ModelProto) -> None:
    small = smaller(plain, "int8")
    weights = [each for each in map(numpy_helper.to_array, small.graph.initializer) if each.dtype == np.int8]
    assert len(weights) == 2 and {int(np.abs(each.astype(int)).max()) for each in weights} == {127}  # one of them is used twice
    halves = [node.input[0] for node in small.graph.node if node.op_type == "MatMulIntegerToFloat"]
    assert len(halves) == 3
    for name in halves:
        small.graph.output.append(helper.make_tensor_value_info(name, TensorProto.UINT8, None))
    x = np.concatenate([some(50), np.zeros((2, 3, WIDTH), np.float32)])
    x[50, :, 0], x[51, :, 1] = 3.0, -3.0
    made = OnCpu(small, 1).run({"x": x})
    for name in halves:
        assert made[name].dtype == np.uint8 and made[name].shape[:2] == (52, 6)
        assert made[name].min() >= 1 and made[name].max() <= 127
        upper, lower = np.split(made[name], 2, axis=1)
        assert np.ptp(upper) > 25 and np.ptp(lower) > 120, "both are made use of"


@pytest.mark.parametrize("precision", ["int8", "int4"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_row_comes_out_as_it_would_alone(plain: onnx.ModelProto, precision: str, threads: int) -> None:
    graph = OnCpu(smaller(plain, precision), threads)
    x = some(33, 1)
    for rows in (2, 7, 16, 33):
        together = graph.run({"x": x[:rows]})
        for row in range(rows):
            alone = graph.run({"x": x[row : row + 1]})
            for name in ("y", "z"):
                assert together[name][row].tobytes() == alone[name][0].tobytes(), (rows, row, name)


def test_matrices_in_blocks_mean_what_they_were() -> None:
    matrix = np.random.default_rng(0).normal(size=(70, 5)).astype(np.float32)  # two blocks, and part of one
    matrix[32:64, 1] = 0
    packed, scales = packed_blocks(matrix)
    numbers = np.stack([packed & 15, packed >> 4], axis=-1).reshape(5, 3, 32)
    meant = (numbers.astype(np.float32) - 8) * scales[:, :, None]
    steps = np.repeat(np.abs(scales), 32, axis=1)[:, :70].T  # the largest has no counterpart on the other side: a whole step
    assert (np.abs(meant.reshape(5, 96)[:, :70].T - matrix) <= steps + 1e-6).all()
    assert (meant.reshape(5, 96)[:, 70:] == 0).all() and (meant[1, 1] == 0).all()
