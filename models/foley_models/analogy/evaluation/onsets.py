"""Onsets that are heard in a sound, how many there are, and how well they agree with those of another (section 4.3).

Onsets are librosa's with ``delta`` 0.3, as the released evaluation finds them in the true sound and in the generated one; how
sure one is, is the relative amplitude around it (the paper after Owens et al., 2016). ``average_precision`` counts each missed
onset. ``average_precision_published`` is the released evaluation step by step, for comparing with printed figures only: it
stops when the detections have run out, so that what is missed later costs nothing; no detection at all is perfect; and where
neither sound has an onset, it fails.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foley_bridge.stage.scene import stream
from foley_models import metrics

DELTA = 0.3
HOP, FFT = 512, 2048
PEAK_S, MEAN_S = 0.03, 0.1
"""librosa's: an onset is the strongest of the last 30 ms, and 30 ms after it there is none; it stands out by ``DELTA`` from the
mean of 0.1 s around it."""
AROUND_S = 0.05
TOLERANCE_S = 0.1
RANDOM_DRAWS = 50
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Onsets:
    """Of one sound.

    Attributes:
        places: int64 (n,), sample numbers, in order.
        confidence: float64 (n,), 0-1: the highest relative amplitude within ``AROUND_S``.
        amplitude: float64 (n,), 0-1: the relative amplitude on the very sample.
        sample_rate: Hz.
        length: samples of the sound.
    """

    places: NDArray[np.int64]
    confidence: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    sample_rate: int
    length: int

    @property
    def times_s(self) -> NDArray[np.float64]:
        """float64 (n,), seconds."""
        return self.places / self.sample_rate


def places_of(sound: Floats, sample_rate: int) -> NDArray[np.int64]:
    """Sample numbers at which there is an onset, multiples of ``HOP``: what librosa's ``onset_detect`` finds with ``DELTA``.

    Its own peak picking is compiled when it is first used, which takes most of a minute: the same is written out here.

    Args:
        sound: float32 (n,).
    """
    strength = _strength(sound, sample_rate)
    strength = strength - strength.min()
    if not strength.any() or not np.isfinite(strength).all():
        return np.zeros(0, np.int64)
    strength /= strength.max() + np.finfo(np.float32).tiny
    beside, around = int(PEAK_S * sample_rate // HOP), int(MEAN_S * sample_rate // HOP)
    found, frame = [], 0
    while frame < len(strength):
        highest = strength[max(0, frame - beside) : frame + 1].max()
        mean = strength[max(0, frame - around) : frame + around + 1].mean()
        if strength[frame] == highest and strength[frame] >= mean + np.float32(DELTA):
            found.append(frame)
            frame += beside
        frame += 1
    return np.array(found, np.int64) * HOP


def _strength(sound: Floats, sample_rate: int) -> Floats:
    """librosa's ``onset_strength``, float32 (frames,): how much louder bands are than a frame before, in the mean."""
    import librosa

    power = np.abs(librosa.stft(sound.astype(np.float32), n_fft=FFT, hop_length=HOP)) ** 2
    level = librosa.power_to_db(_bands(sample_rate) @ power)
    return np.asarray(librosa.onset.onset_strength(S=level, sr=sample_rate, n_fft=FFT, hop_length=HOP), np.float32)


@functools.cache
def _bands(sample_rate: int) -> Floats:
    """float32 (128, FFT / 2 + 1): what takes librosa most of its time, made once."""
    import librosa

    return np.asarray(librosa.filters.mel(sr=sample_rate, n_fft=FFT), np.float32)


def heard(sound: Floats, sample_rate: int) -> Onsets:
    """The onsets of a sound.

    Args:
        sound: float32 (n,). Silence has none.
    """
    places = np.minimum(places_of(sound, sample_rate), len(sound) - 1)  # the last frame is centred on the sound's end
    relative = np.abs(sound.astype(np.float64))
    if len(relative):
        relative = (relative - relative.min()) / max(float(np.ptp(relative)), 1e-12)
    around = int(AROUND_S * sample_rate)
    sure = [relative[max(0, place - around) : place + around].max() for place in places]
    return Onsets(places, np.array(sure, np.float64), relative[places], sample_rate, len(sound))


def same_count(truth: Onsets, found: Onsets) -> bool:
    """Are there exactly as many?"""
    return len(truth.places) == len(found.places)


def average_precision(truth: Onsets, found: Onsets) -> float:
    """Of detecting the true onsets within ``TOLERANCE_S``, each missed one counted; 1 where neither sound has any onset, 0
    where only one of them has."""
    return metrics.average_precision(truth.times_s, found.times_s, found.confidence, TOLERANCE_S)


def random_average_precision(truth: Onsets, count: int, seed: int) -> float:
    """The mean of ``average_precision`` over random onsets, ``count`` of them, each as sure as chance has it: what a system
    gets that knows how many there are and not when."""
    rng, length_s = stream(seed, "random onsets"), truth.length / truth.sample_rate
    drawn = [
        metrics.average_precision(truth.times_s, rng.uniform(0, length_s, count), rng.random(count), TOLERANCE_S)
        for _ in range(RANDOM_DRAWS)
    ]
    return float(np.mean(drawn))


def average_precision_published(truth: Onsets, found: Onsets) -> float | None:
    """The released evaluation's figure; ``None`` where neither sound has an onset, which it cannot handle."""
    left = _suppressed(found)
    if not left and not len(truth.places):
        return None
    labels: list[float] = []
    scores: list[float] = []
    for onset in truth.places:
        near = [index for index in left if abs(found.places[index] - onset) < TOLERANCE_S * truth.sample_rate]
        labels.append(1.0)
        if not near:
            scores.append(0.0)
            continue
        chosen = max(near, key=lambda index: float(found.amplitude[index]))
        scores.append(float(found.confidence[chosen]))
        left.remove(chosen)
        if not left:
            break  # what is missed from here on is not counted
    labels += [0.0] * len(left)
    scores += [float(found.confidence[index]) for index in left]
    if not any(labels):
        return 0.0
    return metrics.stepwise(np.array(labels), np.array(scores), int(sum(labels)))


def _suppressed(found: Onsets) -> list[int]:
    """Which onsets are left when the surer ones have taken those within 50 ms away. The released loop goes over a list that it
    takes elements out of, and so passes over what comes after each of them: of two neighbours, the later one stays."""
    left = list(range(len(found.places)))
    kept: list[int] = []
    for index in np.argsort(found.confidence, kind="stable")[::-1].tolist():
        if index not in left:
            continue
        kept.append(index)
        left.remove(index)
        place = 0
        while place < len(left):
            if abs(found.places[left[place]] - found.places[index]) < AROUND_S * found.sample_rate:
                del left[place]
            place += 1
    return sorted(kept)
