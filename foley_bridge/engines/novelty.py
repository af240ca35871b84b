"""Where motion stops or turns at once: candidates for contacts, from the coarse motion of a stretch of picture.

Eight readings of the same event. Seven are the *drop* of something from the 0.085 s before a moment to the 0.07 s after it: all
motion; motion in one place that does not just go on next door (the maximum filter of SuperFlux, Boeck and Widmer, DAFx 2013,
turned round); motion downwards by the flow; the balance of downward over upward motion, which a rebound turns over; the sinking
of the middle of all that changes, which needs no flow and so sees the stick that flow loses; and, little, motion to either
side. The eighth is what turns back at a picture, again without flow. A swing's top and a lift-off have little of any of them.
Each reading is measured beside the stretch's own scale. Together they count for more where motion grew towards the moment, and
for less where it came from below.

Then the candidates are compared with each other: blows of one action look alike (where, which way, in what order things move),
accidents do not. A candidate gains by resembling the other strong ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from foley_bridge.engines.motion import GRID, Step
from foley_bridge.engines.stretch import Stretch, stretch_of

GRID_HZ = 120.0  # the even time axis the drops are taken on; divides most frame rates well enough
BEFORE_S, AFTER_S = 0.085, 0.07
CLOSEST_S = 0.10  # two contacts are never nearer: at 8 a second there are 0.125 s between them
RIVAL_S = 0.30  # candidates this near are rivals: the strongest of them is likelier the contact
SCALE = 0.5  # drops are taken of log(1 + motion / (SCALE * its 90th percentile))
FLOOR_ENERGY, FLOOR_FLOW, FLOOR_SINKING = 12.0, 0.4, 1.0  # per second and picture: less motion than this is what noise leaves
WEIGHTS = {"all": 0.5, "place": 0.5, "down": 0.8, "balance": 0.8, "sinking": 1.0, "left": 0.15, "right": 0.15}
EARLIER_S = (0.30, 0.13)  # before a moment: what the approach is faster than
GROWTH_GAIN, RISING_COST = 0.5, 0.6
TURN_WEIGHT, TURN_REACH_S = 0.8, 0.07
UNPLACED, QUICK_S = 0.25, 0.05
LATER = 1.0  # intervals that placing may move a candidate on by; never back: the approach is the commonest mistake
LIKENESS_SHARE = 0.7  # how much of a score depends on resembling the other candidates
LIKENESS_PARTS_S = (-0.16, -0.08, 0.0, 0.08, 0.16)
LIKENESS_GRID = (3, 4)
LEAST_SCORE = 0.2
CUT_SHADOW_S = 0.05


@dataclass(frozen=True)
class Candidate:
    """A moment that may be a contact.

    Attributes:
        time_s: refined between pictures where the motion allows it.
        score: the drops together, each beside its own scale over the stretch; 1 is typical of moving pictures.
        likeness: 0-1, how much it resembles the other strong candidates of the stretch (1: the one that does most).
        dominance: 0-1, its score beside the best rival's within ``RIVAL_S``.
        level: motion just before it, log10 of grid energy per second (absolute, comparable between clips).
        energy: the same, linear: what strength is taken from.
    """

    time_s: float
    score: float
    likeness: float
    dominance: float
    level: float
    energy: float


def find_candidates(steps: Sequence[Step]) -> list[Candidate]:
    """Candidates in time order. steps: consecutive, half a minute or so; fewer than four have none."""
    stretch = stretch_of(steps)
    if len(stretch.end) < 4:
        return []
    grid, index, novelty = _novelty(stretch)
    novelty = novelty * _approached(stretch, index)
    peaks = _peaks(grid, novelty, stretch, index)
    if not len(peaks):
        return []
    likeness = _likeness(stretch, index, peaks, novelty[peaks])
    scores = novelty[peaks] * (1 - LIKENESS_SHARE + LIKENESS_SHARE * likeness)
    kept = _spaced(grid[peaks], scores)
    times, scores, likeness = grid[peaks][kept], scores[kept], likeness[kept]
    out = []
    for i, time in enumerate(times):
        rivals = np.abs(times - time) < RIVAL_S
        rivals[i] = False
        best = max(float(scores[rivals].max(initial=0.0)), float(scores[i]))
        step = int(np.argmin(np.abs(stretch.end - time)))
        energy = float(max(stretch.energy[k].sum() for k in range(max(0, step - 1), step + 1)))
        out.append(
            Candidate(
                _refined(stretch, step, float(time)),
                float(scores[i]),
                float(likeness[i]),
                float(scores[i]) / best,
                float(np.log10(energy + 1)),
                energy,
            )
        )
    return sorted(out, key=lambda c: c.time_s)


def _novelty(s: Stretch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(seconds, step each lies in, novelty), all (m,) on the even time axis."""
    grid = np.arange(s.start[0], s.end[-1], 1 / GRID_HZ)
    index = np.clip(np.searchsorted(s.end, grid, side="right"), 0, len(s.end) - 1)
    up, down, left, right = (np.maximum(way, 0).sum(axis=(1, 2)) for way in (-s.down, s.down, -s.across, s.across))
    place = _levels(s.energy, s.energy.max(axis=(1, 2)), FLOOR_ENERGY / 8)
    nearby = np.array([cv2.dilate(cells.astype(np.float32), np.ones((3, 3), np.uint8)) for cells in place])
    net, sinking = down - up, _sinking(s)
    curves = {
        "all": _levels(s.energy.sum(axis=(1, 2)), None, FLOOR_ENERGY),
        "down": _levels(down, None, FLOOR_FLOW),
        "balance": np.sign(net) * _levels(np.abs(net), None, FLOOR_FLOW),
        "sinking": np.sign(sinking) * _levels(np.abs(sinking), None, FLOOR_SINKING),
        "left": _levels(left, None, FLOOR_FLOW),
        "right": _levels(right, None, FLOOR_FLOW),
    }
    total = np.zeros(len(grid))
    shots = s.shot[index]
    middles = (s.start + s.end) / 2
    half_later = np.clip(np.searchsorted(middles, grid, side="right"), 0, len(middles) - 1)  # sinking is from middle to middle
    for name, weight in WEIGHTS.items():
        drop = np.zeros(len(grid))
        for shot in np.unique(shots):
            on = shots == shot
            if name == "place":
                before, after = _before(place[index[on]], BEFORE_S), _after(nearby[index[on]], AFTER_S)
                drop[on] = np.maximum(before - after, 0).sum(axis=(1, 2))
            else:
                curve = curves[name][(half_later if name == "sinking" else index)[on]]
                drop[on] = np.maximum(_before(curve, BEFORE_S) - _after(curve, AFTER_S), 0)
        total += weight * drop / (np.sqrt(np.mean(drop**2)) + 1e-3)
    turned = _turns(s, grid)
    total += TURN_WEIGHT * turned / (np.sqrt(np.mean(turned**2)) + 1e-3)
    return grid, index, total / (sum(WEIGHTS.values()) + TURN_WEIGHT)


