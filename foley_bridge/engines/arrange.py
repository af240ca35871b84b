"""From onsets seen in the picture and an example to a candidate: which hit of the example goes where, and how loud.

Onset Transfer (Du et al., CVPR 2023, section 4.2) picks the example's hits at random and overwrites. Here a hit is chosen by
how strong the motion is beside the others, never the one just heard when there is another; an example of few hits is varied a
little in pitch and brightness, so that repeats do not sound like a machine; tails ring on under what follows.
docs/transfer.md has the figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import soxr
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

from foley_bridge.engines import texture
from foley_bridge.engines.candidate import Candidate, Curve, Detection, Onset
from foley_bridge.engines.exemplar import Exemplar, Hit
from foley_bridge.media.sound import BLOCK
from foley_bridge.timeline.time import samples_of

QUIETEST_DB = -12.0
"""The gain of a placed hit lies between this and 0 dB."""
MOST_SOUNDING = 8
"""Hits that sound at once; the oldest is faded out when there would be one more."""
CUT_FADE_MS = 30

_MOST_HITS = 48
_MOST_BUFFERED_S = 180.0
_WANTED_VARIANTS = 24
_LOOSE_DB = 1.5  # random, below the wanted gain
_TOO_QUIET_DB = 24.0  # under the example's louder hits: noises rather than hits
_STROKE_S, _SHORTEST_STROKE_S = 0.6, 0.15
_STROKE_FADE_S = 0.25
_STEP_S, _REST_STEPS = 0.02, 5
_RESTING = 0.12  # of the region's strongest motion: below it things have come to rest
# (semitones, dB of brightness): small enough to pass as the same object struck again; the first is the hit itself.
_VARIATIONS = ((0.0, 0.0), (0.15, -1.0), (-0.2, 1.0), (0.3, 0.5), (-0.3, -0.5), (0.08, 1.5), (-0.1, -1.5), (0.22, -0.7))


def take_seed(seed: int, take: int) -> int:
    """The seed of take ``take`` (0-based): take 0 has the request's seed itself, so any take can be asked for alone."""
    return seed if take == 0 else int(np.random.SeedSequence([seed, take]).generate_state(1)[0])


@dataclass(frozen=True)
class Voice:
    """A hit ready to be placed. samples: float32 (n, channels), faded at its edges; onset: sample of the attack; hit: which
    one."""

    samples: np.ndarray
    onset: int
    hit: int


@dataclass(frozen=True)
class Palette:
    """An example made ready for placing; made once, used by every take.

    Attributes:
        exemplar: what it was made from.
        voices: the hits and their variations.
        rank: float64 (hits,), 0 for the weakest (quiet, dull) hit to 1 for the strongest.
        level_dbfs: float64 (hits,).
        material: what continuous sound is made from.
    """

    exemplar: Exemplar
    voices: tuple[Voice, ...]
    rank: np.ndarray
    level_dbfs: np.ndarray
    material: texture.Material


