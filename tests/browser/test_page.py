"""The audition page in a real browser and against a real daemon: keys, onsets, saving, undo, two pages, names of controls."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_hands import AUDIBLE, Hands
from panel_reels import PanelReel, make_reel, printed
from playwright.sync_api import BrowserContext, Page
from serving import Serving, serving

pytestmark = pytest.mark.browser

FRAME_S = 1 / 24
METAL, GRAVEL, WOOD, FAILED = 1, 2, 3, 4


@pytest.fixture(scope="module")
def reel(panel_daemon: Serving, tmp_path_factory: pytest.TempPathFactory) -> PanelReel:
    return make_reel(panel_daemon, tmp_path_factory.mktemp("page") / "reel")


@pytest.fixture
def hands(page: Page, reel: PanelReel) -> Hands:
    """The first region, as nobody has said anything about it."""
    hands = Hands(page, reel.link)
    for region in (METAL, GRAVEL, WOOD):
        hands.choose(region, {"state": "proposed"}, by="the tests")
    return hands.open()


def focus_handle(hands: Hands, place: int) -> None:
    hands.until("place => document.querySelectorAll('.handle').length > place", place)
    hands.tell("place => document.querySelectorAll('.handle')[place].focus()", place)


# --- listening ---


def test_space_plays_and_what_comes_out_is_sound_that_goes_on(hands: Hands) -> None:
    assert not hands.tell("() => foley.player.playing")
    hands.press("Space")
    hands.until("() => foley.player.context.state === 'running' && foley.player.drift.samples > 5")
    hands.tell(AUDIBLE)
    before = hands.tell("() => foley.player.context.currentTime")
    hands.until("() => globalThis.loudest > 0.01")
    hands.until("at => foley.player.context.currentTime > at + 0.5", before)
    hands.press("Space")
    hands.until("() => !foley.player.playing")
    stood = hands.tell("() => foley.player.time_s")
    hands.page.wait_for_timeout(150)
    assert hands.tell("() => foley.player.time_s") == stood


def test_arrows_step_a_frame_and_with_shift_ten(hands: Hands) -> None:
    hands.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert hands.tell("() => foley.player.time_s") == pytest.approx(3 * FRAME_S, abs=1e-6)
    hands.press("ArrowLeft", "Shift+ArrowRight")
    assert hands.tell("() => foley.player.time_s") == pytest.approx(12 * FRAME_S, abs=1e-6)
    assert hands.page.get_by_label("Timecode").inner_text() == "01:00:00:12"


def test_digits_hear_a_take_and_b_the_one_before(hands: Hands) -> None:
    first, second, third = hands.tell("() => foley.takes.slice(0, 3).map(take => take.id)")
    hands.press("1", "3")
    assert hands.tell("() => foley.player.heard") == third
    hands.press("b")
    assert hands.tell("() => foley.player.heard") == first
    hands.press("b", "2", "b")
    assert hands.tell("() => foley.player.heard") == third
    hands.press("2")
    assert hands.tell("() => foley.player.heard") == second
    assert str(hands.page.locator(".take button[aria-pressed=true]").get_attribute("aria-label")).startswith("Take 2")


def test_j_k_and_n_go_through_the_regions_that_the_filter_lists(hands: Hands) -> None:
    hands.press("j")
    hands.until("() => foley.number === 2")
    hands.press("j", "j", "j")
    hands.until("() => foley.number === 4")
    hands.press("k")
    hands.until("() => foley.number === 3")
    hands.page.get_by_label("Failed: 1").click()
    hands.press("j")
    hands.until("() => foley.number === 4")
    hands.press("k")
    assert hands.tell("() => foley.number") == FAILED
    hands.page.get_by_label("Failed: 1").click()
    hands.press("n")
    hands.until("() => foley.number === 1")
    hands.press("f")
    hands.page.keyboard.type("scratch")
    hands.press("Enter")
    hands.until("() => foley.number === 3")
    assert hands.page.locator(".card").count() == 1


def test_m_turns_matched_loudness_off_and_on(hands: Hands) -> None:
    switch = hands.page.get_by_role("switch", name="Matched")
    assert switch.is_checked()
    hands.press("m")
    assert not hands.tell("() => foley.player.matched")
    assert not switch.is_checked()
    hands.press("m")
    assert hands.tell("() => foley.player.matched")


# --- deciding ---


def test_enter_chooses_the_heard_take_and_goes_on_and_u_takes_it_back(hands: Hands) -> None:
    second = hands.tell("() => foley.takes[1].id")
    hands.press("2", "Enter")
    hands.until("() => foley.number === 2")
    saved = hands.choice(METAL)
    assert (saved["state"], saved["take"]) == ("chosen", second)
    hands.press("u")
    hands.until("() => foley.number === 1")
    assert hands.choice(METAL)["state"] == "proposed"


def test_c_chooses_and_stays(hands: Hands) -> None:
    hands.press("3", "c")
    saved = hands.choice(METAL)
    assert (saved["state"], saved["take"]) == ("chosen", hands.tell("() => foley.takes[2].id"))
    assert hands.tell("() => foley.number") == METAL
    assert hands.page.locator(".card[aria-current]").get_attribute("aria-label") == "1: metal hit, Chosen, 01:00:00:00"


def test_r_and_a_digit_rejects_with_that_reason(hands: Hands) -> None:
    hands.press("r", "2")
    hands.until("() => foley.number === 2")
    saved = hands.choice(METAL)
    assert (saved["state"], saved["reason"]) == ("rejected", "not in sync")
    hands.press("r")
    hands.page.get_by_label("Another reason").click()
    hands.page.keyboard.type("rain covers 3 of it")
    hands.press("Enter")
    assert hands.choice(GRAVEL)["reason"] == "rain covers 3 of it"


def test_level_and_nudge_keys_change_the_heard_take_alone(hands: Hands) -> None:
    hands.press("2", "-", "-", "Shift+_", ".", ".", ".", "Shift+>", ",")
    take = hands.tell("() => foley.takes[1].id")
    edit = {"level_db": -4.0, "nudge_frames": 1, "nudge_ms": 2.0, "fade_in_s": 0, "fade_out_s": 0}
    assert hands.choice(METAL)["edits"] == {take: edit}
    for _ in range(3):
        hands.press("u")
    assert hands.choice(METAL)["edits"] == {}


def test_a_take_cannot_be_turned_up_until_it_clips(hands: Hands) -> None:
    peak_dbfs = hands.tell("() => foley.heard.peak_dbfs")
    for _ in range(12):
        hands.press("Shift++")
    (edit,) = hands.choice(METAL)["edits"].values()
    assert -0.3 < peak_dbfs + edit["level_db"] <= -0.1


def test_fades_are_saved_as_the_sliders_say(hands: Hands) -> None:
    hands.page.get_by_label("Fade in").fill("0.5")
    hands.page.get_by_label("Fade out").fill("0.8")
    (edit,) = hands.choice(METAL)["edits"].values()
    length_s = hands.tell("() => foley.heard.duration.seconds")
    assert edit["fade_in_s"] == pytest.approx(0.25 * length_s, abs=0.001)
    assert edit["fade_out_s"] == pytest.approx(0.64 * length_s, abs=0.001)


def test_keys_that_are_typed_into_the_note_are_the_notes(hands: Hands) -> None:
    heard = hands.tell("() => foley.player.heard")
    hands.press("e")
    hands.page.keyboard.type("Jack: check 2 & ring, r u c? ")
    hands.press("Escape", "j")
    hands.until("() => foley.number === 2")
    saved = hands.choice(METAL)
    assert (saved["note"], saved["state"]) == ("Jack: check 2 & ring, r u c? ", "proposed")
    hands.press("k")
    hands.until("() => foley.number === 1 && foley.heard")
    assert hands.tell("() => foley.player.heard") == heard
    assert hands.page.get_by_label("Note").input_value() == "Jack: check 2 & ring, r u c? "


# --- onsets ---


def test_an_onset_moved_by_keyboard_is_saved_and_placed_there(hands: Hands) -> None:
    before = hands.tell("() => foley.onsets")
    takes = hands.tell("() => foley.takes.length")
    focus_handle(hands, 2)
    hands.press("ArrowRight", "ArrowRight", ".", ".", ".")
    wanted = before[2] + 2 * FRAME_S + 0.003
    handle = hands.page.locator(".handle:focus")
    assert handle.get_attribute("role") == "slider"
    assert float(handle.get_attribute("aria-valuenow") or 0) == pytest.approx(wanted, abs=1e-5)
    assert str(handle.get_attribute("aria-valuetext")).startswith("01:00:01:")
    take = hands.placed(takes)
    assert take["onsets_s"] == pytest.approx([*before[:2], wanted, *before[3:]], abs=0.001)
    saved = hands.choice(METAL)
    assert saved["onsets_s"] == pytest.approx([*before[:2], wanted, *before[3:]], abs=1e-5)
    assert (saved["state"], saved["take"]) == ("proposed", take["id"])
    assert handle.count() == 1, "the onset lost the focus"


def test_an_onset_moved_by_pointer_while_it_plays_is_heard_without_a_stop(hands: Hands) -> None:
    hands.press("c", "Space")
    hands.until("() => foley.player.drift.samples > 5")
    before = hands.tell("() => foley.onsets")
    takes = hands.tell("() => foley.takes.length")
    hands.tell(
        "() => { globalThis.states = []; foley.player.addEventListener('state', event => states.push(event.detail.playing)); }"
    )
    box = hands.page.locator(".handle").nth(1).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    hands.page.mouse.move(x, y)
    hands.page.mouse.down()
    hands.page.mouse.move(x + 30, y, steps=5)
    hands.page.mouse.up()
    wanted = before[1] + 30 / hands.tell("() => foley.axis.perSecond")
    take = hands.placed(takes)
    assert take["onsets_s"][1] == pytest.approx(wanted, abs=0.004)
    assert hands.tell("() => foley.player.playing")
    assert hands.tell("() => states") == []
    saved = hands.choice(METAL)
    assert (saved["state"], saved["take"]) == ("chosen", take["id"]), "what was chosen goes over to the take placed anew"


def test_undo_of_a_moved_onset_is_the_earlier_onsets_and_the_earlier_take(hands: Hands) -> None:
    hands.press("2", "c")
    hands.settle()
    take, onsets = hands.tell("() => [foley.heard.id, foley.onsets]")
    takes = hands.tell("() => foley.takes.length")
    focus_handle(hands, 0)
    hands.press("ArrowLeft")
    hands.placed(takes)
    hands.tell("() => document.activeElement.blur()")
    hands.press("Control+z")
    assert hands.tell("() => [foley.heard.id, foley.onsets]") == [take, onsets]
    saved = hands.choice(METAL)
    assert (saved["onsets_s"], saved["take"]) == (None, take)


def test_a_adds_an_onset_at_the_playhead_and_delete_takes_it_away(hands: Hands) -> None:
    takes = hands.tell("() => foley.takes.length")
    before = hands.tell("() => foley.onsets")
    hands.tell("() => foley.player.seek(0.25)")
    hands.press("a")
    assert hands.placed(takes)["onsets_s"] == pytest.approx(sorted([0.25, *before]), abs=0.001)
    assert hands.choice(METAL)["onsets_s"] == pytest.approx(sorted([0.25, *before]), abs=1e-5)
    hands.press("Delete")
    hands.until("() => !foley.placing.of(foley.number).busy")
    assert hands.choice(METAL)["onsets_s"] == pytest.approx(before, abs=1e-5)


def test_tapping_along_puts_the_onsets_where_it_was_tapped(hands: Hands) -> None:
    hands.go(GRAVEL)
    takes = hands.tell("() => foley.takes.length")
    hands.press("t")
    tapped = []
    for at_s in (4.0, 4.75, 5.5):
        hands.until("at => foley.player.time_s > at", at_s)
        hands.press("t")
        tapped.append(hands.tell("() => foley.tapped.at(-1)"))
        assert tapped[-1] == pytest.approx(at_s, abs=0.3)
    hands.press("Enter")
    assert hands.choice(GRAVEL)["onsets_s"] == tapped
    take = hands.placed(takes)
    for at_s in tapped:
        assert min(abs(at_s - onset_s) for onset_s in take["onsets_s"]) < 0.001


def test_sensitivity_shows_at_once_what_counts_and_places_it(hands: Hands) -> None:
    seen = hands.told(f"/regions/{METAL}")["seen"]
    hands.page.get_by_label("Sensitivity").fill("0.95")
    counted = [each["time_s"] for each in seen if each["sensitivity"] is not None and each["sensitivity"] <= 0.95]
    assert hands.tell("() => foley.onsets") == pytest.approx(counted)
    hands.until("() => !foley.placing.of(foley.number).busy")
    assert hands.tell("() => foley.placing.of(foley.number).error") is None
    saved = hands.choice(METAL)
    assert (saved["sensitivity"], saved["onsets_s"]) == (0.95, None)
    placed = hands.tell("() => foley.heard.onsets_s")
    assert placed == pytest.approx(counted, abs=0.001)


# --- more takes ---


def test_g_brings_takes_that_are_new_and_s_more_like_the_one_heard(hands: Hands) -> None:
    hands.go(WOOD)
    takes = hands.tell("() => foley.takes.map(take => take.id)")
    hands.press("g")
    hands.placed(len(takes))
    more = hands.tell("() => foley.takes.map(take => take.id)")
    assert len(set(more)) == len(more) > len(takes)
    assert hands.page.locator(".tag.new").count() > 0


def test_a_sound_of_the_library_is_heard_at_the_onsets_and_used_as_a_take(hands: Hands) -> None:
    takes = hands.tell("() => foley.takes.length")
    hands.press("/")
    hands.page.keyboard.press("Control+a")
    hands.page.keyboard.type("footsteps gravel")
    hands.press("Enter")
    listen = hands.page.get_by_role("button", name="Listen to footsteps gravel 2 at the onsets")
    listen.click()
    hands.until("() => foley.player.audited?.laid && foley.player.sound.runs")
    hands.tell(AUDIBLE)
    hands.until("() => globalThis.loudest > 0.01")
    hands.page.get_by_role("button", name="Use footsteps gravel 2 as a take").click()
    take = hands.placed(takes)
    assert take["source"]["file"] == "footsteps gravel 2.wav"


# --- saving ---


def test_a_reload_shows_everything_as_it_was_left(hands: Hands) -> None:
    hands.press("2", "c", "-", "e")
    hands.page.keyboard.type("louder at the end")
    hands.press("Escape")
    takes = hands.tell("() => foley.takes.length")
    focus_handle(hands, 1)
    hands.press("ArrowRight")
    hands.placed(takes)
    hands.settle()
    kept = hands.tell("() => [foley.choice, foley.onsets, foley.takes.map(take => take.id)]")
    hands.page.reload()
    hands.until("() => globalThis.foley?.detail && !foley.loading && foley.heard")
    assert hands.tell("() => [foley.choice, foley.onsets, foley.takes.map(take => take.id)]") == kept
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
    hands.until("() => foley.store.unsaved === 0 && !document.querySelector('.bar')")
    saved = hands.choice(METAL)
    assert saved["state"] == ("rejected" if which == "Keep theirs" else "chosen")
    assert hands.tell("() => foley.choice.state") == saved["state"]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be held here")
def test_while_the_daemon_does_not_answer_choices_are_kept_and_sent_when_it_is_back(hands: Hands, reel: PanelReel) -> None:
    with held(reel.serving.process.pid):
        hands.press("3", "c")
        hands.page.locator("#away").wait_for(timeout=60_000)
        hands.press("j")
        assert hands.tell("() => foley.store.unsaved") == 1
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


# --- the page itself ---


def controls(page: Page) -> list[dict[str, Any]]:
    """What a screen reader is told of every control in sight."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    wanted = {
        "button",
        "slider",
        "textbox",
        "searchbox",
        "checkbox",
        "switch",
        "radio",
        "tab",
        "link",
        "spinbutton",
        "combobox",
    }
    found = [node for node in nodes if not node["ignored"] and node["role"]["value"] in wanted]
    return [{"role": node["role"]["value"], "name": node.get("name", {}).get("value", "")} for node in found]


