"""The map of a library: like lies by like, the same library gives the same map, and how far categories cluster is so."""

from __future__ import annotations

import dataclasses
import html.parser
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mapped import CAT_IDS, SPACE, clusters, filled, sound

from foley_bridge.errors import Cancelled, LibraryError
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.mapping.clustering import clustering, names
from foley_bridge.library.mapping.drawing import write_picture
from foley_bridge.library.mapping.layout import lay_out
from foley_bridge.library.mapping.neighbours import largest
from foley_bridge.library.mapping.page import write_page
from foley_bridge.library.mapping.points import read
from foley_bridge.library.mapping.sound_map import SoundMap, make
from foley_bridge.library.segments import content_of
from foley_bridge.library.sound import sound_id

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)"> & \u2028 \u202e name'


def neighbours_of_own(placed: np.ndarray, of: np.ndarray) -> float:
    """The share of places whose nearest other one is of the same cluster."""
    apart = np.linalg.norm(placed[:, None] - placed[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return float((of[apart.argmin(axis=1)] == of).mean())


def test_sounds_that_are_alike_lie_together() -> None:
    vectors, of = clusters([60, 60, 60, 60], 0.05)
    mixed = np.random.default_rng(1).permutation(len(of))
    placed = lay_out(vectors[mixed], 0)
    assert neighbours_of_own(placed, of[mixed]) == 1.0
    assert placed.min() >= 0 and placed.max() <= 1 and np.ptp(placed, axis=0).max() > 0.9


def test_where_not_all_are_laid_out_the_others_lie_in_their_own_cluster() -> None:
    vectors, of = clusters([90, 60, 50], 0.05)
    told: list[float] = []
    placed = lay_out(vectors, 0, told.append, most=60)
    assert neighbours_of_own(placed, of) > 0.98
    centres = np.stack([np.median(placed[of == each], axis=0) for each in range(3)])
    nearest = np.linalg.norm(placed[:, None] - centres[None], axis=2).argmin(axis=1)
    assert (nearest == of).mean() > 0.98
    assert told == sorted(told) and told[0] > 0 and told[-1] == 1.0


def test_the_same_points_and_seed_give_the_same_bytes_and_another_seed_another_lot() -> None:
    vectors, _ = clusters([80, 80], 0.2)
    first = lay_out(vectors, 3, most=100).tobytes()
    assert lay_out(vectors, 3, most=100).tobytes() == first
    assert lay_out(vectors, 4, most=100).tobytes() != first


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10])
def test_few_sounds_and_equal_ones_lie_somewhere(count: int) -> None:
    vectors, _ = clusters([count], 0.3)
    placed = lay_out(vectors, 0)
    assert placed.shape == (count, 2) and placed.min() >= 0 and placed.max() <= 1
    assert len({tuple(each) for each in placed.tolist()}) == count
    assert (lay_out(np.repeat(vectors[:1], count, axis=0), 0) == 0.5).all()


