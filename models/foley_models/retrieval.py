"""Top-k retrieval as Krishnamurthy, section 5.2, measures it: numpy only.

Of a list of sounds, each with a sample label that is its own and a category label that it may share, the k nearest to a
picture are recommended. A picture counts as right at sample level when one of them is among its true sounds, and at category
level when the category of one of them is among the categories of its true sounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_ROWS, _BLOCK = 1024, 8192  # pictures and segments whose distances are in memory at once: 64 MB


def nearest(pictures: Floats, sounds: Floats, k: int, *, starts: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """The k sounds nearest to each picture, by Euclidean distance.

    Equally near sounds follow each other in an order drawn once, which has to do neither with categories nor with pictures: a
    network for which everything is alike is at chance. What is no number is farthest.

    Args:
        pictures: float (n, d).
        sounds: float (m, d).
        k: fewer come where there are fewer sounds.
        starts: int (count,), ascending from 0, where sounds have several segments: the row of each sound's first one. A sound
            is as near as its nearest segment.

    Returns:
        int (n, min(k, count)): numbers of sounds, nearest first.
    """
    if starts is None:
        starts = np.arange(len(sounds))
    k = min(k, len(starts))
    turn = np.random.default_rng(0).permutation(len(starts))
    found = [_nearest(part, sounds, starts, turn, k) for part in _parts(np.asarray(pictures, np.float64), _ROWS)]
    return np.concatenate(found) if found else np.empty((0, k), np.int64)


def _nearest(
    pictures: NDArray[np.float64], sounds: Floats, starts: NDArray[np.int64], turn: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """Block by block: of each, only what is no farther than the k-th so far has to be sorted."""
    near = np.full((len(pictures), k), np.inf)
    which = np.full((len(pictures), k), -1)
    for first, last, apart in _distances(pictures, sounds, starts):
        hopeful = apart <= near[:, -1:]
        for row in np.flatnonzero(hopeful.any(axis=1)):
            inside = np.flatnonzero(hopeful[row])
            if len(inside) > k:  # leave out what k of this block alone are nearer than
                inside = inside[apart[row, inside] <= np.partition(apart[row, inside], k - 1)[k - 1]]
            before = which[row] >= 0
            all_near = np.concatenate([near[row, before], apart[row, inside]])
            all_which = np.concatenate([which[row, before], np.arange(first, last)[inside]])
            order = np.lexsort((turn[all_which], all_near))[:k]
            near[row, : len(order)], which[row, : len(order)] = all_near[order], all_which[order]
    return which


def _distances(pictures: NDArray[np.float64], sounds: Floats, starts: NDArray[np.int64]) -> Iterable[tuple[int, int, Any]]:
    """Of sounds ``first`` to ``last``: squared distances, (n, last - first)."""
    ends = np.append(starts[1:], len(sounds))
    own = np.square(pictures).sum(axis=1)[:, None]
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(ends, starts[first] + _BLOCK, side="right")))
        block = np.asarray(sounds[starts[first] : ends[last - 1]], np.float64)
        apart = own + np.square(block).sum(axis=1) - 2 * pictures @ block.T
        apart[np.isnan(apart)] = np.inf
        yield first, last, np.minimum.reduceat(apart, starts[first:last] - starts[first], axis=1)
        first = last


def _parts(rows: NDArray[np.float64], size: int) -> list[NDArray[np.float64]]:
    return [rows[first : first + size] for first in range(0, len(rows), size)]


def matches(
    recommended: NDArray[np.int64], labels: Sequence[str | None], truth: Sequence[AbstractSet[str]]
) -> NDArray[np.bool_]:
    """Is one of the recommended sounds' labels among the true ones?

    Args:
        recommended: as ``nearest`` gives them, (n, k).
        labels: of all sounds of the list, samples or categories; None matches nothing.
        truth: of each picture.

    Returns:
        (n,).
    """
    return np.array([any(labels[sound] in true for sound in top) for top, true in zip(recommended, truth, strict=True)], bool)


def chance(labels: Sequence[str | None], truth: Sequence[AbstractSet[str]], k: int) -> float:
    """The share of pictures that k sounds drawn from the list by lot would be right for."""
    frequent = Counter(labels)
    missed = [_all_missed(len(labels), sum(frequent[label] for label in true), k) for true in truth]
    return 1 - float(np.mean(missed))


def _all_missed(count: int, right: int, k: int) -> float:
    """How likely is it that none of ``right`` is among k of ``count``? The hypergeometric distribution's first number."""
    drawn = np.arange(min(k, count))
    return float(np.prod(np.maximum(count - right - drawn, 0) / (count - drawn)))
