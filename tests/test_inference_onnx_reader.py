"""What our reader says of a graph is what ONNX's own says; whatever else it is given, it refuses with a ValueError."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import onnx
import pytest
from foley_export.probe import probe_graph
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from foley_bridge.inference import protobuf_reader
from foley_bridge.inference.manifest import Tensor
from foley_bridge.inference.onnx_reader import DEEPEST, External, Onnx, read_onnx


def outside(name: str, location: str, **more: str) -> TensorProto:
    """A tensor whose data lie in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def model(nodes: list[onnx.NodeProto], *, held: list[TensorProto] | None = None, **how: Any) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])
    y = helper.make_tensor_value_info("y", TensorProto.INT64, [1, "m", 3])
    graph = helper.make_graph(nodes, "g", [x], [y], held or [])
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9, **how)


def inner(*nodes: onnx.NodeProto, held: list[TensorProto] | None = None) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), "inner", [], [], held or [])


def constant(tensor: TensorProto) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["c"], value=tensor)


def branches(*graphs: onnx.GraphProto) -> onnx.NodeProto:
    return helper.make_node("If", ["x"], ["y"], **{f"branch_{number}": graph for number, graph in enumerate(graphs)})


def everything() -> onnx.ModelProto:
    """Something of every kind that a graph can hold, with names of its own for what lies outside."""
    sparse = onnx.SparseTensorProto(values=outside("values", "sparse.bin"), indices=outside("indices", "indices.bin"), dims=[4])
    lists = helper.make_node("Lists", [], ["l"], domain="custom.lists")
    lists.attribute.add(name="tensors", type=onnx.AttributeProto.TENSORS).tensors.append(outside("t", "tensors.bin"))
    lists.attribute.add(name="graphs", type=onnx.AttributeProto.GRAPHS).graphs.append(
        inner(
            helper.make_node("Deep", [], ["d"], domain="custom.deep"), held=[outside("w", "deep.bin", offset="8", length="16")]
        )
    )
    held_sparse = helper.make_node("Constant", [], ["s"])
    held_sparse.attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR).sparse_tensor.CopyFrom(
        onnx.SparseTensorProto(values=outside("v", "attribute.bin"), dims=[4])
    )
    made = model(
        [
            constant(outside("c", "constant.bin")),
            branches(inner(lists), inner(held_sparse)),
            helper.make_node("Add", ["x"], ["y"]),
        ],
        held=[outside("w", "weights.bin", offset="4", length="8"), helper.make_tensor("f", TensorProto.FLOAT, [3], [1, 2, 3])],
    )
    made.graph.sparse_initializer.append(sparse)
    return made


def as_onnx_says(data: bytes) -> Onnx:
    """The same, by ONNX's own reader, with recursion."""
    said = onnx.ModelProto.FromString(data)
    found = Onnx(opsets={each.domain.replace("ai.onnx", ""): each.version for each in said.opset_import})

    def tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
        sparse = list(graph.sparse_initializer)
        yield from graph.initializer
        for node in graph.node:
            found.operators.add((node.domain.replace("ai.onnx", ""), node.op_type))
            for attribute in node.attribute:
                yield from [attribute.t, *attribute.tensors]
                sparse += [attribute.sparse_tensor, *attribute.sparse_tensors]
                for one in [attribute.g, *attribute.graphs]:
                    yield from tensors(one)
        for each in sparse:
            yield from [each.values, each.indices]

    for tensor in tensors(said.graph):
        about = {entry.key: entry.value for entry in tensor.external_data}
        if tensor.external_data or tensor.data_location == TensorProto.EXTERNAL:
            length = int(about["length"]) if "length" in about else None
            found.external.add(External(about["location"], int(about.get("offset", "0")), length))
    found.inputs, found.outputs = (
        tuple(
            Tensor(
                value.name,
                helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name,
                tuple(axis.dim_value or axis.dim_param or "?" for axis in value.type.tensor_type.shape.dim),
            )
            for value in ends
        )
        for ends in (said.graph.input, said.graph.output)
    )
    return found


def bytes_of(made: onnx.ModelProto) -> bytes:
    return made.SerializeToString(deterministic=True)


