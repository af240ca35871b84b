"""The audition page in a real browser: listening and deciding, by keys."""

from __future__ import annotations

import pytest
from page_hands import AUDIBLE, FAILED, FRAME_S, GRAVEL, METAL, Hands

pytestmark = pytest.mark.browser


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


def test_whoever_begins_to_type_a_reason_writes_own_words_and_none_of_them_is_a_key(hands: Hands) -> None:
    hands.press("r")
    hands.page.keyboard.type("not seen, 2 of 3 are")
    hands.press("Enter")
    hands.until("() => foley.number === 2")
    assert hands.choice(METAL)["reason"] == "not seen, 2 of 3 are"
    assert hands.told()["retaking"] == []


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


def test_a_key_that_is_held_down_decides_of_one_region_only(hands: Hands) -> None:
    for _ in range(3):  # from the second on as a keyboard repeats it
        hands.page.keyboard.down("Enter")
        hands.until("() => foley.number > 1 && foley.heard && !foley.loading")
    hands.page.keyboard.up("Enter")
    assert hands.tell("() => foley.number") == GRAVEL
    hands.page.keyboard.down("r")
    hands.page.get_by_role("dialog", name="Why not?").wait_for()
    hands.page.keyboard.down("r")
    hands.page.keyboard.up("r")
    assert hands.page.get_by_role("dialog", name="Why not?").is_visible()
    assert [hands.choice(region)["state"] for region in (METAL, GRAVEL)] == ["chosen", "proposed"]


def test_what_is_typed_into_the_note_is_kept_however_the_region_is_left(hands: Hands) -> None:
    hands.press("e")
    hands.page.keyboard.type("nearer")
    hands.tell("() => { location.hash = '#2'; }")
    hands.until("() => foley.number === 2")
    assert hands.choice(METAL)["note"] == "nearer"
    assert hands.page.get_by_label("Note").input_value() == ""


def test_a_picture_that_cannot_be_had_says_what_to_do_and_is_there_after_trying_again(hands: Hands) -> None:
    hands.page.route("**/picture.mp4", lambda route: route.abort())
    hands.tell("() => foley.open(2)")
    again = hands.page.locator("#picture").get_by_role("button", name="Try again")
    again.wait_for()
    assert "the daemon does not answer – try again in a moment" in hands.page.locator("#picture").inner_text()
    hands.page.unroute("**/picture.mp4")
    again.click()
    hands.until("() => foley.player.pictureThere && foley.player.picture.url && !foley.loading")
    assert not again.is_visible()
