"""Sounds of a library that lie nearest to some points, with their distances: a search by what is shown, and nothing else."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.finding import Shown, find
from foley_bridge.library.sound import LibrarySound


class Near(NamedTuple):
    """A sound, the Euclidean distance of its best segment, and where in the sound that starts."""

    sound: LibrarySound
    distance: float
    start_s: float


def nearest_to(catalogue: Catalogue, space: str, points: NDArray[np.float32], **conditions: Any) -> list[Near]:
    """Nearest first. conditions: as ``find`` takes them."""
    near = []
    for hit in find(catalogue, "", Shown(space, points, lambda distance: 1 - distance / 2), **conditions):
        assert hit.picture is not None and hit.start_s is not None
        near.append(Near(hit.sound, 2 * (1 - hit.picture), hit.start_s))
    return near
