"""Onset metrics against numbers worked out by hand, scikit-learn and mir_eval."""

from __future__ import annotations

import mir_eval
import numpy as np
import pytest
from foley_models import metrics
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

seconds = st.lists(st.integers(0, 500), max_size=14, unique=True).map(lambda ms: np.array(sorted(ms)) / 100)


def test_average_precision_of_a_worked_example() -> None:
    # by confidence: hit (1/1), miss, hit (2/3); one of three true onsets is never found
    ap = metrics.average_precision(np.array([1.0, 2.0, 3.0]), np.array([1.05, 1.5, 2.9]), np.array([0.9, 0.8, 0.7]))
    assert ap == pytest.approx((1 / 1 + 2 / 3) / 3)


def test_a_true_onset_is_found_only_once() -> None:
    ap = metrics.average_precision(np.array([1.0]), np.array([1.0, 1.05]), np.array([0.5, 0.9]))
    assert ap == pytest.approx(1.0)  # the surer one takes it, the second is a false alarm after full recall
    assert metrics.f1(np.array([1.0]), np.array([1.0, 1.05]), 0.1) == pytest.approx(2 / 3)


def test_onsets_missed_after_the_last_detection_cost_only_in_the_strict_reading() -> None:
    truth, times, sure = np.arange(1.0, 6.0), np.array([1.0]), np.array([0.9])
    assert metrics.average_precision(truth, times, sure) == pytest.approx(0.2)
    assert metrics.average_precision_published(truth, times, sure) == pytest.approx(1.0)


def test_published_reading_counts_misses_before_the_detections_run_out() -> None:
    # 1.0 is missed (score 0), 2.0 is found: at the found one precision 1, recall 1/2; at score 0, 2/2
    published = metrics.average_precision_published(np.array([1.0, 2.0]), np.array([2.0]), np.array([0.6]))
    assert published == pytest.approx(average_precision_score([1, 1], [0.0, 0.6]))
    # a false alarm at 5.0 is surer than the hit
    published = metrics.average_precision_published(np.array([1.0]), np.array([1.0, 5.0]), np.array([0.4, 0.8]))
    assert published == pytest.approx(average_precision_score([1, 0], [0.4, 0.8])) == pytest.approx(0.5)


def test_published_reading_drops_detections_within_50_ms_of_a_surer_one() -> None:
    truth = np.array([1.0])
    assert metrics.average_precision_published(truth, np.array([1.0, 1.04]), np.array([0.5, 0.9])) == pytest.approx(1.0)


def test_empty_cases() -> None:
    none, one = np.zeros(0), np.array([1.0])
    assert metrics.average_precision(none, none, none) == metrics.f1(none, none) == 1.0
    assert metrics.average_precision(one, none, none) == metrics.f1(one, none) == 0.0
    assert metrics.average_precision(none, one, one) == metrics.f1(none, one) == 0.0
    assert np.isnan(metrics.average_precision_published(none, none, none))
    assert np.isnan(metrics.calibration_error(none, none))


@given(seconds, seconds)
def test_f1_equals_mir_eval(truth: np.ndarray, times: np.ndarray) -> None:
    if not len(truth) or not len(times):
        return
    # a window off the grid of hundredths, so that neither side has to decide about rounding at its edge
    assert metrics.f1(truth, times, 0.0549) == pytest.approx(mir_eval.onset.f_measure(truth, times, window=0.0549)[0])


@given(seconds, st.data())
def test_average_precision_equals_scikit_learn_when_every_miss_is_listed(truth: np.ndarray, data: st.DataObject) -> None:
    times = np.array(data.draw(seconds))
    sure = np.array(data.draw(st.lists(st.integers(1, 99), min_size=len(times), max_size=len(times)))) / 100
    if not len(truth) or not len(times):
        return
    hit = metrics.match(truth, times, sure, 0.0549) >= 0
    missed = len(truth) - hit.sum()
    if hit.any():
        # scikit-learn takes misses as positives of a score below all: their steps add precision after the last detection
        labels, scores = np.append(hit, np.ones(missed)), np.append(sure, np.zeros(missed))
        tail = (missed / len(truth)) * (len(truth) / len(labels)) if missed else 0.0
        assert metrics.average_precision(truth, times, sure, 0.0549) == pytest.approx(
            average_precision_score(labels, scores) - tail
        )


def test_count_accuracy_is_exact_equality() -> None:
    assert metrics.count_accuracy([3, 4, 5, 0], [3, 5, 5, 0]) == 0.75


def test_calibration_error_of_a_worked_example() -> None:
    sure = np.array([0.95, 0.95, 0.95, 0.95, 0.25, 0.25])
    right = np.array([1, 1, 1, 0, 0, 0])
    # bin 9: |0.95 - 0.75| over 4 of 6; bin 2: |0.25 - 0| over 2 of 6
    assert metrics.calibration_error(sure, right) == pytest.approx((4 * 0.2 + 2 * 0.25) / 6)
    assert metrics.calibration_error(np.array([1.0, 0.0]), np.array([1, 0])) == 0.0


def test_random_baseline_has_the_chance_of_a_uniform_guess() -> None:
    truth = np.array([5.0])

    def score(times: np.ndarray, sure: np.ndarray) -> float:
        return float((metrics.match(truth, times, sure) >= 0).any())

    got = metrics.random_baseline(score, 1, 0.0, 10.0, seed=3, draws=20_000)
    assert got == pytest.approx(0.02, abs=0.004)  # a 0.2 s window in 10 s
    assert got == metrics.random_baseline(score, 1, 0.0, 10.0, seed=3, draws=20_000)
