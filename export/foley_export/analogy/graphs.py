"""The networks around the decoder as what their graphs compute, and a graph of each (docs/packs.md, task ``analogy``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import torch
from torch import Tensor, nn

from foley_bridge.inference.analogy_task import AnalogyTask
from foley_export.analogy.flat import flattened
from foley_export.analogy.tracing import traced
from foley_export.graph import OPSET

if TYPE_CHECKING:
    from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN
    from foley_models.analogy.decoder.model import AnalogyModel
    from foley_models.analogy.sync.network import SyncNetwork

SIZES = {"batch": 2, "pictures": 7, "columns": 3, "frames": 24}
"""Of free axes, in the example that is traced; none is another."""


class Features(nn.Module):
    """Pictures to what the decoder sees of them."""

    def __init__(self, model: AnalogyModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pictures: Tensor) -> Tensor:
        """float32 (n, 3, t, s, s) to (n, t, features)."""
        return self.model.features(pictures)


class Codes(nn.Module):
    """A clip's mel to its codes."""

    def __init__(self, codebook: SpectrogramVQGAN) -> None:
        super().__init__()
        self.codebook = codebook

    def forward(self, mel: Tensor) -> Tensor:
        """float32 (n, 1, mels, frames) to int64 (n, columns, rows)."""
        return self.codebook.encode(mel).unflatten(1, (-1, self.codebook.config.rows))


class Magnitudes(nn.Module):
    """Codes to what a vocoder takes: ``inference.clips.magnitudes`` of their mel."""

    def __init__(self, codebook: SpectrogramVQGAN) -> None:
        super().__init__()
        self.codebook = codebook

    def forward(self, codes: Tensor) -> Tensor:
        """int64 (n, columns, rows) to float32 (n, mels, frames), the logarithm to the base of 10."""
        mel = self.codebook.decode(codes.flatten(1))  # (n, 1, mels, frames), -1 to 1
        return (mel[:, 0] + 1) * 2.5 - 4


class Offsets(nn.Module):
    """One clip's pictures with the sounds of many takes; the pictures are looked at once."""

    def __init__(self, network: SyncNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor, mel: Tensor) -> Tensor:
        """float32 (1, 3, t, s, s) and (n, 1, mels, frames) to logits (n, offsets)."""
        seen = self.network.see(pictures)
        return self.network.compare(seen.expand(mel.shape[0], -1, -1), self.network.hear(mel))


def graph(task: AnalogyTask, role: str, module: nn.Module) -> onnx.ModelProto:
    """The graph of any role but the decoder's.

    Raises:
        ExportError: it cannot be, or has not the inputs and outputs that the task wants.
    """
    ends = task.ends(role)
    given = [_example(dtype, shape) for _, dtype, shape in ends[0]]
    return traced(flattened(module.eval()), role, given, ends, OPSET)


def _example(dtype: str, shape: tuple[int | str, ...]) -> Tensor:
    size = [SIZES[axis] if isinstance(axis, str) else axis for axis in shape]
    return torch.zeros(size, dtype=getattr(torch, dtype))
