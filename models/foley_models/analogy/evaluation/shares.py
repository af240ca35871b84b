"""Measured values as shares with 95 % intervals: a bootstrap over targets, since pairs of one target are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from foley_models.bootstrap import resampled

Doubles = NDArray[np.float64]
DRAWS = 10_000
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class Share:
    """A mean of values, and where 95 % of the draws have it.

    Attributes:
        mean, low, high: 0-1.
        pairs, targets: over how many.
    """

    mean: float
    low: float
    high: float
    pairs: int
    targets: int

    def above(self, other: Share) -> bool:
        """Is it more, and do the intervals not touch?"""
        return self.low > other.high


@dataclass(frozen=True)
class Row:
    """A system in the table.

    Attributes:
        system: a key of ``table.ROWS``.
        run: how its run is called; None: it has none.
        trained: what the run says of its training.
        shares: by ``Column.key``; what was not measured is not there.
    """

    system: str
    run: str | None
    trained: Mapping[str, object] = field(default_factory=dict)
    shares: Mapping[str, Share] = field(default_factory=dict)


def share(values: Doubles, targets: Sequence[int], *, draws: int = DRAWS) -> Share | None:
    """The mean of some pairs' values.

    Args:
        values: float64 (pairs,); not a number where a pair does not count.
        targets: whose pair each is.

    Returns:
        None where no pair counts. The draws are the same for all systems with the same targets.
    """
    counted = np.isfinite(values)
    if not counted.any():
        return None
    which = np.unique(np.asarray(targets)[counted], return_inverse=True)[1]
    sums = np.bincount(which, weights=values[counted]).astype(np.float64)
    counts = np.bincount(which).astype(np.float64)
    drawn = resampled({"share": sums[None]}, counts, draws=draws)["share"]
    low, high = np.percentile(drawn, INTERVAL)
    return Share(float(values[counted].mean()), float(low), float(high), int(counted.sum()), len(counts))
