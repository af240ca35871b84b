"""A REAPER project as an OTIO timeline.

REAPER's first track is on top, and its tracks mix picture and sound. So each becomes a video track of its items with a picture,
an audio track of the others, or both, and as many more as it takes to lay overlapping items apart; video tracks come first,
REAPER's first last of them, where OTIO has the top. What each came from stands in the metadata, and the whole project with it,
so that writing gives back every byte that nobody changed.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.adapters.rpp_file import MAX_BYTES, Project, parse, readable, with_slashes, word
from foley_bridge.timeline.adapters.rpp_items import Item, Mark, RppTrack, marks_of, rate_of, start_of, track_of

KEY = "rpp"
OURS = "foley_bridge"
_ON_FRAME = Fraction(1, 10**6)
_PALETTE = {
    "RED": (255, 0, 0),
    "ORANGE": (255, 128, 0),
    "YELLOW": (255, 255, 0),
    "GREEN": (0, 255, 0),
    "CYAN": (0, 255, 255),
    "BLUE": (0, 0, 255),
    "PURPLE": (128, 0, 255),
    "MAGENTA": (255, 0, 255),
    "PINK": (255, 128, 192),
    "BLACK": (0, 0, 0),
    "WHITE": (255, 255, 255),
}


def timeline_of(data: bytes) -> otio.schema.Timeline:
    """Read a project.

    Raises:
        TimelineError: not a REAPER project, or numbers in it that mean nothing.
    """
    project = parse(data)
    timeline = otio.schema.Timeline(readable(word(project.root.line("TITLE"), 1)))
    rate = rate_of(project.root)
    timeline.global_start_time = _time(start_of(project.root), rate)
    timeline.metadata[KEY] = {"project": packed(data)}
    timeline.tracks.markers.extend(_marker(mark, rate) for mark in marks_of(project.root))
    video, audio = [], []
    for index, track in enumerate(map(track_of, project.root.chunks("TRACK"))):
        pictures, sounds = _laid_apart(track)
        video.append([_track(lane, index, track, "Video", rate, number) for number, lane in enumerate(pictures)])
        audio += [_track(lane, index, track, "Audio", rate, number) for number, lane in enumerate(sounds)]
    timeline.tracks.extend([each for tracks in reversed(video) for each in tracks] + audio)
    return timeline


# --- the project inside the metadata ---


def packed(data: bytes) -> str:
    """A project as text that any JSON can hold."""
    return base64.b64encode(zlib.compress(data, 6)).decode()


def unpacked(text: object) -> Project | None:
    """The project that a timeline was read from; None when it was read from none.

    Raises:
        TimelineError: what stands there is not what ``packed`` wrote.
    """
    if text is None:
        return None
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(str(text), validate=True), MAX_BYTES + 1)
    except (binascii.Error, zlib.error, ValueError):
        raise TimelineError("the REAPER project in the timeline's metadata is damaged", f"remove '{KEY}' from it") from None
    return parse(data)


# --- tracks and items ---


_Placed = tuple[int, Item]
"""An item and its number on its track."""


def _laid_apart(track: RppTrack) -> tuple[list[list[_Placed]], list[list[_Placed]]]:
    """A track's items with a picture and the others, in lanes without overlaps; at least one lane in all."""
    in_time = sorted(enumerate(track.items), key=lambda each: each[1].start)
    pictures = _lanes((each for each in in_time if each[1].is_video), above=True)
    sounds = _lanes((each for each in in_time if not each[1].is_video), above=False)
    return pictures, sounds if pictures or sounds else [[]]


def _lanes(items: Iterable[_Placed], *, above: bool) -> list[list[_Placed]]:
    """Lay items into lanes without overlaps; ``above``: a later one over those that it overlaps, as REAPER shows it."""
    lanes: list[list[_Placed]] = []
    ends: list[Fraction] = []
    for each in items:
        start = max(Fraction(0), each[1].start)
        busy = [number for number, end in enumerate(ends) if end > start]
        free = (number for number in range(len(ends)) if number not in busy)
        lane = (busy[-1] + 1 if busy else 0) if above else next(free, len(ends))
        if lane == len(lanes):
            lanes.append([])
            ends.append(Fraction(0))
        lanes[lane].append(each)
        ends[lane] = max(ends[lane], each[1].start + each[1].length)
    return lanes


