"""Continuous sound without seams, of any length, from a stretch of an example, louder where more moves.

Grains long enough to keep the material's own grain (up to three seconds) are strung together. Where one grain gives way to the
next, the next begins at the place, among random ones, whose waveform resembles the outgoing one most (the waveform similarity
of Verhelst and Roelands' WSOLA, ICASSP 1993), and the two are cross-faded at constant power for the likeness they really have.
Starts are drawn at random, so there is no loop to be heard. Everything is rendered as it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import correlate

from foley_bridge.engines.bouts import bouts
from foley_bridge.engines.candidate import Candidate, Curve
from foley_bridge.engines.exemplar import Exemplar
from foley_bridge.media.sound import BLOCK
from foley_bridge.timeline.time import samples_of

QUIETEST_DB = -15.0
"""How far the sound sinks where motion does, while the action goes on; where it clearly stops, the sound stops."""
ATTACK_MS, RELEASE_MS = 30.0, 120.0
LONGEST_GRAIN_S = 3.0

_STEP_HZ = 100  # the gain is worked out this often, and interpolated between
_BOUT_ON, _BOUT_OFF = 0.2, 0.1
_SHORTEST_BOUT_S, _SHORTEST_REST_S = 0.15, 0.25
_LONGEST_FADE_S = 0.12
_TRIES = 12
_EVEN_ENOUGH_DB = 2.0


@dataclass(frozen=True)
class Material:
    """What grains are cut from.

    Attributes:
        samples: float32 (n, channels).
        sample_rate: Hz.
        evenness_db: standard deviation of its short-time level.
        from_hits: made from the bodies of separate hits, because the example holds nothing continuous.
    """

    samples: np.ndarray
    sample_rate: int
    evenness_db: float
    from_hits: bool


def material(exemplar: Exemplar) -> Material:
    """The steady part of an example; of one that only has hits, their bodies, levelled and strung together."""
    first, last = exemplar.steady
    length_s = (last - first) / exemplar.sample_rate
    if (
        exemplar.kind == "texture"
        or (length_s >= 0.2 and exemplar.evenness_db < 3)
        or (length_s >= 1 and exemplar.evenness_db < 4.5)
    ):
        return _levelled(exemplar.samples[first:last], exemplar.sample_rate, exemplar.evenness_db)
    return _bodies(exemplar)


def _levelled(samples: np.ndarray, rate: int, evenness_db: float) -> Material:
    """The example's own swells drawn in by two thirds, 10 dB at most, so that it is the motion that swells."""
    if evenness_db < _EVEN_ENOUGH_DB:
        return Material(samples, rate, evenness_db, False)
    window = max(1, rate * 2 // 25)
    power = uniform_filter1d((samples.astype(np.float64) ** 2).mean(axis=1), window, mode="nearest")
    level_db = uniform_filter1d(10 * np.log10(power + 1e-12), window, mode="nearest")
    lift_db = np.clip((np.median(level_db) - level_db) * 0.67, -10, 10)
    return Material((samples * (10 ** (lift_db / 20))[:, None]).astype(np.float32), rate, evenness_db / 3, False)


def _bodies(exemplar: Exemplar) -> Material:
    """Each hit after its attack down to -24 dB, brought to an even level, cross-faded into the next."""
    rate = exemplar.sample_rate
    window = max(1, rate // 25)
    fade = max(1, rate // 100)
    joined = np.zeros((0, exemplar.samples.shape[1]), np.float32)
    for hit in exemplar.hits[:64]:
        body = exemplar.samples[hit.onset + rate // 250 : hit.end]
        if len(body) < 4 * fade:
            continue
        level = np.sqrt(uniform_filter1d((body.astype(np.float64) ** 2).mean(axis=1), window, mode="nearest")) + 1e-9
        loud = np.flatnonzero(level > level.max() * 10 ** (-24 / 20))
        body, level = body[: loud[-1] + 1], level[: loud[-1] + 1]
        body = (body / level[:, None] * 10 ** (hit.level_dbfs / 20)).astype(np.float32)
        joined = _joined(joined, body, min(fade, len(joined), len(body)))
    if not len(joined):
        first, last = exemplar.hits[0].onset, exemplar.hits[0].end
        joined = exemplar.samples[first:last]
    return Material(joined, rate, 6.0, True)


def _joined(left: np.ndarray, right: np.ndarray, fade: int) -> np.ndarray:
    if not fade:
        return np.concatenate([left, right])
    up = np.sin(np.pi / 2 * (np.arange(fade, dtype=np.float32)[:, None] + 0.5) / fade)
    middle = left[-fade:] * up[::-1] + right[:fade] * up
    return np.concatenate([left[:-fade], middle, right[fade:]]).astype(np.float32)


def texture_candidate(
    from_material: Material,
    motion: Curve,
    *,
    seed: int,
    start: Fraction,
    end: Fraction,
    region_start: Fraction,
    region_end: Fraction,
    source: dict[str, str] | None = None,
) -> Candidate:
    """A continuous take.

    Args:
        from_material: what it sounds like.
        motion: 0-1 over timeline seconds; an empty or all-zero curve means an even sound throughout.
        seed: which grains, in which order.
        start, end: what the sound covers, exact timeline seconds (handles and tail included).
        region_start, region_end: the region, for ``onsets_s``.
        source: passed on.

    Returns:
        A candidate whose ``onsets_s`` are the starts of the bouts of motion that it follows, and whose score is 0.6 for
        material that is perfectly even, less as it varies (half at 6 dB), half again when it had to be made from hits.
    """
    gain, starts = follow(motion, float(start), float(end))
    first, last = float(region_start), float(region_end)
    onsets = [max(at, first) for at in starts if at < last]
    sound = TextureSound(
        from_material, gain, samples_of(end, from_material.sample_rate) - samples_of(start, from_material.sample_rate), seed
    )
    score = 0.6 / (1 + from_material.evenness_db / 6) * (0.5 if from_material.from_hits else 1.0)
    return Candidate(seed, score, tuple(dict.fromkeys(onsets)), sound, "texture", dict(source or {}))


# --- following the motion ----------------------------------------------------------------------------------------------------


def follow(motion: Curve, start_s: float, end_s: float) -> tuple[np.ndarray, list[float]]:
    """Gain (linear, float32, ``_STEP_HZ`` values a second from ``start_s`` on) and the times at which bouts of motion start."""
    count = int(np.ceil((end_s - start_s) * _STEP_HZ)) + 2
    if not len(motion.value) or float(np.max(motion.value)) <= 0:
        return np.ones(count, np.float32), [start_s]
    moving = motion.at(start_s + np.arange(count) / _STEP_HZ)
    smooth = uniform_filter1d(moving, 9, mode="nearest")
    played = _played(smooth)
    target = 10 ** (QUIETEST_DB / 20 * (1 - np.clip(smooth, 0, 1)))
    playing = np.zeros(count, bool)
    for first, last in played:
        playing[first:last] = True
    target[~playing] = 0
    return _slewed(target), [start_s + first / _STEP_HZ for first, _ in played]


def _played(moving: np.ndarray) -> list[tuple[int, int]]:
    """(first step, one past the last) of each stretch of clear motion; one over everything unless motion clearly stops."""
    low, high = np.percentile(moving, [10, 90])
    everything = [(0, len(moving))]
    if low >= _BOUT_OFF or high < 0.3:
        return everything
    found = bouts(moving, on=_BOUT_ON, off=_BOUT_OFF, shortest_rest=round(_SHORTEST_REST_S * _STEP_HZ))
    return [(a, b) for a, b in found if b - a >= _SHORTEST_BOUT_S * _STEP_HZ] or everything


def _slewed(target: np.ndarray) -> np.ndarray:
    """One-pole smoothing, faster up than down; starts where the target starts."""
    up, down = (1 - np.exp(-1000 / _STEP_HZ / (ms / 2)) for ms in (ATTACK_MS, RELEASE_MS))
    out = np.empty(len(target), np.float32)
    now = float(target[0])
    for i, want in enumerate(target.tolist()):
        now += (up if want > now else down) * (want - now)
        out[i] = now if now > 1e-4 or want > 0 else 0.0
    return out


# --- the sound ---------------------------------------------------------------------------------------------------------------


class TextureSound:
    """A Sound of grains under a gain curve; what it holds in memory does not grow with its length, the curve (400 B/s)
    apart.

    Args:
        from_material: what grains are cut from.
        gain: float32, linear, 100 values a second from the start on, two at least; the last one holds.
        frames: length in samples.
        seed: which grains, in which order.
        longest_grain_s: longer grains keep more of the material's own course, shorter ones hide it better.
    """

    def __init__(
        self, from_material: Material, gain: np.ndarray, frames: int, seed: int, *, longest_grain_s: float = LONGEST_GRAIN_S
    ) -> None:
        self.sample_rate = from_material.sample_rate
        self.channels = from_material.samples.shape[1]
        self.frames = frames
        self._material, self._gain, self._seed, self._longest_grain_s = from_material, gain, seed, longest_grain_s

    def blocks(self, size: int = BLOCK) -> Iterator[np.ndarray]:
        """float32 (n, channels), in order; the same bytes for every ``size``."""
        at = 0
        held = np.zeros((0, self.channels), np.float32)
        grains = _grains(self._material, np.random.default_rng([self._seed, 0x7E]), self._longest_grain_s)
        while at < self.frames:
            wanted = min(size, self.frames - at)
            pieces, got = [held], len(held)
            while got < wanted:
                pieces.append(next(grains))
                got += len(pieces[-1])
            held = np.concatenate(pieces)
            yield held[:wanted] * self._gain_at(at, wanted)[:, None]
            held = held[wanted:]
            at += wanted

    def _gain_at(self, first: int, count: int) -> np.ndarray:
        """float32 (count,): linear between the curve's steps, so that a change makes no steps to be heard."""
        scaled = np.arange(first, first + count, dtype=np.int64) * _STEP_HZ
        step, rest = np.divmod(scaled, self.sample_rate)
        step = np.minimum(step, len(self._gain) - 2)
        part = (rest / self.sample_rate).astype(np.float32)
        return self._gain[step] * (1 - part) + self._gain[step + 1] * part


def _grains(source: Material, rng: np.random.Generator, longest_s: float) -> Iterator[np.ndarray]:
    """Endless sound, float32 (n, channels) at a time, n at most ``BLOCK``, that follows on seamlessly."""
    samples, rate = source.samples, source.sample_rate
    total = len(samples)
    fade = max(1, min(round(_LONGEST_FADE_S * rate), total // 6))
    longest = max(2 * fade, min(round(longest_s * rate), total - fade))
    shortest = max(2 * fade, longest // 3)
    mono = samples.mean(axis=1, dtype=np.float64) if samples.shape[1] > 1 else samples[:, 0].astype(np.float64)
    angle = np.pi / 2 * (np.arange(fade) + 0.5) / fade
    up, down = np.sin(angle), np.cos(angle)
    last_start = max(0, total - shortest - fade)
    position = int(rng.integers(0, last_start + 1))
    recent = [position]
    carry: np.ndarray | None = None  # the outgoing grain's last stretch, to be faded
    alike = 0.0
    while True:
        room = total - position - fade
        length = min(int(rng.integers(shortest, longest + 1)), room)
        begun = 0
        if carry is not None:
            power = np.sqrt(1 + 2 * alike * up * down)
            coming = samples[position : position + fade].astype(np.float32)
            yield (carry * (down / power)[:, None] + coming * (up / power)[:, None]).astype(np.float32)
            begun = fade
        for first in range(position + begun, position + length, BLOCK):
            yield samples[first : min(first + BLOCK, position + length)].astype(np.float32)
        leaving = slice(position + length, position + length + fade)
        carry = samples[leaving].astype(np.float64)
        position, alike = _next_start(mono, leaving, last_start, recent, rng)
        recent = [*recent, position][-3:]


def _next_start(
    mono: np.ndarray, leaving: slice, last_start: int, recent: list[int], rng: np.random.Generator
) -> tuple[int, float]:
    """Where the next grain starts, and how alike (-0.5 to 1) it is there to what it replaces."""
    out = mono[leaving]
    fade = len(out)
    reach = max(1, min(fade, last_start + 1))  # each try looks over a stretch for the best fit
    apart = last_start // 8
    best = (-np.inf, 0, 0.0)
    energy = float((out**2).sum()) + 1e-12
    for _ in range(_TRIES):
        begin = int(rng.integers(0, last_start - reach + 2))
        stretch = mono[begin : begin + reach - 1 + fade]
        power = np.concatenate([[0.0], np.cumsum(stretch**2)])
        local = power[fade:] - power[:-fade] + 1e-12
        match = correlate(stretch, out, mode="valid", method="fft") / np.sqrt(local * energy)
        # A grain must fit in level, too: 6 dB apart costs as much as a quarter of the likeness.
        level = np.abs(10 * np.log10(local / energy)) / 24
        there = np.arange(begin, begin + len(match))
        near = np.any([np.abs(there - place) < apart for place in [*recent, leaving.start]], axis=0)
        score = match - level - 2 * near
        top = int(np.argmax(score))
        if score[top] > best[0]:
            best = (float(score[top]), begin + top, float(match[top]))
    return best[1], float(np.clip(best[2], -0.5, 1.0))
