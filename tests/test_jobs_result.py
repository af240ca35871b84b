"""What a result says of how much moves."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foley_bridge.engines.candidate import Curve
from foley_bridge.jobs.result import MOTION_STEPS, RegionResult, Result


def motion_of(time_s: np.ndarray, value: np.ndarray, start: int, end: int) -> dict[str, Any]:
    """As the result of a job tells it."""
    region = RegionResult(
        1, "a", "FOLEY a", Fraction(start), Fraction(end), "", "transfer", (), False, True, "", (), motion=Curve(time_s, value)
    )
    result = Result(None, Path("out.otio"), Fraction(25), Fraction(end), Fraction(0), (region,), (), None, None)
    told: dict[str, Any] = result.to_json()["regions"][0]["motion"]
    return told


def test_a_blow_is_seen_in_an_hour_too() -> None:
    time_s = np.arange(20, 3600, 0.04)
    value = np.full(len(time_s), 0.2)
    value[40_000] = 0.996
    told = motion_of(time_s, value, 20, 3600)
    assert len(told["values"]) == MOTION_STEPS
    assert (told["start_s"], told["step_s"]) == (20.0, pytest.approx(3580 / 240))
    assert [step for step, most in enumerate(told["values"]) if most != 20] == [int((time_s[40_000] - 20) / told["step_s"])]
    assert max(told["values"]) == 100


def test_of_few_pictures_each_has_its_own_step_and_gaps_are_filled() -> None:
    every = np.arange(10, 14, 0.5) + 0.25
    there = np.array([0, 1, 2, 3, 4, 5, 6, 7]) != 3
    value = np.linspace(0, 0.7, 8)
    assert motion_of(every, value, 10, 14)["values"] == [0, 10, 20, 30, 40, 50, 60, 70]
    held = motion_of(every[there], value[there], 10, 14)
    assert held["step_s"] == pytest.approx(4 / 7)
    assert max(held["values"]) == 70 and min(held["values"]) == 0 and len(held["values"]) == 7


def test_where_nobody_looked_there_is_nothing() -> None:
    assert motion_of(np.zeros(0), np.zeros(0), 3, 5) == {"start_s": 3.0, "step_s": 0.0, "values": []}
