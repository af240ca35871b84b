"""Where things move in a picture, and where they have come to rest: what strokes and textures both go by."""

from __future__ import annotations

import numpy as np


def bouts(moving: np.ndarray, *, on: float, off: float, shortest_rest: int) -> list[tuple[int, int]]:
    """Stretches of motion: (first step, one past the last), in order.

    Args:
        moving: float (n,), how much moves at each step.
        on: a bout begins above this.
        off: it ends below this; at most ``on``.
        shortest_rest: in steps; bouts less than this apart are one.
    """
    found: list[tuple[int, int]] = []
    above, below = np.flatnonzero(moving > on), np.flatnonzero(moving < off)
    position = 0
    while (k := int(np.searchsorted(above, position))) < len(above):
        first = int(above[k])
        k = int(np.searchsorted(below, first))
        last = int(below[k]) if k < len(below) else len(moving)
        if found and first - found[-1][1] < shortest_rest:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
        position = last
    return found


def first_rest(moving: np.ndarray, *, resting: float, shortest: int) -> int | None:
    """The step in the middle of the first ``shortest`` steps of rest; None when it never rests.

    What lies before the first step and after the last counts as going on like these: half of ``shortest`` is enough there.

    Args:
        moving: float (n,), how much moves at each step.
        resting: below this, things have come to rest.
        shortest: in steps; an odd number.
    """
    if not len(moving):
        return None
    half = shortest // 2
    around = np.pad(moving, half, mode="edge")
    found = bouts(around, on=resting, off=resting, shortest_rest=shortest)
    edges = [0, *(edge for bout in found for edge in bout), len(around)]
    return next((a for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= shortest), None)
