"""The two-stream encoders of Krishnamurthy, Fig. 2: pictures and sounds as unit vectors of 128 numbers that can be compared.

The figure's layer sizes are not in the paper's text. Chosen: the four blocks of "Objects that Sound" (Arandjelovic & Zisserman,
ECCV 2018), of which the paper's baseline is "a slight variation", 64 to 512 channels wide, the picture's first convolution of
stride 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

EMBEDDING = 128


class Block(nn.Module):
    """Two 3x3 convolutions, each followed by batch normalisation and ReLU (section 4.1). Max pooling is left to who uses it,
    so that local features can be taken before (section 4.2)."""

    def __init__(self, channels: int, width: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to (n, width, h / stride, w / stride)."""
        return torch.relu(self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x))))))


class BaselineEncoder(nn.Module):
    """One stream of Fig. 2a: blocks with 2x2 max pooling, a global max pooling, two fully connected layers, L2 norm.

    Args:
        channels: 3 for pictures, 1 for spectrograms.
        widths: of the blocks.
        stem_stride: of the first convolution.
        embedding: numbers of an embedding.
    """

    def __init__(self, channels: int, widths: Sequence[int], *, stem_stride: int = 1, embedding: int = EMBEDDING) -> None:
        super().__init__()
        self.blocks = _blocks(channels, widths, stem_stride)
        self.hidden = nn.Linear(widths[-1], embedding)
        self.out = nn.Linear(embedding, embedding)

    def forward(self, x: Tensor) -> Tensor:
        """float32 (n, channels, h, w) to (n, embedding), each of length 1."""
        for block in self.blocks[:-1]:
            x = functional.max_pool2d(block(x), 2)
        x = self.blocks[-1](x).amax(dim=(2, 3))
        return functional.normalize(self.out(torch.relu(self.hidden(x))), dim=1)


class Attention(nn.Module):
    """One local feature seen through the global one (section 4.2, steps 1 and 2).

    1. the weight of each place of the local feature l: a 1x1 convolution over P l + g, where P brings l to the width of g, if
    it
       has another; or the dot product of P l and g;
    2. softmax over all places; each place of P l times its weight, summed.

    The convolution is linear, so g adds the same number at all places and the softmax takes no notice of it: as the paper has
    it, only the dot product lets the global feature say where to look. P is linear, too, so it is applied to what weighs the
    places, and to their sum, instead of to every place: the same numbers for a fraction of the time and memory.

    Args:
        width: of l.
        wide: of g.
        compatibility: "conv" or "dot".
    """

    def __init__(self, width: int, wide: int, compatibility: str) -> None:
        super().__init__()
        self.project = None if width == wide else nn.Linear(width, wide, bias=False)
        self.conv = nn.Linear(wide, 1, bias=False) if compatibility == "conv" else None

    def forward(self, local: Tensor, g: Tensor) -> Tensor:
        """(n, width, h, w) and (n, wide) to (n, wide)."""
        summed = (local * self.weights(local, g)).sum(dim=(2, 3))
        return summed if self.project is None else self.project(summed)

    def weights(self, local: Tensor, g: Tensor) -> Tensor:
        """Of the places: (n, 1, h, w), which sum to 1."""
        query = g if self.conv is None else self.conv.weight
        if self.project is not None:
            query = query @ self.project.weight
        scores = (local * query[:, :, None, None]).sum(dim=1, keepdim=True)
        if self.conv is not None:
            scores = scores + self.conv(g)[:, :, None, None]
        return torch.softmax(scores.flatten(1), dim=1).reshape(scores.shape)


class AttentionEncoder(nn.Module):
    """One stream of Fig. 2b, the encoder of section 4.2.

    Local features are what the first three of the four blocks give before they are pooled; the global feature is what the last
    convolution gives, max-pooled over all places (the paper adds it to features of three other resolutions, so it has to be one
    vector; so does "Learn to Pay Attention", ICLR 2018, which the paper builds on). The three attended features one after
    another go through a fully connected layer to ``embedding`` numbers, and get length 1 (steps 3 and 4).

    Args:
        channels: 3 for pictures, 1 for spectrograms.
        widths: of the four blocks.
        compatibility: "conv" or "dot".
        stem_stride, embedding: as for ``BaselineEncoder``.
    """

    LOCAL = 3

    def __init__(
        self,
        channels: int,
        widths: Sequence[int],
        *,
        compatibility: str = "conv",
        stem_stride: int = 1,
        embedding: int = EMBEDDING,
    ) -> None:
        super().__init__()
        if compatibility not in {"conv", "dot"}:
            raise ValueError(f"compatibility: {compatibility!r} is neither 'conv' nor 'dot'")
        if len(widths) != self.LOCAL + 1:
            raise ValueError(f"widths: {self.LOCAL + 1} are wanted, not {len(widths)}")
        self.blocks = _blocks(channels, widths, stem_stride)
        self.attentions = nn.ModuleList(Attention(width, widths[-1], compatibility) for width in widths[: self.LOCAL])
        self.out = nn.Linear(self.LOCAL * widths[-1], embedding)

    def forward(self, x: Tensor) -> Tensor:
        """float32 (n, channels, h, w) to (n, embedding), each of length 1."""
        local, g = self.features(x)
        attended = [attend(each, g) for attend, each in zip(self.attentions, local, strict=True)]
        return functional.normalize(self.out(torch.cat(attended, dim=1)), dim=1)

    def features(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """The three local features (n, width, h_i, w_i), and the global one, (n, wide)."""
        local = []
        for block in self.blocks[: self.LOCAL]:
            local.append(block(x))
            x = functional.max_pool2d(local[-1], 2)
        return local, self.blocks[-1](x).amax(dim=(2, 3))


def _blocks(channels: int, widths: Sequence[int], stem_stride: int) -> nn.ModuleList:
    ins = [channels, *widths[:-1]]
    return nn.ModuleList(
        Block(i, width, stride=stem_stride if number == 0 else 1)
        for number, (i, width) in enumerate(zip(ins, widths, strict=True))
    )
