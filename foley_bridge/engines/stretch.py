"""A stretch of picture as arrays: motion per second and place, cuts and repeated pictures taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foley_bridge.engines.motion import GRID, Step

CUT_LIKENESS, CUT_CHANGE, CUT_EXCESS = (
    0.55,
    12.0,
    3.0,
)  # layouts correlate less, levels change more, and that much more than around
MANY_REPEATS, SAME_CHANGE = 0.12, 0.1  # shares: of lone still steps in all; of the change around them


@dataclass(frozen=True, eq=False)
class Stretch:
    """Steps in order, n of them; no cut lies inside a step.

    Attributes:
        start, end: float (n,), seconds.
        energy, across, down: float (n, rows, columns), as in ``Step`` but per second.
        turn: float (n,), per second; what turned back at ``start``.
        shot: int (n,), rising by one at each cut.
    """

    start: np.ndarray
    end: np.ndarray
    energy: np.ndarray
    across: np.ndarray
    down: np.ndarray
    turn: np.ndarray
    shot: np.ndarray


def stretch_of(steps: Sequence[Step]) -> Stretch:
    """Consecutive steps as arrays; may be empty."""
    start = np.array([s.start_s for s in steps])
    end = np.array([s.end_s for s in steps])
    energy = np.array([s.energy for s in steps]).reshape(-1, *GRID)
    across = np.array([s.across for s in steps]).reshape(-1, *GRID)
    down = np.array([s.down for s in steps]).reshape(-1, *GRID)
    cut = _cuts(steps)
    shot = np.cumsum(cut)
    keep = ~cut
    repeated = _repeated(energy.mean(axis=(1, 2)), np.array([s.change for s in steps]), cut)
    start[np.flatnonzero(repeated) + 1] = start[repeated]
    keep &= ~repeated
    turn = np.array([s.turn for s in steps])[keep]
    length = np.maximum(end - start, 1e-3)[keep, None, None]
    return Stretch(
        start[keep],
        end[keep],
        energy[keep] / length,
        across[keep] / length,
        down[keep] / length,
        turn / length[:, 0, 0],
        shot[keep],
    )


def _cuts(steps: Sequence[Step]) -> np.ndarray:
    """bool (n,): told, or seen as a change of layout far larger than the changes around it."""
    change = np.array([s.change for s in steps])
    out = np.array([s.cut for s in steps])
    for k, step in enumerate(steps):
        if step.likeness < CUT_LIKENESS and step.change > CUT_CHANGE:
            around = np.concatenate([change[max(0, k - 4) : k], change[k + 1 : k + 5]])
            out[k] |= len(around) > 0 and step.change > CUT_EXCESS * np.median(around) + 1
    return out


def _repeated(motion: np.ndarray, change: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """bool (n,): steps between a picture and its own repeat (12 a second shown at 24, telecine, 24 made 25). Only lone ones
    between moving ones, and only where there are many or the two pictures are all but identical: else it may be a moment of
    rest."""
    moving = motion[motion > 0.02]
    still = motion < 0.03 * (np.median(moving) if len(moving) else 1.0)
    lone = np.zeros(len(motion), bool)
    lone[1:-1] = still[1:-1] & ~still[:-2] & ~still[2:] & ~cut[1:-1] & ~cut[2:]
    if lone.sum() >= MANY_REPEATS * len(motion):
        return lone
    lone[1:-1] &= change[1:-1] < SAME_CHANGE * np.minimum(change[:-2], change[2:])
    return lone
