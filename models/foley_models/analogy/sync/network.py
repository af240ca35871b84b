"""The synchronisation network: by how much a sound comes too late or too early for a picture, and how sure that is.

In the manner of SparseSync (Iashin et al., BMVC 2022), which the authors choose with: a network for each stream, in each a few
trainable selectors that look where something happens, a transformer over both streams' selections, and a class for each
offset. SparseSync's classes are 0.2 s wide, for five seconds; here they are as the configuration says, for clips of two.

With ``diagonals``, which SparseSync has not, a class also gets what pairs of a picture and a moment of sound say that lie so
far apart: their features' product, summed. That is nearly all there is to learn for an offset, so it is learned in minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from foley_models.analogy.picture.r2plus1d import SIZES as PICTURES
from foley_models.analogy.picture.r2plus1d import PictureConfig, R2Plus1D
from foley_models.analogy.sync.attention import Selector, Together
from foley_models.analogy.sync.sound import COLUMN, ROWS, SoundNetwork

NEAR_S = 0.1
"""An offset is right when it is so near to the true one, or nearer: as near as an onset has to be."""


@dataclass(frozen=True)
class SyncConfig:
    """How large it is, and which offsets it tells apart.

    Attributes:
        picture: the network for pictures.
        sound_widths, sound_blocks: of the network for sound.
        width, heads, layers, selectors, dropout: of the three transformers.
        step_s, steps: offsets are ``step_s`` apart, so many to either side of 0.
        places: do selectors look at every place of a picture and at every row of bands? Else at their means.
        diagonals: see above.
        frames, fps, side: pictures of a clip, a second, and places along a side of their features.
        mels, sound_frames, hop_s: bands and frames of a mel, and seconds between frames.
    """

    picture: PictureConfig = field(default_factory=PictureConfig)
    sound_widths: tuple[int, ...] = (64, 128, 256, 512)
    sound_blocks: tuple[int, ...] = (2, 2, 2, 2)
    width: int = 512
    heads: int = 8
    layers: int = 3
    selectors: int = 16
    dropout: float = 0.1
    step_s: float = 0.05
    steps: int = 12
    places: bool = True
    diagonals: bool = False
    frames: int = 30
    fps: int = 15
    side: int = 7
    mels: int = 80
    sound_frames: int = 160
    hop_s: float = 256 / 22050

    @property
    def offsets_s(self) -> tuple[float, ...]:
        """Of the classes, seconds; above 0: the sound comes later than it is seen."""
        return tuple(round(self.step_s * number, 6) for number in range(-self.steps, self.steps + 1))

    @property
    def columns(self) -> int:
        """Moments of sound that have features."""
        return self.sound_frames // COLUMN


SIZES = {
    "paper": SyncConfig(),
    "mini": SyncConfig(
        picture=PICTURES["mini"],
        sound_widths=(8, 16, 32, 64),
        sound_blocks=(1, 1, 1, 1),
        width=64,
        heads=4,
        layers=1,
        selectors=8,
        places=False,
        diagonals=True,
        side=4,
    ),
}


class SyncNetwork(nn.Module):
    """Offsets of a sound from a picture. ``see`` and ``hear`` are apart, so that many sounds are compared with one picture."""

    near: Tensor

    def __init__(self, config: SyncConfig = SyncConfig()) -> None:
        super().__init__()
        self.config = config
        width, own = config.width, (config.heads, config.layers, config.dropout)
        self.picture = R2Plus1D(config.picture)
        self.sound = SoundNetwork(config.sound_widths, config.sound_blocks)
        self.picture_in = nn.Sequential(nn.Linear(config.picture.width, width), nn.LayerNorm(width))
        self.sound_in = nn.Sequential(nn.Linear(config.sound_widths[-1], width), nn.LayerNorm(width))
        side, rows = (config.side, config.mels // ROWS) if config.places else (1, 1)
        self.picture_place = nn.ParameterList(_places(config.frames, side, side, width))
        self.sound_place = nn.ParameterList(_places(config.columns, rows, 1, width))
        self.picture_selector = Selector(config.selectors, width, *own)
        self.sound_selector = Selector(config.selectors, width, *own)
        self.together = Together(width, *own)
        self.out = nn.Linear(width, len(config.offsets_s), bias=False)
        if config.diagonals:
            self.picture_moment = nn.Linear(config.picture.width, width)
            self.sound_moment = nn.Linear(config.sound_widths[-1], width)
            self.register_buffer("near", _near(config), persistent=False)

    @property
    def offsets_s(self) -> tuple[float, ...]:
        """Of the classes, seconds; above 0: the sound comes later than it is seen."""
        return self.config.offsets_s

    def forward(self, pictures: Tensor, mel: Tensor) -> Tensor:
        """float32 (n, 3, frames, s, s) and (n, 1, mels, sound frames) to logits (n, classes)."""
        return self.compare(self.see(pictures), self.hear(mel))

    def see(self, pictures: Tensor) -> Tensor:
        """All that is needed of pictures: (n, selectors [+ frames], width)."""
        maps = self.picture.maps(pictures).permute(0, 2, 3, 4, 1)  # (n, frames, h, w, channels)
        means = maps.mean(dim=(2, 3), keepdim=True)
        tokens = self.picture_in(maps if self.config.places else means)
        seen = self.picture_selector(_placed(tokens, self.picture_place))
        if not self.config.diagonals:
            return seen
        return torch.cat([seen, _centred(self.picture_moment(means[:, :, 0, 0]))], dim=1)

    def hear(self, mel: Tensor) -> Tensor:
        """All that is needed of a sound: (n, selectors [+ columns], width)."""
        maps = self.sound(mel).permute(0, 3, 2, 1)[:, :, :, None]  # (n, columns, rows, 1, channels)
        means = maps.mean(dim=(2, 3), keepdim=True)
        tokens = self.sound_in(maps if self.config.places else means)
        heard = self.sound_selector(_placed(tokens, self.sound_place))
        if not self.config.diagonals:
            return heard
        return torch.cat([heard, _centred(self.sound_moment(means[:, :, 0, 0]))], dim=1)

    def compare(self, seen: Tensor, heard: Tensor) -> Tensor:
        """What ``see`` and ``hear`` give to logits (n, classes)."""
        first = self.config.selectors
        logits = self.out(self.together(seen[:, :first], heard[:, :first]))
        if self.config.diagonals:
            alike = seen[:, first:] @ heard[:, first:].transpose(1, 2)  # (n, frames, columns)
            logits = logits + alike.flatten(1) @ self.near
        return logits


def _places(*sizes: int) -> list[Tensor]:
    """Trainable vectors for each place along time, height and width; none along a side of one place."""
    *sides, width = sizes
    shapes = [[1, 1, 1, 1, width] for _ in sides]
    for number, side in enumerate(sides):
        shapes[number][number + 1] = side
    return [nn.Parameter(torch.randn(shape) * 0.1) for shape, side in zip(shapes, sides, strict=True) if side > 1]


def _placed(tokens: Tensor, places: nn.ParameterList) -> Tensor:
    """(n, t, h, w, width) to (n, t h w, width)."""
    for place in places:
        tokens = tokens + place
    return tokens.flatten(1, 3)


def _centred(moments: Tensor) -> Tensor:
    """(n, t, width) without their mean over time: what is always there says nothing of an offset."""
    return moments - moments.mean(dim=1, keepdim=True)


def _near(config: SyncConfig) -> Tensor:
    """How much a pair of a picture and a column counts for each offset: float32 (frames columns, classes).

    Wholly, when it lies so far apart, and less and less up to one picture beside that; each class has the same sum.
    """
    seen = torch.arange(config.frames)[:, None, None] / config.fps
    heard = torch.arange(config.columns)[None, :, None] * (COLUMN * config.hop_s)
    away = (heard - seen - torch.tensor(config.offsets_s)).abs() * config.fps
    weights = (1 - away).clamp(min=0)  # (frames, columns, classes)
    return (weights / weights.sum(dim=(0, 1))).flatten(0, 1) * config.width**0.5


class SyncLearner(nn.Module):
    """The network and what it learns by: the cross-entropy of a sound's true offset.

    Args:
        keep_picture: the network for pictures does not learn.
    """

    def __init__(self, config: SyncConfig, *, keep_picture: bool = False) -> None:
        super().__init__()
        self.config, self.keep_picture = config, keep_picture
        self.network = SyncNetwork(config)
        self.network.picture.requires_grad_(not keep_picture)

    def train(self, mode: bool = True) -> SyncLearner:
        """As any module, but for what does not learn: its statistics stay as they are."""
        super().train(mode)
        if self.keep_picture:
            self.network.picture.eval()
        return self

    def loss(
        self, pictures: Tensor, mel: Tensor, classes: Tensor, *, gather: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """A batch's loss.

        Args:
            pictures: float32 (n, 3, frames, s, s).
            mel: float32 (n, 1, mels, sound frames).
            classes: int64 (n,), of the true offsets.

        Returns:
            the loss, and for which the most probable offset is right, bool (n,).
        """
        logits = self.network(pictures, mel).float()
        away = (logits.argmax(dim=1) - classes).abs()
        return functional.cross_entropy(logits, classes), away <= round(NEAR_S / self.config.step_s)
