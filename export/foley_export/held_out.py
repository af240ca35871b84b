"""Pairs of picture and sound that the network never saw: what a pack is proved, calibrated and measured with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.features import PictureFeatures, SoundFeatures
from foley_bridge.inference.recommendation_task import Calibration
from foley_export.errors import ExportError

Floats = NDArray[np.float32]
FEWEST = 16
PICTURE, SOUND = PictureFeatures(), SoundFeatures()


@dataclass(frozen=True)
class Pairs:
    """Pairs, one of each clip.

    Attributes:
        data: what they are of, as ``--data`` names it.
        pictures: float32 (n, 3, size, size).
        sounds: float32 (n, 1, mels, frames).
        labels: the clips' categories.
    """

    data: str
    pictures: Floats
    sounds: Floats
    labels: list[str]

    def __len__(self) -> int:
        return len(self.labels)


def pairs_of(
    data: str,
    split: str,
    most: int,
    *,
    picture: PictureFeatures = PICTURE,
    sound: SoundFeatures = SOUND,
    cache: Path | None = None,
) -> Pairs:
    """The pairs of a data set's split, ``most`` of them, evenly spread over it.

    Args:
        picture, sound: the features that are wanted.

    Raises:
        ModelError, ExportError: there is no such data, too little of it, or it has other features.
    """
    from foley_models.data import open_data

    opened = open_data(data, split=split, cache=cache, seed=0)
    if (opened.picture_features, opened.sound_features) != (picture, sound):
        raise ExportError(f"{data} has other features than the network was trained with", "train the network again")
    count = min(most, len(opened))
    if count < FEWEST:
        raise ExportError(
            f"{data}: {count} clips in its {split} split; at least {FEWEST} are wanted", "name other data with --calibrate"
        )
    chosen = [number * len(opened) // count for number in range(count)]
    drawn = [opened.test_pair(index) for index in chosen]
    pictures, sounds = (np.stack([np.asarray(pair[side], np.float32) for pair in drawn]) for side in (0, 1))
    return Pairs(data, pictures, sounds, [opened.labels[index] for index in chosen])


def calibrate(pictures: Floats, sounds: Floats, labels: Sequence[str]) -> Calibration:
    """Measure how far apart pairs and strangers are.

    Args:
        pictures, sounds: embeddings of pairs, (n, d).

    Raises:
        ExportError: pairs are no nearer than strangers, or all are of one category.
    """
    apart = distances(pictures, sounds)
    named = np.array(labels)
    strangers = named[:, None] != named[None, :]
    if not strangers.any():
        raise ExportError("all held-out clips are of one category: there is nothing to tell apart", "name other data")
    found = Calibration(float(np.median(np.diagonal(apart))), float(np.median(apart[strangers])))
    if not found.near < found.far:
        raise ExportError(
            f"this network does not tell pairs from strangers: {found.near:.4f} and {found.far:.4f} apart on held-out clips",
            "train it for longer, or name the data that it was trained for with --calibrate",
        )
    return found


def distances(pictures: Floats, sounds: Floats) -> NDArray[np.float64]:
    """Euclidean, all with all: (n, d) and (m, d) to (n, m)."""
    v, a = pictures.astype(np.float64), sounds.astype(np.float64)
    squared = (v**2).sum(axis=1)[:, None] + (a**2).sum(axis=1)[None, :] - 2 * v @ a.T
    return np.sqrt(np.maximum(squared, 0))


def found_in_top(tops: NDArray[np.int64]) -> float:
    """The share of pictures whose own sound is among the nearest, 0-1."""
    return float((tops == np.arange(len(tops))[:, None]).any(axis=1).mean())


def in_common(tops: NDArray[np.int64], others: NDArray[np.int64]) -> float:
    """How much of two lists of nearest sounds is the same, 0-1."""
    return float(np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(tops.tolist(), others.tolist(), strict=True)]))
