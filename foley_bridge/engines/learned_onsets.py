"""Find the moments of visible contact in a region's picture by a trained network: the onset network of Foley by analogy
(Du et al., section 4.1 and supplement), on pictures 15 a second.

Clips of the length that it was trained on follow each other by half their length, so that every picture stands once in the
middle of a clip; what they say of a picture is blended. No clip looks across an edit. What moves, and how strongly, is told by
motion as it is without a network (``onsets``).
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foley_bridge.engines import calibration
from foley_bridge.engines.candidate import Curve, Detection, Moment, Onset
from foley_bridge.engines.sampled import Still
from foley_bridge.inference.clips import Floats

if TYPE_CHECKING:
    from foley_bridge.inference.analogy import Analogy

Doubles = NDArray[np.float64]

NEAREST = 1
"""Onsets are more than so many pictures apart."""
PLATT = (-1.3, 0.95)
"""Constant and slope of the logistic fit from a peak's logit to the probability of an onset within 0.1 s (docs/onsets.md)."""
SURE_ENOUGH = 0.8
"""The mean probability that a region's best moments must reach, of which there are ``calibration.BEST_PER_S``."""
APPROACH_S, AFTER_S = 0.15, 0.05
"""The motion of an onset is the most that moves so long before it, and after."""


def detect(
    network: Analogy, shown: Iterable[Still], motion: Curve, *, start_s: float, end_s: float, sensitivity: float = 0.5
) -> Detection:
    """Onsets that the network sees in [start_s, end_s).

    Args:
        network: of a pack with a graph of role ``onset``.
        shown: pictures at ``network.task.picture.fps``, in their order; a second of context before and after the region helps
            where there is any.
        motion: how much moves over the region, as it is seen without a network.
        start_s, end_s: timeline seconds.
        sensitivity: 0-1, how readily a moment counts as an onset: moves the least confidence that it needs, and the bar for
            calling a region reliable, as for ``onsets.detect``. More never returns fewer.

    Raises:
        PackError: the network runs nowhere.

    Returns:
        Also of a region without reliable onsets, every moment that some sensitivity lets count.
    """
    told = say(network, shown)
    times, logits = peaks(told)
    inside = (times >= start_s) & (times < end_s)
    evidence = 1 / (1 + np.exp(-(PLATT[0] + PLATT[1] * logits[inside])))
    seen = _moments(times[inside], calibration.confidence(evidence), motion)
    best = np.sort(evidence)[::-1][: max(1, int(calibration.BEST_PER_S * (end_s - start_s)))]
    if not seen:
        return Detection((), False, "the onset network sees nothing here that begins to sound", motion)
    if float(best.mean()) < SURE_ENOUGH * (1.2 - 0.4 * sensitivity):
        return Detection((), False, "the onset network is not sure enough of what it sees here", motion, seen=seen)
    least = calibration.threshold(sensitivity)
    found = tuple(Onset(each.time_s, each.confidence, each.strength) for each in seen if each.confidence >= least)
    if not found:
        return Detection((), False, "no contact is sure enough at this sensitivity", motion, seen=seen)
    return Detection(found, True, "", motion, seen=seen)


def _moments(times: Doubles, confidence: Doubles, motion: Curve) -> tuple[Moment, ...]:
    """Those that some sensitivity lets count."""
    able = confidence >= calibration.threshold(1.0)
    times, confidence = times[able], confidence[able]
    if not len(times):
        return ()
    around = np.linspace(-APPROACH_S, AFTER_S, 9)
    moving = motion.at((times[:, None] + around).ravel()).reshape(len(times), -1).max(axis=1)
    strength = np.clip(np.sqrt(moving / (float(np.percentile(moving, 95)) + 1e-9)), 0, 1)
    columns = (times, confidence, strength, calibration.least_sensitivity(confidence))
    return tuple(Moment(*each) for each in np.stack(columns, axis=1).tolist())


@dataclass(frozen=True, eq=False)
class Said:
    """What the network says of each picture.

    Attributes:
        since_s: float64 (n,), timeline seconds from which on that picture is on screen.
        logit: float64 (n,), that something begins to sound.
        shot: int64 (n,), which pictures belong together.
    """

    since_s: Doubles
    logit: Doubles
    shot: NDArray[np.int64]


def say(network: Analogy, shown: Iterable[Still]) -> Said:
    """What the network says of pictures, clip by clip."""
    reader = _Reader(network)
    for still in shown:
        reader.see(still)
    return reader.said()


def peaks(said: Said) -> tuple[Doubles, Doubles]:
    """The moments at which the network is surest of an onset, and none beside them.

    A peak is placed between pictures by the parabola through it and its neighbours, and at the time at which what it shows
    came on screen: pictures 15 a second show what was there a little before.

    Returns:
        timeline seconds, rising, and logits: float64 (n,) each.
    """
    time, found = [], []
    for shot in np.unique(said.shot):
        on = np.flatnonzero(said.shot == shot)
        logit, since = said.logit[on], said.since_s[on]
        free = np.ones(len(on), np.bool_)
        for at in np.argsort(-logit, kind="stable").tolist():
            if not free[at]:
                continue
            free[max(0, at - NEAREST) : at + NEAREST + 1] = False
            if logit[at] == logit[max(0, at - 1) : at + 2].max():
                time.append(float(np.interp(at + _between(logit, at), np.arange(len(on)), since)))
                found.append(float(logit[at]))
    order = np.argsort(time, kind="stable")
    return np.array(time)[order], np.array(found)[order]


def _between(logit: Doubles, at: int) -> float:
    """How many pictures after a peak its parabola is highest, -0.5 to 0.5; 0 at an end."""
    if not 0 < at < len(logit) - 1:
        return 0.0
    before, top, after = logit[at - 1 : at + 2]
    bend = before - 2 * top + after
    return float((before - after) / (2 * bend)) if bend < 0 else 0.0


class _Reader:
    """Shows a network clip after clip of the stills that pass by, and keeps what it says."""

    def __init__(self, network: Analogy) -> None:
        self._network = network
        self._length = length = network.task.picture.frames
        self._hat = np.minimum(np.arange(length) + 1.0, length - np.arange(length))
        self._clip: deque[Floats] = deque(maxlen=length)
        self._new = 0  # pictures of the clip that the network has not seen yet
        self._wanted = length
        self._since, self._sum, self._weight = array("d"), array("d"), array("d")
        self._shot, self._shots = array("q"), 0

    def see(self, still: Still) -> None:
        if still.cut:
            self._end_shot()
        self._clip.append(still.image)
        self._since.append(still.since_s)
        self._sum.append(0.0)
        self._weight.append(0.0)
        self._shot.append(self._shots)
        self._new += 1
        if self._new == self._wanted:
            self._show()
            self._wanted = self._length // 2

    def said(self) -> Said:
        self._end_shot()
        logit = np.array(self._sum) / np.array(self._weight)
        return Said(np.array(self._since), logit, np.array(self._shot, np.int64))

    def _end_shot(self) -> None:
        if self._new:
            self._show()
        self._clip.clear()
        self._wanted = self._length
        self._shots += 1

    def _show(self) -> None:
        clip = [*self._clip]
        first = len(self._sum) - len(clip)
        held = clip + [clip[-1]] * (self._length - len(clip))
        logits = self._network.onsets(np.stack(held, axis=1)[None])[0]
        for number, (logit, weight) in enumerate(zip(logits[: len(clip)].tolist(), self._hat, strict=False)):
            self._sum[first + number] += weight * logit
            self._weight[first + number] += weight
        self._new = 0
