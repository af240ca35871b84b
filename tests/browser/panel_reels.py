"""Reels for the tests in a browser: the stage's picture, sounds in a library, a job that a daemon did, the link to its page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from job_materials import clicks, marker, save, timeline_of
from serving import Serving, command

from foley_bridge.media import broadcast_wav, movie
from foley_bridge.media.sound import ArraySound
from foley_bridge.stage.acts import demo_acts, demo_exemplars, draw_acts

FPS = 24
SIZE = (320, 180)


@dataclass(frozen=True)
class PanelReel:
    """A reel that is done, and where its page is.

    Attributes:
        serving: the daemon that made it, and its home.
        folder: where timeline.otio, foley.otio, media and sounds lie.
        job: its id.
        link: of its page, token and all.
        result: of the job, as docs/json.md has it.
    """

    serving: Serving
    folder: Path
    job: str
    link: str
    result: dict[str, Any]

    @property
    def out(self) -> Path:
        return Path(self.result["out"])

    def command(self, *args: object) -> dict[str, Any]:
        """What a command prints with --json, asked of the daemon that serves the page."""
        return printed(self.serving.home, *args)


def printed(home: Path, *args: object, done: tuple[int, ...] = (0,)) -> dict[str, Any]:
    ended = command(*args, "--json", home=home, FOLEY_BRIDGE_LIBRARY=home / "library")
    assert ended.returncode in done, f"{args}: {ended.stdout}{ended.stderr}"
    return json.loads(ended.stdout)


def sounds(folder: Path) -> Path:
    """Recorded sounds of the stage's three kinds, named so that a search finds them, and struck wood as an example."""
    folder.mkdir(parents=True)
    for number in (1, 2, 3):
        for act, made in zip(demo_acts(), demo_exemplars(100 * number + 1), strict=True):
            bext = broadcast_wav.Bext(description=act.words, originator="the tests")
            broadcast_wav.write(folder / f"{act.words} {number}.wav", ArraySound(made.samples, made.sample_rate), bext=bext)
    clicks(folder / "struck wood.wav", times_s=(0.1, 0.6, 1.1), length_s=1.6)
    return folder


def timeline(folder: Path) -> Path:
    """Ten seconds in four regions: metal is hit (onsets seen), gravel is walked on (HIT markers), wood is scratched (onsets
    seen), and half a second of which nothing can become, because its example is missing."""
    acts = demo_acts()
    movie.write_movie(folder / "picture.mp4", draw_acts(acts, fps=Fraction(FPS), size=SIZE), Fraction(FPS))
    texts = ['metal hit like="sounds/struck wood.wav" takes=3', "footsteps gravel takes=2", "scratch wood takes=2"]
    starts = [int(act.start_s * FPS) for act in acts]
    end = int(acts[-1].end_s * FPS)
    ends = [*starts[1:], end - FPS // 2]
    marks = [marker(f"FOLEY {text}", first, last - first, FPS) for text, first, last in zip(texts, starts, ends, strict=True)]
    marks.append(marker('FOLEY nothing like="sounds/nothing.wav"', ends[-1], end - ends[-1], FPS))
    marks += [marker("HIT", float(at * FPS), 1, FPS) for at in acts[1].onsets_s]
    return save(timeline_of(folder / "picture.mp4", end, FPS, *marks, start=3600 * FPS), folder / "timeline.otio")


def make_reel(serving: Serving, folder: Path) -> PanelReel:
    """Have a reel made by a daemon, and ask for its link."""
    folder.mkdir(parents=True)
    sounds(folder / "sounds")
    printed(serving.home, "library", "add", folder / "sounds")
    asked = timeline(folder)
    to = ("--out", folder / "foley.otio", "--media-dir", folder / "media", "--seed", "1")
    result = printed(serving.home, "generate", asked, *to, done=(1,))
    job = printed(serving.home, "jobs", "list")["jobs"][0]["job"]
    return PanelReel(serving, folder, job, printed(serving.home, "audition", job, "--no-open")["url"], result)
