"""The PatchGAN discriminator (Isola et al.): for each patch of a mel, whether it was recorded or decoded."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

SLOPE = 0.2
MOST = 8  # times the first width


class PatchDiscriminator(nn.Module):
    """(n, 1, 80, frames) to logits (n, 1, h, w), high where a patch looks recorded.

    Args:
        width: channels of the first layer.
        layers: that halve the resolution.
    """

    def __init__(self, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        widths = [width * min(2**number, MOST) for number in range(layers + 1)]
        main: list[nn.Module] = [nn.Conv2d(1, width, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        for number, (inner, outer) in enumerate(pairwise(widths), start=1):
            stride = 2 if number < layers else 1
            main += [nn.Conv2d(inner, outer, 4, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outer)]
            main += [nn.LeakyReLU(SLOPE)]
        main.append(nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.main = nn.Sequential(*main)
        self.apply(_begin)

    def forward(self, mel: Tensor) -> Tensor:
        return self.main(mel)


def _begin(module: nn.Module) -> None:
    """As published: small normal weights."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
