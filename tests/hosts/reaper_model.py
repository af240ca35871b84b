"""A project as REAPER keeps it, without any of REAPER's functions: tracks, items, takes, sources, markers, history.

Times are seconds from the project's first sample, as floats. What is in a ``State`` is what undo takes back and saving keeps.
"""

from __future__ import annotations

import copy
import functools
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import soundfile

VIDEO = {".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mxf"}
TYPES = {".wav": "WAVE", ".flac": "FLAC", ".mp3": "MP3", ".ogg": "OGG", ".aif": "AIFF", ".aiff": "AIFF", ".mid": "MIDI"}


def guid() -> str:
    return "{" + str(uuid.uuid4()).upper() + "}"


@dataclass(frozen=True)
class Media:
    length: float
    sample_rate: int
    channels: int


@functools.cache
def media(path: str) -> Media:
    """What a media file holds; nothing when it is not there."""
    if not Path(path).is_file():
        return Media(0.0, 0, 0)
    if Path(path).suffix.lower() in VIDEO:
        with av.open(path) as container:
            stream = container.streams.video[0]
            assert stream.average_rate is not None
            return Media(float(stream.frames / stream.average_rate), 48000, 2)
    info = soundfile.info(path)
    return Media(info.frames / info.samplerate, info.samplerate, info.channels)


@dataclass(eq=False)
class Source:
    """A media file, or a section of another source (then with ``parent``)."""

    path: str
    parent: Source | None = None
    offset: float = 0.0
    section: float = 0.0
    backwards: bool = False

    @property
    def kind(self) -> str:
        suffix = Path(self.path).suffix.lower()
        return "SECTION" if self.parent else "VIDEO" if suffix in VIDEO else TYPES.get(suffix, "EMPTY")

    @property
    def length(self) -> float:
        return self.section if self.parent else media(self.path).length

    @property
    def root(self) -> Source:
        return self.parent.root if self.parent else self


@dataclass(eq=False)
class Take:
    source: Source | None = None
    name: str = ""
    guid: str = field(default_factory=guid)
    ext: dict[str, str] = field(default_factory=dict)
    values: dict[str, float] = field(
        default_factory=lambda: {"D_STARTOFFS": 0.0, "D_PLAYRATE": 1.0, "D_VOL": 1.0, "D_PITCH": 0.0}
    )


@dataclass(eq=False)
class Item:
    guid: str = field(default_factory=guid)
    ext: dict[str, str] = field(default_factory=dict)
    takes: list[Take] = field(default_factory=list)
    values: dict[str, float] = field(
        default_factory=lambda: {
            "D_POSITION": 0.0,
            "D_LENGTH": 0.0,
            "D_SNAPOFFSET": 0.0,
            "D_FADEINLEN": 0.01,  # as the user's preferences for new items say
            "D_FADEOUTLEN": 0.01,
            "D_FADEINLEN_AUTO": -1.0,
            "D_FADEOUTLEN_AUTO": -1.0,
            "D_VOL": 1.0,
            "B_MUTE": 0.0,
            "B_LOOPSRC": 1.0,
            "B_UISEL": 0.0,
            "C_LOCK": 0.0,
            "C_LANEPLAYS": 0.0,
            "I_CURTAKE": 0.0,
        }
    )

    @property
    def end(self) -> float:
        return self.values["D_POSITION"] + self.values["D_LENGTH"]

    @property
    def active(self) -> Take | None:
        number = int(self.values["I_CURTAKE"])
        return self.takes[number] if 0 <= number < len(self.takes) else None


@dataclass(eq=False)
class Track:
    name: str = ""
    guid: str = field(default_factory=guid)
    ext: dict[str, str] = field(default_factory=dict)
    locked: bool = False
    items: list[Item] = field(default_factory=list)
    values: dict[str, float] = field(
        default_factory=lambda: {"B_MUTE": 0.0, "I_FOLDERDEPTH": 0.0, "I_FREEMODE": 0.0, "D_VOL": 1.0, "C_BEATATTACHMODE": -1.0}
    )


@dataclass(eq=False)
class Marker:
    """A marker, or a region when it has an end."""

    position: float
    end: float | None
    name: str
    number: int
    color: int = 0
    guid: str = field(default_factory=guid)


@dataclass
class State:
    tracks: list[Track] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    ext: dict[str, dict[str, str]] = field(default_factory=dict)

    def sorted_markers(self) -> list[Marker]:
        """In the order of EnumProjectMarkers3: on the timeline, whatever was made first."""
        return sorted(self.markers, key=lambda marker: (marker.position, marker.end is not None))


