"""A sound that lies evenly under a region: a good stretch cut from it, or strung together where it is shorter."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from foley_bridge.engines.candidate import Candidate
from foley_bridge.engines.events import Event, EventSound
from foley_bridge.engines.exemplar import Exemplar
from foley_bridge.engines.texture import Material, TextureSound
from foley_bridge.media.sound import Sound
from foley_bridge.timeline.time import samples_of

_STEP_MS = 50
_LOUD_ENOUGH_DB = 12.0  # under the median level: what lies lower at either end is a fade, or the recordist
_TRIES = 16
_EDGE_S = 0.25


def bed_candidate(
    exemplar: Exemplar, *, seed: int, start: Fraction, end: Fraction, source: dict[str, str] | None = None
) -> Candidate:
    """A take of even sound, its own swells and events left as they are.

    Args:
        exemplar: what it sounds like; what fades at its ends is not used.
        seed: which stretch of it.
        start, end: what the sound covers, exact timeline seconds.
        source: passed on.

    Returns:
        A candidate without onsets. Its score is 1 when one stretch of the recording is long enough, and falls towards 0.5 the
        more often it has to be repeated.
    """
    samples, rate = exemplar.samples, exemplar.sample_rate
    level_db = _level_db(samples, rate)
    first, last = _body(level_db, len(samples), rate)
    frames = samples_of(end, rate) - samples_of(start, rate)
    sound: Sound
    if frames <= last - first:
        place = _good_place(level_db, first, last, frames, rate, np.random.default_rng([seed, 0xBED]))
        sound = EventSound((samples,), [Event(0, 0, place, frames, 1.0, 0, 0)], rate, samples.shape[1], frames)
    else:
        material = Material(samples[first:last], rate, exemplar.evenness_db, False)
        sound = TextureSound(material, np.ones(2, np.float32), frames, seed, longest_grain_s=len(samples) / rate)
    score = 0.5 + 0.5 * min(1.0, (last - first) / max(1, frames))
    return Candidate(seed, score, (), sound, "texture", dict(source or {}))


def _level_db(samples: np.ndarray, rate: int) -> np.ndarray:
    """float64 (n,): the level of each whole step; at least one."""
    step = max(1, min(len(samples), rate * _STEP_MS // 1000))
    whole = len(samples) // step
    power = np.zeros(whole)
    for channel in range(samples.shape[1]):
        power += (samples[: whole * step, channel].reshape(whole, step).astype(np.float64) ** 2).mean(axis=1)
    return 10 * np.log10(power + 1e-12)


def _body(level_db: np.ndarray, frames: int, rate: int) -> tuple[int, int]:
    """First sample, and one past the last, of what is neither silence nor fade; everything when little is left."""
    step = rate * _STEP_MS // 1000
    loud = np.flatnonzero(level_db > np.median(level_db) - _LOUD_ENOUGH_DB)
    first, last = int(loud[0]) * step, min(frames, (int(loud[-1]) + 1) * step)
    return (first, last) if last - first >= rate // 2 else (0, frames)


def _good_place(level_db: np.ndarray, first: int, last: int, frames: int, rate: int, rng: np.random.Generator) -> int:
    """Where to cut: of some places drawn at random, the one from which the sound goes on most evenly, its ends included."""
    step = rate * _STEP_MS // 1000
    median = float(np.median(level_db))
    edge = round(_EDGE_S * 1000 / _STEP_MS)

    def unevenness(place: int) -> float:
        inside = level_db[place // step : max(place // step + 1, (place + frames) // step)]
        ends = (inside[:edge].mean(), inside[-edge:].mean())
        return float(inside.std()) + 0.5 * sum(abs(float(level) - median) for level in ends)

    places = [int(place) for place in rng.integers(first, last - frames + 1, _TRIES)]
    return min(places, key=unevenness)
