"""The player in the audition page, of a real reel: what is heard is the take's file, what is seen keeps up with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from panel_reels import PanelReel
from player_bench import HERE, Seen, Window, offsets_ms, place_of, seen_by, until
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

DRIFT_MS = 10


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A tab that lets the witness in, which the page's own policy would not."""
    context = chromium.new_context(bypass_csp=True)
    yield context.new_page()
    context.close()


def play(page: Page, reel: PanelReel, region: int) -> Window:
    """Open a region and let it play; what its takes' files hold in its window."""
    page.goto(f"{reel.link}#{region}")
    until(page, "globalThis.foley?.player.pictureThere && [...foley.player.takes.values()].every((take) => take.buffer)")
    page.keyboard.press("Space")
    until(page, "foley.player.drift.samples > 10")
    window = page.evaluate("foley.player.window")
    asked = reel.result["regions"][region - 1]
    takes, rate = [], Fraction(asked["start"]["rate"])
    for take in asked["takes"]:
        assert take["handle"]["value"] == 0
        file, sample_rate = soundfile.read(take["path"], dtype="float32", always_2d=True)
        samples = np.zeros((round(Fraction(window["frames"]) / rate * sample_rate), file.shape[1]), np.float32)
        first = round((take["start"]["seconds"] - window["start_s"]) * sample_rate)
        samples[first : first + len(file)] = file
        takes.append(samples)
    return Window({"window": window}, rate, sample_rate, tuple(takes))


def witnessed(page: Page, seconds: float, *doing: str) -> Seen:
    scripts = [(HERE / name).read_text("utf-8") for name in ("witness.js", "tap.js")]
    page.evaluate(
        "async ([witness, tap]) => {"
        " const at = (text) => URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));"
        " const { Witness } = await import(at(witness));"
        " globalThis.witness = new Witness(foley.player); await globalThis.witness.start({ tap: at(tap) }); }",
        scripts,
    )
    for step in (*doing, None):
        page.wait_for_timeout(seconds * 1000)
        if step is not None:
            page.keyboard.press(step)
    return seen_by(page.evaluate("witness.stop()"))


def loudest_lines(seen: Seen, window: Window, take: int) -> set[int]:
    """Where the take would be at frame 0, by all pieces in which it sounds, long enough for more than one
    hit: a single one is like another."""
    first, end = window.loop
    sound = np.concatenate([window.takes[take].mean(axis=1)[first:end]] * 2)
    size, found = 3 * window.sample_rate // 2, set()
    for at in range(0, len(seen.samples) - size, window.sample_rate // 4):
        piece = seen.samples[at : at + size]
        place = place_of(piece, sound) if np.abs(piece).max() > 0.01 else None
        if place is not None:
            found.add((place - seen.first - at) % (end - first))
    return found


def test_what_is_heard_is_the_file_of_the_take_and_goes_on_by_the_sample(page: Page, panel_reel: PanelReel) -> None:
    window = play(page, panel_reel, 1)
    seen = witnessed(page, 2.5, "2")
    one, other = loudest_lines(seen, window, 0), loudest_lines(seen, window, 1)
    assert len(one) == 1
    assert one == other


def test_the_picture_keeps_up_with_what_is_heard_of_a_real_reel(page: Page, panel_reel: PanelReel) -> None:
    window = play(page, panel_reel, 3)
    page.wait_for_timeout(1000)
    seen = witnessed(page, 10)
    _, offsets = offsets_ms(seen, window, take=0)
    early, late = (np.median(part) for part in np.array_split(offsets, 2))
    assert abs(late - early) < DRIFT_MS
    assert abs(np.median(offsets)) < 1000 / 24 / 2 + 1000 / 60


def test_the_next_region_goes_on_playing(page: Page, panel_reel: PanelReel) -> None:
    play(page, panel_reel, 1)
    page.keyboard.press("j")
    until(page, "foley.player.window?.start_s > 1 && foley.player.playing && foley.player.time_s > 3.6")
    page.keyboard.press("Space")
    until(page, "!foley.player.playing")


def test_a_reload_while_it_plays_stands_at_the_beginning_and_plays_again(page: Page, panel_reel: PanelReel) -> None:
    play(page, panel_reel, 1)
    page.reload()
    until(page, "globalThis.foley?.player.pictureThere")
    assert page.evaluate("[foley.player.playing, foley.player.time_s]") == [False, 0]
    page.keyboard.press("Space")
    until(page, "foley.player.time_s > 0.2")


def test_a_take_that_was_changed_on_disk_is_told_of_by_name_and_the_others_play(
    page: Page, new_reel: Callable[[], PanelReel]
) -> None:
    reel = new_reel()
    changed = Path(reel.result["regions"][0]["takes"][1]["path"])
    changed.write_bytes(changed.read_bytes()[:-4] + b"none")
    page.goto(f"{reel.link}#1")
    until(
        page,
        "globalThis.foley && !foley.loading && foley.player.pictureThere",
    )
    assert page.evaluate("[...foley.player.takes.values()].map(({ failed }) => failed)") == [False, True, False]
    page.keyboard.press("Space")
    until(page, "foley.player.drift.samples > 10")