def _approached(s: Stretch, index: np.ndarray) -> np.ndarray:
    """What novelty is multiplied by, (m,): a blow is faster at its end than a moment before, and does not come from below.

    More than 1 where motion grew towards the moment (beside a fifth of a second earlier), less where it had been dying away
    as at the top of a swing, and less the more of it went upwards.
    """
    energy = s.energy.sum(axis=(1, 2))[index]
    rest = 0.3 * float(np.percentile(energy, 75)) + FLOOR_ENERGY
    growth = np.log((_before(energy, BEFORE_S) + rest) / (_earlier(energy, *EARLIER_S) + rest))
    up = np.maximum(-s.down, 0).sum(axis=(1, 2))[index]
    rising = np.log1p(_before(up, BEFORE_S) / (0.4 * float(np.percentile(up, 85)) + FLOOR_FLOW))
    return np.maximum(1 + GROWTH_GAIN * np.clip(growth, -0.8, 1.5), 0.05) * np.exp(-RISING_COST * rising)


def _sinking(s: Stretch) -> np.ndarray:
    """(n,): how fast the middle of what changes goes down from the step before to this one, times how much changes."""
    energy = np.maximum(s.energy - np.percentile(s.energy, 20, axis=0), 0)
    mass = energy.sum(axis=(1, 2))
    middle = (energy * np.arange(GRID[0])[:, None]).sum(axis=(1, 2)) / (mass + 1e-6)
    out = np.zeros(len(mass))
    between = ((s.end[1:] - s.start[1:]) + (s.end[:-1] - s.start[:-1])) / 2
    out[1:] = np.diff(middle) / between * np.minimum(mass[1:], mass[:-1])
    return out


