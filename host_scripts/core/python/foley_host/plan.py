"""What to take away and what to lay where, settled before anything is touched.

Our clips of the same regions are replaced, or only taken away where an editor wants no sound. A take that would overlap another
of ours goes to the next of our tracks; somebody else's clip in its way, a locked track, or a file that is missing or too short
stops everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import text as texts
from . import time, wav
from .fault import HostError

TRACK = "Foley"


@dataclass
class Plan:
    """What ``make`` settled: ``plan`` for the adapter (None when there is nothing to do), why regions are left out, and ids of
    those that are to be silent: they are to have no clip of ours."""

    plan: dict[str, Any] | None
    refused: list[dict[str, Any]] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)


def make(
    grid: str,
    project: dict[str, Any],
    result: dict[str, Any],
    own: list[dict[str, Any]],
    ranges: list[dict[str, Any]],
    asked: list[dict[str, Any]],
    key: str,
) -> Plan:
    """The plan for a result.

    Args:
        grid: the host's.
        result: docs/json.md, ``generate``.
        own: our tracks as they are now.
        ranges: as they are now.
        asked: as they were when sound was asked for.
        key: the request's.

    Raises:
        HostError: what stops everything.
    """
    if _unlike(result["timeline"]["rate"], project["rate"]):
        said = f"the project runs at {project['rate']} frames per second now; it was {result['timeline']['rate']}"
        raise HostError(said, "Generate again.", stale=True)
    _distinct(own)
    adds: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    silent: list[str] = []
    for region in result["regions"]:
        fault, was = _left_out(region, ranges, asked, project)
        if fault or was is None:
            refused.append({"region": region.get("id"), "message": fault})
        elif is_silent(region):
            silent.append(was["id"])
        else:
            adds.append(_add(project, region, was, key))
    adds.sort(key=lambda add: add["start"])
    done = {add["region"] for add in adds} | set(silent)
    remove = [clip for track in own for clip in track["clips"] if clip["ours"] and clip["region"] in done]
    if not adds and not remove:
        return Plan(None, refused, silent)
    _unlocked(own, remove)
    _lanes(grid, project, own, adds, done)
    chosen = any(region.get("choice") for region in result["regions"])
    label = _label("lay the choices for" if chosen else "generate into", len(done))
    return Plan({"label": label, "remove": remove, "add": adds}, refused, silent)


def clearing(own: list[dict[str, Any]], regions: list[str]) -> dict[str, Any] | None:
    """The plan that takes our clips of these regions away; None when there are none.

    Raises:
        HostError: they lie on a locked track.
    """
    remove = [clip for track in own for clip in track["clips"] if clip["ours"] and clip["region"] in regions]
    _unlocked(own, remove)
    count = len({clip["region"] for clip in remove})
    return {"label": _label("clear", count), "remove": remove, "add": []} if remove else None


def extent(grid: str, add: dict[str, Any]) -> tuple[float, float]:
    """Where an added clip begins and ends on this host: cut to the region where it has sample time."""
    if grid == "samples":
        return add["trim"]["start"], add["trim"]["stop"]
    return add["start"], add["start"] + add["duration"]


def sample_rate(project: dict[str, Any]) -> int:
    """The project's; hosts with a frame grid need not know one."""
    return project.get("sample_rate") or 48000


def described(text: str, start: float, project: dict[str, Any]) -> str:
    """A region by its text and timecode."""
    return f"'{text}' at {time.timecode(start, project['rate'], project.get('start') or 0)}"


def _label(verb: str, count: int) -> str:
    return f"Foley: {verb} {count} region{'' if count == 1 else 's'}"


def _unlike(one: str, other: str) -> bool:
    (num, den), (other_num, other_den) = time.exact(one), time.exact(other)
    return num * other_den != other_num * den


def _left_out(
    region: dict[str, Any], ranges: list[dict[str, Any]], asked: list[dict[str, Any]], project: dict[str, Any]
) -> tuple[str, dict[str, Any] | None]:
    """Why a region of the result is not laid ("" when it is), and the range as it was asked."""
    was = next((each for each in asked if each["id"] == region.get("id")), None)
    if was is None:
        return f"region {described(region['text'], region['start']['value'], project)} is not one that was asked for", None
    name = described(was["text"], was["start"], project)
    error = region.get("error")
    if error:
        return f"{error['message']}{'. ' if error.get('hint') else ''}{error.get('hint') or ''}", was
    now = next((each for each in ranges if each["id"] == was["id"]), None)
    if now is None:
        return f"region {name} is gone", was
    if is_silent(region):  # wherever it lies now, and whatever it says
        return "", was
    if time.whole(now["start"] - was["start"]) != 0 or time.whole(now["stop"] - was["stop"]) != 0:
        return f"region {name} was moved meanwhile: generate again", was
    if now["text"] != was["text"]:
        return f"region {name} now says '{now['text']}': generate again", was
    if not region["takes"]:
        return f"region {name} got no take", was
    return "", was


