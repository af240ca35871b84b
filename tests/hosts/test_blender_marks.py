"""How the add-on reads markers as regions, knows them again, and what it makes of Blender's rates. Runs without Blender."""

from __future__ import annotations

import importlib
import struct
import sys
import types
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from foley_bridge.timeline.time import exact_rate

SCRIPTS = Path(__file__).resolve().parents[2] / "host_scripts"


def module(name: str) -> Any:
    """A module of the add-on that needs no Blender: without the add-on's first file, which does."""
    package = types.ModuleType("blender_without_blender")
    package.__path__ = [str(SCRIPTS / "blender" / "foley_bridge_addon"), str(SCRIPTS / "core" / "python")]
    sys.modules.setdefault(package.__name__, package)
    return importlib.import_module(f"{package.__name__}.{name}")


marks, rates = module("marks"), module("rates")


def pairs(*points: tuple[str, int]) -> list[tuple[str, int, int]]:
    found, _ = marks.pairs([marks.Point(*point) for point in points])
    return [(pair.text, pair.start, pair.stop) for pair in found]


def test_a_marker_named_foley_and_the_next_one_named_end_are_a_region() -> None:
    assert pairs(("END", 90), ("FOLEY glass", 60), ("end", 50), ("foley: metal hits", 10)) == [
        ("foley: metal hits", 10, 50),
        ("FOLEY glass", 60, 90),
    ]
    assert pairs(("FOLEY door START", 5), ("FOLEY door END", 9)) == [("FOLEY door", 5, 9)]


def test_a_region_may_begin_where_another_ends() -> None:
    assert pairs(("FOLEY b", 20), ("END", 20), ("FOLEY a", 10), ("END", 30)) == [("FOLEY a", 10, 20), ("FOLEY b", 20, 30)]


def test_other_markers_are_points_and_an_end_too_many_is_one() -> None:
    found, left = marks.pairs(
        [marks.Point(*point) for point in (("END", 1), ("FOLEY a", 2), ("HIT", 3), ("END", 4), ("END", 5))]
    )
    assert [(pair.start, pair.stop) for pair in found] == [(2, 4)]
    assert [(point.name, point.frame) for point in left] == [("END", 1), ("HIT", 3), ("END", 5)]


def test_a_region_that_nothing_closes_has_no_length() -> None:
    assert pairs(("FOLEY a", 10), ("FOLEY b", 20), ("END", 30)) == [("FOLEY a", 10, 10), ("FOLEY b", 20, 30)]


def test_words_that_begin_like_foley_or_end_mark_nothing() -> None:
    assert pairs(("FOLEYS x", 1), ("ENDING", 5), ("the END", 6)) == []
    assert pairs(("FOLEY x", 1), ("weekend", 3), ("END of it", 5), ("END", 7)) == [("FOLEY x", 1, 7)]


def known(*regions: tuple[str, int, int]) -> list[Any]:
    return marks.recognised([], [marks.Pair(*region) for region in regions])


@pytest.mark.parametrize(
    "now",
    [
        [("a", 10, 20), ("b", 30, 40)],
        [("b", 30, 40), ("a", 110, 120)],
        [("renamed", 10, 20), ("b", 30, 40)],
        [("a", 12, 26), ("b", 26, 40)],
        [("renamed", 10, 25), ("b", 31, 41)],
        [("b", 5, 8), ("a", 10, 20)],
    ],
    ids=["nothing", "moved", "renamed", "trimmed", "renamed and trimmed, and moved", "moved before the other"],
)
def test_a_region_keeps_its_id_when_it_is(now: list[tuple[str, int, int]]) -> None:
    before = known(("a", 10, 20), ("b", 30, 40))
    after = marks.recognised(before, [marks.Pair(*region) for region in now])
    ids = {each.text: each.id for each in before}
    assert {each.id for each in after} == set(ids.values())
    assert next(each.id for each in after if each.text == "b") == ids["b"]


def test_a_copy_gets_an_id_of_its_own_and_the_first_keeps_its() -> None:
    before = known(("a", 10, 20))
    after = marks.recognised(before, [marks.Pair("a", 10, 20), marks.Pair("a", 50, 60)])
    assert after[0] == before[0] and after[1].id != before[0].id


def test_what_all_changed_is_a_new_region() -> None:
    before = known(("a", 10, 20))
    assert marks.recognised(before, [marks.Pair("b", 11, 21)])[0].id != before[0].id


def test_the_same_mark_gets_the_same_id_again() -> None:
    assert known(("a", 10, 20)) == known(("a", 10, 20))


@pytest.mark.parametrize(
    ("name", "names", "text"),
    [
        ("FOLEY hits.001", set(), "FOLEY hits"),
        ("FOLEY fade=0.001", set(), "FOLEY fade=0.001"),
        ("FOLEY takes=3.001", {"FOLEY takes=3"}, "FOLEY takes=3"),
        ("FOLEY 1.5", set(), "FOLEY 1.5"),
    ],
)
def test_a_number_that_blender_adds_to_a_name_is_not_of_the_text(name: str, names: set[str], text: str) -> None:
    assert marks.unnumbered(name, names) == text


def test_a_name_is_cut_between_letters() -> None:
    assert marks.cut("é" * 60) == "é" * 30


def in_32_bits(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


@pytest.mark.parametrize(
    ("fps", "base", "rate"),
    [
        (24, 1.0, "24"),
        (24, 1.001, "24000/1001"),
        (30, 1.001, "30000/1001"),
        (60, 1.001, "60000/1001"),
        (24000, 1001.0, "24000/1001"),
        (30000, 500.5, "60000/1001"),
        (23976, 1000.0, "24000/1001"),
        (2997, 100.0, "30000/1001"),
        (15, 1.0026738, "374/25"),
        (25, 2.0, "25/2"),
        (12, 1.0, "12"),
    ],
)
def test_a_rate_is_exact_though_blender_keeps_32_bits(fps: int, base: float, rate: str) -> None:
    found = rates.rate(fps, in_32_bits(base))
    assert found == Fraction(rate)
    assert exact_rate(float(found)) == found  # as the daemon reads it
