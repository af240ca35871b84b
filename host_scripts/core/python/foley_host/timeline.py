"""The project as an OpenTimelineIO timeline that asks for sound in the ranges chosen.

Media ranges begin at 0, so that the time in a clip counts from the media's first picture, whatever timecode its file carries.
Ranges are markers of the stack that keep the range's id; points inside them named HIT go along.
"""

from __future__ import annotations

from typing import Any

from . import path as paths
from . import text as texts
from . import time
from .fault import HostError


def build(
    project: dict[str, Any], tracks: list[dict[str, Any]], ranges: list[dict[str, Any]], points: list[dict[str, Any]]
) -> dict[str, Any]:
    """The timeline as JSON.

    Args:
        project, tracks, ranges, points: as an adapter gives them; ``ranges`` only those that are to get sound.

    Raises:
        HostError: clips of one track overlap.
    """
    rate = project["rate"]
    children = [_track(track, rate) for track in tracks]
    reach = max([_reach(track) for track in tracks], default=0)
    if project.get("length") and project["length"] > reach:
        whole = [_gap(project["length"], rate)]
        children.append(_composition("Track.1", "length", whole, kind="Video", enabled=True))
    stack = _composition("Stack.1", "tracks", children, enabled=True)
    stack["markers"] = [_region(each, rate) for each in ranges]
    for point in points:
        inside = any(each["start"] <= point["at"] < each["stop"] for each in ranges)
        if inside and texts.begins_with(point["text"], "HIT"):
            stack["markers"].append(_marker(point["text"], point["at"], 0, rate, {}))
    return {
        "OTIO_SCHEMA": "Timeline.1",
        "name": texts.clean(project["name"]),
        "metadata": {},
        "global_start_time": _time(project.get("start") or 0, rate),
        "tracks": stack,
    }


def _reach(track: dict[str, Any]) -> float:
    return max([clip["start"] + clip["duration"] for clip in track["clips"]], default=0)


def _track(track: dict[str, Any], rate: str) -> dict[str, Any]:
    children: list[dict[str, Any]] = []
    at: float = 0
    before = ""
    for clip in sorted(track["clips"], key=lambda clip: clip["start"]):
        stop = time.whole(clip["start"] + clip["duration"])
        if stop <= 0 or clip["duration"] <= 0:
            continue  # nothing of it is in the timeline
        start = max(0, time.whole(clip["start"]))
        if time.whole(start - at) < 0:
            said = f"clips '{before}' and '{clip['name']}' overlap on track '{track['name']}'"
            raise HostError(said, "Move one of them to a track of its own.")
        if time.whole(start - at) > 0:
            children.append(_gap(time.whole(start - at), rate))
        children.append(_clip(clip, start, time.whole(stop - start), rate))
        at, before = stop, clip["name"]
    kind = "Audio" if track["kind"] == "audio" else "Video"
    return _composition("Track.1", texts.clean(track["name"]), children, kind=kind, enabled=bool(track["enabled"]))


def _clip(clip: dict[str, Any], start: float, duration: float, rate: str) -> dict[str, Any]:
    """A clip from ``start`` on; what of it lies before the timeline is left out."""
    speed = 1 if clip.get("speed") is None else clip["speed"]
    first = time.frames_at(clip.get("source_start_s") or 0, rate)
    if speed > 0:
        first = time.whole(first + (start - clip["start"]) * speed)
    needed = first + duration * abs(speed)
    length = needed
    if clip.get("media_duration_s"):
        length = max(needed, time.frames_at(clip["media_duration_s"], rate))
    made = _composition("Clip.2", texts.clean(clip["name"]), None, enabled=bool(clip["enabled"]))
    made["source_range"] = _range(first, duration, rate)
    if speed != 1:
        made["effects"] = [
            {
                "OTIO_SCHEMA": "LinearTimeWarp.1",
                "name": "",
                "effect_name": "LinearTimeWarp",
                "metadata": {},
                "time_scalar": speed,
            }
        ]
    made["media_references"] = {"DEFAULT_MEDIA": _media(clip, time.whole(length), rate)}
    made["active_media_reference_key"] = "DEFAULT_MEDIA"
    return made


def _media(clip: dict[str, Any], length: float, rate: str) -> dict[str, Any]:
    path = clip.get("path")
    if not path:
        return {"OTIO_SCHEMA": "MissingReference.1", "name": texts.clean(clip["name"]), "metadata": {}, "available_range": None}
    return {
        "OTIO_SCHEMA": "ExternalReference.1",
        "name": texts.clean(paths.name(path)),
        "metadata": {},
        "available_range": _range(0, length, rate),
        "target_url": texts.clean(paths.url(path)),
    }


def _gap(duration: float, rate: str) -> dict[str, Any]:
    gap = _composition("Gap.1", "", None, enabled=True)
    gap["source_range"] = _range(0, duration, rate)
    return gap


def _composition(schema: str, name: str, children: list[dict[str, Any]] | None, **more: Any) -> dict[str, Any]:
    made = {"OTIO_SCHEMA": schema, "name": name, "metadata": {}, "source_range": None, "effects": [], "markers": [], **more}
    if children is not None:
        made["children"] = children
    return made


def _region(each: dict[str, Any], rate: str) -> dict[str, Any]:
    metadata = {"foley_bridge": {"id": each["id"]}}
    return _marker(each["text"], each["start"], each["stop"] - each["start"], rate, metadata)


def _marker(text: str, start: float, duration: float, rate: str, metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "Marker.2",
        "name": texts.clean(text),
        "comment": "",
        "color": "GREEN",
        "metadata": metadata,
        "marked_range": _range(time.whole(start), time.whole(duration), rate),
    }


def _range(start: float, duration: float, rate: str) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": _time(start, rate), "duration": _time(duration, rate)}


def _time(frames: float, rate: str) -> dict[str, Any]:
    num, den = time.exact(rate)
    return {"OTIO_SCHEMA": "RationalTime.1", "value": float(frames), "rate": num / den}
