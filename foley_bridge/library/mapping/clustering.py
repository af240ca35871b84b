"""How far the sounds of a category really lie together: what share of each sound's ten nearest have its category, beside
chance; and where on a map a category's name stands.

Nearest is meant among the points themselves, not on the map, which shows two of their dimensions' worth. Sounds of one
recording session are often both alike and filed alike; that is counted, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from foley_bridge.library.mapping.neighbours import largest
from foley_bridge.library.mapping.points import Floats

NEAREST = 10
ASKED = 10_000  # sounds whose nearest are looked at; of more as many are drawn by lot
_AT_ONCE = 256
_RADIUS = 0.03  # of the map: what a name stands for lies within
_NAMES = 3  # at most, for a category that lies in several places
_LEAST = 3  # sounds that lie close are worth a name
_FEW = 50  # sounds on a map: there each category is named
_AGAIN = 5  # and at a second place
_WORTH = 0.15  # of a category must lie at its second place
_LOOKED_AT = 3000  # of a category's sounds


@dataclass(frozen=True)
class Kind:
    """A category: how many sounds it has, how many of those were asked, the share of their nearest that are of it, and what
    chance would give. Shares are None when none was asked."""

    category: str
    sounds: int
    asked: int
    share: float | None
    chance: float


@dataclass(frozen=True)
class Clustering:
    """How far categories lie together; sounds without a category are left out.

    Attributes:
        nearest: how many nearest of each sound were looked at; fewer than ten in a library of fewer than eleven.
        asked: of how many sounds.
        share, chance: over all asked, 0-1; None when none was.
        kinds: the categories, those of most sounds first.
    """

    nearest: int
    asked: int
    share: float | None
    chance: float | None
    kinds: list[Kind]


@dataclass(frozen=True)
class Name:
    """Where a category's name stands on a map: x and y 0-1, and about how many of its sounds lie there."""

    category: str
    x: float
    y: float
    sounds: int


def clustering(
    vectors: Floats, categories: Sequence[str], seed: int, on_progress: Callable[[float], None] = lambda _: None
) -> Clustering:
    """How far the sounds of a category lie together.

    Args:
        vectors: float32 (n, dimension), of length 1.
        categories: of each; empty for none.
        seed: of the lot.
        on_progress: told how far it is, 0-1.
    """
    filed = np.flatnonzero(np.array([bool(each) for each in categories], bool))
    vectors = vectors[filed]
    own = [categories[each] for each in filed.tolist()]
    labels, code, sizes = np.unique(np.array(own, np.str_), return_inverse=True, return_counts=True)
    count = min(NEAREST, len(filed) - 1)
    asked = np.sort(np.random.default_rng(seed).permutation(len(filed))[:ASKED]) if count > 0 else np.empty(0, np.int64)
    shares = np.empty(len(asked))
    with threadpool_limits(1):  # products by several threads may round otherwise, and near ones change places
        for first in range(0, len(asked), _AT_ONCE):
            piece = asked[first : first + _AT_ONCE]
            likeness = vectors[piece] @ vectors.T
            likeness[np.arange(len(piece)), piece] = -np.inf
            near = largest(likeness, count)
            shares[first : first + len(piece)] = (code[near] == code[piece, None]).mean(axis=1)
            on_progress((first + len(piece)) / len(asked))
    chances = (sizes - 1) / max(1, len(filed) - 1)
    of = code[asked]
    kinds = []
    for place in np.lexsort((labels, -sizes)):
        told = shares[of == place]
        share = float(told.mean()) if len(told) else None
        kinds.append(Kind(str(labels[place]), int(sizes[place]), len(told), share, float(chances[place])))
    share, chance = (float(shares.mean()), float(chances[of].mean())) if len(asked) else (None, None)
    return Clustering(max(0, count), len(asked), share, chance, kinds)


def names(placed: NDArray[np.float64], categories: Sequence[str]) -> list[Name]:
    """Where the categories' names stand: where most of a category's sounds lie close, then where most of the others do.

    Args:
        placed: float64 (n, 2), 0-1.
        categories: of each; empty for none.

    Returns:
        those for most sounds first.
    """
    from scipy.spatial import KDTree

    found = []
    least = _LEAST if len(placed) > _FEW else 1
    code = np.array(categories, np.str_)
    for category in sorted({*categories} - {""}):
        own = placed[code == category]
        each = -(-len(own) // _LOOKED_AT)
        own = own[::each]
        all_of_it = len(own)
        for number in range(_NAMES):
            if not len(own):
                break
            tree = KDTree(own)
            counts = tree.query_ball_point(own, _RADIUS, return_length=True)
            fullest = own[int(counts.argmax())]
            if counts.max() < (max(_AGAIN, _WORTH * all_of_it) if number else least):
                break
            at = own[tree.query_ball_point(fullest, _RADIUS)].mean(axis=0)
            found.append(Name(category, float(at[0]), float(at[1]), each * int(counts.max())))
            own = own[np.linalg.norm(own - fullest, axis=1) > 3 * _RADIUS]
    return sorted(found, key=lambda name: (-name.sounds, name.category, name.x))