def _turns(s: Stretch, grid: np.ndarray) -> np.ndarray:
    """What turned back, as a hat around each picture it did so at, on the even time axis."""
    height = _levels(s.turn, None, FLOOR_ENERGY)
    out = np.zeros(len(grid))
    for time, h in zip(s.start, height, strict=True):
        if h > 0:
            lo, hi = np.searchsorted(grid, (time - TURN_REACH_S, time + TURN_REACH_S))
            out[lo:hi] = np.maximum(out[lo:hi], h * (1 - np.abs(grid[lo:hi] - time) / TURN_REACH_S))
    return out


def _levels(motion: np.ndarray, reference: np.ndarray | None, floor: float) -> np.ndarray:
    scale = SCALE * float(np.percentile(motion if reference is None else reference, 90)) + floor
    return np.log1p(motion / scale)


def _before(y: np.ndarray, width_s: float) -> np.ndarray:
    """Mean over the width before each sample, along the first axis; the first value is held before the start."""
    n = round(width_s * GRID_HZ)
    total = np.concatenate([np.zeros_like(y[:1]), np.cumsum(np.concatenate([np.repeat(y[:1], n, axis=0), y]), axis=0)])
    return (total[n : n + len(y)] - total[: len(y)]) / n


def _earlier(y: np.ndarray, from_s: float, to_s: float) -> np.ndarray:
    """Mean from ``from_s`` to ``to_s`` before each sample, along the first axis; the first value is held before the start."""
    lag = round(to_s * GRID_HZ)
    mean = _before(y, from_s - to_s)
    return np.concatenate([np.repeat(mean[:1], lag, axis=0), mean])[: len(y)]


def _after(y: np.ndarray, width_s: float) -> np.ndarray:
    n = round(width_s * GRID_HZ)
    total = np.concatenate([np.zeros_like(y[:1]), np.cumsum(np.concatenate([y, np.repeat(y[-1:], n, axis=0)]), axis=0)])
    return (total[n : n + len(y)] - total[: len(y)]) / n


def _peaks(grid: np.ndarray, novelty: np.ndarray, s: Stretch, index: np.ndarray) -> np.ndarray:
    """int (p,): local maxima, the strongest first to claim its surroundings, none in the shadow of a cut."""
    reach = round(0.8 * CLOSEST_S * GRID_HZ)
    free = np.ones(len(grid), bool)
    changes = np.flatnonzero(np.diff(s.shot)) + 1
    for step in changes:
        free[np.abs(grid - s.start[step]) < CUT_SHADOW_S] = False
    out = []
    for i in np.argsort(-novelty, kind="stable"):
        if novelty[i] < LEAST_SCORE:
            break
        if free[i] and novelty[i] >= novelty[max(0, i - 3) : i + 4].max() - 1e-12:
            out.append(int(i))
            free[max(0, i - reach) : i + reach + 1] = False
        elif free[i]:
            free[i] = False
    return np.array(sorted(out), int)


