"""How well predicted onsets, counts and confidences agree with the truth: numpy only.

Onset average precision is the one of CondFoleyGen (Du et al., CVPR 2023, section 4.3): detections sorted by confidence, each
within 0.1 s of a true onset counts once. Two readings of it live here. ``average_precision`` divides by all true onsets, so
each missed one costs. ``average_precision_published`` follows the evaluation as it was released, whose loop ends when the
predictions run out, so later missed onsets cost nothing: for comparing with printed figures only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

TOLERANCE_S = 0.1


def match(truth_s: np.ndarray, times_s: np.ndarray, confidence: np.ndarray, tolerance_s: float = TOLERANCE_S) -> np.ndarray:
    """Which detections hit. Most confident first, each takes the nearest true onset within the tolerance not taken yet.

    Args:
        truth_s: float (n,), seconds. times_s, confidence: float (m,).

    Returns:
        int (m,): the index of the true onset taken, -1 for none.
    """
    truth_s, times_s, confidence = (np.asarray(x, float) for x in (truth_s, times_s, confidence))
    taken = np.full(len(times_s), -1)
    free = np.ones(len(truth_s), bool)
    for i in np.argsort(-confidence, kind="stable"):
        gap = np.where(free, np.abs(truth_s - times_s[i]), np.inf)
        if len(gap) and gap.min() <= tolerance_s + 1e-9:
            j = int(gap.argmin())
            taken[i], free[j] = j, False
    return taken


def average_precision(
    truth_s: np.ndarray, times_s: np.ndarray, confidence: np.ndarray, tolerance_s: float = TOLERANCE_S
) -> float:
    """Area under the precision-recall steps, every missed onset penalised. No truth and no detection: 1; one of them alone: 0.

    Detections of equal confidence enter together, as in the usual definition (sum of recall steps times precision there).
    """
    times_s, confidence = np.asarray(times_s, float), np.asarray(confidence, float)
    if len(truth_s) == 0 or len(times_s) == 0:
        return float(len(truth_s) == len(times_s))
    hit = match(truth_s, times_s, confidence, tolerance_s) >= 0
    return stepwise(hit.astype(float), confidence, len(truth_s))


def average_precision_published(
    truth_s: np.ndarray, times_s: np.ndarray, confidence: np.ndarray, tolerance_s: float = TOLERANCE_S, nms_s: float = 0.05
) -> float:
    """The released evaluation's variant: non-maximum suppression of 50 ms, true onsets visited in time order, each taking the
    most confident free detection within the tolerance, a missed one entering as a positive of score 0 -- until the detections
    have run out, after which missed onsets are not counted. NaN where it divides nothing (no detection left or no truth)."""
    truth_s, times_s, confidence = (np.asarray(x, float) for x in (truth_s, times_s, confidence))
    kept: list[int] = []
    for i in np.argsort(-confidence, kind="stable"):
        if all(abs(times_s[i] - times_s[j]) > nms_s for j in kept):
            kept.append(int(i))
    left = list(kept)
    labels: list[float] = []
    scores: list[float] = []
    for onset in np.sort(truth_s):
        if not left:
            break
        near = [i for i in left if abs(times_s[i] - onset) <= tolerance_s + 1e-9]
        if near:
            best = max(near, key=lambda i: confidence[i])
            labels.append(1.0)
            scores.append(float(confidence[best]))
            left.remove(best)
        else:
            labels.append(1.0)
            scores.append(0.0)
    labels += [0.0] * len(left)
    scores += [float(confidence[i]) for i in left]
    if not sum(labels):
        return float("nan")
    return stepwise(np.array(labels), np.array(scores), int(sum(labels)))


def stepwise(hit: np.ndarray, confidence: np.ndarray, positives: int) -> float:
    """Area under the steps of precision over recall: the usual average precision, equal confidences entering together.

    Args:
        hit, confidence: float (n,). positives: how many there are to find.
    """
    order = np.argsort(-confidence, kind="stable")
    hit, confidence = hit[order], confidence[order]
    last = np.append(confidence[1:] != confidence[:-1], True)
    found = np.cumsum(hit)
    precision = (found / np.arange(1, len(hit) + 1))[last]
    recall = (found / positives)[last]
    return float(np.sum(np.diff(np.concatenate([[0], recall])) * precision))


def f1(truth_s: np.ndarray, times_s: np.ndarray, tolerance_s: float = 0.05) -> float:
    """Harmonic mean of precision and recall of the largest one-to-one matching. Both empty: 1; one of them: 0."""
    if len(truth_s) == 0 or len(times_s) == 0:
        return float(len(truth_s) == len(times_s))
    truth, times = np.sort(np.asarray(truth_s, float)), np.sort(np.asarray(times_s, float))
    i = j = hits = 0  # on a line, pairing in order of time is a largest matching
    while i < len(truth) and j < len(times):
        gap = times[j] - truth[i]
        if abs(gap) <= tolerance_s + 1e-9:
            hits, i, j = hits + 1, i + 1, j + 1
        elif gap < 0:
            j += 1
        else:
            i += 1
    return 2 * hits / (len(truth) + len(times))


def count_accuracy(truth_counts: Sequence[int], counts: Sequence[int]) -> float:
    """Share of clips with exactly as many onsets as the truth has."""
    return float(np.mean(np.asarray(truth_counts) == np.asarray(counts)))


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: detections of all clips together, in equal-width bins of confidence; the gap between each
    bin's mean confidence and its share of right ones, weighted by how many it holds. NaN without detections."""
    confidence, right = np.asarray(confidence, float), np.asarray(right, float)
    if not len(confidence):
        return float("nan")
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[which == b].sum() - right[which == b].sum()) for b in range(bins)]
    return float(sum(gaps) / len(confidence))


def random_baseline(
    score: Callable[[np.ndarray, np.ndarray], float],
    count: int,
    start_s: float,
    end_s: float,
    *,
    seed: int = 0,
    draws: int = 50,
) -> float:
    """Mean score of ``count`` uniform random onsets in [start_s, end_s) with uniform random confidence.

    score: called with (times_s, confidence), both float (count,).
    """
    rng = np.random.default_rng([seed, count])
    return float(np.mean([score(rng.uniform(start_s, end_s, count), rng.uniform(0, 1, count)) for _ in range(draws)]))