class Project:
    """A tab of REAPER: a state, its history, its file."""

    def __init__(self, path: str = "", rate: float = 25.0, *, drop: bool = False, start: float = 0.0, sample_rate: int = 48000):
        self.path = path
        self.rate, self.drop, self.start, self.sample_rate = rate, drop, start, sample_rate
        self.selection = (0.0, 0.0)
        self.cursor = 0.0
        self.state = State()
        self.history: list[tuple[str, State]] = [("", copy.deepcopy(self.state))]
        self.now = 0
        self.depth = 0  # of undo blocks
        self.changes = 0
        self.generation = 0
        self.dirty = False
        self._places: dict[int, tuple[Any, Track, Item | None]] | None = None

    def changed(self) -> None:
        self.changes += 1
        self.dirty = True
        self._places = None

    def place_of(self, target: Any) -> tuple[Track, Item | None] | None:
        """The track and the item that an object of this project lies in; nothing for one that is not in it, or no more."""
        if self._places is None:
            self._places = {}
            for track in self.state.tracks:
                self._places[id(track)] = (track, track, None)
                for item in track.items:
                    self._places[id(item)] = (item, track, item)
                    for take in item.takes:
                        self._places[id(take)] = (take, track, item)
                        source = take.source
                        while source is not None:
                            self._places[id(source)] = (source, track, item)
                            source = source.parent
        found, track_of, item_of = self._places.get(id(target), (None, Track(), None))
        return (track_of, item_of) if found is target else None

    def remember(self, label: str) -> None:
        """An undo point: the project as it is now, named after what was done to it."""
        self.history[self.now + 1 :] = [(label, copy.deepcopy(self.state))]
        self.now += 1
        self.changed()

    def begin(self) -> None:
        """What the tests built so far is how the project was opened: there is nothing to undo."""
        self.history, self.now = [("", copy.deepcopy(self.state))], 0
        self.dirty = False
        self._places = None

    def travel(self, step: int) -> bool:
        """Undo (-1) or redo (1). Every handle into the old state is dead after it."""
        if not 0 <= self.now + step < len(self.history):
            return False
        self.now += step
        self.state = copy.deepcopy(self.history[self.now][1])
        self.generation += 1
        self.changed()
        return True

    def edit(self, label: str, change: Callable[[State], Any]) -> None:
        """Something that the user does."""
        change(self.state)
        self.remember(label)

    def labels(self) -> list[str]:
        """Of what can be undone, oldest first."""
        return [label for label, _ in self.history[1 : self.now + 1]]

    def length(self) -> float:
        ends = [item.end for track in self.state.tracks for item in track.items]
        ends += [marker.position if marker.end is None else marker.end for marker in self.state.markers]
        return max(ends, default=0.0)

    def dump(self) -> dict[str, Any]:
        """All of the state as plain data, taken from the model itself."""
        return {
            "tracks": [_track(track) for track in self.state.tracks],
            "markers": [vars(marker).copy() for marker in self.state.sorted_markers()],
            "ext": copy.deepcopy(self.state.ext),
        }

    def save(self) -> None:
        Path(self.path).write_text(json.dumps(self.dump()), "utf-8")
        self.dirty = False

    def reload(self) -> None:
        """Close the project without saving and open its file."""
        self.load(json.loads(Path(self.path).read_text("utf-8")))

    def load(self, dump: dict[str, Any]) -> None:
        tracks = [
            Track(
                **{
                    **track,
                    "items": [
                        Item(**{**item, "takes": [_take_from(take) for take in item["takes"]]}) for item in track["items"]
                    ],
                }
            )
            for track in copy.deepcopy(dump["tracks"])
        ]
        self.state = State(tracks, [Marker(**marker) for marker in dump["markers"]], copy.deepcopy(dump["ext"]))
        self.generation += 1
        self.begin()


def _track(track: Track) -> dict[str, Any]:
    return {**copy.deepcopy(vars(track) | {"items": []}), "items": [item_dump(item) for item in track.items]}


def item_dump(item: Item) -> dict[str, Any]:
    takes = [{**copy.deepcopy(vars(take) | {"source": None}), "source": _source(take.source)} for take in item.takes]
    return {**copy.deepcopy(vars(item) | {"takes": []}), "takes": takes}


def item_from(dump: dict[str, Any]) -> Item:
    return Item(**{**copy.deepcopy(dump), "takes": [_take_from(take) for take in dump["takes"]]})


def _source(source: Source | None) -> dict[str, Any] | None:
    return None if source is None else {**vars(source), "parent": _source(source.parent)}


def _take_from(dump: dict[str, Any]) -> Take:
    return Take(**{**dump, "source": _source_from(dump["source"])})


def _source_from(dump: dict[str, Any] | None) -> Source | None:
    return None if dump is None else Source(**{**dump, "parent": _source_from(dump["parent"])})
