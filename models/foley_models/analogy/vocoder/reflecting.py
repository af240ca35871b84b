"""Sounds mirrored at their ends, as MelGAN's convolutions want them (Kumar et al. 2019); with ``--deterministic``, too."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Reflected(nn.ReflectionPad1d):
    """(n, channels, time) to (n, channels, time + twice as many as are asked for).

    On a GPU torch refuses the gradient of its own where only what always gives the same bits is allowed: there the same is put
    together of pieces.
    """

    def forward(self, input: Tensor) -> Tensor:
        if not torch.are_deterministic_algorithms_enabled():
            return super().forward(input)
        before, after = self.padding
        first, last = input[..., 1 : before + 1], input[..., -after - 1 : -1]
        return torch.cat([first.flip(-1), input, last.flip(-1)], dim=-1)
