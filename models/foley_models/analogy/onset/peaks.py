"""From what the onset network says of each picture to onsets: the most probable first, and none beside it.

The authors' code does this a little differently, which changes what is found: it clears one picture less after an onset than
before it (positions p - 4 to p + 3), and the most probable picture is an onset however improbable it is, so that there is
always one. ``peaks`` can do that, too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.5
NEAREST = 4


def peaks(
    probabilities: NDArray[np.floating], *, threshold: float = THRESHOLD, nearest: int = NEAREST, as_published: bool = False
) -> NDArray[np.int64]:
    """Pictures in which something begins to sound, in their order.

    Args:
        probabilities: (pictures,), 0 to 1.
        threshold: an onset's is above it.
        nearest: two onsets are more than so many pictures apart.
        as_published: as the authors' code does it.
    """
    left = np.array(probabilities, np.float64)
    after = nearest if as_published else nearest + 1
    found: list[int] = []
    while left.size and (left.max() > threshold or (as_published and not found)):
        best = int(left.argmax())
        found.append(best)
        left[max(0, best - nearest) : best + after] = -np.inf
    return np.array(sorted(found), np.int64)
