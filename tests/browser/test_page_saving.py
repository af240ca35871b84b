"""What is chosen on the audition page is saved: over a reload, beside other pages, while the daemon is away."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_hands import GRAVEL, METAL, WOOD, Hands
from panel_reels import PanelReel, make_reel, printed
from playwright.sync_api import BrowserContext, Page, Route
from ports import free_ports
from serving import serving

pytestmark = pytest.mark.browser


def test_a_reload_shows_everything_as_it_was_left(hands: Hands) -> None:
    hands.press("2", "c", "-", "e")
    hands.page.keyboard.type("louder at the end")
    hands.press("Escape")
    takes = hands.tell("() => foley.takes.length")
    hands.focus_handle(1)
    hands.press("ArrowRight")
    hands.placed(takes)
    hands.settle()
    kept = hands.tell("() => [foley.choice, foley.onsets.times, foley.takes.map(take => take.id)]")
    hands.page.reload()
    hands.until("() => globalThis.foley?.detail && !foley.loading && foley.heard")
    assert hands.tell("() => [foley.choice, foley.onsets.times, foley.takes.map(take => take.id)]") == kept
    assert hands.tell("() => foley.heard.id") == kept[0]["take"]


def test_what_another_page_chooses_is_seen_without_a_reload(hands: Hands) -> None:
    hands.choose(WOOD, {"state": "rejected", "reason": "covered by the music"})
    hands.until("() => foley.store.regions.get(3).summary.state === 'rejected'")
    label = hands.page.locator(".card").nth(2)
    hands.until("() => document.querySelectorAll('.card')[2].getAttribute('aria-label').includes('Rejected')")
    assert "scratch wood" in str(label.get_attribute("aria-label"))


@pytest.mark.parametrize("which", ["Keep theirs", "Use mine"])
def test_of_two_pages_that_chose_at_once_nobody_is_overwritten_silently(hands: Hands, which: str) -> None:
    # Ours is on its way with the revision before theirs.
    hands.tell("() => { foley.store.stop(); }")
    theirs = hands.choose(METAL, {"state": "rejected", "reason": "theirs"})["choice"]
    hands.press("2", "c")
    bar = hands.page.get_by_role("alert").filter(has_text="metal hit was changed on another page")
    bar.wait_for()
    assert "theirs" in bar.inner_text()
    assert hands.told(f"/regions/{METAL}")["choice"] == theirs
    hands.page.get_by_role("button", name=which).click()
    hands.until("() => foley.store.saving.unsaved === 0 && !document.querySelector('.bar')")
    saved = hands.choice(METAL)
    assert saved["state"] == ("rejected" if which == "Keep theirs" else "chosen")
    assert hands.tell("() => foley.choice.state") == saved["state"]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be held here")
def test_while_the_daemon_does_not_answer_choices_are_kept_and_sent_when_it_is_back(hands: Hands, page_reel: PanelReel) -> None:
    with held(page_reel.serving.process.pid):
        hands.press("3", "c")
        hands.page.locator("#away").wait_for(timeout=60_000)
        hands.press("j")
        assert hands.tell("() => foley.store.saving.unsaved") == 1
    hands.page.locator("#away").wait_for(state="detached", timeout=60_000)
    saved = hands.choice(METAL)
    assert (saved["state"], saved["take"]) == ("chosen", hands.tell("() => foley.store.regions.get(1).choice.take"))


@contextlib.contextmanager
def held(process: int) -> Iterator[None]:
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def test_a_choice_that_the_daemons_end_cut_off_is_sent_by_the_next_page(context: BrowserContext, tmp_path: Path) -> None:
    home = tmp_path / "home"
    options = ("--library", home / "library", "--panel", f"127.0.0.1:{free_ports()}")
    with serving(home, *options) as running:
        made = make_reel(running, tmp_path / "reel")
        hands = Hands(context.new_page(), made.link).open()
    hands.page.locator("#away, .bar.bad").first.wait_for()
    hands.press("2", "c")
    hands.page.wait_for_timeout(500)
    take = hands.tell("() => foley.takes[1].id")
    with serving(home, *options):
        link = printed(home, "audition", made.job, "--no-open")["url"]
        assert link != made.link
        hands.page.get_by_text("This link is over").wait_for()
        again = Hands(context.new_page(), link).open()
        saved = again.choice(METAL)
        assert (saved["state"], saved["take"]) == ("chosen", take)


def held_answer(hands: Hands, path: str, method: str) -> tuple[list[Any], list[Any]]:
    """Holds what the panel answers to the next request of a kind: (routes, answers), one each once it was asked."""
    routes: list[Any] = []
    answers: list[Any] = []

    def hold(route: Route) -> None:
        if routes or route.request.method != method:
            return route.continue_()
        routes.append(route)
        answers.append(route.fetch())

    hands.page.route(f"**{path}", hold)
    return routes, answers


def wait_for(hands: Hands, there: list[Any]) -> Any:
    for _ in range(500):
        if there:
            return there[0]
        hands.page.wait_for_timeout(20)
    raise AssertionError("it was never asked for")


def test_an_answer_from_before_a_choice_does_not_take_it_back(hands: Hands) -> None:
    routes, answers = held_answer(hands, "/regions/1", "GET")
    hands.tell("() => { foley.store.refresh(1); }")
    answer = wait_for(hands, answers)
    hands.press("2", "c")
    take = hands.choice(METAL)["take"]
    routes[0].fulfill(response=answer)
    hands.until("() => foley.store.regions.get(1).answered === foley.store.regions.get(1).asked")
    assert hands.tell("() => [foley.choice.state, foley.choice.take]") == ["chosen", take]
    hands.press("3", "c")
    assert hands.choice(METAL)["take"] == hands.tell("() => foley.takes[2].id")


def test_what_another_page_chose_while_ours_was_being_saved_is_shown_in_the_end(hands: Hands) -> None:
    routes, answers = held_answer(hands, "/regions/1/choice", "PUT")
    hands.press("2", "c")
    answer = wait_for(hands, answers)
    theirs = hands.choose(METAL, {"state": "rejected", "reason": "later"})["choice"]
    hands.until("revision => foley.store.regions.get(1).told?.revision === revision", theirs["revision"])
    routes[0].fulfill(response=answer)
    hands.until("() => foley.store.saving.unsaved === 0")
    assert hands.tell("() => [foley.choice.state, foley.choice.reason]") == ["rejected", "later"]
    assert hands.page.locator(".bar").count() == 0


def test_what_happens_before_the_page_listens_is_not_missed(page: Page, page_reel: PanelReel) -> None:
    hands = Hands(page, page_reel.link)
    hands.choose(WOOD, {"state": "proposed"})
    held: list[Any] = []
    page.route("**/events", lambda route: held.append(route))
    hands.open()
    wait_for(hands, held)
    hands.choose(WOOD, {"state": "rejected"})
    held[0].continue_()
    hands.until("() => foley.store.regions.get(3).summary.state === 'rejected'")


def test_a_page_that_is_shown_again_has_what_happened_meanwhile(hands: Hands) -> None:
    hands.tell("() => { dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true})); }")
    hands.choose(WOOD, {"state": "rejected"})
    assert hands.tell("() => foley.store.regions.get(3).summary.state") == "proposed"
    hands.tell("() => { dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true})); }")
    hands.until("() => foley.store.regions.get(3).summary.state === 'rejected'")
    hands.choose(WOOD, {"state": "proposed"})
    hands.until("() => foley.store.regions.get(3).summary.state === 'proposed'")


def test_takes_that_another_page_asked_for_are_here_without_a_reload(hands: Hands) -> None:
    takes = hands.tell("() => foley.takes.length")
    hands.retake(METAL, {"more": True, "options": {"takes": "1"}})
    hands.until("takes => foley.takes.length > takes", takes)
    hands.tell("() => foley.hear(foley.takes.at(-1).id)")
    hands.until("() => Boolean(foley.player.takes.get(foley.player.heard)?.buffer)")


def test_pages_of_one_browser_leave_each_others_unsaved_choices_alone(hands: Hands) -> None:
    place = f"foley_bridge.unsaved.{hands.job}"
    theirs = {"base": 0, "choice": {"state": "rejected"}}
    hands.tell("([place, choice]) => localStorage.setItem(place, JSON.stringify({3: choice}))", [place, theirs])
    hands.press("2", "c")
    hands.settle()
    assert json.loads(hands.tell("place => localStorage.getItem(place)", place)) == {"3": theirs}
    hands.tell("place => localStorage.removeItem(place)", place)


def test_a_button_of_a_bar_keeps_the_focus_while_other_things_happen(hands: Hands) -> None:
    hands.tell("() => { foley.store.stop(); }")
    hands.choose(METAL, {"state": "rejected"})
    hands.press("2", "c")
    hands.page.get_by_role("button", name="Use mine").focus()
    hands.tell("() => foley.open(2)")
    hands.until("() => foley.detail && !foley.loading")
    hands.tell("() => { foley.store.choose(2, {note: 'x'}, 'note'); }")
    hands.until("() => foley.store.saving.unsaved === 1")
    assert hands.tell("() => document.activeElement.textContent") == "Use mine"
    hands.press("Enter")
    assert hands.choice(METAL)["state"] == "chosen"


def test_a_region_that_was_decided_and_left_is_let_go_of_once_it_is_saved(hands: Hands) -> None:
    hands.press("Enter")
    hands.until("() => foley.number === 2 && !foley.loading && foley.heard")
    hands.press("Enter")
    hands.until("() => foley.number === 3 && foley.detail")
    hands.settle()
    hands.until("() => [...foley.store.regions.values()].filter((region) => region.detail).length === 1")
    hands.press("u", "u")
    hands.until("() => foley.number === 1 && foley.detail")
    assert [hands.choice(region)["state"] for region in (METAL, GRAVEL)] == ["proposed", "proposed"]
