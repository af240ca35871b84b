"""What a simulated Resolve holds: projects, bins, media, timelines, tracks, clips. Plain state, which only the simulator
(resolve_simulated.py) changes, and which tests build and look at from outside."""

from __future__ import annotations

import collections
import copy
import itertools
import struct
import uuid
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import soundfile

RATES = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "47.952": Fraction(48000, 1001)}
RATES |= {"59.94": Fraction(60000, 1001), "119.88": Fraction(120000, 1001)}
FAULTS = {
    "append gives nothing",
    "append is dropped silently",
    "append lands a frame late",
    "append is a frame short",
    "append is lost on saving",
    "append raises and lays all the same",
    "append ignores the track",
    "a call raises",
    "another timeline is opened",
    "clip markers are refused",
    "clip markers are lost on saving",
    "deleting is refused",
    "nothing is imported twice",
    "saving is refused",
    "importing is refused",
    "tracks are refused",
    "the page stays",
    "a dialog is open",
    "Resolve is closed",
    "a sample short is a frame short",
}
_numbers = itertools.count(1)


def new_id() -> str:
    """As Resolve names what it makes; never twice in a process."""
    return str(uuid.UUID(int=0xF01E << 112 | next(_numbers)))


def rate_of(name: str) -> Fraction:
    """The rate that Resolve means with ``23.976`` or ``29.97 DF``."""
    plain = name.removesuffix(" DF")
    return RATES.get(plain) or Fraction(plain)


