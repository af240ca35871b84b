"""The library searched from the page by the picture on screen and by sounds, in a browser: what is found, shown and used."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx", reason="packs are made with onnx")
from coloured import BLUE, GREEN, RED, make_reel, said, use_nothing, use_pack
from page_hands import PATIENCE_S, Hands
from playwright.sync_api import Page
from serving import serving

pytestmark = pytest.mark.browser

FOUND = """() => [...document.querySelectorAll('.sound')].map(item => ({
  name: item.querySelector('.name').textContent,
  near: Object.fromEntries(item.querySelector('.nearness').textContent.split(' · ').map(part => part.split(' '))),
}))"""
"""The sounds that are listed, each with how near it is said to be."""
TOO_WIDE = """() => {
  const edge = document.querySelector('#library').getBoundingClientRect().right;
  const there = [...document.querySelectorAll('#library *')].filter(one => one.offsetParent);
  return there.filter(one => one.getBoundingClientRect().right > edge).map(one => one.outerHTML.slice(0, 100));
}"""


@dataclass(frozen=True)
class Seen:
    """A reel of three colours whose library is embedded, and the home of the daemon that made it."""

    home: Path
    link: str


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("near")
    home = folder / "home"
    with serving(home, "--library", home / "library", "--panel", "127.0.0.1:0"):
        job, _ = make_reel(home, folder)
        use_pack(home, folder)
        said(home, "library", "embed")
        yield Seen(home, said(home, "audition", job, "--no-open")["url"])


@pytest.fixture
def near(page: Page, seen: Seen) -> Hands:
    return Hands(page, seen.link).open(RED)


def found(hands: Hands, first: str) -> list[dict[str, Any]]:
    """What is listed, once a sound whose name ends so comes first."""
    hands.until("end => document.querySelector('.sound .name')?.textContent.endsWith(end)", first)
    return list(hands.tell(FOUND))


def test_what_goes_with_the_picture_is_found_listened_to_and_follows_the_region(near: Hands) -> None:
    near.press("i")
    listed = found(near, "low")
    assert {one["name"] for one in listed[:2]} == {"door slam low", "gate creak low"}
    assert all(list(one["near"]) == ["picture"] for one in listed)
    assert int(listed[0]["near"]["picture"]) > int(listed[2]["near"]["picture"])
    assert near.page.locator("#by-picture").get_attribute("aria-pressed") == "true"
    near.until("() => document.activeElement?.matches('.sound:first-child .listen')")
    near.press("Enter")
    near.until("() => foley.player.auditioning")
    near.go(BLUE)
    assert {one["name"] for one in found(near, "high")[:2]} == {"door slam high", "gate creak high"}


def test_words_join_the_picture_and_each_hit_says_how_near_it_is_by_both(near: Hands) -> None:
    near.press("i")
    found(near, "low")
    near.page.locator("#words").fill("door slam")
    near.go(GREEN)
    near.page.locator("#words").press("Enter")
    first, *others = found(near, "door slam mid")
    assert list(first["near"]) == ["words", "picture"]
    other = next(one for one in others if one["name"] == "door slam low")
    assert other["near"]["words"] == first["near"]["words"]
    assert int(other["near"]["picture"]) < int(first["near"]["picture"])
    near.page.locator("#by-picture").click()
    near.until("() => document.querySelector('#by-picture').getAttribute('aria-pressed') === 'false'")
    near.until("() => [...document.querySelectorAll('.nearness')].every(one => !one.textContent.includes('picture'))")
    assert near.page.locator("#words").input_value() == "door slam"


def test_more_like_a_sound_that_was_found_and_it_is_used_as_a_take(near: Hands) -> None:
    takes = near.tell("() => foley.takes.length")
    near.press("/")
    near.page.locator("#words").fill("gate creak")
    near.press("Enter")
    near.page.get_by_role("button", name="Find sounds like gate creak high").click()
    listed = found(near, "door slam high")
    assert "gate creak high" not in [one["name"] for one in listed]
    assert all(list(one["near"]) == ["sound"] for one in listed)
    assert near.page.locator("#by-sound").inner_text().startswith("Like gate creak high")
    near.page.get_by_role("button", name="Use door slam high as a take").click()
    assert near.placed(takes)["source"]["file"] == "door slam high.wav"


def test_more_like_the_heard_take(near: Hands) -> None:
    near.press("2")
    near.until("() => foley.heard === foley.takes[1]")
    source = near.tell("() => foley.heard.source.file").removesuffix(".wav")
    pitch = source.rpartition(" ")[2]
    near.press("l")
    near.until("() => document.querySelector('.nearness')?.textContent.startsWith('sound')")
    names = [one["name"] for one in near.tell(FOUND)]
    assert names[0].endswith(pitch) and source not in names
    near.go(BLUE)
    assert near.page.locator("#by-sound").inner_text().startswith(f"Like take 2 of region {RED}")
    near.page.locator("#by-sound").click()
    assert near.page.locator("#words").input_value() == "gate creak"


def test_a_new_take_says_how_near_it_is_by_words_and_picture(near: Hands) -> None:
    near.go(BLUE)
    takes = near.tell("() => foley.takes.length")
    near.press("g")
    take = near.placed(takes)
    scores = [round(100 * float(take["source"][name])) for name in ("words_score", "picture_score")]
    title = near.page.locator(f"[data-take='{take['id']}'] > button").get_attribute("title")
    assert title is not None and "words {} · picture {}".format(*scores) in title


def test_it_is_narrowed_by_category_and_length(near: Hands) -> None:
    near.press("i")
    assert "unnamed mid" in [one["name"] for one in found(near, "low")]
    near.page.get_by_role("button", name="Only some category or length").click()
    near.page.locator("#only-ucs").fill("DOORS")
    near.page.locator("#only-ucs").press("Tab")
    near.until("() => document.querySelectorAll('.sound').length === 5")
    assert "unnamed mid" not in [one["name"] for one in near.tell(FOUND)]
    for width, height in ((1440, 900), (1280, 720), (1024, 768), (768, 1024)):
        near.page.set_viewport_size({"width": width, "height": height})
        near.page.wait_for_timeout(100)
        assert near.tell(TOO_WIDE) == [], width
    near.page.locator("#only-longest").fill("0.5")
    near.page.locator("#only-longest").press("Enter")
    near.until("() => !document.querySelector('.sound')")
    near.page.get_by_text("Nothing that may be found is near to this picture.").wait_for()
    assert near.page.get_by_role("button", name="Only DOORS, up to 0.5 s").is_visible()


def test_a_region_that_was_left_is_not_answered_for(near: Hands) -> None:
    late: list[Any] = []
    near.page.route("**/api/library?**", lambda route: late.append(route) if not late else route.continue_())
    near.press("i")
    ends = time.monotonic() + PATIENCE_S
    while not late:
        near.page.wait_for_timeout(20)
        assert time.monotonic() < ends
    near.go(BLUE)
    found(near, "high")
    assert f"region={RED}" in late[0].request.url
    assert late[0].request.failure is not None  # given up by the page


def test_where_it_cannot_be_the_buttons_say_why_and_words_still_find(near: Hands, seen: Seen) -> None:
    use_nothing(seen.home)
    try:
        near.press("/")
        near.page.locator("#near-why").wait_for()
        assert "gone@1" in near.page.locator("#near-why").inner_text()
        for button in ("#by-picture", "#by-sound"):
            assert near.page.locator(button).get_attribute("aria-disabled") == "true"
            assert near.page.locator(button).get_attribute("aria-describedby") == "near-why"
        near.page.locator("#words").press("Enter")
        assert {one["name"] for one in found(near, "low")} >= {"door slam low", "door slam mid", "door slam high"}
        near.page.locator("#words").press("Escape")
        near.press("i")
        near.until("() => document.querySelector('#live').textContent.includes('gone@1')")
        assert near.page.locator("#by-picture").get_attribute("aria-pressed") == "false"
    finally:
        said(seen.home, "packs", "use", "tiny")
    near.tell("() => dispatchEvent(new Event('focus'))")
    near.page.locator("#near-why").wait_for(state="hidden")
    near.press("i")
    assert list(found(near, "low")[0]["near"]) == ["picture"]


def test_who_does_not_open_the_library_asks_nothing_of_it(near: Hands) -> None:
    asked: list[str] = []
    near.page.on("request", lambda request: asked.append(request.url))
    near.press("j", "j", "k", "e", "Escape")
    near.go(BLUE)
    near.page.wait_for_timeout(500)
    assert asked and not [url for url in asked if "/api/library" in url]
