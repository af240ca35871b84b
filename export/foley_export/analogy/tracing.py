"""A module as a graph with just the inputs and outputs that a pack's task wants of it, free where they have to be.

``foley_bridge.inference.analogy_task.AnalogyTask.ends`` says which those are. The exporter bakes sizes in without a word where
it cannot follow them, and names what it follows as it likes: both are seen to here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
import torch
from torch import nn

from foley_bridge.inference.analogy_task import Wanted
from foley_bridge.inference.manifest import Tensor
from foley_bridge.inference.onnx_reader import read_onnx
from foley_export.errors import ExportError
from foley_export.graph import exported


def traced(
    module: nn.Module,
    name: str,
    given: Sequence[torch.Tensor],
    ends: tuple[Sequence[Wanted], Sequence[Wanted]],
    opset: int,
) -> onnx.ModelProto:
    """Export a module in eval mode.

    Args:
        name: of the graph.
        given: an example of each input; axes that are to be free are of different sizes there, none of them 1 or 0.
        ends: what inputs and outputs are to be; an axis that is named is free, and has that name in the graph.

    Raises:
        ExportError: the exporter cannot, or an axis that should be free is not.
    """
    if module.training:
        raise ValueError("a network is exported in eval mode")
    inputs, outputs = ends
    free = {axis: torch.export.Dim(axis, min=0) for _, _, shape in inputs for axis in shape if isinstance(axis, str)}
    shapes = [{at: free[axis] for at, axis in enumerate(shape) if isinstance(axis, str)} for _, _, shape in inputs]
    with torch.no_grad():
        model = exported(
            _OfAny(module).eval(),
            tuple(given),
            name,
            input_names=[each for each, _, _ in inputs],
            output_names=[each for each, _, _ in outputs],
            dynamic_shapes=(tuple(shapes),),
            opset=opset,
        )
    del model.graph.value_info[:]  # with names of axes that the exporter made up
    for values, wanted in ((model.graph.input, inputs), (model.graph.output, outputs)):
        for value, (_, _, shape) in zip(values, wanted, strict=True):
            _rename(value, shape)
    onnx.checker.check_model(model, full_check=True)
    see(model, name, ends, opset)
    return model


def see(model: onnx.ModelProto, name: str, ends: tuple[Sequence[Wanted], Sequence[Wanted]], opset: int) -> None:
    """See that a graph is of this opset and has just these inputs and outputs.

    Raises:
        ExportError: it has not.
    """
    said = read_onnx(model.SerializeToString())
    if said.opsets.get("") != opset:
        raise ExportError(f"{name}: the graph is of opset {said.opsets.get('')}, not {opset}", "use a newer PyTorch")
    for found, wanted in ((said.inputs, ends[0]), (said.outputs, ends[1])):
        meant = tuple(Tensor(*each) for each in wanted)
        if found != meant:
            made, should = (", ".join(map(str, each)) for each in (found, meant))
            raise ExportError(f"{name}: the graph has {made}, not {should}: an axis is not free")


def _rename(value: onnx.ValueInfoProto, shape: Sequence[int | str]) -> None:
    """An axis that is free in the graph gets the name that is wanted."""
    for dim, axis in zip(value.type.tensor_type.shape.dim, shape, strict=False):
        if isinstance(axis, str) and dim.dim_param:
            dim.dim_param = axis


class _OfAny(nn.Module):
    """A module as one of any number of inputs, however it names its own."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *given: torch.Tensor) -> Any:
        return self.module(*given)
