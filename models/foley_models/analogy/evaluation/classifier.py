"""The sound classifier (section 4.2): which material a sound is of, or which action, told from its mel.

The authors fine-tune a VGG-like network that was trained on VGGSound (Iashin & Rahtu's "VGGish-ish"); its weights are not ours
to give, so ours begins with none. The codebook's perceptual loss compares its layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

WHAT = ("material", "action")
BANDS, FRAMES = 80, 160  # of a mel
AT_ONCE = 64


@dataclass(frozen=True)
class ClassifierConfig:
    """What the classifier is.

    Attributes:
        what: "material" or "action".
        labels: names, in the order of the logits.
        widths: channels of each stage; between two stages both sides of the picture are halved.
        convolutions: of each stage.
        hidden: width of the two layers before the logits.
        batch_norm: after each convolution (the published network has none).
    """

    what: str = "material"
    labels: tuple[str, ...] = ()
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    convolutions: tuple[int, ...] = (2, 2, 3, 3, 3)
    hidden: int = 4096
    batch_norm: bool = False


SIZES = {
    "paper": ClassifierConfig(),
    "mini": ClassifierConfig(widths=(8, 16, 32, 48, 64), convolutions=(1, 1, 1, 1, 1), hidden=64, batch_norm=True),
}


class SoundClassifier(nn.Module):
    """Mels to logits; state-dict names are those of VGG.

    Args:
        config: ``labels`` has at least two names.

    Raises:
        ValueError: the config cannot be.
    """

    band_mean: Tensor
    band_std: Tensor

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        if config.what not in WHAT:
            raise ValueError(f"what: {config.what} is neither {' nor '.join(WHAT)}")
        if len(config.labels) < 2:
            raise ValueError(f"labels: {len(config.labels)} cannot be told apart")
        if len(config.widths) != len(config.convolutions):
            raise ValueError("convolutions: a number for each of widths is wanted")
        self.config = config
        self.register_buffer("band_mean", torch.zeros(BANDS))
        self.register_buffer("band_std", torch.ones(BANDS))
        made, self._ends = _features(config)
        self.features = nn.Sequential(*made)
        halvings = len(config.widths) - 1
        places = (BANDS >> halvings) * (FRAMES >> halvings)
        self.classifier = nn.Sequential(
            nn.Linear(config.widths[-1] * places, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, len(config.labels)),
        )
        self.apply(_begin)

    def standardise(self, mels: Tensor) -> None:
        """Take the mean and the deviation of each band from some mels, float32 (n, 1, 80, frames)."""
        self.band_mean.copy_(mels.mean(dim=(0, 1, 3)))
        self.band_std.copy_(mels.std(dim=(0, 1, 3)).clamp(min=1e-2))

    def forward(self, mel: Tensor) -> Tensor:
        """Logits.

        Args:
            mel: float (n, 1, 80, 160), from -1 to 1.

        Returns:
            (n, labels).
        """
        logits: Tensor = self.classifier(self.layers(mel)[-1].flatten(1))
        return logits

    def layers(self, mel: Tensor) -> list[Tensor]:
        """What each stage ends with: (n, width, 80 / 2^k, frames / 2^k) of stage k from 0; any number of frames will do."""
        at = (mel - self.band_mean[:, None]) / self.band_std[:, None]  # (n, 1, 80, frames)
        ends = []
        for number, layer in enumerate(self.features):
            at = layer(at)
            if number in self._ends:
                ends.append(at)
        return ends


def classify(network: SoundClassifier, mels: NDArray[np.float32]) -> NDArray[np.int64]:
    """Which label each sound has, as a number in ``config.labels``.

    Args:
        network: in eval mode.
        mels: float32 (n, 1, 80, 160).

    Returns:
        int64 (n,).
    """
    device = network.band_mean.device
    with torch.no_grad():
        parts = [network(torch.from_numpy(mels[at : at + AT_ONCE]).to(device)).argmax(1) for at in range(0, len(mels), AT_ONCE)]
    return torch.cat(parts).cpu().numpy() if parts else np.empty(0, np.int64)


def confusion(
    true: Sequence[int] | NDArray[np.int64], said: Sequence[int] | NDArray[np.int64], labels: int
) -> NDArray[np.int64]:
    """How often what was said to be what: int64 (labels, labels), a row of each true label."""
    counts = np.zeros((labels, labels), np.int64)
    np.add.at(counts, (np.asarray(true, np.int64), np.asarray(said, np.int64)), 1)
    return counts


def accuracy(counts: NDArray[np.int64]) -> float:
    """Of a confusion matrix; not a number where it is empty."""
    return float(np.trace(counts) / counts.sum()) if counts.sum() else float("nan")


def _features(config: ClassifierConfig) -> tuple[list[nn.Module], frozenset[int]]:
    """The convolutions, and which of them end a stage."""
    made: list[nn.Module] = []
    ends, channels = [], 1
    for stage, (width, count) in enumerate(zip(config.widths, config.convolutions, strict=True)):
        if stage:
            made.append(nn.MaxPool2d(2))
        for _ in range(count):
            made.append(nn.Conv2d(channels, width, 3, padding=1))
            made += [nn.BatchNorm2d(width)] if config.batch_norm else []
            made.append(nn.ReLU())
            channels = width
        ends.append(len(made) - 1)
    return made, frozenset(ends)


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
        nn.init.zeros_(module.bias)
