"""What lies on the timeline: everybody's tracks, and ours with what each of our clips is.

Resolve's frames: a clip's start is absolute; its left offset counts media frames, of sound timeline frames; source times count
in the media's own timecode. Clips without media (titles, generators, adjustment clips, transitions) are left out.
"""

from __future__ import annotations

import contextlib
import re
from fractions import Fraction
from pathlib import Path
from typing import Any, Dict, Iterator

from foley_host import path as paths

from . import label
from .session import Session, frames_of, has, listed, rate_of, whole

OURS = re.compile(r"Foley( [2-9]| [1-9]\d+)?$")
Json = Dict[str, Any]


def tracks(session: Session) -> list[Json]:
    """Video from the bottom up, then sound, without ours."""
    found: list[Json] = []
    timeline, first, rate = session.timeline, session.start, session.rate
    files: dict[str, File] = {}
    for kind in ("video", "audio"):
        for index, name in named(timeline, kind):
            if kind == "audio" and OURS.match(name):
                continue
            clips = [_clip(item, kind, first, rate, files) for item in listed(timeline.GetItemListInTrack(kind, index))]
            enabled = timeline.GetIsTrackEnabled(kind, index) is not False
            found.append({"kind": kind, "name": name, "enabled": enabled, "clips": [clip for clip in clips if clip]})
    return found


def own_tracks(session: Session) -> list[Json]:
    """Ours, in the order of their numbers."""
    timeline, first = session.timeline, session.start
    found: list[Json] = []
    for index, name in own(timeline):
        locked = bool(timeline.GetIsTrackLocked("audio", index))
        found.append({"name": name, "locked": locked, "clips": listed(timeline.GetItemListInTrack("audio", index))})
    ours = label.owned([item for track in found for item in track["clips"]], first)
    return [{**track, "clips": [_own_clip(item, first, ours) for item in track["clips"]]} for track in found]


def named(timeline: Any, kind: str) -> list[tuple[int, str]]:
    """The tracks of a kind: Resolve's number, from 1, and name."""
    count = whole(timeline.GetTrackCount(kind))
    return [(index, str(timeline.GetTrackName(kind, index))) for index in range(1, count + 1)]


def own(timeline: Any) -> list[tuple[int, str]]:
    """Our tracks, Foley before Foley 2; of two with one name the first."""
    first: dict[str, int] = {}
    for index, name in named(timeline, "audio"):
        if OURS.match(name):
            first.setdefault(name, index)
    return sorted(((index, name) for name, index in first.items()), key=lambda pair: int(pair[1][6:] or 1))


def length(session: Session) -> int:
    """Frames from the timeline's first to the end of its last clip."""
    first = session.start
    return max((start + duration - first for start, duration in _everything(session)), default=0)


def chosen_clip(session: Session, playhead: int) -> Json | None:
    """The sound selected in the media pool; else the clip under the playhead on the first audio track that has one. (The
    scripting API does not tell what is selected on the timeline.)"""
    if has(session.pool, "GetSelectedClips"):  # 19.0 and newer
        selected = [media for media in listed(session.pool.GetSelectedClips()) if "Audio" in _property(media, "Type")]
        if len(selected) == 1 and _property(selected[0], "File Path"):
            seconds = media_seconds(selected[0])
            return {
                "name": str(selected[0].GetName()),
                "path": _property(selected[0], "File Path"),
                "start": 0,
                "duration": float(seconds * session.rate),
                "source_start_s": 0.0,
            }
    for track in tracks(session):
        if track["kind"] == "audio":
            for clip in track["clips"]:
                if clip["path"] and clip["start"] <= playhead < clip["start"] + clip["duration"]:
                    return {key: clip[key] for key in ("name", "path", "start", "duration", "source_start_s")}
    return None


def chosen_takes(session: Session, playhead: int) -> list[str]:
    """Ids of ours under the playhead."""
    clips = [clip for track in own_tracks(session) for clip in track["clips"]]
    return [clip["id"] for clip in clips if clip["ours"] and clip["start"] <= playhead < clip["start"] + clip["duration"]]


def media_seconds(media: Any) -> Fraction:
    """How long a media pool clip is, as Resolve counts it; 0 where it does not tell."""
    frames = _property(media, "Frames")
    return int(frames) / rate_of(_property(media, "FPS")) if frames.isdigit() else Fraction(0)


def file_of(media: Any) -> str:
    """The path of a media pool clip; empty for what has none, as compound clips."""
    return _property(media, "File Path") if media is not None else ""


def same_file(one: str, other: str) -> bool:
    """Whether two paths name one file: as text, or through links, where Resolve tells another name of it."""
    if paths.same(one, other):
        return True
    try:
        return paths.name(one) == paths.name(other) and Path(one).samefile(other)
    except OSError:
        return False