def is_silent(region: dict[str, Any]) -> bool:
    """Whether an editor wants no sound in a region: he rejected it, or left it undecided and those are to get none."""
    return not region["takes"] and bool(region.get("choice"))


def _add(project: dict[str, Any], region: dict[str, Any], was: dict[str, Any], key: str) -> dict[str, Any]:
    first = region["takes"][0]
    start, duration = first["start"]["value"], first["duration"]["value"]
    stop = was["stop"] if time.ceil(was["stop"]) == start + duration else start + duration
    trim = {"start": max(start, was["start"]), "stop": stop}
    takes = []
    for number, take in enumerate(region["takes"], 1):
        if take["start"]["value"] != start or take["duration"]["value"] != duration:
            raise HostError(
                f"{take['path']} does not lie where the other takes of its region lie", "Generate again.", stale=True
            )
        takes.append(_take(project, take, number, trim))
    return {
        "track": TRACK,
        "region": was["id"],
        "text": texts.words(was["text"]) or region["name"],
        "key": key,
        "start": start,
        "duration": duration,
        "trim": trim,
        "chosen": 1,
        "takes": takes,
    }


def _take(project: dict[str, Any], take: dict[str, Any], number: int, trim: dict[str, Any]) -> dict[str, Any]:
    rate = project["rate"]
    held = wav.held(take["path"])
    offset = take["handle"]["value"]
    begin, end = take["start"]["value"] - offset, take["start"]["value"] + take["duration"]["value"]
    needed = time.samples(end, rate, held["sample_rate"]) - time.samples(begin, rate, held["sample_rate"])
    if held["frames"] < needed - 1:  # the daemon and this count may round a half apart
        said = f"{take['path']} is too short: {held['frames']} samples of {needed}"
        raise HostError(said, "Generate again.", stale=True)
    onsets = [time.frames_at(at, rate) for at in take["onsets_s"]]
    inside = [at for at in onsets if trim["start"] <= at < trim["stop"]]
    made = {
        "path": take["path"],
        "offset": offset,
        "label": f"take {number}, score {take['score']:.2f}",
        "score": take["score"],
        "seed": take["seed"],
        "fade_in_s": take.get("fade_in_s") or 0,
        "fade_out_s": take.get("fade_out_s") or 0,
        "sample_rate": held["sample_rate"],
        "channels": held["channels"],
    }
    if inside:
        made["onset"] = min(inside)
    return made


def _distinct(own: list[dict[str, Any]]) -> None:
    names = [track["name"] for track in own]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise HostError(f"there are two tracks named '{twice}'", "Give one of them another name and try again.")


def _unlocked(own: list[dict[str, Any]], remove: list[dict[str, Any]]) -> None:
    gone = {clip["id"] for clip in remove}
    for track in own:
        if track["locked"] and any(clip["id"] in gone for clip in track["clips"]):
            raise _locked(track)


def _locked(track: dict[str, Any]) -> HostError:
    return HostError(f"track '{track['name']}' is locked", "Unlock it and try again.")


def _lanes(grid: str, project: dict[str, Any], own: list[dict[str, Any]], adds: list[dict[str, Any]], done: set[str]) -> None:
    """Give each added clip the first of our tracks on which nothing of ours is in its way."""
    num, den = time.exact(project["rate"])
    dust = num / (den * sample_rate(project))  # a sample, in frames
    tracks = {track["name"]: track for track in own}
    taken: dict[str, list[tuple[float, float]]] = {}
    for name, track in tracks.items():
        kept = [clip for clip in track["clips"] if clip["ours"] and clip["region"] not in done]
        taken[name] = [(clip["start"], clip["start"] + clip["duration"]) for clip in kept]
    for add in adds:
        start, stop = extent(grid, add)
        number = 1
        name = TRACK
        while any(first < stop - dust and start < last - dust for first, last in taken.get(name, [])):
            number += 1
            name = f"{TRACK} {number}"
        if name in tracks:
            _free(tracks[name], add, start, stop, dust, project)
        taken.setdefault(name, []).append((start, stop))
        add["track"] = name


def _free(track: dict[str, Any], add: dict[str, Any], start: float, stop: float, dust: float, project: dict[str, Any]) -> None:
    if track["locked"]:
        raise _locked(track)
    for clip in track["clips"]:
        if not clip["ours"] and clip["start"] < stop - dust and start < clip["start"] + clip["duration"] - dust:
            there = described(clip["name"], clip["start"], project)
            said = f"the clip {there} on track '{track['name']}' is in the way of region '{add['text']}'"
            raise HostError(said, "Move it to another track and try again.")