@dataclass
class Marker:
    color: str
    duration: float
    note: str
    name: str
    customData: str

    def as_told(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass
class Media:
    """A clip of the media pool. ``frames`` are of ``rate``; for sound, that is the project's when it was imported."""

    path: str
    name: str
    rate_name: str
    frames: int
    kind: str  # as in the clip property Type
    start_timecode: str = "00:00:00:00"
    channels: int = 0
    id: str = field(default_factory=new_id)
    markers: dict[float, Marker] = field(default_factory=dict)

    @property
    def rate(self) -> Fraction:
        return rate_of(self.rate_name)

    @property
    def start(self) -> int:
        """Its first frame's timecode, in frames."""
        return frame_of(self.start_timecode, self.rate)


@dataclass
class Item:
    """A clip on a track. ``start``: absolute; ``left``: frames of the media before it (of sound: of the timeline)."""

    media: Media | None
    name: str
    start: int
    duration: int
    left: int = 0
    enabled: bool = True
    color: str = ""
    speed: Fraction = Fraction(1)
    markers: dict[float, Marker] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    lasts: bool = True  # false: the next save drops it

    @property
    def end(self) -> int:
        return self.start + self.duration


@dataclass
class Track:
    kind: str
    name: str
    subtype: str = ""
    enabled: bool = True
    locked: bool = False
    items: list[Item] = field(default_factory=list)


@dataclass
class Timeline:
    name: str
    rate_name: str
    start: int
    tracks: list[Track] = field(default_factory=list)
    markers: dict[float, Marker] = field(default_factory=dict)
    playhead: int = 0  # frames after the start
    marks: dict[str, dict[str, int]] = field(default_factory=dict)
    id: str = field(default_factory=new_id)

    @property
    def rate(self) -> Fraction:
        return rate_of(self.rate_name)

    @property
    def drop_frame(self) -> bool:
        return self.rate_name.endswith(" DF")

    def of(self, kind: str) -> list[Track]:
        return [track for track in self.tracks if track.kind == kind]

    @property
    def end(self) -> int:
        return max((item.end for track in self.tracks for item in track.items), default=self.start)


@dataclass
class Folder:
    name: str
    clips: list[Media] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    id: str = field(default_factory=new_id)

    def all_folders(self) -> list[Folder]:
        return [self, *(inner for folder in self.folders for inner in folder.all_folders())]


@dataclass
class Project:
    name: str
    rate_name: str
    timelines: list[Timeline] = field(default_factory=list)
    current: Timeline | None = None
    root: Folder = field(default_factory=lambda: Folder("Master"))
    folder: Folder | None = None
    selected: list[Media] = field(default_factory=list)
    id: str = field(default_factory=new_id)


@dataclass
class World:
    """One Resolve with one project open. ``faults``: what goes wrong (FAULTS), and the occasions on which it does (from 0;
    None is always)."""

    project: Project
    version: tuple[int, ...] = (21, 0, 0)
    studio: bool = True
    page: str = "edit"
    faults: dict[str, range | None] = field(default_factory=dict)
    occasions: collections.Counter[str] = field(default_factory=collections.Counter)
    closed: bool = False  # Resolve itself is gone: every call gives None
    saved: Project | None = None
    calls: int = 0
    journal: list[str] = field(default_factory=list)  # every call that changes something, and what it gave

    def fault(self, name: str) -> bool:
        """Whether this is an occasion on which it goes wrong."""
        assert name in FAULTS
        occasion = self.occasions[name]
        self.occasions[name] += 1
        return name in self.faults and (self.faults[name] is None or occasion in (self.faults[name] or ()))

    def save(self) -> None:
        """To disk: what would not last is gone, here too."""
        for track in (track for timeline in self.project.timelines for track in timeline.tracks):
            track.items = [item for item in track.items if item.lasts]
            if self.fault("clip markers are lost on saving"):
                for item in track.items:
                    item.markers.clear()
        self.saved = copy.deepcopy(self.project)

    def reopen(self) -> None:
        """Close without saving, and open again: what lies on disk is what there is."""
        assert self.saved
        self.project = copy.deepcopy(self.saved)


def label_of(frame: int, rate: Fraction, drop: bool = False) -> str:
    """A frame's timecode; drop-frame leaves out two (or four) labels a minute, but not every tenth."""
    base = round(rate)
    if drop:
        dropped = base // 15
        tens, rest = divmod(frame, base * 600 - 9 * dropped)
        frame += 9 * dropped * tens + (dropped * ((rest - dropped) // (base * 60 - dropped)) if rest > dropped else 0)
    total, rest = divmod(frame, base)
    return f"{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}{';' if drop else ':'}{rest:02d}"


def frame_of(label: str, rate: Fraction) -> int:
    """The frame that a timecode means."""
    hours, minutes, seconds, frames = map(int, label.replace(";", ":").split(":"))
    base, total = round(rate), hours * 60 + minutes
    left_out = base // 15 * (total - total // 10) if ";" in label else 0
    return (total * 60 + seconds) * base + frames - left_out


def time_reference(path: str) -> int:
    """The timecode of a broadcast WAV's first sample, in samples; 0 of other files."""
    with Path(path).open("rb") as file:
        head = file.read(12)
        while head[:4] == b"RIFF" and len(chunk := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", chunk)
            if name == b"bext":
                return int(struct.unpack("<Q", file.read(size)[338:346])[0])
            file.seek(size + size % 2, 1)
    return 0


def read_media(path: str, project_rate: str) -> Media | None:
    """A file as Resolve takes it in; None when it cannot."""
    try:
        if Path(path).suffix.lower() in (".wav", ".wave", ".flac", ".aiff"):
            told = soundfile.info(path)
            rate = rate_of(project_rate)
            frames = int(told.frames * rate / told.samplerate + Fraction(1, 1000))  # a sample short is no frame short
            start = label_of(round(time_reference(path) * rate / told.samplerate), rate)
            return Media(path, Path(path).name, project_rate.removesuffix(" DF"), frames, "Audio", start, told.channels)
        with av.open(path) as container:
            stream = container.streams.video[0]
            rate = Fraction(stream.average_rate or 25)
            name = next((name for name, value in RATES.items() if value == rate), f"{float(rate):g}")
            timecode = stream.metadata.get("timecode") or container.metadata.get("timecode") or "00:00:00:00"
            kind = "Video + Audio" if container.streams.audio else "Video"
            return Media(path, Path(path).name, name, stream.frames, kind, timecode)
    except (OSError, IndexError, soundfile.LibsndfileError, av.FFmpegError):
        return None
