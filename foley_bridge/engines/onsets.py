"""Find the moments of visible contact in a region's picture, without trained weights.

Pictures become coarse motion (`motion`), motion becomes candidates (`novelty`), candidates become onsets with a calibrated
confidence, or the statement that there are none to rely on (`calibration`). All of it streams: motion is looked at in
overlapping windows of half a minute, and beyond a window only a few numbers per candidate and per picture are kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from foley_bridge.engines import calibration, motion
from foley_bridge.engines.candidate import Curve, Detection, Moment, MotionFrame, Onset
from foley_bridge.engines.novelty import Candidate, find_candidates
from foley_bridge.errors import EngineError

ANALYSIS_WIDTH = motion.ANALYSIS_WIDTH
WINDOW_S = 20.0  # candidates are taken from this much at a time
BACK_S, AHEAD_S = 6.0, 2.0  # and compared with this much before and after it


def detect(frames: Iterable[MotionFrame], *, start_s: float, end_s: float, sensitivity: float = 0.5) -> Detection:
    """Onsets seen in [start_s, end_s).

    Args:
        frames: every picture once, at the time it appears, ``ANALYSIS_WIDTH`` wide; a second of context before and after the
            region helps where there is any.
        start_s, end_s: timeline seconds.
        sensitivity: 0-1, how readily motion counts as an action: moves the least confidence an onset needs
            (``calibration.threshold``) and the bar for calling a region reliable. More never returns fewer.

    Raises:
        EngineError: sensitivity outside 0-1, or a region that ends before it starts.

    Returns:
        Also of a region without reliable onsets, every moment that could be one.
    """
    if not 0 <= sensitivity <= 1:
        raise EngineError(f"sensitivity is {sensitivity:g}", "give a value from 0 to 1")
    if not end_s > start_s:
        raise EngineError(f"the region ends at {end_s:g} s, not after its start at {start_s:g} s", "give a region a length")
    curve = _CurveKeeper(start_s, end_s)
    found = [c for c in _candidates(curve.watching(motion.measure(frames))) if start_s <= c.time_s < end_s]
    evidence = calibration.evidence(found)
    reliable, reason = calibration.judge(
        found,
        evidence,
        duration_s=end_s - start_s,
        quiet=curve.quiet,
        stillness=curve.stillness,
        roaming=curve.roaming,
        sensitivity=sensitivity,
    )
    seen = _moments(found, calibration.confidence(evidence))
    if not reliable:
        return Detection((), False, reason, curve.curve(), seen=seen)
    least = calibration.threshold(sensitivity)
    onsets = tuple(Onset(each.time_s, each.confidence, each.strength) for each in seen if each.confidence >= least)
    if not onsets:
        return Detection((), False, "no contact is sure enough at this sensitivity", curve.curve(), seen=seen)
    return Detection(onsets, True, "", curve.curve(), seen=seen)


def _moments(found: Sequence[Candidate], confidence: np.ndarray) -> tuple[Moment, ...]:
    if not found:
        return ()
    energy = np.array([c.energy for c in found])
    strength = np.clip(np.sqrt(energy / (float(np.percentile(energy, 95)) + 1e-9)), 0, 1)
    numbers = np.stack([confidence, strength, calibration.least_sensitivity(confidence)], axis=1).tolist()
    return tuple(Moment(c.time_s, *each) for c, each in zip(found, numbers, strict=True))


def _candidates(steps: Iterable[motion.Step]) -> Iterator[Candidate]:
    kept: list[motion.Step] = []
    begin: float | None = None
    for step in steps:
        begin = step.start_s if begin is None else begin
        kept.append(step)
        if step.end_s >= begin + WINDOW_S + AHEAD_S:
            yield from _between(kept, begin, begin + WINDOW_S)
            begin += WINDOW_S
            kept = [s for s in kept if s.end_s >= begin - BACK_S]
    if begin is not None:
        yield from _between(kept, begin, float("inf"))


def _between(steps: list[motion.Step], start_s: float, end_s: float) -> Iterator[Candidate]:
    return (c for c in find_candidates(steps) if start_s <= c.time_s < end_s)


class _CurveKeeper:
    """Keeps how much moved per picture, two floats each, while the steps pass by."""

    def __init__(self, start_s: float, end_s: float) -> None:
        self.start_s, self.end_s = start_s, end_s
        self.time_s, self.value = array("d"), array("d")
        self.pictures = self.still = self.roamed = 0

    def watching(self, steps: Iterable[motion.Step]) -> Iterator[motion.Step]:
        for step in steps:
            middle = (step.start_s + step.end_s) / 2
            if self.start_s <= middle < self.end_s:
                value = float(step.energy.sum()) / (step.end_s - step.start_s)
                self.time_s.append(middle)
                self.value.append(value)
                self.pictures += 1
                self.still += value < calibration.STILL_ENERGY
                self.roamed += step.camera > 0
            yield step

    @property
    def stillness(self) -> float:
        """Share of the region in which nothing moved, 0-1."""
        return self.still / self.pictures if self.pictures else 1.0

    @property
    def roaming(self) -> float:
        """Share of the region's pictures before which the camera moved, 0-1."""
        return self.roamed / self.pictures if self.pictures else 0.0

    @property
    def quiet(self) -> float:
        """log10 of the grid energy per second below which a fifth of the pictures lie."""
        return float(np.log10(1 + np.percentile(np.frombuffer(self.value), 20))) if self.pictures else 0.0

    def curve(self) -> Curve:
        time, value = np.frombuffer(self.time_s), np.frombuffer(self.value)
        if not len(value):
            return Curve(np.zeros(0), np.zeros(0))
        top = float(np.percentile(value, 98))
        return Curve(time.copy(), np.clip(value / top, 0, 1) if top > calibration.STILL_ENERGY else np.zeros(len(value)))
