"""R(2+1)D (Tran et al., CVPR 2018) with no stride in time: one feature a picture, as Du et al. look at clips (section 3.2).

Names of parameters and buffers are torchvision's of ``r2plus1d_18``, which are also those under ``cond_stage_model.model.`` in
the authors' checkpoints. Other than there, the blocks that halve the picture leave time alone, and nothing is classified.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class PictureConfig:
    """How large it is.

    Attributes:
        widths: channels of the stages; each but the first halves the picture's sides. The last is a feature's width.
        blocks: residual blocks of each stage.
        batch_statistics: in eval mode, too, normalise by the mean and variance of what is given in this call, not by those
            that were kept: what the authors' code does when it generates, where a call is one clip. Call it with one clip at a
            time, or clips decide about each other's features.
        stem: channels between the stem's two convolutions.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    batch_statistics: bool = False
    stem: int = 45

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks) or not self.widths or min(*self.widths, *self.blocks, self.stem) < 1:
            raise ValueError(f"widths and blocks: {self.widths} and {self.blocks} are no stages")

    @property
    def width(self) -> int:
        """Of a feature."""
        return self.widths[-1]


SIZES = {"paper": PictureConfig(), "mini": PictureConfig(widths=(8, 16, 32, 64), blocks=(1, 1, 1, 1), stem=8)}


class Norm(nn.BatchNorm3d):
    """Batch normalisation that may go by the call's own statistics in eval mode, too.

    Of one clip that is instance normalisation, which ONNX has; else it is written out, since ONNX Runtime has no batch
    normalisation in training mode.
    """

    def __init__(self, channels: int, batch_statistics: bool) -> None:
        super().__init__(channels)
        self.batch_statistics = batch_statistics

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, t, h, w) to the same."""
        if self.training or not self.batch_statistics:
            return super().forward(x)
        if x.shape[0] == 1 and x.shape[3] * x.shape[4] > 1:  # PyTorch takes no single number for an instance
            return functional.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)
        mean = x.mean(dim=(0, 2, 3, 4), keepdim=True)  # (1, channels, 1, 1, 1)
        away = x - mean
        scale = (away.square().mean(dim=(0, 2, 3, 4), keepdim=True) + self.eps).rsqrt()
        return away * (scale * _broad(self.weight)) + _broad(self.bias)


def _broad(numbers: Tensor) -> Tensor:
    return numbers[:, None, None, None]


class Conv2Plus1D(nn.Sequential):
    """A convolution in space, and one in time; in between as many channels as give a 3x3x3 convolution's parameters."""

    def __init__(self, channels: int, width: int, between: int, stride: int, batch_statistics: bool) -> None:
        super().__init__(
            nn.Conv3d(channels, between, (1, 3, 3), stride=(1, stride, stride), padding=(0, 1, 1), bias=False),
            Norm(between, batch_statistics),
            nn.ReLU(inplace=True),
            nn.Conv3d(between, width, (3, 1, 1), padding=(1, 0, 0), bias=False),
        )


class Block(nn.Module):
    """Two of them, and the way around."""

    def __init__(self, channels: int, width: int, stride: int, batch_statistics: bool) -> None:
        super().__init__()
        between = (channels * width * 27) // (channels * 9 + 3 * width)
        self.conv1 = nn.Sequential(
            Conv2Plus1D(channels, width, between, stride, batch_statistics),
            Norm(width, batch_statistics),
            nn.ReLU(inplace=True),
        )
        self.conv2 = nn.Sequential(
            Conv2Plus1D(width, width, between, 1, batch_statistics),
            Norm(width, batch_statistics),
        )
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or channels != width:
            self.downsample = nn.Sequential(
                nn.Conv3d(channels, width, 1, stride=(1, stride, stride), bias=False), Norm(width, batch_statistics)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, t, h, w) to (n, width, t, h / stride, w / stride)."""
        around = x if self.downsample is None else self.downsample(x)
        return self.relu(self.conv2(self.conv1(x)) + around)


class R2Plus1D(nn.Module):
    """Features of pictures, each of which knows the pictures around it (at the published size: 17 before and 17 after it)."""

    def __init__(self, config: PictureConfig = PictureConfig()) -> None:
        super().__init__()
        self.config = config
        own, first = config.batch_statistics, config.widths[0]
        self.stem = nn.Sequential(
            nn.Conv3d(3, config.stem, (1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3), bias=False),
            Norm(config.stem, own),
            nn.ReLU(inplace=True),
            nn.Conv3d(config.stem, first, (3, 1, 1), padding=(1, 0, 0), bias=False),
            Norm(first, own),
            nn.ReLU(inplace=True),
        )
        before = first
        for number, (width, blocks) in enumerate(zip(config.widths, config.blocks, strict=True)):
            stage = [Block(before, width, 2 if number else 1, own)]
            stage += [Block(width, width, 1, own) for _ in range(blocks - 1)]
            self.add_module(f"layer{number + 1}", nn.Sequential(*stage))
            before = width
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # almost twice as fast on a CPU

    def maps(self, x: Tensor) -> Tensor:
        """What is where: float32 (n, 3, t, s, s), normalised, to (n, width, t, s / 16, s / 16), rounded up."""
        x = self.stem(x.contiguous(memory_format=torch.channels_last_3d))  # (n, widths[0], t, s / 2, s / 2)
        for number in range(len(self.config.widths)):
            x = self.get_submodule(f"layer{number + 1}")(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """float32 (n, 3, t, s, s), normalised, to (n, t, width)."""
        return self.maps(x).mean(dim=(3, 4)).transpose(1, 2)
