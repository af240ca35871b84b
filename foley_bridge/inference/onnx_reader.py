"""What must be known of an ONNX file before anything runs it, read out of its bytes: the runtime has no ``onnx``.

A file is protocol buffers: messages of numbered fields, each a varint, 4 or 8 bytes, or a length and so many bytes, of which
some are messages again. ``protobuf_reader`` splits messages, ``onnx_messages`` says which fields there are; here is what they
mean. Graphs lie in nodes of graphs: they are gone through from a list, not by recursion, and every file ends in an answer or a
ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from foley_bridge.inference import onnx_messages as onnx
from foley_bridge.inference.manifest import Tensor
from foley_bridge.inference.protobuf_reader import Message, Reader

DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
}
DEEPEST = 16  # graphs in each other
UNNAMED = "?"
"""An axis without size and name."""
_ORT_FORMAT = b"ORTM"  # at byte 4 ONNX Runtime takes the file for one of another format
_EXTERNAL = 1
_ABOUT_EXTERNAL = {"location", "offset", "length", "checksum"}


@dataclass(frozen=True)
class External:
    """Where the data of a tensor lie: file as the graph names it, bytes; length None: to the file's end."""

    file: str
    offset: int
    length: int | None


@dataclass
class Onnx:
    """What a file says.

    Attributes:
        opsets: versions, by domain; ONNX's own is ``""``.
        inputs, outputs: of the graph itself, not of graphs within it.
        operators: (domain, type) of every node, also within graphs of nodes.
        external: every tensor's whose data lie outside.
    """

    opsets: dict[str, int] = field(default_factory=dict)
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    operators: set[tuple[str, str]] = field(default_factory=set)
    external: set[External] = field(default_factory=set)


def read_onnx(data: bytes) -> Onnx:
    """What there is to know of a file.

    Raises:
        ValueError: it is no ONNX, or has what no pack may have, or what two readers could take in two ways.
    """
    if data[4:8] == _ORT_FORMAT:
        raise ValueError("it could be taken for a file of ONNX Runtime's own format")
    reader, said = Reader(data), Onnx()
    model = reader.message(onnx.MODEL, (0, len(data)))
    if "graph" not in model:
        raise ValueError("it is no ONNX: there is no graph in it")
    for span in model.spans("opset_import"):
        opset = reader.message(onnx.OPSET, span)
        domain = _plain(reader.text(opset, "domain"))
        if domain in said.opsets:
            raise ValueError(f"it imports the operators of {domain or 'ONNX'!a} twice")
        said.opsets[domain] = opset.whole("version")
    graph = reader.message(onnx.GRAPH, model.span("graph"))
    said.inputs = tuple(_tensor(reader, span) for span in graph.spans("input"))
    said.outputs = tuple(_tensor(reader, span) for span in graph.spans("output"))
    _walk(reader, graph, said)
    return said


def _walk(reader: Reader, graph: Message, said: Onnx) -> None:
    """Through the nodes and weights of a graph, and of all graphs within."""
    level = [graph]
    for _ in range(DEEPEST):
        inner: list[Message] = []
        for each in level:
            tensors = each.spans("initializer")
            sparse = each.spans("sparse_initializer")
            for span in each.spans("node"):
                node = reader.message(onnx.NODE, span)
                said.operators.add((_plain(reader.text(node, "domain")), reader.text(node, "op_type")))
                for attribute in node.spans("attribute"):
                    held = reader.message(onnx.ATTRIBUTE, attribute)
                    tensors += held.spans("t") + held.spans("tensors")
                    sparse += held.spans("sparse_tensor") + held.spans("sparse_tensors")
                    inner += [reader.message(onnx.GRAPH, one) for one in held.spans("g") + held.spans("graphs")]
            for span in sparse:
                parts = reader.message(onnx.SPARSE, span)
                tensors += parts.spans("values") + parts.spans("indices")
            for span in tensors:
                said.external |= _outside(reader, reader.message(onnx.TENSOR, span))
        level = inner
    if level:
        raise ValueError(f"its graphs lie in each other deeper than {DEEPEST} levels")


def _plain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _outside(reader: Reader, tensor: Message) -> set[External]:
    """Where the data of a tensor lie, when outside."""
    place = tensor.whole("data_location")
    if place not in (0, _EXTERNAL):
        raise ValueError(f"the data of a tensor lie in a place of kind {place}, which is none")
    entries = [reader.message(onnx.ENTRY, span) for span in tensor.spans("external_data")]
    about = {reader.text(entry, "key"): reader.text(entry, "value") for entry in entries}
    if len(about) < len(entries) or not about.keys() <= _ABOUT_EXTERNAL:
        raise ValueError("it says twice, or in words that there are none of, where the data of a tensor lie")
    if not entries and place != _EXTERNAL:
        return set()
    if "location" not in about:
        raise ValueError("the data of a tensor lie in a file that is not named")
    length = _digits(about["length"]) if "length" in about else None
    return {External(about["location"], _digits(about.get("offset", "0")), length)}


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(f"{text[:40]!a} is no place in a file")
    return int(text)


def _tensor(reader: Reader, span: tuple[int, int]) -> Tensor:
    """An input or output."""
    value = reader.message(onnx.VALUE, span)
    name = reader.text(value, "name")
    kind = reader.message(onnx.TYPE, value.span("type")) if "type" in value else None
    if kind is None or "tensor_type" not in kind:
        raise ValueError(f"{name[:60]!a} is no tensor")
    tensor = reader.message(onnx.TENSOR_TYPE, kind.span("tensor_type"))
    dtype = DTYPES.get(tensor.whole("elem_type"))
    if dtype is None:
        raise ValueError(f"{name[:60]!a} is of type {tensor.whole('elem_type')}, which packs do not have")
    if "shape" not in tensor:
        raise ValueError(f"{name[:60]!a} has no shape")
    axes = reader.message(onnx.SHAPE, tensor.span("shape")).spans("dim")
    return Tensor(name, dtype, tuple(_axis(reader, axis, name) for axis in axes))


def _axis(reader: Reader, span: tuple[int, int], name: str) -> int | str:
    axis = reader.message(onnx.AXIS, span)
    if "dim_value" in axis and "dim_param" in axis:
        raise ValueError(f"{name[:60]!a} has an axis with a size and a name")
    if "dim_value" not in axis:
        return reader.text(axis, "dim_param") or UNNAMED
    if not 0 < (size := axis.whole("dim_value")) < 1 << 31:
        raise ValueError(f"{name[:60]!a} has an axis of size {size}")
    return size
