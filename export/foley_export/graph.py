"""A PyTorch network as an ONNX graph: one input, one output, both with a named batch axis that really is free.

The exporter bakes the example's sizes in without a word where it cannot follow them, so the written graph is looked at, and
``parity`` runs it with several batch sizes. Source paths and stack traces, which the exporter notes at every node, are taken
out: a pack tells nothing of the machine it was made on, and the same network gives the same bytes.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import onnx

from foley_export.errors import ExportError

if TYPE_CHECKING:
    from torch import Tensor, nn

OPSET = 18  # pinned: onnx's own default is newer than what ONNX Runtime loads
BATCH = "batch"
OUTPUT = "embedding"


def to_onnx(network: nn.Module, name: str, shape: Sequence[int]) -> onnx.ModelProto:
    """Export a network in eval mode.

    Args:
        network: from float32 (batch, *shape) to float32 (batch, n).
        name: of the graph and of its input.
        shape: of one input, without the batch.

    Raises:
        ExportError: the exporter cannot, or the batch axis is not free in what it wrote.
    """
    import torch

    if network.training:
        raise ValueError("a network is exported in eval mode")
    model = exported(
        network,
        (torch.zeros(2, *shape),),
        name,
        input_names=[name],
        output_names=[OUTPUT],
        dynamic_shapes=({0: torch.export.Dim(BATCH)},),
        opset=OPSET,
    )
    onnx.checker.check_model(model, full_check=True)
    assert_free(model, name, shape)
    return model


def exported(
    module: nn.Module,
    given: tuple[Tensor, ...],
    name: str,
    *,
    input_names: list[str],
    output_names: list[str],
    dynamic_shapes: tuple[Any, ...],
    opset: int,
) -> onnx.ModelProto:
    """What the exporter makes of a module, without its notes of the machine that it ran on; nothing of it is checked yet.

    Raises:
        ExportError: it cannot.
    """
    import torch

    with quiet():
        try:
            program = torch.onnx.export(
                module,
                given,
                input_names=input_names,
                output_names=output_names,
                dynamic_shapes=dynamic_shapes,
                opset_version=opset,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            said = " ".join(str(error).split())[:300]
            raise ExportError(f"{name}: PyTorch cannot export this network: {said}") from error
    assert program is not None
    model = program.model_proto
    model.graph.name = name
    forget_where(model)
    return model


def assert_free(model: onnx.ModelProto, name: str, shape: Sequence[int]) -> None:
    """See that a graph has the one input and output that are meant, of opset 18, and that their batch axis has a name.

    Raises:
        ExportError: it has not.
    """
    opsets = {each.domain: each.version for each in model.opset_import}
    if opsets.get("") != OPSET:
        raise ExportError(f"{name}: the graph is of opset {opsets.get('')}, not {OPSET}", "use a newer PyTorch")
    inputs, outputs = ([(each.name, shape_of(each)) for each in side] for side in (model.graph.input, model.graph.output))
    if inputs != [(name, [BATCH, *shape])]:
        raise ExportError(f"{name}: the graph's inputs are {inputs}, not {name} {[BATCH, *shape]}: its batch axis is not free")
    if len(outputs) != 1 or outputs[0][0] != OUTPUT or outputs[0][1][:1] != [BATCH] or len(outputs[0][1]) != 2:
        raise ExportError(f"{name}: the graph's outputs are {outputs}, not {OUTPUT} [{BATCH}, n]: its batch axis is not free")


def shape_of(value: onnx.ValueInfoProto) -> list[int | str]:
    """An input's or output's shape: numbers, and names of axes."""
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_param or dim.dim_value for dim in dims]


def forget_where(model: onnx.ModelProto) -> None:
    """Take out what the exporter noted of the machine it ran on."""
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for tensor in model.graph.initializer:
        tensor.ClearField("metadata_props")
        tensor.ClearField("doc_string")


@contextmanager
def quiet() -> Iterator[None]:
    """Without the exporter's remarks on what else could be installed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
