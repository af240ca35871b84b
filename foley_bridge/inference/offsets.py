"""The paper's re-ranking rule (Du et al., section 3.3): of many sounds made for one picture, those that fit it best in time.

Of all sounds, those are kept whose offset from the picture is at most the smallest one plus a tolerance; of these, the one is
taken whose offset is surest. There always is one. Training's evaluation and the engine share this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.features import Floats

TOLERANCE_S = 0.2
"""The authors' tau: one step of SparseSync's offsets. Of what our network scores, whose steps are 0.05 s, a smaller one chooses
mostly the same, and none is better (docs/benchmarks.md, "Re-ranking")."""
ROUNDING_S = 1e-6  # offsets that are equal but for rounding are equal


class Scores(NamedTuple):
    """Of sounds beside one picture.

    Attributes:
        offsets_s: float64 (k,), the most probable offset of each; above 0: the sound comes late.
        confidences: float64 (k,), how probable it is.
    """

    offsets_s: NDArray[np.float64]
    confidences: NDArray[np.float64]


def decided(logits: Floats, offsets_s: Sequence[float]) -> Scores:
    """What a synchronisation network says, as offsets and confidences.

    Args:
        logits: (k, classes).
        offsets_s: what the classes mean.
    """
    weights = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return Scores(
        np.array(offsets_s, np.float64)[logits.argmax(axis=1)], weights.max(axis=1, initial=0.0) / weights.sum(axis=1)
    )


def order(scores: Scores, tolerance_s: float = TOLERANCE_S) -> NDArray[np.int64]:
    """Numbers of the sounds, the one that the rule takes first.

    First come those that the rule keeps, the surest first; then the others, the smallest offset first and of equal ones the
    surest. Of sounds that are equal in all this, the first is first.

    Args:
        tolerance_s: 0 or more.

    Returns:
        int64 (k,).
    """
    away = np.rint(np.abs(scores.offsets_s) / ROUNDING_S)
    kept = away <= away.min(initial=np.inf) + np.rint(tolerance_s / ROUNDING_S)
    return np.lexsort((-scores.confidences, np.where(kept, 0.0, away), ~kept))
