"""A reel of 500 regions in a real browser: it opens as one of five does, is stepped through, filtered, and grows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from job_materials import clicks, marker, movie, save, span
from page_hands import Hands
from panel_reels import printed
from playwright.sync_api import Page
from serving import serving

pytestmark = pytest.mark.browser

COUNT = 500
FPS = 25
FRAMES = 8  # of a region
MOST_ELEMENTS = 1500  # of the whole page; one card has a dozen
MOST_GROWTH_MB = 30


def long_timeline(folder: Path) -> Path:
    """Regions one after the other over one short movie that is cut in again and again, each with a HIT marker in its middle."""
    per_clip = 10
    media = movie(folder / "picture.mp4", seconds=per_clip * FRAMES / FPS, rate=Fraction(FPS))
    clicks(folder / "wood.wav", length_s=0.3)
    length = span(0, per_clip * FRAMES, FPS)
    clips = [
        otio.schema.Clip(f"shot {k}", otio.schema.ExternalReference(str(media), length), length)
        for k in range(COUNT // per_clip)
    ]
    timeline = otio.schema.Timeline("long", global_start_time=otio.opentime.RationalTime(3600 * FPS, FPS))
    timeline.tracks.append(otio.schema.Track("V1", clips, kind="Video"))
    for k in range(COUNT):
        timeline.tracks.markers.append(marker(f'FOLEY knock {k + 1:03d} like="wood.wav" takes=1', k * FRAMES, FRAMES, FPS))
        timeline.tracks.markers.append(marker("HIT", k * FRAMES + 3, 1, FPS))
    return save(timeline, folder / "long.otio")


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("long")
    with serving(folder / "home", "--panel", "127.0.0.1:0") as running:
        asked = long_timeline(folder)
        printed(running.home, "generate", asked, "--out", folder / "out.otio", "--media-dir", folder / "media")
        yield printed(running.home, "audition", "--no-open")["url"]


def elements(hands: Hands) -> int:
    return hands.tell("() => document.querySelectorAll('*').length")


def heap_mb(page: Page) -> float:
    """What scripts hold, after what nobody needs was thrown away."""
    session = page.context.new_cdp_session(page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")
    session.detach()
    return (used["usedSize"] + used.get("backingStorageSize", 0)) / 1e6


def test_500_regions_are_opened_stepped_through_and_filtered_with_a_page_that_stays_small(page: Page, link: str) -> None:
    hands = Hands(page, link).open()
    assert hands.tell("() => foley.store.reel.regions.length") == COUNT
    assert elements(hands) < MOST_ELEMENTS

    for _ in range(20):  # what is kept once is kept by now
        hands.press("j")
        hands.until("() => foley.detail && !foley.loading")
    before_mb = heap_mb(page)
    for step in range(40):
        hands.press("j")
        hands.until("() => foley.detail && !foley.loading && foley.heard")
        if step % 10 == 0:
            hands.press("c")
            hands.settle()
    assert hands.tell("() => foley.number") == 61
    assert hands.tell("() => document.querySelectorAll('.take .wave > div').length") == 1
    assert heap_mb(page) - before_mb < MOST_GROWTH_MB

    # As fast as keys come: what was passed is not waited for.
    hands.tell("() => { for (let step = 0; step < 430; step += 1) foley.listing.step(1); }")
    hands.until("() => foley.number === 491 && foley.detail && !foley.loading && foley.heard")
    assert page.locator(".card[aria-current]").is_visible()
    assert elements(hands) < MOST_ELEMENTS
    assert hands.tell("() => [...foley.store.regions.values()].filter(region => region.detail).length") < 10
    assert heap_mb(page) - before_mb < MOST_GROWTH_MB

    page.get_by_label("Chosen: 4").click()
    hands.until("() => document.querySelectorAll('.card').length === 4")
    hands.press("k")
    hands.until("() => foley.number === 52 && !foley.loading")
    page.get_by_label("Chosen: 4").click()
    hands.press("f")
    page.keyboard.type("knock 250")
    hands.press("Enter")
    hands.until("() => foley.number === 250 && foley.detail")
    hands.press("f", "Control+a", "Delete", "Escape", "Escape")
    hands.until("() => document.querySelectorAll('.card').length > 8")
    assert str(page.locator(".card[aria-current]").get_attribute("aria-label")).startswith("250: knock 250")
    assert elements(hands) < MOST_ELEMENTS
