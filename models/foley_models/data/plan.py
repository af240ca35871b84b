"""Which pairs make up an epoch's batches, in which order: a function of (seed, epoch)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foley_bridge.stage.scene import stream


class Rows(NamedTuple):
    """A batch to be read.

    Attributes:
        epoch: whose draws.
        indices: int64 (n,), clips.
        correlated: int64 (n,), 1 or 0.
    """

    epoch: int
    indices: NDArray[np.int64]
    correlated: NDArray[np.int64]

    def part(self, which: int, of: int) -> Rows:
        """The ``which``-th of ``of`` parts of equal size, of what can be shared out equally."""
        each = len(self.indices) // of
        mine = slice(which * each, (which + 1) * each)
        return Rows(self.epoch, self.indices[mine], self.correlated[mine])


def balanced(count: int, *, size: int, seed: int, epoch: int) -> list[Rows]:
    """Batches of one correlated and one uncorrelated pair in turn.

    In an epoch every clip has one of each, in different batches where there are several: a picture does not meet itself.

    Args:
        count: clips.
        size: pairs in a batch; one less where that is odd.
    """
    half = max(1, min(size // 2, count))
    order = stream(seed, "balanced", epoch).permutation(count)
    later = np.roll(order, -(count // 2))
    rows = []
    for first in range(0, count - half + 1, half):
        indices = np.stack([order[first : first + half], later[first : first + half]], axis=1).reshape(-1)
        rows.append(Rows(epoch, indices, np.tile([1, 0], half)))
    return rows


def contrastive(videos: list[list[int]], *, size: int, seed: int, epoch: int) -> list[Rows]:
    """Batches of correlated pairs, no two of one video.

    Videos give about as many clips each: none more in an epoch than the median, so that a long one is not alone in the end.

    Args:
        videos: the clips of each.
        size: pairs in a batch; fewer where there are fewer videos.
    """
    rng = stream(seed, "contrastive", epoch)
    most = int(np.median([len(clips) for clips in videos]))
    chosen = [rng.permutation(videos[place])[:most] for place in rng.permutation(len(videos))]
    dealt = np.concatenate(chosen)
    # a video's clips follow each other and are no more than there are batches: dealt in turn, no two meet
    many = max(most, len(dealt) // size)
    piles = [dealt[pile::many] for pile in range(many)]
    each = min(size, min(len(pile) for pile in piles))
    return [Rows(epoch, pile[:each], np.ones(each, np.int64)) for pile in piles]
