"""Paired bootstrap: is one system better than another, or might other test items or other seeds have told the opposite?

Each draw takes as many test items as there are, with replacement, the same for all systems: what is hard for one is mostly
hard for the other, and only the difference counts. Where a system was trained several times, each draw also takes runs of it,
with replacement: each system's on its own, since runs of one seed have nothing in common but its number; and one less than
there are, since of so few, as many as there are would vary too little (by a fifth of the variance, of five). A single run
says nothing of other seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.stage.scene import stream

Doubles = NDArray[np.float64]
SIGNIFICANT = 0.05
HOLDS, DOES_NOT, UNDECIDED = "holds", "does not", "undecided"
_AT_ONCE = 1 << 22  # numbers drawn at once


@dataclass(frozen=True)
class Compared:
    """What draws say about a difference.

    Attributes:
        difference: as measured, of the means over runs.
        low, high: its 95 % interval.
        p: two-sided: how often a draw has no such difference, or the opposite one, twice.
    """

    difference: float
    low: float
    high: float
    p: float

    @property
    def verdict(self) -> str:
        """Is the difference positive: ``HOLDS``, ``DOES_NOT`` (it is negative) or ``UNDECIDED``?"""
        if self.p >= SIGNIFICANT:
            return UNDECIDED
        return HOLDS if self.difference > 0 else DOES_NOT

    def to_json(self) -> dict[str, Any]:
        """With the verdict."""
        return {
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "p": self.p,
            "verdict": self.verdict,
        }


def resampled(right: Mapping[str, Doubles], counts: Doubles, *, draws: int, seed: int = 0) -> dict[str, Doubles]:
    """Each system's share of what is right, in each draw.

    Args:
        right: of each system, (runs, items): in how many of an item's trials it was right.
        counts: (items,): how many trials each item has. What belongs together (pairs of one video) is one item.
        draws: how many.

    Returns:
        of each system, (draws,), for ``compared``: element by element of the same items.
    """
    items, runs = len(counts), np.concatenate([np.atleast_2d(rows) for rows in right.values()])
    rng, size = stream(seed, "items"), max(1, _AT_ONCE // items)
    shares = []
    for first in range(0, draws, size):
        times = rng.multinomial(items, np.full(items, 1 / items), size=min(size, draws - first)).astype(float)
        shares.append((times @ runs.T) / (times @ counts)[:, None])
    share = np.concatenate(shares)
    drawn: dict[str, Doubles] = {}
    first = 0
    for name, rows in right.items():
        count = len(np.atleast_2d(rows))
        chosen = stream(seed, "runs", name).integers(count, size=(draws, max(1, count - 1)))
        drawn[name] = np.take_along_axis(share[:, first : first + count], chosen, axis=1).mean(axis=1)
        first += count
    return drawn


def compared(difference: float, one: Doubles, other: Doubles) -> Compared:
    """Is ``one`` more than ``other``?

    Args:
        difference: as measured.
        one, other: of ``resampled``.
    """
    differences = one - other
    low, high = np.percentile(differences, [2.5, 97.5])
    against = min(int((differences <= 1e-12).sum()), int((differences >= -1e-12).sum()))
    p = min(1.0, 2 * (against + 1) / (len(differences) + 1))
    return Compared(difference, float(low), float(high), p)
