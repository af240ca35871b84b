"""The messages of ONNX that ``onnx_reader`` goes into, with every field that they may hold (onnx.proto, IR version 10).

What is passed over is of kind ``BYTES``, be it text, weights or messages. Fields of later versions are unknown, and so refused.
"""

from __future__ import annotations

from foley_bridge.inference.protobuf_reader import Field, Fields, Kind

_OWN = "it has functions of its own, or trains; export it again with those inlined"


def _many(name: str, kind: Kind = Kind.BYTES) -> Field:
    return Field(name, kind, many=True)


MODEL: Fields = {
    1: Field("ir_version", Kind.WHOLE),
    2: Field("producer_name"),
    3: Field("producer_version"),
    4: Field("domain"),
    5: Field("model_version", Kind.WHOLE),
    6: Field("doc_string"),
    7: Field("graph"),
    8: _many("opset_import"),
    14: _many("metadata_props"),
    20: Field("training_info", refused=_OWN),
    25: Field("functions", refused=_OWN),
}
OPSET: Fields = {1: Field("domain"), 2: Field("version", Kind.WHOLE)}
GRAPH: Fields = {
    1: _many("node"),
    2: Field("name"),
    5: _many("initializer"),
    10: Field("doc_string"),
    11: _many("input"),
    12: _many("output"),
    13: _many("value_info"),
    14: _many("quantization_annotation"),
    15: _many("sparse_initializer"),
    16: _many("metadata_props"),
}
NODE: Fields = {
    1: _many("input"),
    2: _many("output"),
    3: Field("name"),
    4: Field("op_type"),
    5: _many("attribute"),
    6: Field("doc_string"),
    7: Field("domain"),
    8: Field("overload"),
    9: _many("metadata_props"),
}
ATTRIBUTE: Fields = {
    1: Field("name"),
    2: Field("f", Kind.FLOAT),
    3: Field("i", Kind.WHOLE),
    4: Field("s"),
    5: Field("t"),
    6: Field("g"),
    7: _many("floats", Kind.FLOAT),
    8: _many("ints", Kind.WHOLE),
    9: _many("strings"),
    10: _many("tensors"),
    11: _many("graphs"),
    13: Field("doc_string"),
    14: Field("tp"),
    15: _many("type_protos"),
    20: Field("type", Kind.WHOLE),
    21: Field("ref_attr_name"),
    22: Field("sparse_tensor"),
    23: _many("sparse_tensors"),
}
TENSOR: Fields = {
    1: _many("dims", Kind.WHOLE),
    2: Field("data_type", Kind.WHOLE),
    3: Field("segment"),
    4: _many("float_data", Kind.FLOAT),
    5: _many("int32_data", Kind.WHOLE),
    6: _many("string_data"),
    7: _many("int64_data", Kind.WHOLE),
    8: Field("name"),
    9: Field("raw_data"),
    10: _many("double_data", Kind.DOUBLE),
    11: _many("uint64_data", Kind.WHOLE),
    12: Field("doc_string"),
    13: _many("external_data"),
    14: Field("data_location", Kind.WHOLE),
    16: _many("metadata_props"),
}
SPARSE: Fields = {1: Field("values"), 2: Field("indices"), 3: _many("dims", Kind.WHOLE)}
ENTRY: Fields = {1: Field("key"), 2: Field("value")}
VALUE: Fields = {1: Field("name"), 2: Field("type"), 3: Field("doc_string"), 4: _many("metadata_props")}
TYPE: Fields = {
    1: Field("tensor_type"),
    4: Field("sequence_type"),
    5: Field("map_type"),
    6: Field("denotation"),
    7: Field("opaque_type"),
    8: Field("sparse_tensor_type"),
    9: Field("optional_type"),
}
TENSOR_TYPE: Fields = {1: Field("elem_type", Kind.WHOLE), 2: Field("shape")}
SHAPE: Fields = {1: _many("dim")}
AXIS: Fields = {1: Field("dim_value", Kind.WHOLE), 2: Field("dim_param"), 3: Field("denotation")}
