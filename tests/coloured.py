"""A reel of plain colours over a library of plain pitches, as the pack of ``packs.py`` sees and hears them: red goes with low
sounds, green with middling ones, blue with high ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import soundfile
from colour_and_pitch import COLOURS, RATE, movie, noise
from job_materials import clicks, marker, save, timeline_of
from packs import make_pack
from serving import command

FPS = 24
SECONDS = 2
RED, GREEN, BLUE = 1, 2, 3
"""The regions: a door slams, wood is knocked on after an example, a gate creaks."""
SOUNDS = ("door slam low", "door slam mid", "door slam high", "gate creak low", "gate creak high", "unnamed mid")


def sounds(folder: Path) -> Path:
    """Noise of 1 s in one of three bands, as the names say."""
    folder.mkdir(parents=True)
    for seed, name in enumerate(SOUNDS):
        soundfile.write(folder / f"{name}.wav", noise(seed, name.rpartition(" ")[2]), RATE, subtype="PCM_24")
    return folder


def timeline(folder: Path) -> Path:
    """Three regions, two seconds each, with a hit in each."""
    picture = movie(folder / "picture.mp4", COLOURS, each_s=SECONDS, fps=FPS)
    clicks(folder / "knock.wav", times_s=(0.1,), length_s=0.5)
    texts = ("door slam takes=2", 'knock like="knock.wav" takes=1', "gate creak takes=1")
    length = SECONDS * FPS
    marks = [marker(f"FOLEY {text}", k * length, length, FPS) for k, text in enumerate(texts)]
    marks += [marker("HIT", k * length + FPS // 2, 1, FPS) for k in range(len(texts))]
    return save(timeline_of(picture, len(texts) * length, FPS, *marks), folder / "timeline.otio")


def make_reel(home: Path, folder: Path) -> tuple[str, dict[str, Any]]:
    """Have the daemon of ``home`` make it: its job, and the result. The library ``home/library`` has the sounds by then, not
    embedded."""
    said(home, "library", "add", sounds(folder / "sounds"), "--no-embed")
    to = ("--out", folder / "foley.otio", "--media-dir", folder / "media", "--seed", "1")
    result = said(home, "generate", timeline(folder), *to)
    return said(home, "jobs", "list")["jobs"][0]["job"], result


def use_nothing(home: Path) -> None:
    """From now on a pack is in use that is not there."""
    (home / "packs").mkdir(exist_ok=True)
    (home / "packs" / "use.json").write_text(json.dumps({"recommendation": "gone@1"}), "utf-8")


def use_pack(home: Path, folder: Path) -> None:
    """Add a pack to the user's, and use it."""
    pack = make_pack(folder / "tiny")
    said(home, "packs", "add", pack)
    said(home, "packs", "use", "tiny")


def said(home: Path, *args: object) -> dict[str, Any]:
    """What a command prints with --json."""
    ended = command(*args, "--json", home=home, FOLEY_BRIDGE_LIBRARY=home / "library")
    assert ended.returncode == 0, f"{args}: {ended.stdout}{ended.stderr}"
    return dict(json.loads(ended.stdout))