def _track(lane: list[_Placed], index: int, track: RppTrack, kind: str, rate: Fraction, number: int) -> otio.schema.Track:
    name = track.name or f"Track {index + 1}"
    made = otio.schema.Track(name if number == 0 else f"{name} ({number + 1})", kind=kind)
    made.enabled = not track.muted
    made.metadata[KEY] = {"track": index, "lane": number}
    if track.ours:
        made.metadata[OURS] = {"kind": "track"}
    at = Fraction(0)
    for which, item in lane:
        start, clip = _clip(which, item, index, track, rate)
        if start > at:
            made.append(otio.schema.Gap(source_range=TimeRange(RationalTime(0, float(rate)), _time(start - at, rate))))
        made.append(clip)
        at = max(at, item.start + item.length)
    return made


def _clip(which: int, item: Item, index: int, track: RppTrack, rate: Fraction) -> tuple[Fraction, otio.schema.Clip]:
    """An item's clip, and where it begins; what lies before the project's beginning is cut off."""
    take = item.take
    cut = max(Fraction(0), -item.start)
    length = max(Fraction(0), item.length - cut)
    source = take.source
    offset = take.offset + cut * take.speed
    if source.backwards:  # OTIO plays the stretch from `first` from its end
        first = source.start + (source.length or Fraction(0)) - offset - length * take.speed
    else:
        first = source.start + offset
    reference: Any = otio.schema.MissingReference(name=readable(source.kind))
    if source.path is not None:
        reach = first + length * take.speed  # REAPER does not store how long media are: this much of them is used
        held = TimeRange(RationalTime(0, float(rate)), _time(max(Fraction(0), reach), rate))
        address = with_slashes(readable(source.path))
        reference = otio.schema.ExternalReference(address, held)
        reference.name = address.replace("\\", "/").rpartition("/")[2]
    clip = otio.schema.Clip(take.name or reference.name, reference, TimeRange(_time(first, rate), _time(length, rate)))
    speed = -take.speed if source.backwards else take.speed
    if speed != 1:
        clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=float(speed)))
    clip.enabled = track.heard(item)
    clip.metadata[KEY] = {"track": index, "item": which, "takes": [each.name for each in item.takes], "active": item.active}
    if "region" in item.ours:
        facts: dict[str, Any] = {name: item.ours.get(name, "") for name in ("text", "key")}
        if "state" in item.ours:
            facts["choice"] = {name: item.ours.get(name, "") for name in ("state", "note")}
        clip.metadata[OURS] = {"kind": "take", "region": item.ours["region"], "region_id": item.ours["region"], **facts}
    return max(Fraction(0), item.start), clip


# --- markers ---


def _marker(mark: Mark, rate: Fraction) -> otio.schema.Marker:
    end = mark.start if mark.end is None else mark.end
    marked = TimeRange(_time(mark.start, rate), _time(end - mark.start, rate))
    made = otio.schema.Marker(mark.name, marked, color=_nearest(mark.color))
    made.metadata[KEY] = {"line": mark.index, "number": mark.number}
    if mark.guid:
        made.metadata[OURS] = {"id": mark.guid}
    return made


def _nearest(color: tuple[int, int, int] | None) -> str:
    if color is None:
        return str(otio.schema.Marker.Color.RED)
    return min(_PALETTE, key=lambda name: sum((one - other) ** 2 for one, other in zip(_PALETTE[name], color, strict=True)))


def color_of(name: str) -> tuple[int, int, int] | None:
    """Red, green and blue of OTIO's name for a colour; None for another name."""
    return _PALETTE.get(name)


def _time(seconds: Fraction, rate: Fraction) -> RationalTime:
    """Seconds in frames, on the frame where float dust alone keeps it off."""
    frames = seconds * rate
    nearest = round(frames)
    return RationalTime(nearest if abs(frames - nearest) < _ON_FRAME else float(frames), float(rate))


# --- what reading left in the metadata ---


def told(thing: Any, name: str) -> Any:
    """What reading a project wrote into the metadata of a clip, track or marker; None when it did not."""
    said = thing.metadata.get(KEY)
    return said.get(name) if hasattr(said, "get") else None


def origin(clip: otio.schema.Clip) -> tuple[int, int] | None:
    """Which item of the project a clip came from: the numbers of its track and its own."""
    track, item = told(clip, "track"), told(clip, "item")
    return (track, item) if isinstance(track, int) and isinstance(item, int) else None
