"""A daemon with its audition page, and reels to open there, for the benchmarks of the page.

The picture of every reel is one shot of eight seconds in which wood is struck, cut in again and again.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import soundfile

from foley_bridge.bridge.client import Client
from foley_bridge.media.movie import write_movie
from foley_bridge.stage.draw import draw_frames
from foley_bridge.stage.scene import Look, make_scene
from foley_bridge.stage.sound import exemplar

RATE = 25
SHOT_S = 8
HITS = (0.52, 1.2, 1.72, 2.48, 3.14, 3.6, 4.28, 5.04, 5.8, 6.4, 7.12)


@contextlib.contextmanager
def daemon(home: Path) -> Iterator[str]:
    """``foley-bridge serve`` for the length of a block: where it takes requests."""
    command = [sys.executable, "-m", "foley_bridge", "serve", "--private", "--no-osc", "--bind", "tcp://127.0.0.1:0"]
    command += ["--home", str(home), "--log-level", "error", "--panel", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["endpoints"]["requests"]
    finally:
        process.stdin.close()
        process.wait(30)


def span(start: int, duration: int) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(otio.opentime.RationalTime(start, RATE), otio.opentime.RationalTime(duration, RATE))


def reel_of(folder: Path, name: str, shots: int, marks: Sequence[otio.schema.Marker]) -> Path:
    """A timeline of the shot so many times, with markers."""
    shot = otio.schema.ExternalReference(str(folder / "shot.mp4"), span(0, SHOT_S * RATE))
    track = otio.schema.Track("V1", kind="Video")
    track.extend(otio.schema.Clip(f"shot {number}", shot.clone(), span(0, SHOT_S * RATE)) for number in range(shots))
    timeline = otio.schema.Timeline(name)
    timeline.tracks.append(track)
    timeline.tracks.markers.extend(marks)
    otio.adapters.write_to_file(timeline, str(folder / f"{name}.otio"))
    return folder / f"{name}.otio"


def make_reel(folder: Path, regions: int) -> Path:
    """The first region is all of the shot, its onsets to be seen, each of the others a second of it with a tapped hit."""
    marks = [otio.schema.Marker("FOLEY strike wood", span(0, SHOT_S * RATE))]
    for number in range(regions - 1):
        start = (SHOT_S + number) * RATE
        marks += [otio.schema.Marker(f"FOLEY thing {number}", span(start, RATE)), otio.schema.Marker("HIT", span(start + 8, 1))]
    return reel_of(folder, f"reel of {regions}", 1 + -(-(regions - 1) // SHOT_S), marks)


def make_row(folder: Path, regions: int) -> Path:
    """Regions of two seconds, one like the other, each with three tapped hits."""
    marks = []
    for number in range(regions):
        start = number * 2 * RATE
        marks.append(otio.schema.Marker(f"FOLEY thing {number}", span(start, 2 * RATE)))
        marks += [otio.schema.Marker("HIT", span(start + at, 1)) for at in (8, 20, 35)]
    return reel_of(folder, f"row of {regions}", -(-2 * regions // SHOT_S), marks)


def make_media(folder: Path) -> None:
    scene = make_scene(11, action="hit", material="wood", duration_s=SHOT_S, events=HITS, tool="hammer", look=Look())
    write_movie(folder / "shot.mp4", draw_frames(scene, fps=Fraction(RATE), size=(640, 360)), Fraction(RATE))
    example = exemplar(1, action="hit", material="wood")
    soundfile.write(folder / "example.wav", example.samples, example.sample_rate, subtype="PCM_24")


def generated(client: Client, folder: Path, timeline: Path, to: str) -> dict[str, Any]:
    """A ``generate``, done."""
    asked = {
        "kind": "generate",
        "timeline": {"path": str(timeline)},
        "out": str(folder / to / "foley.otio"),
        "media_dir": str(folder / to / "takes"),
        "exemplar": str(folder / "example.wav"),
        "options": {"takes": "3"},
    }
    return done(client, asked)


def done(client: Client, asked: dict[str, Any]) -> dict[str, Any]:
    """The job object when the job has ended well."""
    job = client.wait(client.submit(asked)["job"], 600)
    assert job["state"] == "done", job
    return job
