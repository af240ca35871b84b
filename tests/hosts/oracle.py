"""Whether what a host script reports of a placing is true, told from the world and a picture of the project taken from outside.

Success means that every take lies exactly where and what it should be, on a track of ours, and that nothing else changed.
Failure means that the project is as it was, and that the message names what is wrong. Shares no code with the host scripts.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from itertools import pairwise
from typing import Any

from scenarios import INJECTED, STOPPING

_OURS = re.compile(r"Foley( [2-9]\d*)?")


def fault_in(world: dict[str, Any], outcome: dict[str, Any], dump: dict[str, Any]) -> str | None:
    """What is wrong, as a sentence; None when nothing is."""
    message = outcome["message"]
    if not message.strip() or "raceback" in message or "does not know" in message:
        return f"it says {message!r}"
    if "ranges" in dump and (wrong := _ranges_differ(world["ranges"], dump["ranges"], _grain(world))):
        return wrong
    if outcome["ok"]:
        return _false_success(world, outcome, dump)
    if outcome["laid"] or outcome["cleared"]:
        return f"it failed, and says it laid {outcome['laid']} and cleared {outcome['cleared']}"
    wrong = _tracks_differ(world, world["tracks"], dump["tracks"])
    return f"it failed ({message!r}), but {wrong}" if wrong else _bad_excuse(world, outcome)


# --- failure ---


def _bad_excuse(world: dict[str, Any], outcome: dict[str, Any]) -> str | None:
    message = outcome["message"]
    named = {
        "missing_file": "gone.wav",
        "short_file": "short.wav",
        "foreign_clip": "somebody's",
        "locked_track": "Foley",
    }
    stopping = [fault for fault in world["faults"] if fault in STOPPING]
    for fault in stopping:
        if named[fault] not in message:
            return f"it does not name {named[fault]}: {message!r}"
    if stopping or set(world["faults"]) & set(INJECTED):
        return None
    if _placeable(world) or _silent(world):
        return f"it failed though some regions could be filled: {message!r}"
    return _unnamed(world, outcome)


def _unnamed(world: dict[str, Any], outcome: dict[str, Any]) -> str | None:
    """Regions that are not laid are each named, with a reason."""
    expected = {each["id"] for each in world["asked"]} - {region["id"] for region in _placeable(world)} - _silent(world)
    told = {each["region"] for each in outcome["refused"]}
    if told != expected:
        return f"it leaves out {sorted(told)}, and should {sorted(expected)}"
    for region in world["result"]["regions"]:
        if region["id"] in expected and region["text"] not in outcome["message"] and region["name"] not in outcome["message"]:
            return f"it does not name {region['text']!r}: {outcome['message']!r}"
    return None


# --- success ---


def _placeable(world: dict[str, Any]) -> list[dict[str, Any]]:
    """Regions of the result that have takes, and whose range is as it was."""
    return [region for region in world["result"]["regions"] if region["takes"] and region["id"] in _unchanged(world)]


def _silent(world: dict[str, Any]) -> set[str]:
    """Ids of regions that are to have no clip of ours, wherever they lie now: an editor wants no sound there."""
    there = {each["id"] for each in world["ranges"]} & {each["id"] for each in world["asked"]}
    return {
        region["id"]
        for region in world["result"]["regions"]
        if "choice" in region and not region["takes"] and region["error"] is None and region["id"] in there
    }


def _unchanged(world: dict[str, Any]) -> set[str]:
    """Ids of ranges that are as they were."""
    now = {(each["id"], each["text"], each["start"], each["stop"]) for each in world["ranges"]}
    return {each["id"] for each in world["asked"] if (each["id"], each["text"], each["start"], each["stop"]) in now}


def _false_success(world: dict[str, Any], outcome: dict[str, Any], dump: dict[str, Any]) -> str | None:
    stopping = [fault for fault in world["faults"] if fault in STOPPING]
    if stopping:
        return f"it succeeded in spite of {stopping}"
    laid, silent = {region["id"] for region in _placeable(world)}, _silent(world)
    if not laid | silent:
        return "it succeeded with nothing to do"
    if sorted(outcome["laid"]) != sorted(laid):
        return f"it says it laid {outcome['laid']}, and should have laid {sorted(laid)}"
    if sorted(outcome["cleared"]) != sorted(silent):
        return f"it says it cleared {outcome['cleared']}, and should have cleared {sorted(silent)}"
    if wrong := _unnamed(world, outcome):
        return wrong
    new = [_expected(world, region) for region in _placeable(world)]
    rest, found = [], []
    for track in dump["tracks"]:
        ours = [clip for clip in track["clips"] if clip["ours"] and clip["key"] == world["key"]]
        found += [(track["name"], clip) for clip in ours]
        rest.append(track | {"clips": [clip for clip in track["clips"] if not any(clip is each for each in ours)]})
    kept = [
        track | {"clips": [clip for clip in track["clips"] if not clip["ours"] or clip["region"] not in laid | silent]}
        for track in world["tracks"]
    ]
    made = {name for name, _ in found}
    emptied = [track["name"] for track in kept if not track["clips"]]
    rest = [track for track in rest if track["clips"] or track["name"] not in {*made, *emptied}]
    kept = [track for track in kept if track["clips"] or track["name"] not in {*made, *emptied}]
    if wrong := _tracks_differ(world, kept, rest):
        return f"it succeeded, but {wrong}"
    return _clips_wrong(world, new, found) or _lanes_wrong(world, dump, found)


def _clips_wrong(world: dict[str, Any], new: list[dict[str, Any]], found: list[tuple[str, dict[str, Any]]]) -> str | None:
    for clip in new:
        there = [each for _, each in found if each["region"] == clip["region"]]
        if len(there) != 1:
            return f"region {clip['region']} has {len(there)} clips"
        if wrong := _clip_differs(world, clip, there[0]):
            return f"it succeeded, but the clip of region {clip['region']} {wrong}"
    if len(found) != len(new):
        return f"there are {len(found)} new clips, not {len(new)}"
    return None


def _expected(world: dict[str, Any], region: dict[str, Any]) -> dict[str, Any]:
    take = region["takes"][0]
    start, stop = Fraction(take["start"]["value"]), Fraction(take["start"]["value"] + take["duration"]["value"])
    offset = Fraction(take["handle"]["value"])
    if world["grid"] == "samples":  # cut to the region as marked
        was = next(each for each in world["asked"] if each["id"] == region["id"])
        cut = Fraction(was["start"])
        offset += cut - start
        start = cut
        if math.ceil(Fraction(was["stop"])) == stop:
            stop = Fraction(was["stop"])
    return {
        "ours": True,
        "region": region["id"],
        "key": world["key"],
        "start": start,
        "duration": stop - start,
        "path": take["path"],
        "offset": offset,
        "chosen": 1,
        "takes": [each["path"] for each in region["takes"]],
    }


def _lanes_wrong(world: dict[str, Any], dump: dict[str, Any], found: list[tuple[str, dict[str, Any]]]) -> str | None:
    """Clips of a track do not overlap; nothing lies on a higher track of ours than it must."""
    grain = _grain(world)
    tracks = {track["name"]: track["clips"] for track in dump["tracks"]}
    for name, clips in tracks.items():
        ordered = sorted(clips, key=lambda clip: clip["start"])
        for one, other in pairwise(ordered):
            if other["start"] < one["start"] + one["duration"] - grain:
                return f"clips overlap on {name!r} at frame {other['start']}"
    for name, clip in found:
        if not _OURS.fullmatch(name):
            return f"the clip of region {clip['region']} lies on {name!r}"
        lane = int(name.removeprefix("Foley").strip() or 1)
        for lower in range(1, lane):
            below = tracks.get("Foley" if lower == 1 else f"Foley {lower}", [])
            stop = clip["start"] + clip["duration"]
            if not any(
                each["ours"] and each["start"] < stop - grain and clip["start"] < each["start"] + each["duration"] - grain
                for each in below
            ):
                return f"the clip of region {clip['region']} lies on {name!r}, and track {lower} is free"
    return None


# --- comparing ---


def _grain(world: dict[str, Any]) -> float:
    """How far two times may lie apart, frames: a sample where the host counts samples, else nothing but a float's dust."""
    rate = Fraction(world["project"]["rate"])
    return float(rate / world["project"]["sample_rate"]) * 1.02 if world["grid"] == "samples" else 1e-6


