"""Find the moments of visible contact in a region's picture, without trained weights.

A contact is where something fast stops or turns back at once: a stick meets a drum, a hammer a nail, a palm the other palm. A
swing's top and a lift-off look different: there motion dies away slowly, or begins. So the novelty here is the *drop* of motion
over about a tenth of a second, taken of all motion, of motion downwards and of motion sideways, each beside the clip's own
scale. Its peaks are the candidates; each is then placed between two pictures by how far things still moved in the interval that
holds the contact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from foley_bridge.engines import motion
from foley_bridge.engines.candidate import Curve, Detection, MotionFrame, Onset

ANALYSIS_WIDTH = motion.ANALYSIS_WIDTH
GRID_HZ = 120.0
BEFORE_S, AFTER_S = 0.085, 0.07
NMS_S = 0.10
DEFAULT_THRESHOLD = 0.25


@dataclass(frozen=True)
class Peak:
    time_s: float
    score: float
    energy: float


def detect(frames: Iterable[MotionFrame], *, start_s: float, end_s: float, sensitivity: float = 0.5) -> Detection:
    """Onsets seen in [start_s, end_s)."""
    steps = list(motion.measure(frames))
    curve = motion_curve(steps, start_s, end_s)
    peaks = find_peaks(steps)
    threshold = DEFAULT_THRESHOLD ** (2 * sensitivity) if sensitivity > 0 else 1.0
    top = max((p.energy for p in peaks), default=1.0)
    onsets = []
    for p in peaks:
        confidence = 1 / (1 + np.exp(-(p.score - 2.0)))
        if start_s <= p.time_s < end_s and confidence >= threshold:
            onsets.append(Onset(p.time_s, float(confidence), float(np.clip(p.energy / top, 0, 1))))
    if not onsets:
        return Detection((), False, "nothing in the picture stops or turns sharply", curve)
    return Detection(tuple(onsets), True, "", curve)


def motion_curve(steps: list[motion.Step], start_s: float, end_s: float) -> Curve:
    time = np.array([(s.start_s + s.end_s) / 2 for s in steps])
    value = np.array([s.energy.mean() / (s.end_s - s.start_s) for s in steps])
    inside = (time >= start_s) & (time < end_s)
    time, value = time[inside], value[inside]
    top = np.percentile(value, 98) if len(value) else 0
    return Curve(time, np.clip(value / top, 0, 1) if top > 0 else np.zeros(len(value)))


def find_peaks(steps: list[motion.Step]) -> list[Peak]:
    if len(steps) < 4:
        return []
    start = np.array([s.start_s for s in steps])
    end = np.array([s.end_s for s in steps])
    length = end - start
    energy = np.array([s.energy.sum() for s in steps]) / length
    down = np.array([np.maximum(s.down, 0).sum() for s in steps]) / length
    right = np.array([np.maximum(s.across, 0).sum() for s in steps]) / length
    left = np.array([np.maximum(-s.across, 0).sum() for s in steps]) / length
    grid = np.arange(start[0], end[-1], 1 / GRID_HZ)
    index = np.clip(np.searchsorted(end, grid, side="right"), 0, len(steps) - 1)
    total = np.zeros(len(grid))
    for values, weight in ((energy, 1.0), (down, 1.0), (right, 0.35), (left, 0.35)):
        scale = np.percentile(values, 90) * 0.5 + 1e-6
        y = np.log1p(values / scale)[index]
        drop = np.maximum(_mean_before(y, BEFORE_S) - _mean_after(y, AFTER_S), 0)
        rms = np.sqrt(np.mean(drop**2)) + 1e-6
        total += weight * drop / rms
    total /= 2.7
    return _pick(grid, total, index, energy, start, end)


def _mean_before(y: np.ndarray, width_s: float) -> np.ndarray:
    n = max(1, round(width_s * GRID_HZ))
    c = np.concatenate([[0], np.cumsum(np.concatenate([np.full(n, y[0]), y]))])
    return (c[n : n + len(y)] - c[: len(y)]) / n


def _mean_after(y: np.ndarray, width_s: float) -> np.ndarray:
    n = max(1, round(width_s * GRID_HZ))
    c = np.concatenate([[0], np.cumsum(np.concatenate([y, np.full(n, y[-1])]))])
    return (c[n : n + len(y)] - c[: len(y)]) / n


def _pick(grid: np.ndarray, total: np.ndarray, index: np.ndarray, energy: np.ndarray, start: np.ndarray, end: np.ndarray) -> list[Peak]:
    order = np.argsort(-total, kind="stable")
    taken: list[int] = []
    reach = int(NMS_S * GRID_HZ)
    free = np.ones(len(grid), bool)
    for i in order:
        if total[i] < 0.3:
            break
        if free[i]:
            lo, hi = max(0, i - 3), min(len(total), i + 4)
            if total[i] >= total[lo:hi].max() - 1e-12:
                taken.append(int(i))
            free[max(0, i - reach) : i + reach + 1] = False
    return [Peak(float(grid[i]), float(total[i]), float(energy[max(0, index[i] - 1)])) for i in sorted(taken)]