def _spaced(times: np.ndarray, scores: np.ndarray) -> list[int]:
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        if all(abs(times[i] - times[j]) > CLOSEST_S for j in kept):
            kept.append(int(i))
    return sorted(kept)


def _likeness(s: Stretch, index: np.ndarray, peaks: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """0-1 (p,): cosine of each candidate's motion pattern with the others', weighted by their strength, best one 1."""
    if len(peaks) < 3:
        return np.full(len(peaks), 0.7)
    channels = []
    for motion in (s.energy, s.across, s.down):
        pooled = np.array(
            [cv2.resize(cells.astype(np.float32), LIKENESS_GRID[::-1], interpolation=cv2.INTER_AREA) for cells in motion]
        ).reshape(len(motion), -1)
        size = np.abs(pooled)
        channels.append(np.sign(pooled) * np.log1p(size / (SCALE * np.percentile(size.max(axis=1), 90) + 1e-3)))
    curve = np.concatenate(channels, axis=1)[index]
    total = np.concatenate([np.zeros((1, curve.shape[1])), np.cumsum(curve, axis=0)])
    edges = peaks[:, None] + np.round(np.array(LIKENESS_PARTS_S) * GRID_HZ).astype(int)
    edges = np.clip(edges, 0, len(curve))
    widths = np.maximum(np.diff(edges, axis=1), 1)[..., None]
    patterns = ((total[edges[:, 1:]] - total[edges[:, :-1]]) / widths).reshape(len(peaks), -1)
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True) + 1e-6
    alike = np.maximum(patterns @ patterns.T, 0)
    np.fill_diagonal(alike, 0)
    current, likeness = scores, np.ones(len(peaks))
    for _ in range(2):
        weight = current**2
        likeness = (alike @ weight) / (weight.sum() - weight + 1e-9)
        likeness = likeness / (likeness.max() + 1e-9)
        current = scores * (1 - LIKENESS_SHARE + LIKENESS_SHARE * likeness)
    return np.clip(likeness, 0, 1)


def _refined(s: Stretch, step: int, time_s: float) -> float:
    """The contact's time between two pictures, by how much of the interval that holds it was still approach.

    With approach speed v before it, speed w after it and mean speed r in it (all along the way of approach), the approach
    took the share (r - w) / (v - w) of the interval. Only where things came down together: there the flow means speed.
    """
    if step + 1 >= len(s.end) or step < 1:
        return time_s
    interval = float(s.end[step] - s.start[step])
    unplaced = time_s - UNPLACED * interval if interval < QUICK_S else time_s
    pair = slice(step - 1, step + 1)
    where = s.energy[pair].mean(axis=0)
    where = cv2.dilate((where / (where.max() + 1e-9)).astype(np.float32), np.ones((3, 3), np.uint8)) > 0.05
    x, y = float(s.across[pair, where].sum()), float(s.down[pair, where].sum())
    size = float(np.hypot(s.across[pair, where], s.down[pair, where]).sum())
    net = float(np.hypot(x, y))
    if net < 0.4 * size or y < 0.55 * net or size < 1e-6:
        return unplaced

    def speed(k: int) -> float:
        return float((s.across[k, where].sum() * x + s.down[k, where].sum() * y) / net) if k < len(s.end) else 0.0

    before, at = speed(step - 1), speed(step)
    if at >= 0.85 * before:
        held, v, w = step + 1, at, min(speed(step + 2), speed(step + 1))
        v = min(v + max(0.0, 0.5 * (at - before)), 1.5 * v)
    else:
        held, v, w = step, before, speed(step + 1)
    share = np.clip((speed(held) - w) / (v - w), 0, 1) if v - w > 1e-6 else 0.5
    interval = s.end[held] - s.start[held]
    refined = s.start[held] + share * interval
    return float(np.clip(refined, s.end[step], s.end[step] + LATER * interval))
