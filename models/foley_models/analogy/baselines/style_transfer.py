"""Style Transfer (section 4.1; Gatys et al., 2015; Ulyanov, 2016): the input's true sound, changed until a network finds in it
the statistics of the conditional example's. It needs the sound that is to be made, and so it is no answer to the task.

A mel is changed by L-BFGS until its features are near the content's (squared error, in one layer) and their Gram matrices near
the style's (in some layers). Two networks to take features of are here; neither needs weights of others:

- ``random``, Ulyanov's: one layer of random convolutions over time, many and wide, bands being channels;
- ``trained``, the released code's way: a VGG-like network over the mel as a picture, its first stages for style and a late one
  for content. It takes VGG-19 as trained on photographs; here it is the trained sound classifier.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

STEPS = 300
FILTERS, WIDTH = 4096, 11
RANDOM_STYLE, RANDOM_CONTENT = 1.0, 1e-2
TRAINED_STYLE, TRAINED_CONTENT = 1e6, 1.0
CONTENT_STAGE = -2  # the last but one

Features = Callable[[Tensor], Sequence[Tensor]]


@dataclass(frozen=True)
class Way:
    """What statistics are taken of, and what they weigh.

    Attributes:
        features: mel (1, 1, 80, frames), 0-1 -> features (1, channels, …), layer by layer.
        content: which layer the content is compared in.
        style_weight, content_weight: of the two errors.
        mean: errors are means over elements, and Gram matrices are divided by how many features there are (the released code);
            otherwise sums, and by how many places there are (Ulyanov).
    """

    features: Features
    content: int
    style_weight: float
    content_weight: float
    mean: bool


def random_way(bands: int = 80, *, filters: int = FILTERS, width: int = WIDTH, seed: int = 0) -> Way:
    """Ulyanov's one layer.

    Args:
        bands: of the mels.
        filters: how many convolutions. width: of each, frames.
    """
    weights = torch.randn(filters, bands, width, generator=torch.Generator().manual_seed(seed))
    weights *= math.sqrt(2) * math.sqrt(2 / ((bands + filters) * width))

    def features(mel: Tensor) -> list[Tensor]:
        return [functional.conv1d(mel[:, 0], weights.to(mel)).relu()]  # (1, filters, frames - width + 1)

    return Way(features, 0, RANDOM_STYLE, RANDOM_CONTENT, mean=False)


def trained_way(layers: Features) -> Way:
    """Of a classifier's stages.

    Args:
        layers: mel (1, 1, 80, frames), from -1 to 1 -> what each stage ends with (``SoundClassifier.layers``).
    """

    def features(mel: Tensor) -> list[Tensor]:
        return list(layers(2 * mel - 1))

    return Way(features, CONTENT_STAGE, TRAINED_STYLE, TRAINED_CONTENT, mean=True)


def transferred(content: Tensor, style: Tensor, way: Way, *, steps: int = STEPS) -> Tensor:
    """The content's mel with the style's statistics.

    Args:
        content, style: float (1, 1, 80, frames), from -1 to 1.
        steps: how often the error is looked at, at most.

    Returns:
        the same shape, from -1 to 1.
    """
    content, style = (content + 1) / 2, (style + 1) / 2
    with torch.no_grad():
        kept = way.features(content)[way.content]
        grams = [_Gram(each, mean=way.mean) for each in way.features(style)]
    made = content.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([made], max_iter=steps, max_eval=steps, line_search_fn="strong_wolfe")

    def error() -> Tensor:
        optimizer.zero_grad()
        features = way.features(made)
        apart = (features[way.content] - kept).square()
        strange = torch.stack([gram.apart(each) for gram, each in zip(grams, features, strict=True)]).sum()
        loss = way.content_weight * (apart.mean() if way.mean else apart.sum()) + way.style_weight * strange
        loss.backward()
        return loss

    optimizer.step(error)
    return made.detach().clamp(0, 1) * 2 - 1


class _Gram:
    """The Gram matrix of some features, as far as others can be compared with it: with C channels at T places, the squared
    difference of two C x C matrices is made of T x T ones, and of many channels at few places that is far less work.

    Args:
        features: (1, C, …).
        mean: of ``Way``.
    """

    def __init__(self, features: Tensor, *, mean: bool) -> None:
        self._mean, self._flat = mean, features.flatten(2)[0]  # (C, T)
        channels, places = self._flat.shape
        self._scale = float(channels * places if mean else places)
        self._own = self._matrix(self._flat) if channels <= places else None
        self._norm = self._inner(self._flat, self._flat)

    def apart(self, features: Tensor) -> Tensor:
        """How far the Gram matrix of other features, of the same shape, is off: the squared errors' sum or mean."""
        flat = features.flatten(2)[0]
        if self._own is not None:
            total = (self._matrix(flat) - self._own).square().sum()
        else:
            total = self._inner(flat, flat) - 2 * self._inner(flat, self._flat) + self._norm
        return total / len(flat) ** 2 if self._mean else total

    def _matrix(self, flat: Tensor) -> Tensor:
        return flat @ flat.T / self._scale

    def _inner(self, one: Tensor, other: Tensor) -> Tensor:
        """The sum of the products of two Gram matrices' elements."""
        return (one.T @ other / self._scale).square().sum()
