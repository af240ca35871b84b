"""What the synchronisation network hears with: a residual network whose features keep time at a quarter of the mel's frames."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

COLUMN = 4  # frames of sound to a column of features
ROWS = 16  # bands to a row of them


class SoundBlock(nn.Module):
    """Two convolutions, and the way around."""

    def __init__(self, channels: int, width: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.around: nn.Module = nn.Identity()
        if stride != (1, 1) or channels != width:
            self.around = nn.Sequential(nn.Conv2d(channels, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, bands, frames) to (n, width, bands / stride, frames / stride)."""
        inner = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(inner)) + self.around(x))


class SoundNetwork(nn.Module):
    """A ResNet; four stages, of which the first halves nothing, the second both sides, the others the bands alone.

    Args:
        widths, blocks: of the four stages.
    """

    STRIDES = ((1, 1), (2, 2), (2, 1), (2, 1))

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
        )
        stages: list[nn.Module] = []
        before = widths[0]
        for width, count, stride in zip(widths, blocks, self.STRIDES, strict=True):
            stages += [
                SoundBlock(before if not number else width, width, stride if not number else (1, 1)) for number in range(count)
            ]
            before = width
        self.stages = nn.Sequential(*stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, mel: Tensor) -> Tensor:
        """float32 (n, 1, bands, frames) to (n, width, bands / 16, frames / 4)."""
        return self.stages(self.stem(mel))
