"""Learning rates and the end of a run as functions of the losses; settings that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from foley_models.errors import ModelError
from foley_models.schedule import learning_rate, without_gain
from foley_models.settings import Settings


def rate(schedule: str, *, step: int = 0, losses: list[float] | None = None) -> float:
    return learning_rate(schedule, 0.01, step=step, steps=100, losses=losses or [], decay_after=3)


@pytest.mark.parametrize(
    ("losses", "wanted"),
    [
        ([], 0.01),
        ([5, 4, 4, 4], 0.01),
        ([5, 4, 4, 4, 4], 0.001),  # the third without gain; an equal loss is none
        ([5, 4, 4, 4, 3.9, 4, 4], 0.01),
        ([5, 6, 6, 6, 6, 6, 6], 0.0001),
        ([5, 6, 6, 6, 6, 6, 4], 0.001),
    ],
)
def test_on_a_plateau_the_rate_is_a_tenth(losses: list[float], wanted: float) -> None:
    assert rate("plateau", losses=losses) == pytest.approx(wanted)


def test_a_cosine_falls_from_the_first_rate_to_nothing() -> None:
    assert [rate("cosine", step=step) for step in (0, 25, 50, 100)] == pytest.approx([0.01, 0.008535534, 0.005, 0], abs=1e-9)
    assert rate("constant", step=99, losses=[1.0] * 50) == 0.01


@pytest.mark.parametrize(("losses", "wanted"), [([], 0), ([3], 0), ([3, 2, 4, 2], 2), ([1, 2, 3], 2)])
def test_waiting_is_counted_from_the_first_of_the_best(losses: list[float], wanted: int) -> None:
    assert without_gain(losses) == wanted


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimizer": "lion"}, "--optimizer lion: .*give sgd or adam or adamw"),
        ({"schedule": "step"}, "--schedule step"),
        ({"schedule": "cosine"}, "--steps N"),
        ({"batch": 1}, "--batch 1: has to be at least 2"),
        ({"steps": 0}, "--steps 0"),
        ({"validate_every": 0}, "--validate-every 0"),
        ({"lr": 0.0}, "--lr 0"),
        ({"lr": float("nan")}, "--lr nan"),
    ],
)
def test_settings_that_cannot_be_are_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        Settings(**{"batch": 32, "lr": 0.01, **changes})


def test_more_steps_are_the_same_run_unless_the_rate_depends_on_the_end() -> None:
    for schedule, wanted in (("plateau", None), ("cosine", "steps")):
        settings = Settings(batch=32, lr=0.01, schedule=schedule, steps=10)
        assert settings.differs({**settings.to_json(), "steps": 5}) == wanted
