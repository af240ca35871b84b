"""What is chosen on the audition page is saved: over a reload, beside other pages, while the daemon is away."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_hands import METAL, WOOD, Hands
from panel_reels import PanelReel, make_reel, printed
from playwright.sync_api import BrowserContext
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
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = ("--library", home / "library", "--panel", f"127.0.0.1:{port}")
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
