"""Onsets moved, added, tapped and seen anew on the audition page, and the takes that are made for them."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from page_hands import AUDIBLE, FRAME_S, GRAVEL, METAL, WOOD, Hands
from playwright.sync_api import Error

pytestmark = pytest.mark.browser


def test_an_onset_moved_by_keyboard_is_saved_and_placed_there(hands: Hands) -> None:
    before = hands.tell("() => foley.onsets.times")
    takes = hands.tell("() => foley.takes.length")
    hands.focus_handle(2)
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
    before = hands.tell("() => foley.onsets.times")
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
    take, onsets = hands.tell("() => [foley.heard.id, foley.onsets.times]")
    takes = hands.tell("() => foley.takes.length")
    hands.focus_handle(0)
    hands.press("ArrowLeft")
    hands.placed(takes)
    hands.tell("() => document.activeElement.blur()")
    hands.press("Control+z")
    assert hands.tell("() => [foley.heard.id, foley.onsets.times]") == [take, onsets]
    saved = hands.choice(METAL)
    assert (saved["onsets_s"], saved["take"]) == (None, take)


def test_a_adds_an_onset_at_the_playhead_and_delete_takes_it_away(hands: Hands) -> None:
    takes = hands.tell("() => foley.takes.length")
    before = hands.tell("() => foley.onsets.times")
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
        tapped.append(hands.tell("() => foley.tapping.taps.at(-1)"))
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
    assert hands.tell("() => foley.onsets.times") == pytest.approx(counted)
    hands.until("() => !foley.placing.of(foley.number).busy")
    assert hands.tell("() => foley.placing.of(foley.number).error") is None
    saved = hands.choice(METAL)
    assert (saved["sensitivity"], saved["onsets_s"]) == (0.95, None)
    placed = hands.tell("() => foley.heard.onsets_s")
    assert placed == pytest.approx(counted, abs=0.001)


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


def test_a_sensitivity_that_was_just_set_is_kept_when_the_region_is_left_at_once(hands: Hands) -> None:
    before = hands.tell("() => foley.onsets.sensitivity")
    hands.press("]", "j")
    hands.until("() => foley.number === 2 && foley.detail")
    assert hands.choice(METAL)["sensitivity"] == pytest.approx(before + 0.02)
    hands.until("() => !foley.placing.of(1).busy")


def test_what_is_placed_anew_is_placed_on_its_own_regions_onsets_though_another_is_open_by_then(hands: Hands) -> None:
    with hands.page.expect_request(lambda request: request.url.endswith("/retakes")) as asked:
        hands.tell("() => foley.onsets.set([0.53, 0.9], 'test')")
        hands.press("j")
    assert asked.value.url.endswith("/regions/1/retakes")
    assert asked.value.post_data_json["hits_s"] == [0.53, 0.9]
    hands.until("() => !foley.placing.of(1).busy")
    hands.until("() => foley.number === 2 && !foley.store.regions.get(1).detail")


def test_tapping_can_be_corrected_and_nothing_is_kept_before_it_ends(hands: Hands) -> None:
    hands.press("t")
    for at_s in (0.5, 1.0, 1.5):
        hands.until("at => foley.player.time_s > at", at_s)
        hands.press("t")
    taps = hands.tell("() => foley.tapping.taps")
    hands.press("Delete", "a", "u", "[")
    assert hands.tell("() => foley.onsets.times") == taps[:2]
    assert hands.choice(METAL)["revision"] == hands.told(f"/regions/{METAL}")["choice"]["revision"]
    assert hands.choice(METAL)["onsets_s"] is None
    hands.press("Escape")
    assert hands.choice(METAL)["onsets_s"] is None


def found_sounds(hands: Hands) -> None:
    hands.press("/")
    hands.page.keyboard.press("Control+a")
    hands.page.keyboard.type("footsteps gravel")
    hands.press("Enter")
    hands.page.get_by_role("button", name="Listen to footsteps gravel 2 at the onsets").wait_for()


def test_of_two_sounds_listened_to_the_second_is_heard_however_late_the_first_comes(hands: Hands) -> None:
    found_sounds(hands)
    late: list[Any] = []
    hands.page.route("**/media/library/*.wav", lambda route: late.append(route) if not late else route.continue_())
    listen = hands.page.locator(".sound .listen")
    listen.nth(0).click()
    listen.nth(1).click()
    hands.until("() => foley.player.auditioning")
    second = hands.tell("() => foley.player.audited.url")
    with contextlib.suppress(Error):  # nobody waits for it any more
        late[0].continue_()
    hands.page.wait_for_timeout(300)
    assert hands.tell("() => foley.player.audited.url") == second
    assert listen.nth(1).get_attribute("aria-pressed") == "true"


def test_a_sound_that_was_stopped_on_its_way_is_not_heard(hands: Hands) -> None:
    found_sounds(hands)
    late: list[Any] = []
    hands.page.route("**/media/library/*.wav", lambda route: late.append(route))
    listen = hands.page.locator(".sound .listen").first
    listen.click()
    listen.click()
    hands.page.wait_for_timeout(100)
    with contextlib.suppress(Error):
        late[0].continue_()
    hands.page.wait_for_timeout(300)
    assert not hands.tell("() => foley.player.auditioning")
    assert listen.get_attribute("aria-pressed") == "false"
