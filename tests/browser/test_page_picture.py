"""What is really on screen in the page's picture, read off its pixels: every frame of the movie carries its number."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from job_materials import clicks, marker, save, timeline_of
from media_movies import make_movie, number_of
from page_hands import PATIENCE_S, Hands
from panel_reels import PanelReel, printed
from playwright.sync_api import Page, Route
from serving import Serving

pytestmark = pytest.mark.browser

RATE = Fraction(24000, 1001)
REGIONS = ((30, 54), (100, 112), (130, 190), (200, 300))
"""Frames: of one second, of half a second, and longer."""
FRAMES = 400
NEAR = 5
"""Frames that a screenshot and the question for the time may lie apart on a busy machine, at each end."""
BARE = "() => document.querySelectorAll('.screen > :not(video)').forEach((each) => (each.style.visibility = 'hidden'))"
"""Takes away what lies on the picture."""


def numbered_reel(serving: Serving, folder: Path) -> PanelReel:
    """Regions over a movie whose frames are numbered from 0, each with a hit at its beginning and two takes."""
    folder.mkdir(parents=True)
    clicks(folder / "wood.wav", times_s=(0.1, 0.6), length_s=1.0)
    make_movie(folder / "picture.mp4", rate=RATE, count=FRAMES, size=(320, 180), b_frames=0)
    marks = [marker('FOLEY wood like="wood.wav" takes=2', first, last - first, float(RATE)) for first, last in REGIONS]
    marks += [marker("HIT", first + 3, 1, float(RATE)) for first, _ in REGIONS]
    asked = save(timeline_of(folder / "picture.mp4", FRAMES, float(RATE), *marks, start=86400), folder / "timeline.otio")
    to = ("--out", folder / "foley.otio", "--media-dir", folder / "media", "--seed", "1")
    result = printed(serving.home, "generate", asked, *to)
    job = printed(serving.home, "jobs", "list")["jobs"][0]["job"]
    return PanelReel(serving, folder, job, printed(serving.home, "audition", job, "--no-open")["url"], result)


@pytest.fixture(scope="module")
def reel(panel_daemon: Serving, tmp_path_factory: pytest.TempPathFactory) -> PanelReel:
    return numbered_reel(panel_daemon, tmp_path_factory.mktemp("numbered") / "reel")


@dataclass(frozen=True)
class Look:
    """A frame that was on screen, and which the player said was heard before and after."""

    before: float
    seen: int
    after: float

    def true_in(self, first: int, last: int) -> bool:
        """Whether that frame was on screen meanwhile, in a loop of frames first up to last."""
        length = last - first
        return first <= self.seen < last and (self.seen - self.before + NEAR) % length <= (
            (self.after - self.before) % length + 2 * NEAR
        )


class Eyes(Hands):
    """Hands that look at pixels."""

    def seen(self) -> int:
        """The number of the frame that is on screen."""
        box = self.tell("""() => {
          const { x, y, width, height } = document.querySelector(".screen").getBoundingClientRect();
          return { x, y, width, height };
        }""")
        image = cv2.imdecode(np.frombuffer(self.page.screenshot(clip=box), np.uint8), cv2.IMREAD_GRAYSCALE)
        assert image is not None
        height, width = image.shape
        tall, wide = min(height, width * 9 / 16), min(width, height * 16 / 9)
        top, left = round((height - tall) / 2), round((width - wide) / 2)
        return number_of(image[top : top + int(tall), left : left + int(wide)])

    def heard(self) -> float:
        """The frame that is heard, and how much of it."""
        return self.tell("() => foley.player.time_s") * float(RATE)

    def look(self) -> Look:
        return Look(self.heard(), self.seen(), self.heard())

    def shows(self, frame: int) -> None:
        """Waits until the picture stands on a frame, and stays on it."""
        self.until("() => foley.player.video.paused")
        ends = time.monotonic() + PATIENCE_S
        while (seen := self.seen()) != frame:
            assert time.monotonic() < ends, f"frame {seen} is on screen, not {frame}"
        self.page.wait_for_timeout(100)
        assert self.seen() == frame

    def play(self) -> None:
        self.press(" ")
        self.until("() => foley.player.sound?.runs && foley.player.drift.samples > 0")

    def after_loops(self, count: float) -> None:
        """Waits until the loop has turned that often since it began."""
        self.until(
            """count => {
          const { sound } = foley.player;
          const course = sound.courses.at(-1);
          const frame = sound.clock.contextAt(performance.now()) * sound.rate;
          return frame - course.begin > count * (course.until - course.from);
        }""",
            count,
        )


@pytest.fixture
def eyes(page: Page, reel: PanelReel) -> Iterator[Eyes]:
    eyes = Eyes(page, reel.link)
    eyes.open()
    eyes.tell(BARE)
    yield eyes


def test_in_every_region_and_every_loop_the_frames_on_screen_are_those_that_are_heard(eyes: Eyes) -> None:
    eyes.play()
    for number in (1, 3, 2, 4):
        eyes.go(number)
        first, last = REGIONS[number - 1]
        looks = []
        for loops in range(1, 5 if number != 4 else 3):
            eyes.after_loops(loops + 0.3)
            looks += [eyes.look() for _ in range(4)]
        false = [look for look in looks if not look.true_in(first, last)]
        assert len(false) <= len(looks) // 8, (number, looks)  # one that comes late to a turn shows a frame more
        assert len({look.seen for look in looks}) > 3


def test_a_pause_in_any_loop_shows_the_frame_that_was_heard_and_steps_go_on_from_it(eyes: Eyes) -> None:
    for number, loops in ((1, 0.5), (1, 1.5), (2, 2.4), (3, 1.3), (2, 3.6)):
        if number != eyes.tell("() => foley.number"):
            eyes.go(number)
        eyes.tell("() => foley.player.seek(foley.window.loop_start_s)")
        eyes.play()
        eyes.after_loops(loops)
        eyes.press(" ")
        heard = int(eyes.heard() + 1e-3)
        first, _ = REGIONS[number - 1]
        eyes.shows(heard)
        step, by = ("ArrowLeft", -1) if heard > first else ("ArrowRight", 1)
        eyes.press(step)
        eyes.shows(heard + by)


def test_a_region_that_is_stepped_to_leaves_nothing_of_the_one_before(eyes: Eyes) -> None:
    eyes.play()
    eyes.page.route("**/api/reels/*/regions/3", lambda route: None)  # an answer that does not come
    eyes.tell("() => void foley.open(3)")
    eyes.page.wait_for_timeout(300)
    assert eyes.tell("() => document.querySelector('.transport output').textContent") == "01:00:05:10"
    first, last = REGIONS[2]
    assert eyes.tell("() => [foley.axis.from_s, foley.axis.to_s]") == pytest.approx([first / RATE, last / RATE])
    assert eyes.tell("() => [...document.querySelectorAll('.handle')].length") == 0
    assert not eyes.tell("() => foley.player.sound.runs")
    assert (
        eyes.tell("() => [...document.querySelectorAll('.screen video')].some((video) => video.currentSrc && video.src)")
        is False
    )
    assert eyes.seen() == 0  # black


def test_sound_begins_before_a_picture_that_takes_long_and_the_picture_joins_it(eyes: Eyes) -> None:
    held: list[Route] = []
    eyes.page.route("**/4/1/picture.mp4", lambda route: held.append(route))
    eyes.tell("() => void foley.open(4)")
    eyes.press(" ")
    eyes.until("() => foley.player.sound?.runs && foley.player.time_s > foley.window?.loop_start_s + 0.5")
    assert not eyes.tell("() => foley.player.pictureThere")
    assert eyes.tell("() => foley.heard.id === foley.takes[0].id")
    for route in held:
        route.continue_()
    eyes.until("() => foley.player.drift.samples > 20")
    looks = [eyes.look() for _ in range(8)]
    assert sum(look.true_in(*REGIONS[3]) for look in looks) >= 7, looks


def test_the_next_region_is_fetched_while_there_is_nothing_else_to_fetch(eyes: Eyes) -> None:
    eyes.go(2)
    sizes = """url => performance.getEntriesByType("resource")
      .filter(({ name }) => name.includes(url)).map(({ transferSize }) => transferSize > 0)"""
    for url in ("/3/1/picture.mp4", "/3/1/take/"):
        eyes.until(f"() => ({sizes})('{url}').length === 1")
    eyes.go(3)
    assert eyes.tell(sizes, "/3/1/picture.mp4") == [True, False]
    first, *others = eyes.tell(sizes, "/3/1/take/")
    assert first
    assert False in others


def test_steps_and_seeks_stay_in_the_region_and_no_onset_is_added_outside(eyes: Eyes) -> None:
    for number in (1, 2):
        eyes.go(number)
        first, last = REGIONS[number - 1]
        for keys, frame in (
            (["Shift+ArrowRight"] * 12, last - 1),
            (["ArrowRight"], last - 1),
            (["Shift+ArrowLeft"] * 12, first),
        ):
            eyes.press(*keys)
            eyes.shows(frame)
            assert eyes.heard() == pytest.approx(frame, abs=1e-3)
        eyes.tell("() => foley.player.seek(foley.detail.end.seconds + 0.9)")
        eyes.shows(last - 1)
        for frame in (first - 1, last):
            eyes.tell("time_s => foley.onsets.add(time_s)", frame / float(RATE))
        assert eyes.tell("() => foley.onsets.times.length") == 1


def test_the_rulers_ticks_stand_where_their_frames_begin(eyes: Eyes) -> None:
    eyes.go(4)
    ticks = eyes.tell("""() => [...document.querySelectorAll(".tick")].map((tick) => [
      foley.axis.time_s(parseFloat(tick.style.left)), tick.textContent])""")
    assert len(ticks) > 3
    for time_s, label in ticks:
        hours, minutes, seconds, frames = map(int, label.split(":"))
        frame = ((hours * 60 + minutes) * 60 + seconds) * 24 + frames - 86400
        assert time_s * float(RATE) == pytest.approx(frame, abs=1e-3)
    assert {int(label[-2:]) % 6 for _, label in ticks} == {0}


def test_media_that_is_offline_is_said_over_the_picture_by_name(page: Page, panel_daemon: Serving, tmp_path: Path) -> None:
    reel = numbered_reel(panel_daemon, tmp_path / "offline")
    (reel.folder / "picture.mp4").rename(reel.folder / "away.mp4")
    eyes = Eyes(page, reel.link)
    eyes.open(2)
    eyes.until("() => document.querySelector('.screen .over').checkVisibility()")
    assert eyes.tell("() => document.querySelector('.screen .over').textContent") == "Media offline: picture.mp4 is missing"
    eyes.press(" ")  # it sounds nevertheless
    eyes.until("() => foley.player.time_s > foley.window.loop_start_s + 0.2")
    assert eyes.tell("() => document.querySelector('.screen .drift').textContent") == ""