def test_every_control_has_a_name(hands: Hands) -> None:
    seen = controls(hands.page)
    hands.press("/")
    hands.page.get_by_role("button", name="Use metal hits 1 as a take").wait_for()
    seen += controls(hands.page)
    hands.press("Escape", "r")
    seen += controls(hands.page)
    hands.press("Escape", "Control+Enter")
    seen += controls(hands.page)
    hands.press("Escape", "?")
    seen += controls(hands.page)
    hands.press("Escape")
    hands.go(FAILED)
    seen += controls(hands.page)
    assert {each["role"] for each in seen} >= {"button", "slider", "textbox", "searchbox", "switch", "radio", "tab"}
    assert [each for each in seen if not each["name"].strip()] == []


def test_the_help_sheet_has_every_key_of_the_contract(hands: Hands) -> None:
    hands.press("?")
    sheet = hands.page.get_by_role("dialog", name="Keys")
    keys = set(sheet.locator("kbd").all_inner_texts())
    assert keys >= set("JKNBCRUATEFMGS,.−=[]/?") | {"Space", "←", "→", "1", "9", "Enter", "Delete", "Ctrl+Z", "Ctrl+Enter"}
    hands.press("Escape")
    assert not sheet.is_visible()


def test_a_failed_region_says_why_and_takes_no_choice(hands: Hands) -> None:
    hands.go(FAILED)
    assert "nothing.wav" in hands.page.locator(".message.bad").inner_text()
    hands.press("c", "r")
    assert hands.page.get_by_role("dialog").count() == 0
    assert hands.choice(FAILED)["revision"] == 0


