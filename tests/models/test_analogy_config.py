"""Configurations as JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from foley_models.analogy.config import from_json, to_json


@dataclass(frozen=True)
class Inner:
    widths: tuple[int, ...] = (8, 16)
    on: bool = False


@dataclass(frozen=True)
class Outer:
    inner: Inner = Inner()
    names: tuple[str, ...] = ("a", "b")
    pair: tuple[float, float] = (0.5, 0.9)
    rate: float = 1.0
    most: int | None = None


SAID = {"inner": {"widths": [8, 16], "on": False}, "names": ["a", "b"], "pair": [0.5, 0.9], "rate": 1.0, "most": None}


def test_a_configuration_goes_to_json_and_back_as_it_was():
    config = Outer(Inner((1, 2, 3), True), ("x",), (0.1, 0.2), 2.5, 7)
    assert from_json(Outer, json.loads(json.dumps(to_json(config)))) == config
    assert to_json(Outer()) == SAID


def test_a_whole_number_does_for_one_with_a_point():
    made = from_json(Outer, {**SAID, "rate": 2, "pair": [1, 0.5]})
    assert made.rate == 2.0 and isinstance(made.rate, float) and made.pair == (1.0, 0.5)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"inner": {"widths": [8, "16"], "on": False}}, r"config.inner.widths\[1\]"),
        ({"inner": {"widths": [8, True], "on": False}}, r"config.inner.widths\[1\]"),
        ({"inner": {"widths": [8], "on": 1}}, "config.inner.on"),
        ({"inner": {"on": False}}, "config.inner.widths"),
        ({"inner": None}, "config.inner"),
        ({"names": "ab"}, "config.names"),
        ({"pair": [0.5]}, "config.pair"),
        ({"rate": "1"}, "config.rate"),
        ({"most": 1.5}, "config.most"),
        ({"new": 1}, "config.new"),
    ],
)
def test_what_cannot_be_is_refused_and_named(change, named):
    with pytest.raises(ValueError, match=named):
        from_json(Outer, {**SAID, **change})