def test_what_lies_in_every_corner_of_a_graph_is_found() -> None:
    said = read_onnx(bytes_of(everything()))
    assert {each.file for each in said.external} == {
        *("weights.bin", "constant.bin", "sparse.bin", "indices.bin", "tensors.bin", "deep.bin", "attribute.bin")
    }
    assert External("deep.bin", 8, 16) in said.external
    assert {domain for domain, _ in said.operators} == {"", "custom.lists", "custom.deep"}
    assert said.inputs == (Tensor("x", "float32", ("n", 2)),)
    assert said.outputs == (Tensor("y", "int64", (1, "m", 3)),)
    assert said.opsets == {"": 18, "com.microsoft": 1}
    assert said == as_onnx_says(bytes_of(everything()))


def test_the_shipped_probe_is_read_as_it_is() -> None:
    assert read_onnx(probe_graph()) == as_onnx_says(probe_graph())


def nested(levels: int) -> onnx.ModelProto:
    """An operator of a domain of its own at the bottom of so many graphs in each other."""
    graph = inner(helper.make_node("Hidden", [], ["h"], domain="bottom"))
    for _ in range(levels - 2):
        graph = inner(branches(graph))
    return model([branches(graph)])


def test_graphs_are_followed_down_to_a_depth_and_no_further() -> None:
    assert ("bottom", "Hidden") in read_onnx(bytes_of(nested(DEEPEST))).operators
    with pytest.raises(ValueError, match="deeper than 16"):
        read_onnx(bytes_of(nested(DEEPEST + 1)))


def varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def put(number: int, body: bytes) -> bytes:
    """A field that holds bytes."""
    return varint(number << 3 | 2) + varint(len(body)) + body


def test_a_tower_of_graphs_that_no_library_would_write_is_refused_in_no_time() -> None:
    data = b""
    for _ in range(2_000):
        data = put(1, put(5, put(6, data)))  # a graph in an attribute of a node
    with pytest.raises(ValueError, match="deeper"):
        read_onnx(put(7, data))


GRAPH = put(11, put(1, b"x") + put(2, put(1, b"\x08\x01" + put(2, put(1, b"\x08\x02")))))
STRANGE = {
    "nothing": (b"", "no graph"),
    "text": (b"not a graph at all", "field"),
    "field of number 0": (b"\x00\x01", "number 0"),
    "field that no ONNX has": (put(7, GRAPH) + put(99, b""), "number 99"),
    "field of a number beyond all": (varint(1 << 40), "too large"),
    "number of eleven bytes": (b"\x08" + b"\xff" * 10 + b"\x01", "too long"),
    "number of 70 bits": (b"\x08" + b"\xff" * 9 + b"\x7f", "too long"),
    "number that ends in the middle": (b"\x08\x80", "middle of a number"),
    "length beyond the end": (b"\x3a\x7f", "after the end"),
    "length beyond all": (b"\x3a" + varint((1 << 64) - 1), "after the end"),
    "inner length beyond the outer": (put(7, b"\x5a\x05abc") + put(6, b"abcdef"), "after the end"),
    "group": (b"\x3b\x3c", "form of number 3"),
    "text where a number should be": (put(1, b"9"), "form of number 2"),
    "two graphs": (put(7, GRAPH) + put(7, GRAPH), "graph twice"),
    "two names of one input": (put(7, put(11, put(1, b"x") + put(1, b"y"))), "name twice"),
    "name that is no text": (put(7, put(11, put(1, b"\xff"))), "UTF-8"),
    "very long name": (put(7, put(11, put(1, b"x" * 20_000))), "over 10000"),
    "input without type": (put(7, put(11, put(1, b"x"))), "no tensor"),
    "input that is a sequence": (put(7, put(11, put(1, b"x") + put(2, put(4, b"")))), "no tensor"),
    "input of no known type": (put(7, put(11, put(2, put(1, b"\x08\x10")))), "type 16"),
    "input without shape": (put(7, put(11, put(2, put(1, b"\x08\x01")))), "no shape"),
    "axis of negative size": (
        put(7, put(11, put(2, put(1, b"\x08\x01" + put(2, put(1, b"\x08" + varint((1 << 64) - 1))))))),
        "-1",
    ),
    "axis with size and name": (
        put(7, put(11, put(2, put(1, b"\x08\x01" + put(2, put(1, b"\x08\x02" + put(2, b"n"))))))),
        "size and",
    ),
    "functions of its own": (put(7, GRAPH) + put(25, b""), "functions"),
    "training": (put(7, GRAPH) + put(20, b""), "trains"),
    "one domain twice": (put(8, put(1, b"a")) * 2 + put(7, GRAPH), "twice"),
    "ONNX under both names": (put(8, b"\x10\x12") + put(8, put(1, b"ai.onnx") + b"\x10\x13") + put(7, GRAPH), "twice"),
    "ONNX Runtime's own format": (b"\x08\x09\x12\x04ORTM" + put(7, GRAPH), "own format"),
}


