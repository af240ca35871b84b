"""An example's hits made ready for placing, and which of them is placed where, how loud.

Onset Transfer (Du et al., CVPR 2023, section 4.2) picks the example's hits at random and overwrites. Here a hit is chosen by
how strong the motion is beside the others, never the one just heard when there is another; an example of few hits is varied a
little in pitch and brightness, so that repeats do not sound like a machine; tails ring on under what follows.
docs/transfer.md has the figures.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from scipy.signal import lfilter

from foley_bridge.engines import texture
from foley_bridge.engines.candidate import Onset
from foley_bridge.engines.events import Event, ramp
from foley_bridge.engines.exemplar import Exemplar, Hit

QUIETEST_DB = -12.0
"""The gain of a placed hit lies between this and 0 dB."""
LOOSE_DB = 1.5
"""How far a gain strays, at random, below the one that the motion asks for."""
VARIATIONS = ((0.0, 0.0), (0.15, -1.0), (-0.2, 1.0), (0.3, 0.5), (-0.3, -0.5), (0.08, 1.5), (-0.1, -1.5), (0.22, -0.7))
"""(semitones, dB of brightness): small enough to pass as the same object struck again; the first is the hit itself."""

_MOST_HITS = 48
_MOST_BUFFERED_S = 180.0
_WANTED_VARIANTS = 24
_TOO_QUIET_DB = 24.0  # under the example's louder hits: noises rather than hits


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
    """

    exemplar: Exemplar
    voices: tuple[Voice, ...]
    rank: np.ndarray
    level_dbfs: np.ndarray

    @functools.cached_property
    def material(self) -> texture.Material:
        """What continuous sound is made from."""
        return texture.material(self.exemplar)


def palette(exemplar: Exemplar, *, vary: bool = True) -> Palette:
    """Cut and vary the hits of an example; without ``vary`` they stay as they are, at their full length."""
    hits = _worth_placing(exemplar.hits)
    variants = max(1, min(len(VARIATIONS), -(-_WANTED_VARIANTS // len(hits)))) if vary else 1
    longest = (
        round(max(1.0, _MOST_BUFFERED_S / (len(hits) * variants)) * exemplar.sample_rate) if vary else len(exemplar.samples)
    )
    voices = [
        varied(Voice(_faded(exemplar, hit, longest), hit.onset - hit.start, number), variant, exemplar.sample_rate)
        for number, hit in enumerate(hits)
        for variant in range(variants)
    ]
    level = np.array([hit.level_dbfs for hit in hits])
    strength = level + 3 * np.log2(np.array([max(hit.brightness_hz, 20.0) for hit in hits]))
    rank = np.argsort(np.argsort(strength, kind="stable"), kind="stable") / max(1, len(hits) - 1)
    return Palette(exemplar, tuple(voices), rank if len(hits) > 1 else np.ones(1), level)


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
        cut[: hit.fade_in] *= ramp(hit.fade_in)[:, None]
    if fade_out:
        cut[-fade_out:] *= ramp(fade_out)[::-1, None]
    return cut


def varied(voice: Voice, variation: int, rate: int) -> Voice:
    """The same object struck again. variation: which of ``VARIATIONS``; 0 leaves it as it is. rate: Hz."""
    samples, onset = voice.samples, voice.onset
    semitones, tilt_db = VARIATIONS[variation]
    if semitones:
        ratio = 2 ** (semitones / 12)
        samples = soxr.resample(samples, rate * ratio, rate, quality="HQ").astype(np.float32)
        onset = round(onset / ratio)
    if tilt_db:
        samples = lfilter(*_shelf(tilt_db, rate), samples, axis=0).astype(np.float32)
    return Voice(np.ascontiguousarray(samples), min(onset, len(samples) - 1), voice.hit)


def _shelf(tilt_db: float, rate: int) -> tuple[list[float], list[float]]:
    """First-order filter, minimum phase: half of ``tilt_db`` up above 1.5 kHz, half of it down below (bilinear transform)."""
    k = float(np.tan(np.pi * min(1500.0, rate / 5) / rate))
    high, low = 10 ** (tilt_db / 40), 10 ** (-tilt_db / 40)
    return [(low * k + high) / (k + 1), (low * k - high) / (k + 1)], [1.0, (k - 1) / (k + 1)]


def choose_hits(
    onsets: Sequence[Onset], places: Sequence[int], sounds: Palette, rng: np.random.Generator
) -> tuple[list[Event], float]:
    """An event per onset, into the palette's voices, and 0-1 how well ranks match strengths.

    places: the sample of the take at which each onset's attack lies.
    """
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
        gain_db = float(np.clip(wanted - rng.uniform(0, LOOSE_DB), QUIETEST_DB, 0))
        first = place - voice.onset
        skipped = max(0, -first)  # pre-roll that lies before the take starts
        fade = min((voice.onset - skipped) // 2, sounds.exemplar.sample_rate // 500) if skipped and skipped < voice.onset else 0
        events.append(Event(first + skipped, number, skipped, len(voice.samples) - skipped, 10 ** (gain_db / 20), fade, 0))
    return events, 1 - distance / max(1, len(onsets))