def _tracks_differ(world: dict[str, Any], expected: list[dict[str, Any]], there: list[dict[str, Any]]) -> str | None:
    if sorted(track["name"] for track in expected) != sorted(track["name"] for track in there):
        return f"the tracks are {[track['name'] for track in there]}, not {[track['name'] for track in expected]}"
    for track in expected:
        now = next(each for each in there if each["name"] == track["name"])
        left = list(now["clips"])
        for clip in track["clips"]:
            plain = _as_dumped(clip)
            same = [each for each in left if _clip_differs(world, plain, each) is None]
            if not same:
                return f"{_called(plain)} is not on {track['name']!r} as it was: {[_called(each) for each in left]}"
            left.remove(same[0])
        if left:
            return f"{_called(left[0])} is on {track['name']!r}, and was not"
    return None


def _as_dumped(clip: dict[str, Any]) -> dict[str, Any]:
    """A clip of a world as a dump has it."""
    if not clip["ours"]:
        return clip
    chosen = clip["takes"][clip["chosen"] - 1]
    return clip | {"path": chosen["path"], "offset": chosen["offset"], "takes": [take["path"] for take in clip["takes"]]}


def _called(clip: dict[str, Any]) -> str:
    what = f"the clip of region {clip['region']}" if clip["ours"] else "a clip"
    return f"{what} from {float(clip['start']):g} for {float(clip['duration']):g} frames"


def _clip_differs(world: dict[str, Any], expected: dict[str, Any], there: dict[str, Any]) -> str | None:
    grain = _grain(world)
    for field in ("start", "duration", "offset"):
        if there.get(field) is None or abs(expected[field] - there[field]) > grain:
            return f"has {field} {there.get(field)}, not {float(expected[field]):g}"
    fields = ("ours", "path", "region", "key", "chosen", "takes") if expected["ours"] else ("ours", "path")
    for field in fields:
        if expected[field] != there.get(field):
            return f"has {field} {there.get(field)!r}, not {expected[field]!r}"
    return None


def _ranges_differ(expected: list[dict[str, Any]], there: list[dict[str, Any]], grain: float) -> str | None:
    for each in expected:
        now = next((other for other in there if other["id"] == each["id"]), None)
        if now is None or now["text"] != each["text"]:
            return f"range {each['text']!r} is {now and now['text']!r} now"
        if abs(now["start"] - each["start"]) > grain or abs(now["stop"] - each["stop"]) > grain:
            return f"range {each['text']!r} was moved"
    return None if len(expected) == len(there) else f"there are {len(there)} ranges, not {len(expected)}"
