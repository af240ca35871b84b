"""Onset metrics: what is heard in a sound, and both readings of average precision in cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from foley_models.analogy.evaluation import onsets
from foley_models.analogy.evaluation.onsets import Onsets
from sklearn.metrics import average_precision_score

RATE = 22050


def sound_of(times_s: list[float], levels: list[float] | None = None, length_s: float = 2.0) -> np.ndarray:
    """Bursts of noise that die away."""
    rng, samples = np.random.default_rng(0), np.zeros(round(length_s * RATE), np.float32)
    for time_s, level in zip(times_s, levels or [0.5] * len(times_s), strict=True):
        first = round(time_s * RATE)
        tail = np.arange(len(samples) - first)
        samples[first:] += (level * rng.uniform(-1, 1, len(tail)) * np.exp(-tail / 1500)).astype(np.float32)
    return samples


def onsets_at(times_s: list[float], confidence: list[float] | None = None, amplitude: list[float] | None = None) -> Onsets:
    sure = np.array(confidence or np.linspace(0.9, 0.5, len(times_s)))
    at = sure if amplitude is None else np.array(amplitude)
    return Onsets(np.round(np.array(times_s) * RATE).astype(np.int64), sure, at, RATE, 2 * RATE)


def test_bursts_are_heard_where_they_are() -> None:
    found = onsets.heard(sound_of([0.3, 0.9, 1.5]), RATE)
    assert found.times_s == pytest.approx([0.3, 0.9, 1.5], abs=0.035)
    assert (found.places % 512 == 0).all()


def test_silence_and_a_steady_value_have_no_onset() -> None:
    for samples in (np.zeros(44100, np.float32), np.full(44100, 1e-8, np.float32)):
        assert len(onsets.heard(samples, RATE).places) == 0


def test_confidence_is_the_relative_amplitude_around() -> None:
    found = onsets.heard(sound_of([0.3, 0.9, 1.5], [0.2, 0.8, 0.4]), RATE)
    assert found.confidence == pytest.approx([0.25, 1.0, 0.5], abs=0.05)
    louder = onsets.heard(3 * sound_of([0.3, 0.9, 1.5], [0.2, 0.8, 0.4]), RATE)
    assert louder.confidence == pytest.approx(found.confidence)


def test_onset_in_the_last_frame_has_a_confidence() -> None:
    samples = sound_of([0.3], length_s=40960 / RATE)
    samples[-200:] = 0.9
    found = onsets.heard(samples, RATE)
    assert found.confidence[-1] == pytest.approx(1.0) or len(found.places) == 1
    assert (found.places < len(samples)).all()


@pytest.mark.nightly
def test_onsets_are_librosa_s() -> None:
    import librosa

    rng = np.random.default_rng(0)
    for number in range(40):
        samples = sound_of(sorted(rng.uniform(0, 1.9, number % 7)), list(rng.uniform(0.05, 1, number % 7)))
        samples += rng.normal(0, 1e-3, len(samples)).astype(np.float32) * (number % 2)
        wanted = librosa.onset.onset_detect(y=samples, sr=RATE, units="samples", delta=0.3)
        assert onsets.places_of(samples, RATE).tolist() == wanted.tolist()


def test_each_missed_onset_costs() -> None:
    truth = onsets_at([0.2, 0.6, 1.0, 1.4, 1.8])
    assert onsets.average_precision(truth, onsets_at([0.2])) == pytest.approx(0.2)
    # as published the loop ends with the detections: the four that come after are not counted
    assert onsets.average_precision_published(truth, onsets_at([0.2])) == pytest.approx(1.0)
    # but those before are: 0.2, 0.6, 1.0, 1.4 missed, 1.8 found
    assert onsets.average_precision_published(truth, onsets_at([1.8], [0.7])) == pytest.approx(
        average_precision_score([1, 1, 1, 1, 1], [0, 0, 0, 0, 0.7])
    )


def test_false_alarms_count_in_order_of_confidence() -> None:
    truth, found = onsets_at([0.5, 1.0]), onsets_at([0.5, 0.75, 1.0], [0.6, 0.9, 0.3])
    # the surest is wrong, then 1 of 2, then 2 of 3
    assert onsets.average_precision(truth, found) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert onsets.average_precision_published(truth, found) == pytest.approx(
        average_precision_score([1, 1, 0], [0.6, 0.3, 0.9])
    )


def test_empty_cases_are_defined_and_the_published_ones_are_as_released() -> None:
    none, some = onsets_at([]), onsets_at([0.5, 1.0])
    assert onsets.average_precision(none, none) == 1.0
    assert onsets.average_precision(some, none) == onsets.average_precision(none, some) == 0.0
    assert onsets.average_precision_published(none, none) is None  # it fails there
    assert onsets.average_precision_published(some, none) == 1.0  # silence is perfect
    assert onsets.average_precision_published(none, some) == 0.0


def test_published_reading_suppresses_within_50_ms_and_passes_over_the_next() -> None:
    # around the surest one at 1.0, 0.96 goes; 1.04 came next in the list that 0.96 was taken out of, and stays
    found = onsets_at([0.96, 1.0, 1.04], [0.5, 0.9, 0.4])
    assert onsets.average_precision_published(onsets_at([1.0]), found) == pytest.approx(1.0)
    late = onsets_at([0.96, 1.0, 1.04], [0.5, 0.9, 0.95])  # now 1.04 is surest: 0.96 is farther than 50 ms, 1.0 goes
    # 0.96 and 1.04 are left; the true one at 1.0 takes the surer, the other is a false alarm
    assert onsets.average_precision_published(onsets_at([1.0]), late) == pytest.approx(1.0)
    assert onsets._suppressed(found) == [1, 2]
    assert onsets._suppressed(late) == [0, 2]


def test_published_reading_takes_the_one_that_is_loudest_on_its_very_sample() -> None:
    truth = onsets_at([1.0])
    found = onsets_at([0.93, 1.07], confidence=[0.9, 0.6], amplitude=[0.1, 0.5])
    # the second is taken, with its confidence; the first, surer, is a false alarm before it
    assert onsets.average_precision_published(truth, found) == pytest.approx(0.5)


def test_random_onsets_are_as_many_and_hit_as_chance_has_it() -> None:
    truth = onsets_at([1.0])
    got = np.mean([onsets.random_average_precision(truth, 1, seed) for seed in range(60)])
    assert got == pytest.approx(0.1, abs=0.015)  # a window of 0.2 s in 2 s
    assert onsets.random_average_precision(truth, 1, 3) == onsets.random_average_precision(truth, 1, 3)
    assert onsets.random_average_precision(truth, 0, 0) == 0.0
    more = np.mean([onsets.random_average_precision(truth, 8, seed) for seed in range(10)])
    assert more > got  # many guesses find it somewhere


def test_counts_are_the_same_or_not() -> None:
    assert onsets.same_count(onsets_at([0.1, 0.2]), onsets_at([1.0, 1.5]))
    assert not onsets.same_count(onsets_at([0.1, 0.2]), onsets_at([1.0]))