@pytest.mark.parametrize("data, why", STRANGE.values(), ids=STRANGE)
def test_what_is_no_graph_or_could_be_two_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_onnx(data)


def test_a_graph_of_more_fields_than_any_has_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf_reader, "MOST_FIELDS", 1_000)
    with pytest.raises(ValueError, match="over 1000 fields"):
        read_onnx(put(7, put(5, b"\x08\x01" * 1_001)))


def test_the_polyglot_is_one_that_onnx_itself_would_take() -> None:
    assert len(onnx.ModelProto.FromString(STRANGE["ONNX Runtime's own format"][0]).graph.input) == 1


PLACES = {
    "no file": ({}, "not named"),
    "words that there are none of": ({"location": "a", "path": "/etc/passwd"}, "words"),
    "a negative offset": ({"location": "a", "offset": "-1"}, "no place"),
    "an offset of digits that are not ASCII": ({"location": "a", "offset": "١"}, "no place"),
    "an endless length": ({"location": "a", "length": "9" * 40}, "no place"),
}


@pytest.mark.parametrize("about, why", PLACES.values(), ids=PLACES)
def test_data_that_lie_outside_say_where_and_nothing_else(about: dict[str, str], why: str) -> None:
    tensor = outside("w", "")
    del tensor.external_data[:]
    for key, value in about.items():
        tensor.external_data.add(key=key, value=value)
    with pytest.raises(ValueError, match=why):
        read_onnx(bytes_of(model([], held=[tensor])))


def test_a_place_said_twice_is_refused_and_one_without_the_mark_is_found() -> None:
    twice = outside("w", "a")
    twice.external_data.add(key="location", value="b")
    with pytest.raises(ValueError, match="twice"):
        read_onnx(bytes_of(model([], held=[twice])))
    unmarked = outside("w", "a")
    unmarked.data_location = TensorProto.DEFAULT
    assert read_onnx(bytes_of(model([], held=[unmarked]))).external == {External("a", 0, None)}


def agree(data: bytes) -> bool:
    """Our reader refuses, or sees just what ONNX's own does (which may refuse what ours passes over); whether it answered."""
    try:
        said = read_onnx(data)
    except ValueError:
        return False
    try:
        theirs = as_onnx_says(data)
    except (DecodeError, KeyError):
        return True
    assert said == theirs
    return True


SEED = bytes_of(everything())


def mutated(source: random.Random) -> bytes:
    """A few bytes changed, taken out, put in, doubled, or all from somewhere on cut off."""
    data = bytearray(SEED)
    for _ in range(source.choice((1, 1, 1, 2, 3, 8))):
        at, length = source.randrange(len(data)), source.choice((1, 1, 2, 4, 30))
        what = source.randrange(6)
        if what < 2:
            data[at] = source.randrange(256) if what else data[at] ^ 1 << source.randrange(8)
        elif what == 2:
            del data[at : at + length]
        elif what == 3:
            data[at:at] = source.randbytes(length)
        elif what == 4:
            data[at:at] = data[at : at + length]
        else:
            del data[at:]
        data = data or bytearray(b"\0")
    return bytes(data)


def test_thousands_of_broken_graphs_are_refused_or_read_as_onnx_reads_them() -> None:
    source = random.Random(6)
    answered = sum(agree(mutated(source)) for _ in range(6_000))
    assert 300 < answered < 5_000  # changed names and numbers leave a graph a graph


def test_a_graph_cut_off_anywhere_is_refused_or_read_as_onnx_reads_it() -> None:
    for end in range(len(SEED)):
        agree(SEED[:end])


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_end_in_an_answer_or_a_refusal(data: bytes) -> None:
    agree(data)


@given(st.data())
def test_any_fields_in_each_other_end_in_an_answer_or_a_refusal(draw: st.DataObject) -> None:
    """Messages of field numbers that ONNX has, with anything in them."""
    numbers = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14, 15, 20, 22, 23])
    leaf = st.binary(max_size=12)
    message = st.recursive(
        leaf, lambda below: st.lists(st.tuples(numbers, below), max_size=4).map(lambda parts: b"".join(put(*p) for p in parts))
    )
    agree(put(7, draw.draw(message)) + draw.draw(leaf))
