"""A reel that a real daemon made, with a panel beside it, for the tests of the panel."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from job_materials import clicks, marker, movie, save, timeline_of
from panel_serving import Panel, panel
from serving import Serving, command, serving

RATE = Fraction(24000, 1001)
FRAMES = 1780
SAMPLE_RATE = 48000


@dataclass(frozen=True)
class Staged:
    """The reel, in which every frame of the picture carries its number, who made it, and its panel."""

    daemon: Serving
    panel: Panel
    folder: Path
    job: str
    result: dict[str, Any]

    def take(self, region: int, number: int = 0) -> dict[str, Any]:
        """A take as the job's result has it."""
        return dict(self.result["regions"][region - 1]["takes"][number])

    def windows(self, region: int) -> list[dict[str, Any]]:
        return list(self.panel.get(f"/api/reels/{self.job}/regions/{region}")["windows"])


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[Staged]:
    """Four regions at 23.976: a short one with handles, one of 66.7 s, one off the frame grid, one that cannot be done."""
    home, library = folder / "home", folder / "library"
    rate = float(RATE)
    picture = movie(folder / "picture.mp4", seconds=FRAMES / rate, rate=RATE, gop=48)
    (folder / "sounds").mkdir()
    clicks(folder / "sounds" / "wood knock.wav", times_s=(0.25,), length_s=1.0, rate=44100)
    example = clicks(folder / "example.wav", times_s=(0.1, 0.5))
    marks = [
        marker("FOLEY short takes=2 handles=12f", 24, 48, rate),
        marker("FOLEY long takes=1", 96, 1600, rate),
        marker("FOLEY odd takes=1", 1710.25, 30.5, rate),
        marker('FOLEY nothing like="nothing.wav"', 1750, 24, rate),
    ]
    asked = save(timeline_of(picture, FRAMES, rate, *marks, start=24 * 3600), folder / "cut.otio")
    assert command("library", "add", folder / "sounds", home=home, FOLEY_BRIDGE_LIBRARY=library).returncode == 0
    with serving(home, "--library", library, "--metrics-bind", "127.0.0.1:0") as daemon:
        to = ("--out", folder / "foley.otio", "--media-dir", folder / "takes", "--exemplar", example)
        done = command("generate", asked, *to, "--json", home=home)
        assert done.returncode == 1, done.stderr
        job = json.loads(command("jobs", "list", "--json", home=home).stdout)["jobs"][0]["job"]
        with panel(daemon.endpoint, folder / "panel") as running:
            yield Staged(daemon, running, folder, job, json.loads(done.stdout))
