"""How a simulated Resolve imports an .otio file: only one of the shape that its own exports have; of others it makes nothing.

The rules are those of docs/hosts.md. Where the real one gives None, this also says why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from resolve_world import Item, Marker, Media, Timeline, Track, World, rate_of, read_media

OPTIONS = {"timelineName", "importSourceClips", "sourceClipsPath", "sourceClipsFolders", "interlaceProcessing"}
NAMES = ("23.976", "24", "25", "29.97", "30", "47.952", "48", "50", "59.94", "60", "119.88", "120")
COMMON = {"name", "metadata", "enabled", "source_range", "effects", "markers"}


class Refused(Exception):
    """Why Resolve takes nothing of a file."""


def imported(world: World, path: str, options: dict[str, Any]) -> tuple[Timeline | None, str]:
    """The timeline made of a file, which is then the current one; or None, and why."""
    if set(options) - OPTIONS:
        raise Refused(f"there are no options {sorted(set(options) - OPTIONS)}")
    pool: list[Media] = []
    try:
        document = json.loads(Path(path).read_text("utf-8"))
        timeline = _timeline(world, document, options.get("timelineName"), pool)
    except Refused as refused:
        return None, str(refused)
    except (OSError, ValueError) as error:
        return None, f"no JSON: {error}"
    project = world.project
    project.timelines.append(timeline)
    project.current = timeline
    (project.folder or project.root).clips.extend(pool)
    return timeline, ""


def _timeline(world: World, document: Any, name: str | None, pool: list[Media]) -> Timeline:
    _is(document, "Timeline.1", "the document")
    name = name or document.get("name")
    if not name or not isinstance(name, str):
        raise Refused("the timeline has no name")
    if any(timeline.name == name for timeline in world.project.timelines):
        raise Refused(f"there is a timeline {name!r} already")
    start = document.get("global_start_time")
    _is(start, "RationalTime.1", "global_start_time")
    rate = next((each for each in NAMES if abs(float(rate_of(each)) - start["rate"]) < 0.0005), None)
    if rate is None:
        raise Refused(f"there is no rate {start['rate']}")
    made = Timeline(name, rate, round(start["value"]))
    stack = document.get("tracks")
    _is(stack, "Stack.1", "tracks")
    for child in stack.get("children") or ():
        made.tracks.append(_track(world, child, made, pool))
    if not made.of("video") and not made.of("audio"):
        raise Refused("there are no tracks")
    for marker in stack.get("markers") or ():
        marked = marker["marked_range"]
        length = max(1.0, marked["duration"]["value"])
        made.markers[float(marked["start_time"]["value"])] = Marker("Blue", length, "", marker["name"], "")
    return made


def _track(world: World, child: Any, timeline: Timeline, pool: list[Media]) -> Track:
    _is(child, "Track.1", "a child of the stack")
    if child.get("kind") not in ("Video", "Audio"):
        raise Refused(f"a track of kind {child.get('kind')!r}")
    if missing := COMMON - set(child):
        raise Refused(f"track {child.get('name')!r} has no {sorted(missing)}")
    track = Track(child["kind"].lower(), child["name"], enabled=child["enabled"])
    at = Fraction(timeline.start)
    for each in child.get("children") or ():
        schema = each.get("OTIO_SCHEMA")
        if schema == "Gap.1":
            at += _frames(each["source_range"]["duration"], timeline.rate)
        elif schema == "Clip.2":
            item = _clip(world, each, track, round(at), timeline, pool)
            track.items.append(item)
            at += _frames(each["source_range"]["duration"], timeline.rate)
        elif schema != "Transition.1":
            raise Refused(f"{schema} in track {track.name!r}")  # nested stacks, and what is of older schemas
    return track


def _clip(world: World, clip: Any, track: Track, start: int, timeline: Timeline, pool: list[Media]) -> Item:
    name = clip.get("name")
    if missing := COMMON - set(clip):
        raise Refused(f"clip {name!r} has no {sorted(missing)}")
    references, key = clip.get("media_references"), clip.get("active_media_reference_key")
    if "media_reference" in clip or not isinstance(references, dict) or key not in references:
        raise Refused(f"clip {name!r} has no media_references with its active key {key!r}")
    _is(references[key], "ExternalReference.1", f"the media of clip {name!r}")
    media = _media(world, references[key], timeline, pool)
    source, available = clip["source_range"], references[key].get("available_range")
    for what, span in (("source_range", source), ("available_range", available)):
        _is(span, "TimeRange.1", f"{what} of clip {name!r}")
        for time in (span["start_time"], span["duration"]):
            _is(time, "RationalTime.1", f"{what} of clip {name!r}")
    rate = timeline.rate if media.kind == "Audio" else media.rate
    own = Fraction(media.start) / media.rate * rate
    if abs(_frames(available["start_time"], rate) - own) > Fraction(1, 2):
        raise Refused(f"available_range of clip {name!r} starts at {available['start_time']['value']}, its media at {own}")
    first, length = _frames(source["start_time"], rate), _frames(source["duration"], rate)
    if first < own or first + length * _speed(clip) > own + _frames(available["duration"], rate) + Fraction(1, 2):
        raise Refused(f"source_range of clip {name!r} lies outside its media")
    duration = int(_frames(source["duration"], timeline.rate) + Fraction(1, 1000))
    return Item(media, name, start, duration, round(first - own), clip["enabled"], speed=_speed(clip))


def _media(world: World, reference: Any, timeline: Timeline, pool: list[Media]) -> Media:
    path = reference.get("target_url") or ""
    if re.match(r"[a-z]+://", path) or "%20" in path or not (path.startswith("/") or re.match(r"[A-Za-z]:[\\/]", path)):
        raise Refused(f"target_url is no bare path: {path!r}")
    there = [media for folder in world.project.root.all_folders() for media in folder.clips] + pool
    known = next((media for media in there if media.path == path), None) or read_media(path, timeline.rate_name)
    if known is None:
        raise Refused(f"{path} cannot be read")
    if not any(known is media for media in there):
        pool.append(known)
    return known


def _speed(clip: Any) -> Fraction:
    for effect in clip["effects"]:
        if effect["OTIO_SCHEMA"] != "LinearTimeWarp.1":
            raise Refused(f"clip {clip['name']!r} has an effect {effect['OTIO_SCHEMA']}")
        return Fraction(effect["time_scalar"])
    return Fraction(1)


def _frames(time: Any, rate: Fraction) -> Fraction:
    """A time of the file in frames of a rate; its own rate is a float that means an exact one."""
    named = next((rate_of(name) for name in NAMES if abs(float(rate_of(name)) - time["rate"]) < 0.0005), None)
    return Fraction(time["value"]) / (named or Fraction(time["rate"])) * rate


def _is(what: Any, schema: str, name: str) -> None:
    if not isinstance(what, dict) or what.get("OTIO_SCHEMA") != schema:
        there = what.get("OTIO_SCHEMA") if isinstance(what, dict) else what
        raise Refused(f"{name} is {there!r}, not {schema}")


def places(timeline: Timeline) -> Iterator[tuple[str, str, str, int, int, int]]:
    """Where everything of an imported timeline lies: kind, track, file, start, duration, frames of the file before it."""
    for track in timeline.tracks:
        for item in track.items:
            assert item.media
            yield track.kind, track.name, item.media.path, item.start - timeline.start, item.duration, item.left
