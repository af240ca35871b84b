"""The player's picture in a real browser: which frame is seen, and when, against what is heard."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from media_movies import number_of
from player_bench import Bench, Window, bench, offsets_ms, until, witness
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

DRIFT_MS = 10
RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)]


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("bench")) as running:
        yield running


def load(stand: Bench, page: Page, window: Window) -> None:
    stand.open(page)
    page.evaluate("window => player.load(window)", window.told)


def play(page: Page) -> None:
    page.get_by_role("button", name="play").click()
    until(page, "player.playing && player.drift.samples > 0")


def stands_on(page: Page) -> int:
    """The number that the frame carries that is seen, once it stands."""
    until(page, "!player.video.seeking && player.video.paused")
    page.wait_for_timeout(100)
    pixels = page.evaluate(
        "() => { const canvas = new OffscreenCanvas(96, 72).getContext('2d'); canvas.drawImage(player.video, 0, 0, 96, 72);"
        " return [...canvas.getImageData(0, 0, 96, 72).data]; }"
    )
    return number_of(np.array(pixels, np.uint8).reshape(72, 96, 4)[:, :, :3])


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_every_step_shows_exactly_the_next_frame(stand: Bench, page: Page, rate: Fraction) -> None:
    window = stand.window(f"step{float(rate):.3f}", rate=rate, seconds=1.0, start=3600.0)
    load(stand, page, window)
    first = round(rate)  # the loop begins a second after the window
    assert stands_on(page) == first
    for frames, expected in ((1, 1), (1, 2), (1, 3), (10, 13), (-1, 12), (-10, 2), (-1, 1)):
        page.evaluate(f"player.step({frames})")
        assert stands_on(page) == first + expected
        frame = round(Fraction(window.told["window"]["start_s"]) * rate) + first + expected
        assert page.evaluate("player.time_s") == pytest.approx(float(frame / rate), abs=1e-9)


def test_no_step_leaves_what_is_looped(stand: Bench, page: Page) -> None:
    load(stand, page, stand.window("ends", seconds=1.0))
    page.evaluate("player.step(-1000)")
    assert stands_on(page) == 25
    page.evaluate("player.step(1000)")
    assert stands_on(page) == 49


def test_of_places_gone_to_faster_than_the_picture_can_the_last_is_shown(stand: Bench, page: Page) -> None:
    load(stand, page, stand.window("rapid", seconds=2.0))
    page.evaluate("for (let k = 0; k < 60; k++) player.seek(10 + k / 25 + 0.001)")
    assert stands_on(page) == 59


def test_a_pause_shows_the_frame_that_is_heard(stand: Bench, page: Page) -> None:
    window = stand.window("pause", seconds=2.0)
    load(stand, page, window)
    for wait_ms in (350, 1130, 2410):
        play(page)
        page.wait_for_timeout(wait_ms)
        page.evaluate("player.pause()")
        heard = page.evaluate("player.time_s")
        assert stands_on(page) == int((heard - 10) * 25 + 1e-6)
        assert page.evaluate("player.time_s") == heard


@pytest.mark.parametrize(
    ("rate", "sample_rate", "seconds"),
    [(Fraction(24000, 1001), 48000, 2.0), (Fraction(25), 44100, 3.3), (Fraction(60), 96000, 1.0)],
    ids=["23.976 fps", "25 fps", "60 fps"],
)
def test_the_picture_does_not_drift_from_what_is_heard(
    stand: Bench, page: Page, rate: Fraction, sample_rate: int, seconds: float
) -> None:
    window = stand.window(f"drift{float(rate):.3f}", rate=rate, sample_rate=sample_rate, seconds=seconds)
    load(stand, page, window)
    play(page)
    page.wait_for_timeout(1000)
    seen = witness(page, 10)
    times, offsets = offsets_ms(seen, window, take=0)
    early, late = (np.median(part) for part in np.array_split(offsets, 2))
    assert abs(late - early) < DRIFT_MS
    assert abs(np.median(offsets)) < 1000 / float(rate) / 2 + 1000 / 60
    assert abs(page.evaluate("player.drift.ms")) < 1000 / float(rate) / 2 + 1000 / 60
    assert times[-1] - times[0] > 9000


def test_a_loop_of_a_fifth_of_a_second_shows_its_own_frames_only(stand: Bench, page: Page) -> None:
    window = stand.window("tiny", seconds=0.2)
    load(stand, page, window)
    play(page)
    page.wait_for_timeout(1000)
    seen = witness(page, 4)
    frames = np.round(seen.screens[:, 1] * 25)
    inside = (frames >= 25) & (frames < 30)
    assert inside.mean() > 0.9  # one that comes late to a turn shows a frame more
    assert set(frames[inside]) == {25, 26, 27, 28, 29}
    _, offsets = offsets_ms(seen, window, take=0)
    assert abs(np.median(offsets)) < 20 + 1000 / 60


def test_the_picture_follows_to_another_place_while_it_plays(stand: Bench, page: Page) -> None:
    window = stand.window("jump", seconds=8.0)
    load(stand, page, window)
    play(page)
    page.evaluate("player.seek(16)")
    page.wait_for_timeout(1000)
    _, offsets = offsets_ms(witness(page, 2), window, take=0)
    assert abs(np.median(offsets)) < 20 + 1000 / 60


def test_a_picture_that_was_held_up_is_in_sync_again(stand: Bench, page: Page) -> None:
    window = stand.window("held", seconds=8.0)
    load(stand, page, window)
    play(page)
    page.evaluate("() => { const until = performance.now() + 800; while (performance.now() < until); }")
    page.evaluate("document.querySelectorAll('video').forEach((video) => video.pause())")  # as a browser may, out of sight
    page.wait_for_timeout(1500)
    _, offsets = offsets_ms(witness(page, 2), window, take=0)
    assert abs(np.median(offsets)) < 20 + 1000 / 60


def test_a_window_without_its_picture_is_heard(stand: Bench, page: Page) -> None:
    window = stand.window("blind", seconds=1.0)
    (stand.folder / "blind.mp4").unlink()
    load(stand, page, window)
    assert [said["what"] for name, said in page.evaluate("told") if name == "error"] == ["picture"]
    page.get_by_role("button", name="play").click()
    until(page, "player.time_s > 11.3")
