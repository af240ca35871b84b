"""Strokes of a continuous sound: where continuous action (rubbing, scraping, wiping) begins, and a stretch of sound for each.

A stroke lasts while the picture moves, and is made of one stretch of the material or of several, cross-faded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from foley_bridge.engines.bouts import first_rest
from foley_bridge.engines.candidate import Curve, Onset
from foley_bridge.engines.events import Event
from foley_bridge.engines.hits import LOOSE_DB, QUIETEST_DB
from foley_bridge.engines.texture import Material

_STROKE_S, _SHORTEST_STROKE_S = 0.6, 0.15
_STROKE_FADE_S = 0.25
_STEP_S, _REST_STEPS = 0.02, 5
_RESTING = 0.12  # of the region's strongest motion: below it things have come to rest


def strokes_begin(onsets: Sequence[Onset], motion: Curve) -> tuple[Onset, ...]:
    """The onsets at which continuous action begins: those that come after a rest, each moved to the moment of least motion
    around it, where the way there ends and the action itself begins. What lies between (the turns of a rubbing hand) is
    part of one stroke. Without a motion curve (tapped hits), all of them as they are."""
    if not len(motion.time_s):
        return tuple(onsets)
    begun: list[Onset] = []
    last_s = -np.inf
    for onset in sorted(onsets, key=lambda onset: onset.time_s):
        if last_s == -np.inf or _rested(motion, last_s + _SHORTEST_STROKE_S, onset.time_s):
            begun.append(replace(onset, time_s=_least_motion(motion, onset.time_s)))
        last_s = onset.time_s
    return tuple(begun)


def _rested(motion: Curve, from_s: float, to_s: float) -> bool:
    moving = motion.at(np.arange(from_s, to_s, _STEP_S))
    return len(moving) >= _REST_STEPS and first_rest(moving, resting=_RESTING, shortest=_REST_STEPS) is not None


def _least_motion(motion: Curve, onset_s: float) -> float:
    """Where a parabola through the lowest point near an onset and its neighbours is lowest; the onset when that is an edge."""
    near = np.flatnonzero((motion.time_s > onset_s - 0.03) & (motion.time_s < onset_s + 0.13))
    if not len(near):
        return onset_s
    k = int(near[np.argmin(motion.value[near])])
    if not 0 < k < len(motion.time_s) - 1:
        return onset_s
    before, here, after = (float(value) for value in motion.value[k - 1 : k + 2])
    bend = before - 2 * here + after
    step = float(motion.time_s[k + 1] - motion.time_s[k - 1]) / 2
    return float(motion.time_s[k]) + (0.5 * (before - after) / bend * step if bend > 0 else 0.0)


def strokes(
    onsets: Sequence[Onset], places: Sequence[int], motion: Curve | None, material: Material, rng: np.random.Generator
) -> list[Event]:
    """A stretch of the material per onset, with a start as sharp as the eye expects and a soft end.

    Args:
        onsets: where strokes begin, in time order.
        places: the same, as samples of the take.
        motion: how long each goes on; None, or an empty one, when nothing is known of it.
        material: what strokes are cut from: buffer 0 of the events.
        rng: which stretches.
    """
    rate, total = material.sample_rate, len(material.samples)
    fade = max(1, min(round(_STROKE_FADE_S * rate), total // 4))
    events = []
    for i, (onset, place) in enumerate(zip(onsets, places, strict=True)):
        gap_s = (places[i + 1] - place) / rate if i + 1 < len(places) else np.inf
        left = max(1, round(min(0.9 * gap_s, _stroke_s(onset.time_s, gap_s, motion, rng)) * rate))
        gain_db = max(QUIETEST_DB * (1 - onset.strength) - rng.uniform(0, LOOSE_DB), QUIETEST_DB)
        fade_in = min(rate // 500, left // 4)
        while left > 0:
            length = min(left, total)
            offset = int(rng.integers(0, total - length + 1))
            fade_out = max(1, min(round(0.4 * length), fade))
            events.append(Event(place, 0, offset, length, 10 ** (gain_db / 20), fade_in, fade_out))
            if length == left:
                break
            place, left, fade_in = place + length - fade_out, left - length + fade_out, fade_out
    return events


def _stroke_s(onset_s: float, most_s: float, motion: Curve | None, rng: np.random.Generator) -> float:
    """How long a stroke lasts: until the picture comes to rest, ``most_s`` at most; where nothing is known of its motion, a
    little under ``_STROKE_S``."""
    if motion is None or not len(motion.time_s):
        return float(_STROKE_S * rng.uniform(0.7, 1))
    end_s = min(onset_s + most_s, float(motion.time_s[-1]))
    ahead = np.arange(onset_s + _SHORTEST_STROKE_S, end_s, _STEP_S)
    steps = first_rest(motion.at(ahead), resting=_RESTING, shortest=_REST_STEPS)
    return _SHORTEST_STROKE_S + _STEP_S * (len(ahead) if steps is None else steps)
