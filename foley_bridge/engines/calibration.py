"""From candidates to confidences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foley_bridge.engines.novelty import Candidate

STILL_ENERGY = 20.0
COEFFICIENTS = (-3.0, 1.6, 1.0, 1.0, 0.0)


def features(candidates: Sequence[Candidate]) -> np.ndarray:
    """float (n, 5): 1, log score, likeness, dominance, level."""
    rows = [(1.0, np.log(c.score + 0.05), c.likeness, c.dominance, c.level) for c in candidates]
    return np.array(rows, float).reshape(-1, 5)


def confidence(candidates: Sequence[Candidate]) -> np.ndarray:
    return 1 / (1 + np.exp(-features(candidates) @ np.array(COEFFICIENTS)))


def threshold(sensitivity: float) -> float:
    return float(0.9 * (1 - sensitivity))


def judge(
    candidates: Sequence[Candidate], confidence: np.ndarray, stillness: float, sensitivity: float
) -> tuple[bool, str]:
    if not len(candidates):
        return False, "nothing in the picture stops or turns sharply"
    return True, ""
