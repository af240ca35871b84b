"""The whole way on the demo: open, listen, move an onset, choose, reject, reload, send back; the files say what was chosen."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from page_hands import AUDIBLE, FRAME_S, GRAVEL, METAL, PATIENCE_S, WOOD, Hands
from playwright.sync_api import Page
from serving import command, serving

pytestmark = pytest.mark.browser

LATER_MS = 20


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The demo's folder, and the link to its reel."""
    folder = tmp_path_factory.mktemp("demo")
    home = folder / "home"
    with serving(home, "--library", home / "library", "--panel", "127.0.0.1:0"):
        to = ("--out", folder / "demo", "--audition", "--json")
        made = command("demo", *to, home=home, FOLEY_BRIDGE_LIBRARY=home / "library", BROWSER="true")
        assert made.returncode == 0, made.stderr
        yield folder / "demo", json.loads(made.stdout)["audition"]


def clips_of(timeline: Path) -> dict[str, Any]:
    """What lies on our tracks, by the region it is for."""
    clips = otio.adapters.read_from_file(str(timeline)).find_clips()
    ours = [clip for clip in clips if clip.metadata.get("foley_bridge", {}).get("kind") == "take"]
    return {clip.metadata["foley_bridge"]["region"]: clip for clip in ours}


def file_of(clip: Any, folder: Path) -> Path:
    url = clip.media_reference.target_url.removeprefix("file://")
    return Path(url) if Path(url).is_absolute() else folder / url


def heard_of(path: Path) -> tuple[np.ndarray, int]:
    samples, rate = soundfile.read(path, always_2d=True)
    return samples, rate


def rise_at(samples: np.ndarray, rate: int, at_s: float) -> float:
    """How much louder the 20 ms after a time are than those before it."""
    at, some = round(at_s * rate), round(0.02 * rate)
    return float(np.abs(samples[at : at + some]).max() / np.abs(samples[at - some : at - some // 10]).max())


def test_what_is_chosen_on_the_page_is_what_the_timeline_and_the_files_say(demo: tuple[Path, str], page: Page) -> None:
    folder, link = demo
    before = {name: file_of(clip, folder).read_bytes() for name, clip in clips_of(folder / "foley.otio").items()}
    assert len(before) == 4
    hands = Hands(page, link).open(METAL)

    # Listen.
    hands.press("Space")
    hands.until("() => foley.player.context.state === 'running' && foley.player.drift.samples > 3")
    hands.tell(AUDIBLE)
    at_s = hands.tell("() => foley.player.context.currentTime")
    hands.until("() => globalThis.loudest > 0.01")
    hands.until("at => foley.player.context.currentTime > at + 0.3", at_s)

    # The second take, its third onset two frames later, 6 dB down; chosen.
    onsets = hands.tell("() => foley.onsets.times")
    takes = hands.tell("() => foley.takes.length")
    hands.press("2")
    hands.until("() => document.querySelectorAll('.handle').length > 2")
    hands.tell("() => document.querySelectorAll('.handle')[2].focus()")
    hands.press("ArrowRight", "ArrowRight")
    moved = [*onsets[:2], onsets[2] + 2 * FRAME_S, *onsets[3:]]
    placed = hands.placed(takes)
    hands.tell("() => document.activeElement.blur()")
    hands.press("Shift+_", "Shift+_", "Enter")

    # The second region: another take, 20 ms later, and a note.
    hands.until("() => foley.number === 2 && foley.heard")
    hands.press("2", *["."] * LATER_MS, "e")
    page.keyboard.type("nearer, later")
    hands.press("Escape", "Enter")

    # The third is rejected, the fourth left as it was proposed.
    hands.until("() => foley.number === 3 && foley.detail")
    hands.press("r", "5")
    hands.settle()

    page.reload()
    hands.until("() => globalThis.foley?.detail && !foley.loading")
    chosen = {number: hands.choice(number) for number in (METAL, GRAVEL, WOOD)}
    assert [choice["state"] for choice in chosen.values()] == ["chosen", "chosen", "rejected"]
    assert chosen[METAL]["take"] == placed["id"]
    assert page.locator(".done").inner_text() == "3 of 4 decided"

    # Send back.
    hands.press("Control+Enter")
    page.get_by_role("dialog", name="Send the choices back").wait_for()
    hands.press("Enter")
    hands.until("() => document.querySelector('.sent').textContent === 'all sent back'")

    ends = time.monotonic() + PATIENCE_S  # the page may have looked at the job before the panel heard of it
    while not (reel := hands.told())["applied"] and time.monotonic() < ends:
        page.wait_for_timeout(50)
    assert (reel["applied"][0]["state"], reel["applied"][0]["revision"]) == ("done", reel["revision"])
    regions = {number: hands.told(f"/regions/{number}") for number in (METAL, GRAVEL, WOOD)}
    clips = clips_of(folder / "foley.otio")
    assert set(clips) == set(before) - {regions[WOOD]["name"]}
    (left,) = set(clips) - {regions[METAL]["name"], regions[GRAVEL]["name"]}
    assert file_of(clips[left], folder).read_bytes() == before[left]

    metal = clips[regions[METAL]["name"]]
    assert metal.metadata["foley_bridge"]["choice"]["state"] == "chosen"
    assert list(metal.metadata["foley_bridge"]["onsets_s"]) == pytest.approx(moved, abs=0.001)
    samples, rate = heard_of(file_of(metal, folder))
    raw, _ = heard_of(Path(placed["path"]))
    assert np.abs(samples - raw * 10 ** (-6 / 20)).max() < 2 / 2**23
    assert min(rise_at(samples, rate, onset_s) for onset_s in moved) > 2
    assert rise_at(samples, rate, onsets[2]) < 1.2, "nothing is struck where the onset was before"

    gravel = clips[regions[GRAVEL]["name"]]
    told = gravel.metadata["foley_bridge"]
    assert (told["choice"]["state"], told["choice"]["note"]) == ("chosen", "nearer, later")
    take = next(take for take in regions[GRAVEL]["takes"] if take["id"] == chosen[GRAVEL]["take"])
    assert take is not regions[GRAVEL]["takes"][0]
    samples, rate = heard_of(file_of(gravel, folder))
    raw, _ = heard_of(Path(take["path"]))
    shift = round(Fraction(LATER_MS, 1000) * rate)
    np.testing.assert_array_equal(samples[shift:], raw[:-shift])
    assert not samples[:shift].any()

    # What was made before lies as it was.
    for take in (take for region in regions.values() for take in region["takes"] if take["made"] == "generate"):
        assert Path(take["path"]).exists()
