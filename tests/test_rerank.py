"""Re-ranking: the paper's rule read out word by word, onsets told from mels, and how well they agree with what is seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from foley_bridge.engines.rerank import agreement, rises, sounding_at, value
from foley_bridge.inference import clips
from foley_bridge.inference.offsets import Scores, decided, order

SOUND = clips.ClipSound()
FRAME_S = SOUND.hop / SOUND.sample_rate
OFFSETS_S = np.arange(-12, 13) * 0.05


def scores(*pairs: tuple[float, float]) -> Scores:
    return Scores(np.array([pair[0] for pair in pairs], float), np.array([pair[1] for pair in pairs], float))


def by_the_book(given: Scores, tolerance_s: float) -> list[int]:
    """The rule of section 3.3, then what is left, with whole numbers of 0.05 s."""
    away = [round(abs(float(offset)) / 0.05) for offset in given.offsets_s]
    most = min(away) + round(tolerance_s / 0.05)
    kept = [number for number in range(len(away)) if away[number] <= most]
    others = [number for number in range(len(away)) if away[number] > most]
    sure = given.confidences
    return sorted(kept, key=lambda k: (-sure[k], k)) + sorted(others, key=lambda k: (away[k], -sure[k], k))


@pytest.mark.parametrize("tolerance_s", [0.0, 0.05, 0.1, 0.2])
def test_the_order_is_that_of_the_rule_read_word_by_word(tolerance_s: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        count = int(rng.integers(1, 12))
        given = Scores(rng.choice(OFFSETS_S, count), rng.integers(1, 5, count) / 5)
        found = order(given, tolerance_s)
        assert found.dtype == np.int64
        assert found.tolist() == by_the_book(given, tolerance_s)


def test_the_tolerance_counts_from_the_smallest_offset_so_that_there_is_always_one() -> None:
    """The published code's lasts: where no offset is within the tolerance, its index stays at -1, the last sound."""
    late = scores((0.5, 0.3), (-0.35, 0.2), (0.45, 0.9), (0.6, 0.99))
    assert order(late).tolist() == [2, 0, 1, 3]
    assert order(late, 0.0).tolist() == [1, 2, 0, 3]
    assert order(scores((0.6, 0.1))).tolist() == [0]
    assert order(Scores(np.zeros(0), np.zeros(0))).tolist() == []


def test_the_edge_of_the_tolerance_is_inside_whatever_rounding_does() -> None:
    for first in range(9):
        given = Scores(OFFSETS_S[[12 + first, 16 + first - 1, 16 + first]], np.array([0.1, 0.2, 0.3]))
        assert order(given, 0.2)[0] == 2 and order(given, 0.15)[0] == 1


def test_in_another_order_the_same_candidates_are_taken_in_the_same_order() -> None:
    rng = np.random.default_rng(1)
    given = Scores(rng.choice(OFFSETS_S, 40), rng.permutation(40) / 40)
    for _ in range(20):
        mixed = rng.permutation(40)
        found = order(Scores(given.offsets_s[mixed], given.confidences[mixed]))
        assert mixed[found].tolist() == order(given).tolist()


def test_the_most_probable_class_decides_and_large_logits_do_not_overflow() -> None:
    logits = np.array([[0, np.log(3), 0], [1000, 0, -1000], [-2000, -2000, -2000]], np.float32)
    found = decided(logits, (-0.1, 0.0, 0.1))
    assert found.offsets_s.tolist() == [0.0, -0.1, -0.1]
    np.testing.assert_allclose(found.confidences, [0.6, 1, 1 / 3], rtol=1e-6)
    assert found.confidences.dtype == np.float64
    assert decided(np.zeros((0, 3), np.float32), (-0.1, 0.0, 0.1)).offsets_s.shape == (0,)