def test_the_share_of_neighbours_is_that_of_the_arithmetic() -> None:
    vectors, of = clusters([40, 25, 15], 0.25, seed=2)
    categories = [("DOORS", "RAIN", "")[each] for each in of]
    found = clustering(vectors, categories, 0)
    filed = vectors[of < 2].astype(float)
    apart = np.linalg.norm(filed[:, None] - filed[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    own = of[of < 2]
    shares = (own[np.argsort(apart, axis=1)[:, :10]] == own[:, None]).mean(axis=1)
    assert found.asked == 65 and found.nearest == 10 and found.share == pytest.approx(shares.mean())
    assert found.chance == pytest.approx((40 * 39 + 25 * 24) / (65 * 64))
    assert [(kind.category, kind.sounds) for kind in found.kinds] == [("DOORS", 40), ("RAIN", 25)]
    assert found.kinds[1].share == pytest.approx(shares[own == 1].mean()) and found.kinds[1].chance == pytest.approx(24 / 64)


@pytest.mark.parametrize("columns", [10, 11, 640, 1281, 5000])
def test_the_largest_are_those_of_sorting(columns: int) -> None:
    likeness = np.random.default_rng(columns).permutation(7 * columns).reshape(7, columns).astype(np.float32)
    sorted_out = np.sort(np.argsort(likeness, axis=1)[:, -10:], axis=1)
    np.testing.assert_array_equal(np.sort(largest(likeness, 10), axis=1), sorted_out)


def test_categories_given_by_lot_do_no_better_than_chance() -> None:
    vectors, _ = clusters([1500], 1.0)
    drawn = np.random.default_rng(5).integers(4, size=1500)
    found = clustering(vectors, [CAT_IDS[each] for each in drawn], 0)
    assert found.share == pytest.approx(found.chance, abs=0.02) and found.chance == pytest.approx(0.25, abs=0.01)


def test_no_categories_or_one_sound_have_no_share() -> None:
    vectors, _ = clusters([3], 0.3)
    assert clustering(vectors, ["", "", ""], 0).share is None
    alone = clustering(vectors[:1], ["DOORS"], 0)
    assert alone.share is None and [kind.share for kind in alone.kinds] == [None]


def test_names_stand_where_the_sounds_of_a_category_lie_and_nowhere_when_they_are_scattered() -> None:
    random = np.random.default_rng(0)
    here, there = 0.005 * random.normal(size=(40, 2)) + [0.2, 0.3], 0.005 * random.normal(size=(20, 2)) + [0.8, 0.7]
    scattered = np.stack(np.meshgrid(np.linspace(0, 1, 7), np.linspace(0, 1, 7)), axis=-1).reshape(-1, 2)
    found = names(np.concatenate([here, there, scattered]), ["DOORS"] * 60 + ["RAIN"] * 49)
    assert [(name.category, round(name.x, 1), round(name.y, 1), name.sounds) for name in found] == [
        ("DOORS", 0.2, 0.3, 40),
        ("DOORS", 0.8, 0.7, 20),
    ]


def test_a_sound_is_the_mean_of_its_segments_and_banned_ones_are_not_there(tmp_path: Path) -> None:
    catalogue = Catalogue.open(tmp_path, create=True)
    catalogue.upsert([sound("a", "DOORWood"), sound("b"), sound("banned", banned=True), sound("not embedded")])
    vectors, _ = clusters([4], 0.5)
    contents = np.array([content_of(sound_id(each)) for each in ("a", "a", "b", "banned")], np.int64)
    catalogue.segments(SPACE).put(contents, np.array([0, 1, 0, 0], np.float32), vectors)
    found = read(catalogue, SPACE)
    assert found.total == 3 and sorted(told.name for told in found.sounds) == ["a", "b"]
    assert [told.id for told in found.sounds] == sorted(told.id for told in found.sounds)
    mean = vectors[:2].astype(float).mean(axis=0)
    at = [told.name for told in found.sounds].index("a")
    np.testing.assert_allclose(found.vectors[at], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_allclose(found.vectors[1 - at], vectors[2], atol=1e-6)


def test_a_library_without_points_of_the_pack_says_what_to_do(tmp_path: Path) -> None:
    vectors, _ = clusters([1], 0.1)
    catalogue = filled(tmp_path, [sound("a")], vectors, space="other")
    with pytest.raises(LibraryError) as told:
        make(catalogue, SPACE, "tiny@1")
    assert "library embed" in told.value.hint


def library(folder: Path, count: int, *, backwards: bool = False) -> Catalogue:
    vectors, of = clusters([count] * 4, 0.2)
    sounds = [sound(f"sound {number}", CAT_IDS[each], seconds=number / 7) for number, each in enumerate(of)]
    step = -1 if backwards else 1
    return filled(folder, sounds[::step], vectors[::step])


def test_the_same_library_gives_the_same_page_and_picture_whatever_way_it_came_to_be(tmp_path: Path) -> None:
    made = []
    for number, backwards in enumerate((False, True)):
        found = make(library(tmp_path / str(number), 10, backwards=backwards), SPACE, "tiny@1", seed=5)
        write_page(tmp_path / f"{number}.html", found)
        write_picture(tmp_path / f"{number}.png", found)
        made.append([(tmp_path / f"{number}.{kind}").read_bytes() for kind in ("html", "png")])
    assert made[0] == made[1]


def test_cancelled_anywhere_it_stops(tmp_path: Path) -> None:
    catalogue = library(tmp_path, 20)
    steps: list[str] = []

    def note(step: str, _: float) -> None:
        if step not in steps:
            steps.append(step)

    make(catalogue, SPACE, "tiny@1", on_progress=note)
    assert steps == ["reading", "looking at neighbours", "laying out", "writing"]
    for wanted in steps:

        def stop(step: str, done: float, wanted: str = wanted) -> None:
            if step == wanted:
                raise Cancelled("stopped")

        with pytest.raises(Cancelled):
            make(catalogue, SPACE, "tiny@1", on_progress=stop)


class _Read(html.parser.HTMLParser):
    """The elements of a page, and what lies in its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and self.scripts:
            self.scripts[-1] += data


def page_of(made: SoundMap, path: Path) -> tuple[_Read, dict[str, Any]]:
    write_page(path, made)
    parser = _Read()
    parser.feed(path.read_text("utf-8"))
    return parser, json.loads(parser.scripts[0])


def test_no_name_can_be_more_than_a_name(tmp_path: Path) -> None:
    vectors, _ = clusters([7], 0.3)
    tame = make(filled(tmp_path / "tame", [sound(f"s{n}") for n in range(7)], vectors), SPACE, "tiny@1")
    wild_names = [HOSTILE, "<!--<script>", "a\\u003cb", "'\"`${1}", "\x00\x07", "{{ 7 * 7 }}", "\udcff😀"]
    named = [dataclasses.replace(told, name=name) for told, name in zip(tame.sounds, wild_names, strict=True)]
    wild = dataclasses.replace(tame, sounds=named)
    before, _ = page_of(tame, tmp_path / "tame.html")
    after, data = page_of(wild, tmp_path / "wild.html")
    assert after.elements == before.elements and len(after.scripts) == 2 and after.scripts[1] == before.scripts[1]
    assert data["name"] == wild_names
    text = (tmp_path / "wild.html").read_text("utf-8")
    assert "http" not in text.replace("http-equiv", "") and "<img" not in text


def test_the_page_says_who_is_not_on_it_and_what_was_drawn_by_lot(tmp_path: Path) -> None:
    catalogue = library(tmp_path / "library", 10)
    catalogue.upsert([sound("not embedded"), sound("nor this")])
    write_page(tmp_path / "lot.html", make(catalogue, SPACE, "tiny@1", most=30))
    text = (tmp_path / "lot.html").read_text("utf-8")
    assert "2 of the library's 42 sounds are not embedded" in text and "30, drawn by lot" in text
    write_page(tmp_path / "all.html", make(library(tmp_path / "whole", 10), SPACE, "tiny@1"))
    assert "by lot" not in (tmp_path / "all.html").read_text("utf-8")
