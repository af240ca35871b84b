"""Small pictures, sounds and timelines for the tests of jobs, and a listener that finds hits in sound."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import soundfile
from media_movies import make_movie
from opentimelineio.opentime import RationalTime, TimeRange

from foley_bridge import cli


@dataclass(frozen=True)
class Run:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Its one JSON object; fails when anything else is on stdout."""
        return json.loads(self.out)


@functools.cache
def daemon_at(home: str) -> subprocess.Popen[bytes]:
    """A daemon whose worker stays warm from command to command. It ends with this process: then its standard input does."""
    command = [sys.executable, "-m", "foley_bridge", "serve", "--private", "--no-osc", "--bind", "tcp://127.0.0.1:0"]
    command += ["--home", home, "--log-level", "error"]
    with Path(home, "log.txt").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    assert process.stdout is not None
    assert process.stdout.readline(), Path(home, "log.txt").read_text("utf-8")
    return process


def run(*args: object) -> Run:
    """Run the real command line in this process; the jobs of all commands are done by one daemon."""
    if args[0] in ("generate", "demo"):
        daemon_at(os.environ["FOLEY_BRIDGE_HOME"])
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main([str(arg) for arg in args])
    return Run(status, out.getvalue(), err.getvalue())


IN_ITS_OWN_PROCESS = """
import json, sys
from pathlib import Path
from foley_bridge.errors import FoleyError
from foley_bridge.jobs.generate import generate
from foley_bridge.jobs.request import GenerateRequest

PATHS = ("timeline", "out", "media_dir", "exemplar", "preview", "report")
asked, status = json.loads(sys.argv[1]), 0
try:
    print(json.dumps(generate(GenerateRequest(**{k: Path(v) if k in PATHS else v for k, v in asked.items()})).to_json()))
except FoleyError as error:
    print(json.dumps({"error": error.to_json()}))
    status = 2
"""
"""Code for ``python -c`` that does one job there, with no daemon: for limits on the process and measures of it."""


def generate_in_process(before: str = "", after: str = "", **request: object) -> Run:
    """Do a job in a process of its own, between other lines of code."""
    asked = json.dumps({name: str(value) if isinstance(value, Path) else value for name, value in request.items()})
    code = f"{before}\n{IN_ITS_OWN_PROCESS}\n{after}\nsys.exit(status)"
    done = subprocess.run([sys.executable, "-c", code, asked], capture_output=True, text=True, timeout=300, check=False)
    return Run(done.returncode, done.stdout, done.stderr)


def generate(folder: Path, timeline: Path, *args: object, to: str = "out") -> Run:
    """``generate --json`` into ``folder/to``."""
    there = folder / to
    return run("generate", timeline, "--out", there / "foley.otio", "--media-dir", there / "media", "--json", *args)


def clicks(
    path: Path, *, rate: int = 48000, times_s: Sequence[float] = (0.1,), length_s: float = 0.5, channels: int = 1
) -> Path:
    """Struck wood, so to speak: bursts that start within a sample and die away in 20 ms, over silence."""
    sound = np.zeros((round(length_s * rate), channels), np.float32)
    n = np.arange(round(0.1 * rate))
    strike = 0.7 * np.exp(-n / (0.02 * rate)) * np.cos(2 * np.pi * 900 / rate * n)
    for time_s in times_s:
        first = round(time_s * rate)
        part = strike[: len(sound) - first]
        sound[first : first + len(part)] += part[:, None].astype(np.float32)
    soundfile.write(path, sound, rate, subtype="PCM_24")
    return path


def movie(path: Path, *, seconds: float = 2.0, rate: Fraction = Fraction(25), **options: Any) -> Path:
    """A small picture in which something changes on every frame."""
    return make_movie(path, rate=rate, count=round(seconds * float(rate)), **options)


def span(start: float, duration: float, rate: float) -> TimeRange:
    """A range in frames."""
    return TimeRange(RationalTime(start, rate), RationalTime(duration, rate))


def marker(text: str, start: float, duration: float, rate: float) -> otio.schema.Marker:
    return otio.schema.Marker(text, span(start, duration, rate))


def timeline_of(
    media: Path, frames: int, rate: float, *markers: otio.schema.Marker, start: float | None = None
) -> otio.schema.Timeline:
    """One clip of a movie, with markers on the timeline; ``start`` is its first timecode in frames."""
    clip = otio.schema.Clip("shot", otio.schema.ExternalReference(str(media), span(0, frames, rate)), span(0, frames, rate))
    timeline = otio.schema.Timeline("cut", global_start_time=None if start is None else RationalTime(start, rate))
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind="Video"))
    timeline.tracks.markers.extend(markers)
    return timeline


def save(timeline: otio.schema.Timeline, path: Path) -> Path:
    otio.adapters.write_to_file(timeline, str(path))
    return path


def hits_in(samples: np.ndarray, rate: int, *, apart_s: float = 0.06, share: float = 0.2) -> list[float]:
    """Seconds at which struck sounds begin: where the sound first passes ``share`` of its peak after being under it for
    ``apart_s``. samples: (n,) or (n, channels)."""
    loud = np.abs(samples).max(axis=1) if samples.ndim == 2 else np.abs(samples)
    above = np.flatnonzero(loud > share * loud.max())
    if not len(above):
        return []
    first = np.concatenate([[True], np.diff(above) > apart_s * rate])
    return [float(at) / rate for at in above[first]]


def files_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