def test_nothing_is_asked_of_anybody_else_and_the_console_stays_quiet(page: Page, reel: PanelReel) -> None:
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    hands = Hands(page, reel.link).open()
    hands.press("Space")
    hands.until("() => foley.player.drift.samples > 3")
    for _ in range(3):
        hands.press("j")
        hands.until("() => foley.detail && !foley.loading")
    hands.page.goto(reel.link.partition("/reel/")[0] + "/")
    hands.page.get_by_role("link").first.wait_for()
    token = reel.link.partition("/reel/")[0]
    assert [url for url in asked if not url.startswith((token, "blob:"))] == []
    assert said == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (768, 1024)])
def test_everything_fits_on_one_screen(hands: Hands, width: int, height: int) -> None:
    hands.page.set_viewport_size({"width": width, "height": height})
    hands.page.wait_for_timeout(300)
    over = hands.tell(
        "() => [document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]"
    )
    assert over == [0, 0]
    for name in ("#choose", "#reject", "#play", "#send", "#sensitivity"):
        box = hands.page.locator(name).bounding_box()
        assert box is not None, name
        assert (
            box["x"] >= 0 and box["y"] >= 0 and box["x"] + box["width"] <= width + 1 and box["y"] + box["height"] <= height + 1
        ), name
    lanes = hands.page.locator("#lanes").bounding_box()
    assert lanes is not None and lanes["y"] + lanes["height"] <= height + 1
