"""Where the sounds lie on a map: PCA to 50 dimensions, then t-SNE (scikit-learn's) to two, begun where PCA says.

Sounds that are alike lie together; how far apart unlike ones lie, and how large a cluster is, says little. t-SNE takes the
longer the more sounds there are, so of a large library as many as ``LAID_OUT`` are drawn by lot and laid out, and every
other sound is put where the ten of them lie that it is most like: at the median, so that none lands between two clusters.

All runs on one thread: sums that several threads share come out otherwise each time, and small differences grow.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from foley_bridge.library.mapping.neighbours import largest

LAID_OUT = 10_000  # sounds; a minute or so on one core
DIMENSIONS = 50
PERPLEXITY = 30.0
NEIGHBOURS = 10
_FEWEST = 5  # fewer sounds lie as PCA says
_STEPS = 1000  # of scikit-learn's t-SNE
_AT_ONCE = 1024
_MARGIN = 0.02
Floats = NDArray[np.float32]
Places = NDArray[np.int64]


def lay_out(
    vectors: Floats, seed: int, on_progress: Callable[[float], None] = lambda _: None, *, most: int = LAID_OUT
) -> NDArray[np.float64]:
    """Places on a map.

    Args:
        vectors: float32 (n, dimension), of length 1.
        seed: another one, another lot and another picture; the same gives the same bytes on the same machine.
        on_progress: told how far it is, 0-1.
        most: sounds laid out by t-SNE.

    Returns:
        float64 (n, 2), each 0-1; x goes right, y down.
    """
    import sklearn.manifold  # noqa: F401  # its threads can be limited once it is loaded

    with threadpool_limits(1):
        drawn = np.sort(np.random.default_rng(seed).permutation(len(vectors))[:most])
        share = len(drawn) / max(1, len(vectors))
        placed = _t_sne(_pca(vectors[drawn]), seed, lambda done: on_progress(done * (0.5 + share / 2)))
        if len(drawn) < len(vectors):
            placed = _others(vectors, drawn, placed, lambda done: on_progress(0.5 + share / 2 + done * (0.5 - share / 2)))
    return _fitted(placed)


def _pca(vectors: Floats) -> Floats:
    """The main directions first; each direction's sign is settled, so that no library of linear algebra chooses it."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :DIMENSIONS]
    largest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[largest, np.arange(directions.shape[1])])
    return np.asarray(centred @ directions, np.float32)


def _t_sne(vectors: Floats, seed: int, on_progress: Callable[[float], None]) -> NDArray[np.float64]:
    start = vectors[:, :2].astype(np.float64)
    spread = start[:, 0].std()
    if len(vectors) < _FEWEST or spread == 0:
        return start
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    begun = (start / spread * 1e-4).astype(np.float32)
    with contextlib.redirect_stdout(_Heard(on_progress)):
        placed = TSNE(init=begun, perplexity=perplexity, random_state=seed, verbose=2).fit_transform(vectors)
    return np.asarray(placed, np.float64)


class _Heard(io.TextIOBase):
    """Hears how far scikit-learn is: it tells nobody else than who reads what it prints."""

    def __init__(self, on_progress: Callable[[float], None]) -> None:
        self._on_progress = on_progress

    def write(self, text: str) -> int:
        if found := re.search(r"Iteration (\d+):", text):
            self._on_progress(min(1.0, int(found[1]) / _STEPS))
        return len(text)


def _others(
    vectors: Floats, drawn: Places, placed: NDArray[np.float64], on_progress: Callable[[float], None]
) -> NDArray[np.float64]:
    """Everybody's place, those of the drawn as they are."""
    everybody = np.empty((len(vectors), 2))
    everybody[drawn] = placed
    rest = np.setdiff1d(np.arange(len(vectors)), drawn, assume_unique=True)
    count = min(NEIGHBOURS, len(drawn))
    known = vectors[drawn].T
    for first in range(0, len(rest), _AT_ONCE):
        piece = rest[first : first + _AT_ONCE]
        near = largest(vectors[piece] @ known, count)
        everybody[piece] = np.median(placed[near], axis=1)
        on_progress((first + len(piece)) / len(rest))
    return everybody


def _fitted(placed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Into the unit square, with a margin, both directions to one scale."""
    low, high = placed.min(axis=0), placed.max(axis=0)
    size = float((high - low).max())
    if size == 0:
        return np.full(placed.shape, 0.5)
    return 0.5 + (placed - (low + high) / 2) / size * (1 - 2 * _MARGIN)
