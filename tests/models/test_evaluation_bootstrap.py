"""The paired bootstrap, against what can be computed without one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from foley_models.bootstrap import Compared, compared, resampled

DRAWS = 10_000


def told(one: np.ndarray, other: np.ndarray, counts: np.ndarray | None = None) -> Compared:
    one, other = np.atleast_2d(one).astype(float), np.atleast_2d(other).astype(float)
    counts = np.ones(one.shape[1]) if counts is None else counts
    drawn = resampled({"one": one, "other": other}, counts, draws=DRAWS)
    return compared(float((one.sum(axis=1).mean() - other.sum(axis=1).mean()) / counts.sum()), drawn["one"], drawn["other"])


def hits(*wins: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(how often, one's hit, the other's)."""
    return tuple(np.repeat([each[side] for each in wins], [each[0] for each in wins]) for side in (1, 2))  # type: ignore[return-value]


@pytest.mark.parametrize(("wins", "losses", "verdict"), [(14, 4, "holds"), (4, 14, "does not"), (10, 6, "undecided")])
def test_p_and_interval_are_those_of_the_normal_approximation(wins: int, losses: int, verdict: str) -> None:
    n = 400
    found = told(*hits((wins, 1, 0), (losses, 0, 1), (100, 1, 1), (n - 100 - wins - losses, 0, 0)))
    mean = (wins - losses) / n
    deviation = math.sqrt(((wins + losses) / n - mean**2) / n)
    assert found.difference == pytest.approx(mean)
    assert (found.low, found.high) == pytest.approx((mean - 1.96 * deviation, mean + 1.96 * deviation), abs=0.004)
    # counts are whole numbers: a draw without a difference is half on each side in the approximation
    step = 0.5 / n
    assert found.p == pytest.approx(math.erfc((abs(mean) - step) / deviation / math.sqrt(2)), abs=0.02)
    assert found.verdict == verdict


def test_items_are_paired_what_is_hard_for_both_decides_nothing() -> None:
    rng = np.random.default_rng(0)
    easy = rng.random(300) < 0.4
    one = easy.copy()
    one[np.flatnonzero(~easy)[:10]] = True
    assert told(one, easy).verdict == "holds"
    assert told(one, rng.permutation(easy)).verdict == "undecided"


def test_nothing_is_decided_between_equals() -> None:
    same = np.arange(50) % 3 == 0
    assert (told(same, same).p, told(same, same).verdict) == (1.0, "undecided")
    assert told(np.ones(1), np.ones(1)).verdict == "undecided"


def test_seeds_that_differ_as_much_as_systems_leave_it_undecided_and_seeds_that_agree_decide() -> None:
    rng = np.random.default_rng(2)

    def runs(*shares: float) -> np.ndarray:
        return np.stack([rng.permutation(np.arange(400) < 400 * share) for share in shares])

    wild = told(runs(0.30, 0.62, 0.35, 0.60, 0.38), runs(0.28, 0.52, 0.30, 0.50, 0.30))
    steady = told(runs(0.44, 0.46, 0.45, 0.46, 0.44), runs(0.38, 0.37, 0.39, 0.38, 0.38))
    assert wild.difference == pytest.approx(steady.difference, abs=0.001)
    assert (wild.verdict, steady.verdict) == ("undecided", "holds")


def test_what_several_seeds_vary_is_as_wide_as_the_standard_error_says() -> None:
    shares = np.array([0.2, 0.3, 0.4, 0.5, 0.6])
    runs = np.repeat(shares[:, None], 10, axis=1)  # all items alike: only seeds vary
    drawn = resampled({"a": runs}, np.ones(10), draws=DRAWS)["a"]
    assert drawn.std() == pytest.approx(shares.std(ddof=1) / math.sqrt(5), rel=0.02)


def test_trials_of_one_item_are_drawn_together() -> None:
    few = told(np.repeat([7.0, 0.0], [11, 9]), np.repeat([0.0, 7.0], [11, 9]), np.full(20, 7.0))
    many = told(np.repeat([1.0, 0.0], [77, 63]), np.repeat([0.0, 1.0], [77, 63]))
    assert few.difference == pytest.approx(many.difference)
    assert few.high - few.low == pytest.approx(math.sqrt(7) * (many.high - many.low), rel=0.1)


def test_a_systems_draws_are_the_same_whatever_else_is_compared_and_whatever_fits_into_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    a, b, counts = rng.random((3, 40)), rng.random((2, 40)), np.ones(40)
    whole = resampled({"a": a, "b": b}, counts, draws=500)
    assert np.allclose(resampled({"a": a}, counts, draws=500)["a"], whole["a"])
    monkeypatch.setattr("foley_models.bootstrap._AT_ONCE", 40 * 7)
    assert np.allclose(resampled({"a": a, "b": b}, counts, draws=500)["b"], whole["b"])