def _clip(item: Any, kind: str, first: int, rate: Fraction, files: dict[str, File]) -> Json | None:
    media = item.GetMediaPoolItem()
    if media is None:
        return None
    name = str(media.GetUniqueId())
    if name not in files:
        files[name] = File(media)
    file = files[name]
    duration = whole(item.GetDuration())
    start_s, speed = _source(item, file, kind, duration, rate) if file.path else (Fraction(0), Fraction(1))
    return {
        "name": str(item.GetName()),
        "path": file.path or None,
        "start": whole(item.GetStart()) - first,
        "duration": duration,
        "source_start_s": float(start_s),
        "media_duration_s": float(file.seconds) or None,
        "speed": float(speed),
        "enabled": item.GetClipEnabled() is not False,
    }


class File:
    """What a media pool clip says of its file, asked once: every question goes to another process.

    Attributes:
        path: empty for what has none, as compound clips; the others then mean nothing.
        rate: frames of it that Resolve counts a second.
        before: seconds of the file before a subclip begins.
        timecode: of its first frame, seconds.
        seconds: how long it is.
    """

    def __init__(self, media: Any) -> None:
        self.path = file_of(media)
        self.rate, self.before, self.timecode, self.seconds = Fraction(1), Fraction(0), Fraction(0), Fraction(0)
        if self.path:
            self.rate = rate_of(_property(media, "FPS"))
            start, label = _property(media, "Start"), _property(media, "Start TC")
            self.before = (int(start) if start.isdigit() else 0) / self.rate
            with contextlib.suppress(ValueError):
                self.timecode = frames_of(label, self.rate, ";" in label) / self.rate
            self.seconds = media_seconds(media)


def _source(item: Any, file: File, kind: str, duration: int, rate: Fraction) -> tuple[Fraction, Fraction]:
    """Where in its file a clip begins, in seconds from the first picture, and its speed.

    The left offset is exact, but tells nothing of speed; the source times tell speed (to a frame), and count from the media's
    timecode. Of changing speed Resolve tells the mean. A clip from an imported FCP7 XML has no source times (0 and 0).
    """
    start = file.before + whole(item.GetLeftOffset()) / (rate if kind == "audio" else file.rate)
    if not has(item, "GetSourceEndTime"):  # 19.0 and newer
        return start, Fraction(1)
    begin, end = (Fraction(float(told or 0)) for told in (item.GetSourceStartTime(), item.GetSourceEndTime()))
    shown = (end - begin) * rate  # timeline frames of source; a clip played backwards ends before it begins
    if begin == end or abs(shown - duration) <= 1 + rate / file.rate:
        return start, Fraction(1)
    return max(min(begin, end) - file.timecode, Fraction(0)), (shown / duration).limit_denominator(100)


def _own_clip(item: Any, first: int, ours: dict[str, Json]) -> Json:
    name = str(item.GetUniqueId())
    told = ours.get(name)
    made: Json = {
        "id": name,
        "name": str(item.GetName()),
        "start": whole(item.GetStart()) - first,
        "duration": whole(item.GetDuration()),
        "ours": told is not None,
    }
    if told is None:
        return made
    path = file_of(item.GetMediaPoolItem())
    same = [number for number, take in enumerate(told["takes"], 1) if same_file(take, path)]
    moved = [number for number, take in enumerate(told["takes"], 1) if paths.name(take) == paths.name(path)]
    return {
        **made,
        "region": told["region"],
        "key": told["key"],
        "path": told["takes"][same[0] - 1] if same else path,
        "offset": whole(item.GetLeftOffset()),
        "chosen": (same or moved or [0])[0],
        "takes": told["takes"],
    }


def _everything(session: Session) -> Iterator[tuple[int, int]]:
    timeline = session.timeline
    for kind in ("video", "audio"):
        for index in range(1, whole(timeline.GetTrackCount(kind)) + 1):
            for item in listed(timeline.GetItemListInTrack(kind, index)):
                yield whole(item.GetStart()), whole(item.GetDuration())


def _property(media: Any, name: str) -> str:
    told = media.GetClipProperty(name)
    return "" if told is None else str(told)


def first_folder(session: Session) -> str | None:
    """The folder of the first clip with picture whose file is there."""
    timeline = session.timeline
    for index in range(1, whole(timeline.GetTrackCount("video")) + 1):
        for item in listed(timeline.GetItemListInTrack("video", index)):
            path = file_of(item.GetMediaPoolItem())
            if path and Path(path).is_file():
                return str(Path(path).parent)
    return None
