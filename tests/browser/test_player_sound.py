"""The player's sound in a real browser: what comes out, sample for sample, against the files."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from player_bench import PIECE, Bench, Seen, Window, bench, place_of, seen_by, until, witness
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("bench")) as running:
        yield running


def load(stand: Bench, page: Page, name: str, **options: Any) -> Window:
    window = stand.window(name, **options)
    stand.open(page)
    page.evaluate("window => player.load(window)", window.told)
    return window


def play(page: Page) -> None:
    page.get_by_role("button", name="play").click()
    until(page, "player.playing && player.drift.samples > 0")


def witnessed(page: Page, *doing: str, pause_ms: int = 400) -> Seen:
    """What comes out while this is done, one after the other with a pause around each."""
    page.evaluate("() => { globalThis.witness = new Witness(player); return witness.start(); }")
    page.wait_for_timeout(pause_ms)
    for step in doing:
        page.evaluate(step)
        page.wait_for_timeout(pause_ms)
    return seen_by(page.evaluate("witness.stop()"))


def lines(seen: Seen, window: Window, take: int) -> dict[int, list[int]]:
    """The frames from which on a piece of a take came out, by the place in the loop that the take would have had at frame 0."""
    first, end = window.loop
    found: dict[int, list[int]] = {}
    for at in range(0, len(seen.samples) - PIECE, PIECE):
        place = place_of(seen.samples[at : at + PIECE], window.takes[take].mean(axis=1))
        if place is not None:
            found.setdefault((place - first - at) % (end - first), []).append(at)
    return found


@pytest.mark.parametrize(
    ("sample_rate", "rate", "seconds"),
    [(44100, Fraction(24000, 1001), 0.6), (48000, Fraction(25), 0.2), (96000, Fraction(60), 1.0)],
)
def test_what_comes_out_is_the_take_looped_by_the_sample(
    stand: Bench, page: Page, sample_rate: int, rate: Fraction, seconds: float
) -> None:
    window = load(stand, page, f"loop{sample_rate}", sample_rate=sample_rate, rate=rate, seconds=seconds)
    play(page)
    seen = witness(page, 3)
    first, end = window.loop
    whole = seen.samples[: len(seen.samples) - 128]
    start = place_of(whole[: PIECE // 2], np.tile(window.takes[0][first:end, 0], 3))
    assert seen.gaps == 0
    assert start is not None
    assert len(whole) > 4 * (end - first) or seconds == 1.0
    np.testing.assert_array_equal(whole, window.looped(0, first + start % (end - first), len(whole)))


def test_changing_over_to_another_take_keeps_the_place_and_lasts_8_ms(stand: Bench, page: Page) -> None:
    window = load(stand, page, "ab", seconds=1.0)
    play(page)
    seen = witnessed(page, "player.hear('take 1')", "player.hear('take 0')")
    one, other = lines(seen, window, 0), lines(seen, window, 1)
    assert len(one) == 1
    assert list(one) == list(other)  # the same line: sample k of the other where sample k of the one would be
    (line,) = one
    first, end = window.loop
    places = (line + np.arange(len(seen.samples))) % (end - first) + first
    told = [np.abs(seen.samples - take[places, 0]) < 1e-6 for take in window.takes]
    neither = np.flatnonzero(~(told[0] | told[1]))
    changes = np.split(neither, np.flatnonzero(np.diff(neither) > 4800) + 1)
    assert len(changes) == 2
    for change in changes:
        assert 0.006 * 48000 < change[-1] - change[0] < 0.0081 * 48000
        assert np.abs(seen.samples[change]).max() < 0.25 * 2**0.5 + 1e-6  # equal power: no swelling beyond it


def test_keys_pressed_faster_than_a_crossfade_end_with_the_last_take(stand: Bench, page: Page) -> None:
    window = load(stand, page, "fast", seconds=1.0, takes=3)
    play(page)
    seen = witnessed(page, "for (const k of [1, 2, 0, 1, 2, 1]) player.hear(`take ${k}`)")
    assert lines(seen, window, 1).keys() == lines(seen, window, 0).keys()
    assert max(*lines(seen, window, 1).values()) > max(*lines(seen, window, 0).values())
    assert not lines(seen, window, 2)


def test_no_take_is_silence_and_the_place_goes_on(stand: Bench, page: Page) -> None:
    window = load(stand, page, "none", seconds=1.0)
    play(page)
    seen = witnessed(page, "player.hear(null)", "player.hear('take 0')")
    assert len(lines(seen, window, 0)) == 1
    silent = np.flatnonzero(seen.samples == 0)
    assert 0.3 * 48000 < np.sum(np.diff(silent) == 1) < 0.9 * 48000


def test_an_edit_is_heard_within_50_ms_and_keeps_the_place(stand: Bench, page: Page) -> None:
    window = load(stand, page, "edit", seconds=1.0)
    play(page)
    page.evaluate("() => { globalThis.witness = new Witness(player); return witness.start(); }")
    page.wait_for_timeout(300)
    frame = page.evaluate(
        "() => { player.edit('take 0', { level_db: -6, nudge_frames: 1, nudge_ms: 2.5 });"
        " return player.context.currentTime * 48000; }"
    )
    page.wait_for_timeout(300)
    seen = seen_by(page.evaluate("witness.stop()"))
    first, end = window.loop
    (line,) = lines(type(seen)(seen.samples[: round(frame) - seen.first], seen.first, 0, seen.screens, seen.clocks), window, 0)
    places = (line + np.arange(len(seen.samples))) % (end - first) + first
    moved = round((Fraction(1, 25) + Fraction(25, 10000)) * 48000)
    expected = window.takes[0][places - moved, 0] * 10 ** (-6 / 20)
    right = np.abs(seen.samples - expected) < 1e-6
    begins = np.flatnonzero(~right).max() + 1
    assert 0 < seen.first + begins - frame < 0.05 * 48000
    assert right[begins:].sum() > 0.2 * 48000


def test_matched_loudness_turns_the_louder_takes_down_by_12_db_at_most(stand: Bench, page: Page) -> None:
    window = load(stand, page, "matched", seconds=1.0, takes=3, lufs=(-20.0, -26.0, -40.0))
    play(page)
    seen = witnessed(page, "player.hear('take 1')", "player.hear('take 2')", "player.matched = false; player.hear('take 0')")
    loud = []
    for take in (0, 1, 2):
        (found,) = lines(seen, window, take).values()
        level = [np.abs(seen.samples[at : at + PIECE]).max() / 0.25 for at in found]
        loud.append((20 * np.log10(level[0]), 20 * np.log10(level[-1])))
    assert loud[0] == (pytest.approx(-12, abs=0.2), pytest.approx(0, abs=0.2))
    assert loud[1] == (pytest.approx(-12, abs=0.2), pytest.approx(-12, abs=0.2))
    assert loud[2] == (pytest.approx(0, abs=0.2), pytest.approx(0, abs=0.2))


def test_matched_loudness_of_takes_too_short_for_lufs_goes_by_their_peaks(stand: Bench, page: Page) -> None:
    window = stand.window("short", seconds=1.0)
    window.told["takes"][0] |= {"lufs": None, "peak_dbfs": -3.0}
    window.told["takes"][1] |= {"lufs": None, "peak_dbfs": -9.0}
    stand.open(page)
    page.evaluate("window => player.load(window)", window.told)
    play(page)
    seen = witnessed(page)
    assert 20 * np.log10(np.abs(seen.samples).max() / 0.25) == pytest.approx(-6, abs=0.2)


def test_nothing_is_heard_beyond_the_clip(stand: Bench, page: Page) -> None:
    window = stand.window("clip", seconds=1.0)
    start = window.told["window"]["loop_start_s"]
    window.told["takes"][0] |= {"clip_start_s": start + 0.2, "clip_end_s": start + 0.6}
    stand.open(page)
    page.evaluate("window => player.load(window)", window.told)
    play(page)
    seen = witnessed(page, pause_ms=1200)
    first, end = window.loop
    inside = np.zeros(end - first, bool)
    inside[round(0.2 * 48000) : round(0.6 * 48000)] = True
    (line,) = lines(seen, window, 0)
    places = (line + np.arange(len(seen.samples))) % (end - first)
    np.testing.assert_array_equal(seen.samples, np.where(inside[places], window.takes[0][places + first, 0], 0))


def test_a_sound_of_the_library_is_laid_raw_at_the_onsets(stand: Bench, page: Page) -> None:
    window = load(stand, page, "audition", seconds=1.0, lufs=(-20.0, -30.0))
    start = window.told["window"]["loop_start_s"]
    Path(stand.folder, "hit.wav").write_bytes(_hit(stand.folder))
    play(page)
    onsets = [start + 0.1, start + 0.55]
    seen = witnessed(page, f"player.audition('/media/hit.wav', {onsets})", pause_ms=1200)
    tail = seen.samples[len(seen.samples) - round(1.1 * 48000) : -128]
    struck = np.flatnonzero((tail != 0) & (np.concatenate([[1], tail[:-1]]) == 0))
    assert [round(gap / 48000, 6) for gap in np.diff(struck)][:1] in ([0.45], [0.55])
    np.testing.assert_array_equal(tail[struck[0] : struck[0] + 480], np.linspace(0.5, 0.1, 480, dtype=np.float32))
    assert page.evaluate("player.auditioning")
    back = witnessed(page, "player.stopAudition()")
    assert lines(back, window, 0)


def _hit(folder: Path) -> bytes:
    import soundfile

    path = folder / "made.wav"
    soundfile.write(path, np.linspace(0.5, 0.1, 480, dtype=np.float32), 48000, subtype="FLOAT")
    return path.read_bytes()


def test_a_take_that_cannot_be_had_is_told_of_and_the_others_play(stand: Bench, page: Page) -> None:
    window = stand.window("missing", seconds=1.0, takes=3)
    (stand.folder / "missing-1.wav").write_bytes(b"this is no sound")
    (stand.folder / "missing-2.wav").unlink()
    stand.open(page)
    page.evaluate("window => player.load(window)", window.told)
    errors = {said["id"]: said["message"] for name, said in page.evaluate("told") if name == "error"}
    assert errors.keys() == {"take 1", "take 2"}
    play(page)
    assert lines(witnessed(page), window, 0)
    assert not witnessed(page, "player.hear('take 1')").samples[-PIECE:].any()


def test_a_page_that_nobody_touched_says_that_it_is_suspended_and_plays_after_the_first_key(stand: Bench, page: Page) -> None:
    window = stand.window("gesture", seconds=1.0)
    stand.open_untouched(page, window, 'state {"playing":true,"suspended":true}')
    assert page.evaluate("player.playing && player.time_s") == 10.0 + 1.0
    page.keyboard.press("x")
    until(page, "player.time_s > 11.2")
    assert page.evaluate("told.filter(([name]) => name === 'state').at(-1)[1]") == {"playing": True, "suspended": False}


def test_another_window_goes_on_playing(stand: Bench, page: Page) -> None:
    load(stand, page, "before", seconds=1.0)
    after = stand.window("after", seconds=2.0, start=100.0)
    play(page)
    page.evaluate("window => player.load(window)", after.told)
    until(page, "player.time_s > 101.3")
    assert lines(witnessed(page, pause_ms=1000), after, 0)


def test_a_place_to_go_to_is_gone_to_by_sound_and_clock(stand: Bench, page: Page) -> None:
    window = load(stand, page, "seek", seconds=3.0)
    play(page)
    seen = witnessed(page, "for (let k = 0; k < 40; k++) player.seek(11 + k / 20)", "player.seek(13.5)", pause_ms=300)
    found = sorted((at, line) for line, all_at in lines(seen, window, 0).items() for at in all_at)
    assert found[-1][1] != found[0][1]
    at, line = found[-1]
    heard = (line + at) / 48000 + 11
    assert 13.5 < heard < 14.0


def test_a_narrower_loop_is_taken_over_while_it_plays(stand: Bench, page: Page) -> None:
    window = load(stand, page, "narrow", seconds=3.0)
    play(page)
    seen = witnessed(page, "player.loop(11.48, 11.88)", pause_ms=1500)
    first, end = window.sample(11.48), window.sample(11.88)
    tail = seen.samples[-end + first - 128 : -128]
    place = place_of(tail[:PIECE], np.tile(window.takes[0][first:end, 0], 2))
    assert place is not None
    np.testing.assert_allclose(tail, np.roll(window.takes[0][first:end, 0], -place), rtol=1e-6)  # once four were an ulp off
