"""The library as a page searches it: by words, by a region's picture, by a sound; and why not, where it cannot be."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

pytest.importorskip("onnx", reason="packs are made with onnx")
from coloured import BLUE, GREEN, RED, SOUNDS, make_reel, said, use_nothing, use_pack
from panel_serving import Panel, panel
from serving import serving


@dataclass(frozen=True)
class Coloured:
    """A reel of colours, its panel, and what ``near`` told on the way: without a pack, without points, with both."""

    panel: Panel
    job: str
    result: dict[str, Any]
    told: tuple[dict[str, Any], ...]

    def found(self, **asked: object) -> list[dict[str, Any]]:
        return list(self.panel.get(f"/api/library?{urlencode(asked)}")["sounds"])

    def names(self, **asked: object) -> list[str]:
        return [sound["name"] for sound in self.found(**asked)]


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coloured]:
    folder = tmp_path_factory.mktemp("coloured")
    home = folder / "home"
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(serving(home, "--library", home / "library"))
        job, result = make_reel(home, folder)
        running = stack.enter_context(panel(daemon.endpoint, folder / "panel"))
        use_nothing(home)
        told = [running.get("/api/library/near")]
        use_pack(home, folder)
        told.append(running.get("/api/library/near"))
        said(home, "library", "embed")
        told.append(running.get("/api/library/near"))
        yield Coloured(running, job, result, tuple(told))


def test_a_page_is_told_why_it_cannot_search_so_until_it_can(coloured: Coloured) -> None:
    unused, unembedded, ready = (told["error"] for told in coloured.told)
    assert "gone@1" in unused["message"] and "foley-bridge packs" in unused["hint"]
    assert "not embedded" in unembedded["message"] and "foley-bridge library embed" in unembedded["hint"]
    assert ready is None


@pytest.mark.parametrize(("region", "pitch", "count"), [(RED, "low", 2), (GREEN, "mid", 2), (BLUE, "high", 2)])
def test_a_regions_own_picture_finds_what_goes_with_it(coloured: Coloured, region: int, pitch: str, count: int) -> None:
    found = coloured.found(job=coloured.job, region=region)
    assert {sound["name"] for sound in found[:count]} == {name for name in SOUNDS if name.endswith(pitch)}
    assert all(sound["words_score"] is None and 0 <= sound["picture_score"] <= 1 for sound in found)
    assert found[0]["picture_score"] > found[count]["picture_score"]
    assert coloured.panel.ask(f"/media/library/{found[0]['id']}.wav").status == 200


def test_words_and_picture_are_told_apart(coloured: Coloured) -> None:
    first, *others = coloured.found(words="door slam", job=coloured.job, region=BLUE)
    assert first["name"] == "door slam high"
    assert first["score"] == pytest.approx(0.7 * first["words_score"] + 0.3 * first["picture_score"], abs=1e-5)
    assert {other["name"] for other in others} >= {"door slam low", "door slam mid"}


def test_of_words_alone_no_picture_is_told(coloured: Coloured) -> None:
    found = coloured.found(words="gate creak")
    assert [(sound["words_score"] == sound["score"], sound["picture_score"]) for sound in found] == [(True, None)] * len(found)


def test_a_sound_finds_those_that_sound_like_it_and_not_itself(coloured: Coloured) -> None:
    (asked,) = (sound for sound in coloured.found(words="gate creak") if sound["name"] == "gate creak high")
    names = coloured.names(like=asked["id"])
    assert names[0] == "door slam high"
    assert asked["name"] not in names


def test_a_take_finds_what_sounds_like_its_sound_or_like_itself(coloured: Coloured) -> None:
    take = coloured.result["regions"][RED - 1]["takes"][0]
    source = take["source"]["file"].removesuffix(".wav")
    names = coloured.names(job=coloured.job, region=RED, take=take["sha256"])
    assert source in SOUNDS and source not in names
    assert names[0].endswith(source.rpartition(" ")[2])
    own = coloured.result["regions"][GREEN - 1]["takes"][0]
    assert "library_id" not in own["source"]
    assert coloured.names(job=coloured.job, region=GREEN, take=own["sha256"])


def test_what_may_be_found_is_narrowed_as_for_words(coloured: Coloured) -> None:
    assert coloured.names(job=coloured.job, region=RED, shortest="1.5") == []
    assert len(coloured.names(job=coloured.job, region=RED, shortest="0.5", longest="1.5", limit=3)) == 3
    doors = {name for name in SOUNDS if name.startswith(("door", "gate"))}
    assert set(coloured.names(job=coloured.job, region=RED, ucs="DOORS")) == doors


@pytest.mark.parametrize(
    ("asked", "status", "why"),
    [
        ({"like": "/etc/passwd"}, 400, "like"),
        ({"like": "lib:abc"}, 400, "like"),
        ({"like": "aaaaaaaaaaaa", "region": "1"}, 400, "like"),
        ({"region": "1"}, 400, "job"),
        ({"job": "JOB"}, 400, "region"),
        ({"take": "0" * 64}, 400, "job"),
        ({"job": "JOB", "region": "-1"}, 400, "region"),
        ({"job": "JOB", "region": "9"}, 404, "region 9"),
        ({"job": "none", "region": "1"}, 404, "none"),
        ({"job": "JOB", "region": "1", "take": "0" * 64}, 404, "take"),
        ({"job": "JOB", "region": "1", "shortest": "1e3"}, 400, "shortest"),
        ({"job": "JOB", "region": "1", "longest": "nan"}, 400, "longest"),
        ({"job": "JOB", "region": "1", "shortest": "2", "longest": "1"}, 400, "shortest"),
        ({"picture": "/etc/passwd"}, 400, "picture"),
        ({"like": "aaaaaaaaaaaa"}, 400, "aaaaaaaaaaaa"),
        ({"job": "JOB", "region": "1", "ucs": "NOSUCH"}, 400, "NOSUCH"),
    ],
)
def test_what_is_no_search_is_refused(coloured: Coloured, asked: dict[str, str], status: int, why: str) -> None:
    query = urlencode({name: coloured.job if value == "JOB" else value for name, value in asked.items()})
    answer = coloured.panel.ask(f"/api/library?{query}")
    assert answer.status == status, answer.body
    assert why in answer.json["error"]["message"]


def test_whether_it_can_be_searched_takes_no_more_than_the_question(coloured: Coloured) -> None:
    answer = coloured.panel.ask("/api/library/near?deep=yes")
    assert (answer.status, "deep" in answer.json["error"]["message"]) == (400, True)
