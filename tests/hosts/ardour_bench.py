"""Real Ardour without a window, for the tests: starting it on a script, and reading a saved session with eyes of our own."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as Xml
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from foley_bridge.hosts.bundle import bundle

SCRIPTS = Path(__file__).resolve().parents[2] / "host_scripts"
ROOTS = (SCRIPTS / "ardour", SCRIPTS / "core" / "lua")
TICKS_S = 282_240_000  # Ardour's finest division of a second
LUA = shutil.which("ardour7-lua") or shutil.which("ardour8-lua")

needs_ardour = pytest.mark.skipif(LUA is None, reason="Ardour is not installed (there is no ardour7-lua)")


class Crashed(AssertionError):
    """Ardour ended before it had done what it was asked to; what it printed."""


def environment(home: Path) -> dict[str, str]:
    """Of a user who has only what lies in ``home``."""
    return os.environ | {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "XDG_CACHE_HOME": str(home / ".cache")}


def do(folder: Path, job: str, **asked: Any) -> Any:
    """Let ``ardour_driver.lua`` do a job on ``session``, and give what it tells."""
    (folder / "home").mkdir(parents=True, exist_ok=True)
    script, request, told = folder / "driver.lua", folder / "asked.json", folder / "told.json"
    script.write_text(bundle(Path(__file__).with_name("ardour_driver.lua"), *ROOTS), "utf-8")
    told.unlink(missing_ok=True)
    request.write_text(json.dumps(asked | {"job": job, "told": str(told)}, default=str), "utf-8")
    _, log = run_lua(folder, script, request)
    if not told.exists():
        raise Crashed(log)
    return json.loads(told.read_text("utf-8"))["told"]


def run_lua(folder: Path, script: Path, *arguments: object, inside: Path | None = None) -> tuple[int, str]:
    """Run a script in Ardour's Lua, in a folder; its exit status, and what it printed."""
    assert LUA is not None
    done = subprocess.run(
        [LUA, str(script), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
        check=False,
        env=environment(folder / "home"),
        cwd=inside or folder,
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")


@dataclass(frozen=True)
class Region:
    """A region as the session file has it; times in samples."""

    id: str
    name: str
    at: int
    length: int
    start: int
    muted: bool
    layer: int
    file: str


class Saved:
    """A session as its file says it."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self.root = Xml.fromstring(path.read_text("utf-8"))
        self.sample_rate = int(self.root.attrib["sample-rate"])

    def samples(self, written: str) -> int:
        assert written.startswith("a"), written
        return round(Fraction(int(written[1:]) * self.sample_rate, TICKS_S))

    @functools.cached_property
    def files(self) -> dict[str, str]:
        """Names of the sound files by the source's id."""
        return {each.attrib["id"]: each.attrib["name"] for each in self.root.iterfind("Sources/Source")}

    def tracks(self) -> dict[str, list[Region]]:
        """Regions of each audio track, by the track's name."""
        playlists = {each.attrib["id"]: each for each in self.root.iterfind("Playlists/Playlist")}
        routes = [each for each in self.root.iterfind("Routes/Route") if "audio-playlist" in each.attrib]
        return {
            each.attrib["name"]: [
                self._region(region) for region in playlists[each.attrib["audio-playlist"]].iterfind("Region")
            ]
            for each in routes
        }

    def _region(self, region: Xml.Element) -> Region:
        attributes = region.attrib
        length, at = attributes["length"].split("@")
        return Region(
            id=attributes["id"],
            name=attributes["name"],
            at=self.samples(at),
            length=self.samples(length),
            start=self.samples(attributes["start"]),
            muted=attributes["muted"] == "1",
            layer=int(attributes["layering-index"]),
            file=self.files[attributes["source-0"]],
        )

    def ranges(self) -> list[dict[str, Any]]:
        """Marked ranges: id, text, start and stop in samples."""
        return [
            {
                "id": each.attrib["id"],
                "text": each.attrib["name"],
                "start": self.samples(each.attrib["start"]),
                "stop": self.samples(each.attrib["end"]),
            }
            for each in self.root.iterfind("Locations/Location")
            if each.attrib["flags"].split(",") == ["IsRangeMarker"]
        ]


def dump(saved: Saved, rate: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """A session as ``oracle.py`` takes it; ``without`` says how the names of tracks begin that count for nothing."""
    noted = json.loads((saved.folder / "foley.json").read_text("utf-8"))
    frame = Fraction(saved.sample_rate) / Fraction(rate)  # samples of one

    def path(file: str) -> str:
        short = noted["sounds"][file]
        return short if short.startswith("/") else str(saved.folder / short)

    def frames(samples: int) -> float:
        return float(samples / frame)

    tracks = []
    for name, regions in saved.tracks().items():
        if name.startswith(without):
            continue
        clips: list[dict[str, Any]] = []
        groups: dict[str, list[tuple[dict[str, Any], Region]]] = {}
        for region in regions:
            note = noted["regions"].get(f"{region.id} {region.file}")
            if note:
                groups.setdefault(note["clip"], []).append((note, region))
                continue
            where = {"start": frames(region.at), "duration": frames(region.length), "offset": frames(region.start)}
            clips.append({"ours": False, "name": region.name, "path": path(region.file), **where})
        for group in groups.values():
            sounding = [(note, region) for note, region in group if not region.muted]
            assert len(sounding) == 1, f"{len(sounding)} takes sound at once on {name}"
            note, region = sounding[0]
            places = {(each.at, each.length) for _, each in group}
            assert len(places) == 1, group
            by_number = {each["number"]: path(take.file) for each, take in group}
            where = {"start": frames(region.at), "duration": frames(region.length), "offset": frames(region.start)}
            known = {"region": note["region"], "key": note["key"], "chosen": note["number"], "path": path(region.file)}
            clips.append({"ours": True, **where, **known, "takes": [by_number[number] for number in sorted(by_number)]})
        tracks.append({"name": name, "clips": clips})
    ranges = [each | {"start": frames(each["start"]), "stop": frames(each["stop"])} for each in saved.ranges()]
    return {"tracks": tracks, "ranges": ranges}


# --- sessions to work on ---

FORMATS = {"24000/1001": "TC23976", "24": "TC24", "25": "TC25", "30000/1001": "TC2997DF", "30": "TC30"}


def make_session(
    folder: Path,
    *,
    rate: str,
    picture: tuple[Path, int] | None,
    ranges: list[tuple[str, int, int]],
    marks: Sequence[tuple[str, int]] = (),
    tracks: dict[str, list[tuple[str, Path, int, int]]],
    offset: int = 0,
    sample_rate: int = 48000,
) -> Path:
    """A session saved by Ardour, in ``folder/reel``; times in samples.

    Args:
        rate: of its timecode.
        picture: the movie of the video timeline, and where it begins.
        ranges: name, first, end.
        marks: name, where.
        tracks: name, first and length of each clip, with its file.
        offset: the timecode of 0.
    """
    session = folder / "reel"
    asked = {
        "session": session,
        "name": "reel",
        "create": True,
        "sample_rate": sample_rate,
        "format": FORMATS[rate],
        "offset": offset,
        "ranges": [{"text": text, "start": start, "stop": stop} for text, start, stop in ranges],
        "tracks": [
            {"name": name, "clips": [{"name": each[0], "path": each[1], "at": each[2], "length": each[3]} for each in clips]}
            for name, clips in tracks.items()
        ],
    }
    do(folder, "session", **asked)
    path = session / "reel.ardour"
    _put_what_lua_cannot(path, picture, marks, sample_rate)
    return path


def _put_what_lua_cannot(
    path: Path, picture: tuple[Path, int] | None, marks: Sequence[tuple[str, int]], sample_rate: int
) -> None:
    """Marks, the picture and the control surface, as Ardour's window saves them."""
    tree = Xml.parse(path)
    root = tree.getroot()
    locations, extra = root.find("Locations"), root.find("Extra")
    assert locations is not None
    for number, (text, at) in enumerate(marks, 900_001):
        ticks = f"a{round(Fraction(at * TICKS_S, sample_rate))}"
        Xml.SubElement(
            locations,
            "Location",
            {
                "id": str(number),
                "name": text,
                "start": ticks,
                "end": ticks,
                "flags": "IsMark",
                "locked": "0",
                "timestamp": "1",
                "cue": "0",
            },
        )
    root.set("id-counter", "1000000")
    for surface in root.iterfind("ControlProtocols/Protocol"):
        if "OSC" in surface.attrib["name"]:  # a session says itself which control surfaces it has
            surface.attrib |= {"active": "1", "feedback": "0", "address-only": "1", "remote-port": "8000"}
    if picture:
        if extra is None:
            extra = Xml.SubElement(root, "Extra")
        attributes = {"Filename": str(picture[0]), "LocalFile": "1", "VideoOffset": str(picture[1]), "AutoFPS": "0"}
        Xml.SubElement(extra, "Videotimeline", attributes)
    tree.write(path, "utf-8", xml_declaration=True)


PRESET_ID = "3a6b1f0e-5a52-4f1c-9f3e-0c8d5a1b7e42"
PRESET = f"""<?xml version="1.0" encoding="UTF-8"?>
<ExportPreset id="{PRESET_ID}" name="plain">
  <ExportFormat id="20b4ab09-6452-4cb3-bd66-b921cdbd2942"/>
  <ExportFilename>
    <Folder relative="true" path="/export"/>
    <Field name="label" enabled="false"/>
    <Field name="session" enabled="false"/>
    <Field name="revision" enabled="false"/>
    <Field name="time" enabled="false" value="T_None"/>
    <Field name="date" enabled="false" value="D_None"/>
  </ExportFilename>
</ExportPreset>
"""
"""To Ardour's format "BWAV 32float Export": at the session's sample rate, nothing changed."""


def export(folder: Path, session: Path, seconds: float) -> Path:
    """What the session sounds like from its beginning, mixed down by an Ardour of its own."""
    out = folder / "mix"
    out.mkdir(exist_ok=True)
    presets = folder / "home" / ".config" / "ardour7" / "export"
    presets.mkdir(parents=True, exist_ok=True)
    (presets / "plain.preset").write_text(PRESET, "utf-8")
    sample_rate = Saved(session).sample_rate
    asked = {
        "session": session.parent,
        "name": session.stem,
        "into": out,
        "file": "mix",
        "samples": round(seconds * sample_rate),
    }
    for last in (False, False, True):  # the exporter of 7.3 without a window dies now and then ("invalid pointer")
        try:
            do(folder, "export", create=False, sample_rate=sample_rate, preset=PRESET_ID, **asked)
            break
        except Crashed:
            if last:
                raise
    return max(out.iterdir(), key=lambda path: path.stat().st_mtime_ns)
