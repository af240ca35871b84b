"""The sounds whose segments lie nearest to some points: exactly where there are few segments, by an index where many.

A sound counts with its best segment. What the search must leave out is left out before the nearest are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foley_bridge.library.segments import Held, Places

EXACT_UP_TO = 200_000  # segments, 100 MB of points in memory; of more the index is asked (benchmarks/nearest.py)
READ_UP_TO = 10_000  # segments that are allowed, of more in all: these are read, which is as fast as asking the index
EACH = 8  # segments looked at for each sound wanted, to begin with
_MORE = 4  # times as many are asked for when they were too few sounds
_MOST_BY_INDEX = 50_000  # segments asked of the index; whoever wants more goes through all of them
Floats = NDArray[np.float32]


class Best(NamedTuple):
    """The nearest segment of a sound: its place, and its distance."""

    place: int
    distance: float


def nearest(held: Held, points: Floats, allowed: NDArray[np.bool_], wanted: int) -> list[Best]:
    """The best segments of so many different contents, nearest first; equally near ones by their place.

    Args:
        points: float32 (q, dimension), each of length 1; the nearest to any of them.
        allowed: for each content of ``held`` whether it may be found.
        wanted: at most as many.
    """
    among = np.flatnonzero(allowed[held.code])
    if not len(among) or not len(points):
        return []
    if len(held) > EXACT_UP_TO and len(among) > READ_UP_TO:
        share = len(among) / len(held)
        found = _by_index(held, points, allowed, wanted, share)
        if found is not None:
            return found
    return _grouped(held, _exactly(held, points, among), wanted, len(among))


def _by_index(held: Held, points: Floats, allowed: NDArray[np.bool_], wanted: int, share: float) -> list[Best] | None:
    """None when the index does not go far enough: too few of what it finds are allowed."""

    def ask(count: int) -> tuple[Places, Floats]:
        places, squares = held.by_index(points, min(len(held), int(count / share)))
        kept = allowed[held.code[places]]
        return places[kept], np.sqrt(np.maximum(squares[kept], 0))

    most = int(_MOST_BY_INDEX * share)
    found = _grouped(held, ask, wanted, most)
    return found if len(found) == wanted else None


def _exactly(held: Held, points: Floats, among: Places) -> Callable[[int], tuple[Places, Floats]]:
    """What answers with the nearest segments of those at the places ``among``."""
    kept = len(held) <= EXACT_UP_TO
    likeness = np.concatenate([(piece @ points.T).max(axis=1) for piece in held.points_at(among, keep=kept)])

    def ask(count: int) -> tuple[Places, Floats]:
        first = among[np.argpartition(-likeness, count - 1)[:count]] if count < len(among) else among
        distances = np.concatenate([_distances(piece, points) for piece in held.points_at(first, keep=kept)])
        return first, distances

    return ask


def _distances(piece: Floats, points: Floats) -> Floats:
    """From each of a piece to the nearest of the points: not by way of products, which blur small distances."""
    distances = np.full(len(piece), np.inf, np.float32)
    for point in points:
        distances = np.minimum(distances, np.linalg.norm(piece - point, axis=1))
    return distances


def _grouped(held: Held, ask: Callable[[int], tuple[Places, Floats]], wanted: int, most: int) -> list[Best]:
    """The best segment of each content, asking for more segments while they are of too few contents."""
    count = EACH * wanted
    while True:
        places, distances = ask(min(count, most))
        order = np.lexsort((places, distances))
        firsts = np.unique(held.code[places[order]], return_index=True)[1]
        best = order[np.sort(firsts)[:wanted]]
        if len(firsts) >= wanted or count >= most:
            return [Best(int(places[each]), float(distances[each])) for each in best]
        count *= _MORE
