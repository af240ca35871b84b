"""What an editor chooses is what he hears, and lies where it is shown; what he typed is not lost; a failed region goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from page_hands import FAILED, GRAVEL, METAL, WOOD, Hands
from panel_reels import PanelReel
from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

ELSEWHERE = "() => !document.querySelector('.elsewhere').hidden"
HERE = "() => globalThis.foley?.detail && !foley.loading && foley.heard"


def told(hands: Hands) -> str:
    """What the page said last."""
    return str(hands.tell("() => document.getElementById('live').textContent"))


def reload(hands: Hands) -> None:
    hands.page.reload()
    hands.until(HERE)


def test_sensitivity_places_exactly_the_onsets_that_it_shows(hands: Hands) -> None:
    hands.go(WOOD)
    slider = hands.page.get_by_label("Sensitivity")
    with hands.page.expect_request(lambda request: request.url.endswith("/retakes")) as asked:
        slider.fill("0.93")
        shown = hands.tell("() => foley.onsets.times")
    assert asked.value.post_data_json["hits_s"] == shown
    assert "sensitivity" not in asked.value.post_data_json["options"]
    hands.until("() => !foley.placing.of(foley.number).busy && foley.onsets.carry(foley.heard)")
    assert hands.tell("() => foley.heard.for_s") == pytest.approx(shown, abs=1e-3)
    assert hands.choice(WOOD)["sensitivity"] == 0.93


def test_undo_of_an_onset_brings_back_the_take_without_it(hands: Hands) -> None:
    takes = hands.tell("() => foley.takes.length")
    third = hands.tell("() => foley.takes[2].id")
    hands.press("3")
    hands.tell("() => foley.player.seek(0.31)")
    hands.press("a")
    hands.placed(takes)
    assert hands.tell("() => foley.heard.id") != third
    hands.press("u")
    assert hands.tell("() => foley.heard.id") == third
    assert "Undone: add an onset" in told(hands), "it was not told for long enough to be read"
    hands.press("c")
    assert hands.choice(METAL)["take"] == third


def test_onsets_that_no_take_lies_on_are_told_and_placed_after_a_reload_too(hands: Hands) -> None:
    hands.page.route("**/retakes", lambda route: route.abort())
    hands.tell("() => foley.player.seek(0.77)")
    hands.press("a")
    hands.settle()
    reload(hands)
    hands.page.unroute("**/retakes")
    hands.until(ELSEWHERE)
    assert "lies on other onsets" in hands.page.locator(".elsewhere").inner_text()
    takes = hands.tell("() => foley.takes.length")
    hands.press("Enter")
    assert "lies on other onsets than those shown" in told(hands)
    assert hands.choice(METAL)["state"] == "proposed"
    assert hands.tell("() => foley.number") == METAL
    hands.press("p")
    assert any(abs(at_s - 0.77) < 0.001 for at_s in hands.placed(takes)["onsets_s"])
    hands.until("() => document.querySelector('.elsewhere').hidden")
    hands.press("c")
    assert hands.choice(METAL)["take"] == hands.tell("() => foley.takes.at(-1).id")


def test_a_take_placed_anew_is_the_one_heard_after_a_reload_whichever_was_heard_before(hands: Hands) -> None:
    hands.choose(METAL, {"state": "proposed", "take": hands.tell("() => foley.takes[2].id")})
    hands.until("() => foley.choice.take === foley.takes[2].id")
    hands.press("2")
    takes = hands.tell("() => foley.takes.length")
    hands.focus_handle(0)
    hands.press("Shift+ArrowRight", "Shift+.")
    placed = hands.placed(takes)["id"]
    hands.settle()
    reload(hands)
    assert hands.tell("() => foley.heard.id") == placed
    assert not hands.tell(ELSEWHERE)


def test_a_take_that_still_has_hits_where_no_onset_is_left_is_chosen_only_by_who_says_so_twice(hands: Hands) -> None:
    hands.tell("() => foley.onsets.set([], 'test')")
    hands.until(ELSEWHERE)
    hands.press("c")
    hands.page.wait_for_timeout(100)
    assert hands.choice(METAL)["state"] == "proposed"
    hands.press("c")
    assert hands.choice(METAL)["state"] == "chosen"


def test_what_is_typed_into_the_note_outlives_a_reload_at_once(hands: Hands) -> None:
    hands.press("e")
    hands.page.keyboard.type("pan with the")
    reload(hands)
    hands.until("() => foley.store.saving.unsaved === 0")
    assert hands.choice(METAL)["note"] == "pan with the"
    assert hands.page.get_by_label("Note").input_value() == "pan with the"


def test_what_is_typed_where_a_note_is_meant_is_no_key_whatever_the_region(hands: Hands) -> None:
    late: list[Route] = []
    hands.page.route(f"**/regions/{FAILED}", lambda route: late.append(route))
    hands.tell("number => { foley.open(number); }", FAILED)
    hands.press("e")
    hands.page.keyboard.type("c n r")
    assert hands.tell("() => foley.number") == FAILED
    assert hands.page.locator("dialog[open]").count() == 0
    late[0].continue_()
    hands.page.unroute(f"**/regions/{FAILED}")
    hands.until("() => foley.detail && !document.getElementById('note').readOnly")
    hands.page.keyboard.type("need pan")
    hands.press("Escape")
    assert hands.choice(FAILED)["note"] == "need pan"
    hands.choose(FAILED, {"state": "proposed"})


def test_a_failed_region_says_why_and_is_done_with_a_sound_of_the_library(
    page: Page, new_reel: Callable[[str], PanelReel]
) -> None:
    hands = Hands(page, new_reel("mended").link).open(FAILED)
    region = hands.page.locator("#region")
    hands.until("() => document.querySelector('#region .message')")
    assert "nothing.wav" in region.inner_text()
    assert "no reliable onsets" not in region.inner_text()
    hands.press("r", "r")
    assert hands.choice(FAILED)["state"] == "rejected"
    assert hands.told()["regions"][FAILED - 1]["error"], "it is not done yet"
    hands.press("u")
    hands.until("() => foley.number === 4 && foley.detail && !foley.loading")
    region.get_by_role("button", name="Search the library").click()
    hands.page.get_by_label("Search the sound library by words").fill("scratching wood")
    hands.press("Enter")
    hands.page.get_by_role("button", name="Use scratching wood 2 as a take").click()
    take = hands.placed(0)
    hands.until("() => document.querySelector('.card[aria-current]').getAttribute('aria-label').includes('Undecided')")
    hands.press("c")
    saved = hands.choice(FAILED)
    assert (saved["state"], saved["take"]) == ("chosen", take["id"])
    whole = hands.told(f"/regions/{FAILED}")
    assert (whole["error"], whole["engine"]) == (None, "recommend")


def test_a_previewed_sound_is_shown_as_what_is_heard_and_no_take_is_chosen_for_it(hands: Hands) -> None:
    hands.press("/")
    hands.page.keyboard.press("Control+a")
    hands.page.keyboard.type("footsteps gravel")
    hands.press("Enter")
    hands.page.get_by_role("button", name="Listen to footsteps gravel 2 at the onsets").click()
    hands.until("() => foley.preview && document.querySelector('.lane.wave .label').textContent.includes('footsteps gravel 2')")
    hands.until("() => !document.querySelector('.take button[aria-pressed=true]')")
    assert not hands.page.locator(".spectrogram").is_visible()
    hands.tell("() => document.activeElement.blur()")
    hands.press("Enter")
    assert "You hear footsteps gravel 2" in told(hands)
    assert (hands.tell("() => foley.number"), hands.choice(METAL)["state"]) == (METAL, "proposed")
    hands.press("2", "c")
    assert hands.choice(METAL)["take"] == hands.tell("() => foley.takes[1].id")
    hands.until("() => document.querySelector('.lane.wave .label').textContent.includes('take 2')")


def test_a_take_that_comes_while_somebody_taps_along_does_not_take_over_the_sound(hands: Hands) -> None:
    hands.go(GRAVEL)
    heard, takes = hands.tell("() => [foley.player.heard, foley.takes.length]")
    hands.tell("() => foley.onsets.set([4.1], 'test')")
    hands.press("t")
    hands.until("before => foley.takes.length > before && !foley.placing.of(2).busy", takes)
    hands.page.wait_for_timeout(200)
    assert hands.tell("() => foley.player.heard") == heard
    hands.press("Escape")
    hands.until("() => foley.heard.id === foley.takes.at(-1).id")


def test_choosing_does_not_leave_what_the_filter_lists(hands: Hands) -> None:
    for region in (METAL, WOOD):
        hands.choose(region, {"state": "chosen", "take": hands.told(f"/regions/{region}")["takes"][0]["id"]})
    hands.until("() => foley.choice.state === 'chosen' && foley.store.regions.get(3).summary.state === 'chosen'")
    hands.page.get_by_label("Chosen: 2").click()
    hands.press("Enter")
    hands.until("() => foley.number === 3 && foley.heard && !foley.loading")
    hands.press("Enter")
    assert hands.tell("() => foley.number") == WOOD
    assert "the last region listed" in told(hands)


def test_the_level_slider_goes_as_low_as_the_keys(hands: Hands) -> None:
    hands.page.get_by_label("Level", exact=True).fill("-60")
    (edit,) = hands.choice(METAL)["edits"].values()
    assert edit["level_db"] == -60
    hands.press("-")
    assert told(hands).startswith("Level -60 dB, the least")