def palette(exemplar: Exemplar, *, vary: bool = True) -> Palette:
    """Cut and vary the hits of an example; without ``vary`` they stay as they are, at their full length."""
    hits = _worth_placing(exemplar.hits)
    variants = max(1, min(len(_VARIATIONS), -(-_WANTED_VARIANTS // len(hits)))) if vary else 1
    longest = (
        round(max(1.0, _MOST_BUFFERED_S / (len(hits) * variants)) * exemplar.sample_rate) if vary else len(exemplar.samples)
    )
    voices = [
        _varied(_faded(exemplar, hit, longest), hit.onset - hit.start, number, exemplar.sample_rate, *_VARIATIONS[variant])
        for number, hit in enumerate(hits)
        for variant in range(variants)
    ]
    level = np.array([hit.level_dbfs for hit in hits])
    strength = level + 3 * np.log2(np.array([max(hit.brightness_hz, 20.0) for hit in hits]))
    rank = np.argsort(np.argsort(strength, kind="stable"), kind="stable") / max(1, len(hits) - 1)
    return Palette(exemplar, tuple(voices), rank if len(hits) > 1 else np.ones(1), level, texture.material(exemplar))


def _worth_placing(hits: tuple[Hit, ...]) -> list[Hit]:
    loud = float(np.percentile([hit.level_dbfs for hit in hits], 90))
    kept = [hit for hit in hits if hit.level_dbfs > loud - _TOO_QUIET_DB]
    if len(kept) > _MOST_HITS:
        kept = [kept[i] for i in np.linspace(0, len(kept) - 1, _MOST_HITS).round().astype(int)]
    return kept


def _faded(exemplar: Exemplar, hit: Hit, longest: int) -> np.ndarray:
    end = min(hit.end, hit.start + longest)
    cut = exemplar.samples[hit.start : end].copy()
    fade_out = hit.fade_out if end == hit.end else min(exemplar.sample_rate // 5, len(cut) // 3)
    if hit.fade_in:
        cut[: hit.fade_in] *= _ramp(hit.fade_in)[:, None]
    if fade_out:
        cut[-fade_out:] *= _ramp(fade_out)[::-1, None]
    return cut


def _ramp(length: int) -> np.ndarray:
    """float32 (length,), 0 to 1, a smooth quarter of power."""
    return np.sin(np.pi / 2 * (np.arange(length) + 0.5) / max(1, length)).astype(np.float32)


def _varied(samples: np.ndarray, onset: int, hit: int, rate: int, semitones: float, tilt_db: float) -> Voice:
    if semitones:
        ratio = 2 ** (semitones / 12)
        samples = soxr.resample(samples, rate * ratio, rate, quality="HQ").astype(np.float32)
        onset = round(onset / ratio)
    if tilt_db:
        samples = lfilter(*_shelf(tilt_db, rate), samples, axis=0).astype(np.float32)
    return Voice(np.ascontiguousarray(samples), min(onset, len(samples) - 1), hit)


def _shelf(tilt_db: float, rate: int) -> tuple[list[float], list[float]]:
    """First-order filter, minimum phase: half of ``tilt_db`` up above 1.5 kHz, half of it down below (bilinear transform)."""
    k = float(np.tan(np.pi * min(1500.0, rate / 5) / rate))
    high, low = 10 ** (tilt_db / 40), 10 ** (-tilt_db / 40)
    return [(low * k + high) / (k + 1), (low * k - high) / (k + 1)], [1.0, (k - 1) / (k + 1)]


# --- a candidate -------------------------------------------------------------------------------------------------------------


def arrange(
    detection: Detection,
    sounds: Palette,
    *,
    seed: int,
    start: Fraction,
    end: Fraction,
    region_start: Fraction,
    region_end: Fraction,
    source: dict[str, str] | None = None,
) -> Candidate:
    """One take: hits where the picture has reliable onsets, else continuous sound that follows the motion.

    Args:
        detection: what was seen (or tapped).
        sounds: the example.
        seed: of this take, see ``take_seed``.
        start, end: what the sound covers, exact timeline seconds: the region on the frame grid, with handles and tail.
        region_start, region_end: the region itself.
        source: what the example is, passed on.
    """
    if detection.reliable and detection.onsets:
        onsets, motion = detection.onsets, detection.motion
        if sounds.exemplar.kind == "texture":
            onsets = _strokes_begin(onsets, motion)
        return arrange_hits(onsets, sounds, motion=motion, seed=seed, start=start, end=end, source=source)
    return texture.texture_candidate(
        sounds.material,
        detection.motion,
        seed=seed,
        start=start,
        end=end,
        region_start=region_start,
        region_end=region_end,
        source=source,
    )


def fit_notes(detection: Detection, sounds: Palette) -> tuple[str, ...]:
    """What a person should know about how an example fits what was seen, one sentence each."""
    name = sounds.exemplar.name
    notes = list(sounds.exemplar.notes)
    if detection.reliable and detection.onsets:
        if sounds.exemplar.kind == "texture":
            notes.append(f"{name} is a continuous sound: each action got a stroke cut from it")
    elif sounds.material.from_hits:
        notes.append(f"{name} holds only separate hits: their bodies were spread into a continuous sound")
    return tuple(notes)


def arrange_hits(
    onsets: Sequence[Onset],
    sounds: Palette,
    *,
    seed: int,
    start: Fraction,
    end: Fraction,
    motion: Curve | None = None,
    source: dict[str, str] | None = None,
) -> Candidate:
    """A hit at every onset; of a continuous example, a stroke that lasts while ``motion`` goes on.

    Returns:
        A candidate whose score is the onsets' mean confidence times 0.8 to 1, by how well the hits' strengths match the
        motion's.
    """
    rate = sounds.exemplar.sample_rate
    origin = samples_of(start, rate)
    frames = samples_of(end, rate) - origin
    rng = np.random.default_rng([seed, 0x41])
    inside = [onset for onset in sorted(onsets, key=lambda onset: onset.time_s) if start <= Fraction(onset.time_s) < end]
    places = [samples_of(Fraction(onset.time_s), rate) - origin for onset in inside]
    if sounds.exemplar.kind == "texture":
        events, fit = _strokes(inside, places, motion, sounds, rng), 1.0
        buffers: tuple[np.ndarray, ...] = (sounds.material.samples,)
    else:
        events, fit = _choose(inside, places, sounds, rng)
        buffers = tuple(voice.samples for voice in sounds.voices)
    confidence = float(np.mean([onset.confidence for onset in inside])) if inside else 0.0
    sound = EventSound(buffers, _thinned(events, rate), rate, sounds.exemplar.samples.shape[1], frames)
    return Candidate(
        seed, confidence * (0.8 + 0.2 * fit), tuple(onset.time_s for onset in inside), sound, "hits", dict(source or {})
    )


def _choose(onsets: list[Onset], places: list[int], sounds: Palette, rng: np.random.Generator) -> tuple[list[Event], float]:
    """An event per onset, and 0-1 how well ranks match strengths."""
    hit_of = np.array([voice.hit for voice in sounds.voices])
    rest_hits = min(3, len(sounds.rank) - 1)
    rest_voices = min(6, len(sounds.voices) - 1)
    loudest = float(sounds.level_dbfs.max())
    heard: list[int] = []
    events: list[Event] = []
    distance = 0.0
    for onset, place in zip(onsets, places, strict=True):
        weight = np.exp(-(((sounds.rank[hit_of] - onset.strength) / 0.35) ** 2)) + 1e-3
        recent = heard[len(heard) - rest_voices :] if rest_voices else []
        weight[recent] *= 1e-3
        if rest_hits and heard:
            weight[np.isin(hit_of, hit_of[heard[-rest_hits:]])] *= 0.1
            weight[hit_of == hit_of[heard[-1]]] = 0
        elif heard and len(weight) > 1:
            weight[heard[-1]] = 0
        number = int(rng.choice(len(weight), p=weight / weight.sum()))
        heard.append(number)
        voice = sounds.voices[number]
        distance += abs(float(sounds.rank[voice.hit]) - onset.strength) if len(sounds.rank) > 1 else 0.0
        wanted = loudest + QUIETEST_DB * (1 - onset.strength) - float(sounds.level_dbfs[voice.hit])
        gain_db = float(np.clip(wanted - rng.uniform(0, _LOOSE_DB), QUIETEST_DB, 0))
        first = place - voice.onset
        skipped = max(0, -first)  # pre-roll that lies before the take starts
        fade = min((voice.onset - skipped) // 2, sounds.exemplar.sample_rate // 500) if skipped and skipped < voice.onset else 0
        events.append(Event(first + skipped, number, skipped, len(voice.samples) - skipped, 10 ** (gain_db / 20), fade, 0))
    return events, 1 - distance / max(1, len(onsets))


def _strokes(
    onsets: list[Onset], places: list[int], motion: Curve | None, sounds: Palette, rng: np.random.Generator
) -> list[Event]:
    """Of a continuous example: a stretch per onset, with a start as sharp as the eye expects and a soft end. One that lasts
    longer than the material is made of several, cross-faded."""
    rate, total = sounds.exemplar.sample_rate, len(sounds.material.samples)
    fade = max(1, min(round(_STROKE_FADE_S * rate), total // 4))
    events = []
    for i, (onset, place) in enumerate(zip(onsets, places, strict=True)):
        gap_s = (places[i + 1] - place) / rate if i + 1 < len(places) else np.inf
        left = max(1, round(min(0.9 * gap_s, _stroke_s(onset.time_s, gap_s, motion, rng)) * rate))
        gain_db = max(QUIETEST_DB * (1 - onset.strength) - rng.uniform(0, _LOOSE_DB), QUIETEST_DB)
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


def _strokes_begin(onsets: Sequence[Onset], motion: Curve) -> tuple[Onset, ...]:
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
    between = motion.at(np.arange(from_s, to_s, _STEP_S)) < _RESTING
    return len(between) >= _REST_STEPS and bool((uniform_filter1d(between.astype(float), _REST_STEPS) > 0.9).any())


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


def _stroke_s(onset_s: float, most_s: float, motion: Curve | None, rng: np.random.Generator) -> float:
    """How long a stroke lasts: until the picture comes to rest, ``most_s`` at most; where nothing is known of its motion, a
    little under ``_STROKE_S``."""
    if motion is None or not len(motion.time_s):
        return float(_STROKE_S * rng.uniform(0.7, 1))
    end_s = min(onset_s + most_s, float(motion.time_s[-1]))
    ahead = np.arange(onset_s + _SHORTEST_STROKE_S, end_s, _STEP_S)
    if not len(ahead):
        return _SHORTEST_STROKE_S
    resting = uniform_filter1d((motion.at(ahead) < _RESTING).astype(float), _REST_STEPS, mode="nearest") > 0.9
    return _SHORTEST_STROKE_S + _STEP_S * (int(np.argmax(resting)) if resting.any() else len(ahead))


# --- the sound ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """``length`` samples of buffer ``buffer`` from ``offset`` on, at ``start`` of the sound, times ``gain``, faded at its
    ends."""

    start: int
    buffer: int
    offset: int
    length: int
    gain: float
    fade_in: int
    fade_out: int


def _thinned(events: list[Event], rate: int) -> list[Event]:
    """No more than ``MOST_SOUNDING`` at once: an older tail is faded out as the newest hit starts."""
    fade = CUT_FADE_MS * rate // 1000
    kept = []
    for i, event in enumerate(events):
        if i + MOST_SOUNDING < len(events):
            limit = max(1, events[i + MOST_SOUNDING].start + fade - event.start)
            if limit < event.length:
                event = Event(event.start, event.buffer, event.offset, limit, event.gain, event.fade_in, min(fade, limit))
        kept.append(event)
    return kept


class EventSound:
    """A Sound of short buffers laid in time and added where they overlap; rendered as it is asked for."""

    def __init__(
        self, buffers: tuple[np.ndarray, ...], events: Sequence[Event], sample_rate: int, channels: int, frames: int
    ) -> None:
        self.sample_rate, self.channels, self.frames = sample_rate, channels, frames
        self._buffers = buffers
        self._events = sorted(events, key=lambda event: event.start)
        self._ramps = {length: _ramp(length) for event in events for length in (event.fade_in, event.fade_out) if length}

    def blocks(self, size: int = BLOCK) -> Iterator[np.ndarray]:
        """float32 (n, channels), in order; the same bytes for every ``size``."""
        sounding: list[Event] = []
        upcoming = 0
        for first in range(0, self.frames, size):
            last = min(first + size, self.frames)
            while upcoming < len(self._events) and self._events[upcoming].start < last:
                sounding.append(self._events[upcoming])
                upcoming += 1
            block = np.zeros((last - first, self.channels), np.float32)
            for event in sounding:
                self._add(event, block, first, last)
            sounding = [event for event in sounding if event.start + event.length > last]
            yield block

    def _add(self, event: Event, block: np.ndarray, first: int, last: int) -> None:
        a, b = max(event.start, first), min(event.start + event.length, last)
        if a >= b:
            return
        lo, hi = a - event.start, b - event.start
        part = self._buffers[event.buffer][event.offset + lo : event.offset + hi] * np.float32(event.gain)
        if lo < event.fade_in:
            ramp = self._ramps[event.fade_in][lo:hi]
            part[: len(ramp)] *= ramp[:, None]
        tail = event.length - event.fade_out
        if event.fade_out and hi > tail:
            begin = max(lo, tail)
            part[begin - lo :] *= self._ramps[event.fade_out][::-1][begin - tail : hi - tail, None]
        block[a - first : b - first] += part
