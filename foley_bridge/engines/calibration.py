"""From candidates to confidences, and to the statement that a region has no onsets to rely on.

A confidence is a probability: of onsets given 0.6, six in ten should sound within 0.1 s of where they lie. The weights below
are a logistic fit over five numbers a candidate, made on synthetic strikes and on turned, cropped, shaken, re-timed copies of
real ones (docs/onsets.md has the data and the figures); there are no others. Found footage is harder than any of that: sound
lags the picture by up to 0.13 s, blows happen outside the frame. So the fitted probability is drawn in towards what has been
reached there; even the clearest contact gets no more than ``CEILING``, and the faintest candidate among moving things no less
than chance gives it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foley_bridge.engines.novelty import Candidate

WEIGHTS = (-6.87, 1.35, 2.4, 1.5, 1.13)  # of: 1, log score, likeness, dominance, level
LEVELS = (1.0, 3.5)  # the range of levels the fit has seen
FLOOR, CEILING = 0.10, 0.80
STILL_ENERGY = 20.0  # grid energy per second below which nothing is said to move
SURE_ENOUGH = 0.55  # the mean evidence of a region's best candidates must reach this
PLENTY_LEVEL, FAINT_COST = 2.95, 1.2  # before a moving camera: the less moves, the surer they must be,
CLEAR_RISE = 1.4  # unless motion rises this far (decades) over the region's quiet moments: faint then, but clear
CAMERA_SHARE = 0.3  # a camera that moves in this share of the pictures is a moving one
BEST_PER_S, FEWEST = 0.8, 3  # how many count as the best
LEAST = ((0.0, 0.78), (0.5, 0.275), (1.0, 0.12))  # sensitivity -> least confidence


def evidence(candidates: Sequence[Candidate]) -> np.ndarray:
    """The logistic fit itself, before it is drawn in: float (n,), 0-1."""
    rows = [(1.0, np.log(c.score + 0.05), c.likeness, c.dominance, min(max(c.level, LEVELS[0]), LEVELS[1])) for c in candidates]
    return 1 / (1 + np.exp(-np.array(rows, float).reshape(-1, 5) @ np.array(WEIGHTS)))


def confidence(evidence: np.ndarray) -> np.ndarray:
    """Calibrated for found footage: float (n,), between ``FLOOR`` and ``CEILING``."""
    return FLOOR + (CEILING - FLOOR) * evidence


def threshold(sensitivity: float) -> float:
    """The least confidence an onset needs: 0.78 at sensitivity 0, 0.275 at 0.5, 0.12 at 1, straight lines between."""
    at, least = zip(*LEAST, strict=True)
    return float(np.interp(sensitivity, at, least))


def least_sensitivity(confidence: np.ndarray) -> np.ndarray:
    """The least sensitivity whose threshold a confidence reaches, 0-1: float (n,), rounded up to a millionth, so that it surely
    does. 1 also for what no sensitivity lets count."""
    at, least = zip(*reversed(LEAST), strict=True)
    exact = np.interp(confidence, least, at)
    return np.where(exact > 0, np.minimum(1.0, np.ceil(exact * 1e6 + 0.001) / 1e6), 0.0)


def judge(
    candidates: Sequence[Candidate],
    evidence: np.ndarray,
    *,
    duration_s: float,
    quiet: float,
    stillness: float,
    roaming: float,
    sensitivity: float,
) -> tuple[bool, str]:
    """Whether a region's onsets can be relied on, and if not, why (one sentence for a person).

    Args:
        duration_s: of the region.
        quiet: the region's quiet level, log10 of grid energy per second (its lowest fifth of pictures lies below).
        stillness: share of the region in which nothing moves, 0-1.
        roaming: share of its pictures before which the camera moved, 0-1.
        sensitivity: 0-1; lowers the bar by 40 % at 1, raises it by as much at 0.
    """
    if not len(candidates):
        return False, "nothing moves in this picture" if stillness > 0.95 else "nothing in this picture stops or turns sharply"
    best = np.argsort(-evidence, kind="stable")[: max(FEWEST, int(BEST_PER_S * duration_s))]
    level = float(np.mean([candidates[i].level for i in best]))
    unclear = 1 - min(max((level - quiet) / CLEAR_RISE, 0.0), 1.0)
    faint = max(0.0, PLENTY_LEVEL - level) * min(1.0, roaming / CAMERA_SHARE)
    bar = SURE_ENOUGH + FAINT_COST * faint * unclear
    if float(evidence[best].mean()) >= bar * (1.4 - 0.8 * sensitivity):
        return True, ""
    if stillness > 0.95:
        return False, "hardly anything moves in this picture"
    if level < PLENTY_LEVEL:
        return False, "what moves here is too faint to tell contacts from noise or the camera"
    return False, "the motion here has no clear contacts: it flows, or its stops differ too much from each other"
