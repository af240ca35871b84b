"""Sending back says what becomes of everything: missing sounds, work that is not decided, timelines that were changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_hands import GRAVEL, METAL, WOOD, Hands
from panel_reels import PanelReel, make_reel
from playwright.sync_api import Locator, Page, Route
from serving import Serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def sent_reel(panel_daemon: Serving, tmp_path_factory: pytest.TempPathFactory) -> PanelReel:
    """A reel whose files these tests move and change."""
    return make_reel(panel_daemon, tmp_path_factory.mktemp("sent") / "reel")


@pytest.fixture
def hands(page: Page, sent_reel: PanelReel) -> Hands:
    return Hands(page, sent_reel.link).open_untouched()


def dialog(hands: Hands) -> Locator:
    hands.press("Control+Enter")
    found = hands.page.get_by_role("dialog", name="Send the choices back")
    found.wait_for()
    return found


def send(hands: Hands) -> Locator:
    """Opens the dialog and sends."""
    found = dialog(hands)
    hands.page.locator("#send-now").click()
    return found


def until_sent(hands: Hands, words: str) -> None:
    hands.until("words => document.querySelector('.sent').textContent === words", words)


@contextlib.contextmanager
def away(path: Path) -> Iterator[None]:
    """A file that is not there for a while."""
    elsewhere = path.rename(path.with_suffix(".away"))
    try:
        yield
    finally:
        elsewhere.rename(path)


def file_of(hands: Hands, region: int, take: int) -> Path:
    return Path(hands.told(f"/regions/{region}")["takes"][take]["path"])


def test_a_chosen_region_that_got_no_sound_is_named_and_one_can_go_there(hands: Hands) -> None:
    first = hands.told(f"/regions/{WOOD}")["takes"][0]["id"]
    with away(file_of(hands, WOOD, 0)):
        hands.choose(WOOD, {"state": "chosen", "take": first})
        asked = send(hands)
        asked.get_by_text("got no sound:").wait_for()
        why = asked.locator("div.trouble li span").inner_text()
        assert why.startswith("take ") and "is not there any more" in why and "/" not in why
        until_sent(hands, "sent, but 1 region got no sound")
        assert asked.is_visible()
        hands.page.reload()
        hands.until("() => globalThis.foley?.detail && !foley.loading")
        until_sent(hands, "sent, but 1 region got no sound")
        dialog(hands).get_by_role("button", name="3: scratch wood").click()
        hands.until("() => foley.number === 3 && foley.detail")
        assert hands.page.locator("dialog[open]").count() == 0
    send(hands).wait_for(state="hidden")
    until_sent(hands, "all sent back")


def test_what_was_done_to_undecided_regions_is_told_before_it_is_lost(hands: Hands) -> None:
    hands.press("2", "-")
    hands.settle()
    hands.page.reload()  # the overview tells it, too
    hands.until("() => globalThis.foley?.detail && !foley.loading")
    hands.go(WOOD)
    asked = dialog(hands)
    yours = asked.locator(".open")
    assert "1 of these has changes of yours" in yours.inner_text() and "their first take goes in" in yours.inner_text()
    asked.get_by_label("get no sound").check()
    hands.until("() => document.querySelector('.send .open').textContent.includes('they get no sound')")
    yours.get_by_role("button", name="1: metal hit").click()
    hands.until("() => foley.number === 1 && foley.detail && !foley.loading && foley.heard")
    hands.press("2", "c")
    hands.settle()
    assert not dialog(hands).locator(".open").is_visible()


def test_a_timeline_that_was_changed_is_written_over_only_by_who_says_so(hands: Hands, sent_reel: PanelReel) -> None:
    send(hands).wait_for(state="hidden")
    until_sent(hands, "all sent back")
    changed = sent_reel.out.read_text("utf-8") + "\n"
    sent_reel.out.write_text(changed, "utf-8")
    asked = send(hands)
    trouble = asked.locator("p.trouble")
    trouble.wait_for()
    assert "foley.otio was changed" in trouble.inner_text() and "--" not in trouble.inner_text()
    assert not hands.page.locator("#send-now").is_visible()
    until_sent(hands, "not sent: foley.otio was changed")
    hands.press("Enter")  # is "Cancel"
    asked.wait_for(state="hidden")
    assert sent_reel.out.read_text("utf-8") == changed
    asked = send(hands)
    asked.get_by_role("button", name="Send anyway").click()
    asked.wait_for(state="hidden")
    until_sent(hands, "all sent back")
    assert sent_reel.out.read_text("utf-8") != changed


def test_a_take_whose_file_is_missing_is_named_and_chosen_only_by_who_means_it(hands: Hands) -> None:
    missing = file_of(hands, GRAVEL, 1)
    with away(missing):
        hands.go(GRAVEL)
        hands.until("() => foley.missing.size === 1")
        row = hands.page.locator(".take").nth(1)
        row.get_by_text("no file").wait_for()
        over = hands.page.locator(".over")
        assert not over.is_visible(), "the take that is heard is there"
        hands.press("2")
        over.wait_for()
        assert "Take 2" in over.inner_text() and missing.name in over.inner_text()
        assert str(missing.parent) not in over.inner_text()
        hands.press("c")
        assert hands.tell("() => foley.choice.state") == "proposed"
        hands.press("c")
        assert hands.tell("() => [foley.choice.state, foley.choice.take === foley.takes[1].id]") == ["chosen", True]
        hands.press("1")
        over.wait_for(state="hidden")
    hands.press("2")
    over.get_by_role("button", name="Try again").click()
    hands.until("() => foley.missing.size === 0 && Boolean(foley.player.takes.get(foley.player.heard)?.buffer)")


def unanswered(hands: Hands) -> None:
    """From now on nobody takes a choice of this page."""

    def refuse(route: Route) -> None:
        route.abort() if route.request.method == "PUT" else route.continue_()

    hands.page.route("**/choice", refuse)


def test_what_could_not_be_saved_is_kept_by_the_browser_and_told_of_by_the_next_page(hands: Hands) -> None:
    unanswered(hands)
    hands.press("2", "c")
    bar = hands.page.locator("#away")
    bar.wait_for()
    assert (
        "foley-bridge audition" in bar.inner_text() and "1 choice is not saved yet. This browser keeps it" in bar.inner_text()
    )
    hands.page.unroute("**/choice")
    unanswered(hands)
    hands.page.goto("about:blank")
    hands.page.unroute("**/choice")
    hands.open()
    told = hands.page.get_by_role("status").filter(has_text="an earlier page could not save")
    told.wait_for()
    assert "metal hit" in told.inner_text()
    assert hands.choice(METAL)["state"] == "chosen"
    told.get_by_role("button", name="Good").click()
    told.wait_for(state="hidden")


def test_a_browser_that_keeps_nothing_is_told_of(hands: Hands) -> None:
    hands.page.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };")
    hands.page.reload()
    hands.until("() => globalThis.foley?.detail && !foley.loading && foley.heard")
    unanswered(hands)
    hands.press("2", "c")
    bar = hands.page.locator("#away")
    bar.wait_for()
    assert "It stays in this page until it is closed" in bar.inner_text()
    hands.page.unroute("**/choice")
    assert hands.choice(METAL)["state"] == "chosen"


def test_the_reel_is_called_as_its_timeline_and_regions_without_the_timecode_beside_them(hands: Hands) -> None:
    assert hands.page.locator("h1").inner_text() == "cut"  # the file is timeline.otio
    ask = "async (region) => (await import('../static/states.js')).shortName(region)"
    assert hands.tell(ask, {"name": "door at 01:00:05:23", "timecode": "01:00:05:23"}) == "door"
    assert hands.tell(ask, {"name": "door at 01:00:05:23", "timecode": "01:00:00:00"}) == "door at 01:00:05:23"


def test_the_list_of_reels_counts_what_failed_apart(hands: Hands, sent_reel: PanelReel) -> None:
    hands.choose(METAL, {"state": "rejected"})
    hands.page.goto(hands.link.partition("/reel/")[0] + "/")
    row = hands.page.locator("li").filter(has=hands.page.locator(f"a[href$='{sent_reel.job}']"))
    row.wait_for()
    assert [text.strip() for text in row.locator(".counts span").all_inner_texts()] == [
        "2 undecided",
        "0 chosen",
        "1 rejected",
        "1 failed",
    ]


def test_a_take_that_matched_loudness_cannot_turn_down_far_enough_says_so(hands: Hands) -> None:
    hands.tell("() => { foley.takes[0].lufs = foley.takes[1].lufs + 16; foley.say('takes'); }")
    tag = hands.page.locator(".take").first.get_by_text("+4 dB")
    tag.wait_for()
    hands.press("m")
    tag.wait_for(state="detached")
