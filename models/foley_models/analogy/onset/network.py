"""The onset network: R(2+1)D without stride in time, and a small network that looks at each picture's feature (512-128-1).

It is trained by binary cross-entropy in which onsets count as much as all other pictures together. With ``bands`` it learns
beside that, from another head, how loud each band of the sound is in each picture's time: that is not in the paper. Then its
features know more of a sound than its beginning, which is good for a decoder that sees with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from foley_models.analogy.onset.peaks import peaks
from foley_models.analogy.picture.r2plus1d import SIZES as PICTURES
from foley_models.analogy.picture.r2plus1d import PictureConfig, R2Plus1D


@dataclass(frozen=True)
class OnsetConfig:
    """How large it is. hidden: width between the two layers of the head."""

    picture: PictureConfig = field(default_factory=PictureConfig)
    hidden: int = 128


SIZES = {"paper": OnsetConfig(), "mini": OnsetConfig(picture=PICTURES["mini"], hidden=64)}


class OnsetNetwork(nn.Module):
    """Whether something begins to sound, for each picture of a clip."""

    def __init__(self, config: OnsetConfig = OnsetConfig()) -> None:
        super().__init__()
        self.config = config
        self.picture = R2Plus1D(config.picture)
        self.head = _head(config, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """float32 (n, 3, t, s, s), normalised, to logits (n, t)."""
        return self.of(self.picture(pictures))

    def of(self, features: Tensor) -> Tensor:
        """The picture network's features (n, t, width) to logits (n, t)."""
        return self.head(features)[..., 0]


def _head(config: OnsetConfig, outputs: int) -> nn.Sequential:
    width = config.picture.width
    return nn.Sequential(nn.Linear(width, config.hidden), nn.ReLU(inplace=True), nn.Linear(config.hidden, outputs))


class OnsetLearner(nn.Module):
    """The network and what it learns by.

    Args:
        bands: to predict the loudness of, beside the onsets; 0: onsets alone, as published.
    """

    BANDS_WEIGHT = 4.0
    """Of the mean squared error of loudness (-1 to 1), beside the cross-entropy."""

    def __init__(self, config: OnsetConfig, *, bands: int = 0) -> None:
        super().__init__()
        self.config = config
        self.network = OnsetNetwork(config)
        self.loudness = _head(config, bands) if bands else None

    def loss(
        self, pictures: Tensor, labels: Tensor, energies: Tensor | None, *, gather: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """A batch's loss.

        Args:
            pictures: float32 (n, 3, t, s, s).
            labels: float32 (n, t), 1 at onsets.
            energies: float32 (n, t or fewer, bands), -1 to 1; None where no bands are learned.

        Returns:
            the loss, and in which clips as many onsets are found as there are, bool (n,).
        """
        features = self.network.picture(pictures)  # (n, t, width)
        logits = self.network.of(features).float()
        loss = onset_bce(logits, labels)
        if self.loudness is not None and energies is not None:
            said = self.loudness(features[:, : energies.shape[1]])
            loss = loss + self.BANDS_WEIGHT * functional.mse_loss(said.float(), energies)
        return loss, _counted(logits, labels)


def onset_bce(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy in which an onset weighs as many times more as it is rarer in this batch; (n, t) each."""
    onsets = labels.sum()
    weight = (labels.numel() - onsets) / onsets.clamp(min=1)
    return functional.binary_cross_entropy_with_logits(logits, labels, pos_weight=weight)


def _counted(logits: Tensor, labels: Tensor) -> Tensor:
    wanted = labels.sum(dim=1).round().long().tolist()
    said: list[np.ndarray] = list(torch.sigmoid(logits.detach()).cpu().numpy())
    return torch.tensor([len(peaks(each)) == count for each, count in zip(said, wanted, strict=True)], device=logits.device)
