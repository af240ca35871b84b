"""A folder of sounds in one pack's space: which of them lie nearest to some pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import FoleyError
from foley_bridge.inference.encoders import Encoders
from foley_bridge.library.walk import walk
from foley_bridge.media.audio import load, probe
from foley_export.errors import ExportError
from foley_export.held_out import distances

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Found:
    """A sound that a pack found.

    Attributes:
        path: of its file.
        start_s: where in it the nearest segment begins.
        distance: Euclidean, of that segment and the nearest of the pictures.
    """

    path: Path
    start_s: float
    distance: float


class Sounds:
    """The segments of a folder's sounds.

    Args:
        encoders: of one pack.
    """

    def __init__(self, encoders: Encoders) -> None:
        self._encoders = encoders
        self._paths: list[Path] = []
        self._starts: list[NDArray[np.float32]] = []
        self._vectors: list[NDArray[np.float32]] = []

    def add(self, path: Path, samples: NDArray[np.float32], sample_rate: int) -> None:
        """Embed one sound."""
        starts, vectors = self._encoders.embed_sounds(samples, sample_rate)
        self._paths.append(path)
        self._starts.append(starts)
        self._vectors.append(vectors)

    def nearest(self, images: Sequence[Image], top: int) -> list[Found]:
        """The sounds nearest to a region's pictures: to their mean or to any one of them, each sound by its best segment."""
        pictures = self._encoders.embed_pictures(images)
        mean = pictures.mean(axis=0)
        asked = np.concatenate([mean[None] / np.linalg.norm(mean), pictures]).astype(np.float32)
        best = []
        for path, starts, vectors in zip(self._paths, self._starts, self._vectors, strict=True):
            apart = distances(asked, vectors).min(axis=0)
            segment = int(apart.argmin())
            best.append(Found(path, float(starts[segment]), float(apart[segment])))
        return sorted(best, key=lambda found: (found.distance, str(found.path)))[:top]


def embed_folder(folder: Path, packs: Sequence[Encoders], note: Callable[[str], None]) -> list[Sounds]:
    """All sounds of a folder, and of the folders in it, in the space of each pack.

    Args:
        note: is told of each sound that cannot be read.

    Raises:
        ExportError: there is none.
    """
    held = [Sounds(encoders) for encoders in packs]
    count = 0
    for name in walk([folder], lambda seen: None).files:
        path = Path(name)
        try:
            rate = probe(path).sample_rate
            samples = load(path, mono=True)[:, 0]
        except FoleyError as error:
            note(f"{path}: left out: {error.message}")
            continue
        for sounds in held:
            sounds.add(path, samples, rate)
        count += 1
    if not count:
        raise ExportError(f"{folder}: there is no sound in it that can be read", "name a folder of sounds with --sounds")
    return held
