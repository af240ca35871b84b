"""What the spectrogram VQGAN's encoder and decoder are built of (Esser et al., "Taming Transformers", appendix).

Names and order of all parameters are the published ones, so that published weights fit.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut: (n, inner, h, w) to (n, outer, h, w)."""

    def __init__(self, inner: int, outer: int, groups: int) -> None:
        super().__init__()
        self.norm1 = normalisation(inner, groups)
        self.conv1 = nn.Conv2d(inner, outer, 3, padding=1)
        self.norm2 = normalisation(outer, groups)
        self.conv2 = nn.Conv2d(outer, outer, 3, padding=1)
        self.nin_shortcut = nn.Conv2d(inner, outer, 1) if inner != outer else None

    def forward(self, x: Tensor) -> Tensor:
        own = self.conv1(functional.silu(self.norm1(x)))
        own = self.conv2(functional.silu(self.norm2(own)))
        return own + (x if self.nin_shortcut is None else self.nin_shortcut(x))


class Attention(nn.Module):
    """All places look at all places, with one head: (n, channels, h, w) to the same."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = normalisation(channels, groups)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        q, k, v = (each(normed).flatten(2) for each in (self.q, self.k, self.v))  # (n, channels, h * w)
        weights = ((q.transpose(1, 2) @ k) * q.shape[1] ** -0.5).softmax(dim=2)  # (n, h * w of q, h * w of k)
        seen = (v @ weights.transpose(1, 2)).reshape(x.shape)
        return x + self.proj_out(seen)


class Downsample(nn.Module):
    """Half as high and half as wide; the one place that lacks is put at the bottom and on the right alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Twice as high and twice as wide: each place is repeated, then convolved."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


class Level(nn.Module):
    """One resolution: residual blocks, each followed by attention where there is any, and the way to the next resolution."""

    def __init__(self, inner: int, outer: int, *, blocks: int, attention: bool, groups: int) -> None:
        super().__init__()
        widths = [inner] + [outer] * blocks
        self.block = nn.ModuleList(ResidualBlock(widths[i], outer, groups) for i in range(blocks))
        self.attn = nn.ModuleList(Attention(outer, groups) for _ in range(blocks if attention else 0))
        self.downsample: Downsample | None = None
        self.upsample: Upsample | None = None

    def forward(self, x: Tensor) -> Tensor:
        for number, block in enumerate(self.block):
            x = block(x)
            if self.attn:
                x = self.attn[number](x)
        if self.downsample is not None:
            x = self.downsample(x)
        return x if self.upsample is None else self.upsample(x)


class Middle(nn.Module):
    """At the lowest resolution: a residual block, attention, another block."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.block_1 = ResidualBlock(channels, channels, groups)
        self.attn_1 = Attention(channels, groups)
        self.block_2 = ResidualBlock(channels, channels, groups)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(x)))


def normalisation(channels: int, groups: int) -> nn.GroupNorm:
    """As published, with its epsilon."""
    return nn.GroupNorm(groups, channels, eps=1e-6)
