"""What a map is made of: every embedded sound with one point, the mean of its segments made length 1, and what is told of it.

Banned sounds are left out, as searches leave them out. Sounds come in the order of their ids, whatever way the library came
to be, so that the same library gives the same map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import LibraryError
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.nearest import EXACT_UP_TO
from foley_bridge.library.segments import TAKEN_AT_ONCE, Held, content_of
from foley_bridge.library.store import Store

_COLUMNS = ["id", "name", "cat_id", "category", "subcategory", "cat_from", "duration_s", "banned", "fingerprint"]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Told:
    """What a map tells of a sound.

    Attributes:
        cat_id, category, subcategory: UCS; empty when nothing is known.
        guessed: the category was guessed from words.
    """

    id: str
    name: str
    cat_id: str
    category: str
    subcategory: str
    guessed: bool
    duration_s: float


@dataclass(frozen=True)
class Points:
    """The sounds of a map.

    Attributes:
        sounds: by id.
        vectors: float32 (n, dimension), a point for each, of length 1.
        total: how many sounds the library has that are not banned; those without a point are not embedded.
    """

    sounds: list[Told]
    vectors: Floats
    total: int


def read(catalogue: Catalogue, space: str, on_progress: Callable[[float], None] = lambda _: None) -> Points:
    """The embedded sounds of a library.

    Args:
        space: of the pack in use.
        on_progress: told how much is read, 0-1.

    Raises:
        LibraryError: no sound has segments in this space.
    """
    rows = [row for row in Store(catalogue.folder).columns(_COLUMNS).to_pylist() if not row["banned"]]
    rows.sort(key=lambda row: str(row["id"]))
    segments = catalogue.segments(space).table
    contents, means = segments.on_newest(lambda held: _means(held, on_progress)) if segments.there() else _NOTHING
    wanted = np.array([content_of(row["fingerprint"]) for row in rows], np.int64)
    place = np.minimum(np.searchsorted(contents, wanted), max(len(contents) - 1, 0))
    there = np.flatnonzero(contents[place] == wanted) if len(contents) else np.empty(0, np.int64)
    if not len(there):
        raise LibraryError(
            f"{catalogue.folder}: its sounds are not embedded for the pack in use", "embed them with foley-bridge library embed"
        )
    return Points([_told(rows[each]) for each in there], means[place[there]], len(rows))


_NOTHING = np.empty(0, np.int64), np.empty((0, 0), np.float32)


def _means(held: Held, on_progress: Callable[[float], None]) -> tuple[NDArray[np.int64], Floats]:
    """The contents, and the mean of each one's segments made length 1."""
    sums: NDArray[np.float64] | None = None
    for first in range(0, len(held), TAKEN_AT_ONCE):
        places = np.arange(first, min(first + TAKEN_AT_ONCE, len(held)))
        piece = next(held.points_at(places, keep=len(held) <= EXACT_UP_TO))
        sums = np.zeros((len(held.contents), piece.shape[1])) if sums is None else sums
        np.add.at(sums, held.code[places], piece)
        on_progress((first + len(places)) / len(held))
    if sums is None:
        return _NOTHING
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return held.contents, (sums / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)


def _told(row: dict[str, Any]) -> Told:
    return Told(
        id=row["id"],
        name=row["name"],
        cat_id=row["cat_id"],
        category=row["category"],
        subcategory=row["subcategory"],
        guessed=row["cat_from"] == "guess",
        duration_s=row["duration_s"],
    )