def struck(times_s: Sequence[float], *, gain: float = 1.0, seed: int = 0) -> np.ndarray:
    """Log10 magnitudes (80, 160) of decaying bursts over faint noise."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 1e-3, SOUND.samples)
    for time in times_s:
        burst = rng.normal(0, 0.3, 4000) * np.exp(-np.arange(4000) / 800)
        at = round(time * SOUND.sample_rate)
        samples[at : at + 4000] += burst[: len(samples) - at]
    return clips.magnitudes(clips.mel(gain * samples.astype(np.float32), SOUND)[0, 0])


def test_onsets_are_told_where_sounds_begin_and_silence_and_noise_have_none() -> None:
    for times in ((0.3, 0.9, 1.4), (0.213, 0.5, 0.771, 1.07, 1.6), (1.0,)):
        for gain in (0.1, 1.0):
            found = sounding_at(rises(struck(times, gain=gain)[None])[0], FRAME_S)
            assert len(found) == len(times)
            np.testing.assert_allclose(found, times, atol=1.5 * FRAME_S)
    silence = np.full((1, 80, 160), -4, np.float32)
    assert not rises(silence).any() and sounding_at(rises(silence)[0], FRAME_S) == ()
    assert sounding_at(rises(struck(())[None])[0], FRAME_S) == ()
    assert sounding_at(np.zeros(0), FRAME_S) == ()


SEEN_S, SURE = np.array([0.4, 0.95, 1.5]), np.array([0.9, 0.8, 0.95])


def test_agreement_falls_the_further_a_sound_is_shifted_away() -> None:
    strength = rises(np.stack([struck(SEEN_S + late) for late in (0, 0.05, 0.1, 0.15, 0.2)]))
    assert strength.shape == (5, 160)
    agreed = agreement(strength, FRAME_S, SEEN_S, SURE)
    assert (np.diff(agreed) < 0).all() and 0.9 < agreed[0] <= 1 and agreed[-1] < 0.3


def test_agreement_is_less_with_a_hit_too_many_and_with_one_too_few() -> None:
    right, more, fewer, other = (struck(times) for times in (SEEN_S, [*SEEN_S, 0.7], SEEN_S[:2], SEEN_S[:1] + 0.3))
    agreed = agreement(rises(np.stack([right, more, fewer, other])), FRAME_S, SEEN_S, SURE)
    assert agreed[0] > max(agreed[1:3]) and min(agreed[1:3]) > agreed[3]


def test_agreement_does_not_ask_how_loud_or_how_sure_and_sounds_do_not_count_for_each_other() -> None:
    strength = rises(np.stack([struck(SEEN_S), struck([0.5])]))
    agreed = agreement(strength, FRAME_S, SEEN_S, SURE)
    np.testing.assert_allclose(agreement(3 * strength, FRAME_S, SEEN_S, SURE / 9), agreed)
    np.testing.assert_allclose(agreement(strength[::-1], FRAME_S, SEEN_S[::-1], SURE[::-1]), agreed[::-1])


def test_where_nothing_is_seen_or_nothing_sets_in_nothing_agrees() -> None:
    nothing, strength = np.zeros(0), rises(np.stack([struck(SEEN_S), np.full((80, 160), -4, np.float32)]))
    assert agreement(strength, FRAME_S, nothing, nothing).tolist() == [0, 0]
    assert agreement(strength, FRAME_S, SEEN_S, np.zeros(3)).tolist() == [0, 0]
    assert agreement(strength, FRAME_S, SEEN_S, SURE)[1] == 0
    assert agreement(strength[:0], FRAME_S, SEEN_S, SURE).shape == (0,)


def test_a_take_is_worth_most_where_it_is_surely_in_time() -> None:
    right, late, unsure = (scores(each, each) for each in ((0.0, 0.9), (0.2, 0.9), (0.0, 0.2)))
    assert 1 >= value(right, None) > value(late, None) > 0
    assert value(right, None) > value(unsure, None) > value(scores((0.6, 1.0)), None) == 0
    assert value(None, np.array([0.5, 0.7])) == pytest.approx(0.6)
    assert value(right, np.array([0.5, 0.7])) == pytest.approx(0.75)
    assert value(scores((0.0, 1.0), (0.0, 0.8), (0.25, 1.0)), np.array([0.6])) == pytest.approx((2.3 / 3 + 0.6) / 2)
    assert value(None, None) == value(None, np.zeros(0)) == 0
