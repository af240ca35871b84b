"""How fast a run learns, and when it has learnt enough: functions of the step and of the validation losses until now.

Nothing here has a state of its own, so a run that goes on after a break cannot differ from one that had none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

SCHEDULES = ("plateau", "cosine", "constant")
DECAY = 0.1


def learning_rate(
    schedule: str, first: float, *, step: int, steps: int | None, losses: Sequence[float], decay_after: int
) -> float:
    """Of one step.

    Args:
        schedule: ``plateau``: a tenth after each ``decay_after`` validations without gain; ``cosine``: half a cosine from
            ``first`` down to 0 at ``steps``; ``constant``.
        first: learning rate of the first step.
        step: from 0.
        steps: in all; None where there is no end (``cosine`` has one).
        losses: of the validations until now.
    """
    if schedule == "cosine":
        assert steps is not None
        return first * (1 + math.cos(math.pi * min(step / steps, 1))) / 2
    return first * DECAY ** decays(losses, decay_after) if schedule == "plateau" else first


def decays(losses: Sequence[float], after: int) -> int:
    """How often ``after`` validations in a row brought no gain; each time the count begins anew."""
    best, waited, count = math.inf, 0, 0
    for loss in losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited == after:
            waited, count = 0, count + 1
    return count


def without_gain(losses: Sequence[float]) -> int:
    """How many validations there were since the best one."""
    return len(losses) - 1 - losses.index(min(losses)) if losses else 0
