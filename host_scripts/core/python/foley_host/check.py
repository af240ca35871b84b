"""What is really on our tracks against what should be there, as sentences; none is good."""

from __future__ import annotations

from typing import Any

from . import path as paths
from . import plan as plans
from . import time

_OURS = ("region", "key", "chosen")


def placed(
    grid: str, project: dict[str, Any], plan: dict[str, Any], before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> list[str]:
    """What is wrong after a plan was placed. before, after: ``own_tracks()``."""
    gone = {clip["id"] for clip in plan["remove"]}
    expected: list[dict[str, Any]] = []
    for track in before:
        kept = [clip for clip in track["clips"] if clip["id"] not in gone]
        expected.append({"name": track["name"], "locked": track["locked"], "clips": kept})
    for add in plan["add"]:
        lane = next((each for each in expected if each["name"] == add["track"]), None)
        if lane is None:
            lane = {"name": add["track"], "locked": False, "clips": []}
            expected.append(lane)
        lane["clips"].append(_expected(grid, add))
    there = {track["name"] for track in after}
    expected = [track for track in expected if track["clips"] or track["name"] in there]  # one emptied may go or stay
    return _differences(grid, project, expected, after)


def same(grid: str, project: dict[str, Any], before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    """How our tracks differ from what they were."""
    return _differences(grid, project, before, after)


def _expected(grid: str, add: dict[str, Any]) -> dict[str, Any]:
    start, stop = plans.extent(grid, add)
    chosen = add["takes"][add["chosen"] - 1]
    return {
        "name": None,
        "start": start,
        "duration": stop - start,
        "ours": True,
        "region": add["region"],
        "key": add["key"],
        "path": chosen["path"],
        "offset": chosen["offset"] + (start - add["start"]),
        "chosen": add["chosen"],
        "takes": [take["path"] for take in add["takes"]],
        "text": add["text"],
    }


def _differences(grid: str, project: dict[str, Any], expected: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    faults = []
    there = {track["name"]: track for track in after}
    for track in expected:
        now = there.pop(track["name"], None)
        if now is None:
            faults.append(f"track '{track['name']}' is not there")
            continue
        if bool(now["locked"]) != bool(track["locked"]):
            faults.append(f"track '{track['name']}' is {'' if now['locked'] else 'not '}locked")
        faults += _of_track(grid, project, track, now)
    for name in there:
        faults.append(f"track '{name}' was not there before")
    return faults


def _of_track(grid: str, project: dict[str, Any], expected: dict[str, Any], now: dict[str, Any]) -> list[str]:
    faults = []
    left = list(now["clips"])
    for clip in expected["clips"]:
        found = [(_unlike(grid, project, clip, other), other) for other in left if _kin(clip, other)]
        if not found:
            faults.append(f"{_called(clip, project)} is not on track '{expected['name']}'")
            continue
        unlike, other = min(found, key=lambda each: len(each[0]))
        left.remove(other)
        faults += [f"{_called(clip, project)} on track '{expected['name']}' {each}" for each in unlike]
    for clip in left:
        faults.append(f"{_called(clip, project)} on track '{expected['name']}' should not be there")
    return faults


def _kin(clip: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two clips can be the same one: of the same region, or of the same name where they are not ours."""
    if clip["ours"] != other["ours"]:
        return False
    return clip["region"] == other["region"] if clip["ours"] else clip["name"] == other["name"]


def _unlike(grid: str, project: dict[str, Any], clip: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """How a clip that is there differs from the one that should be, in words that follow its name."""
    faults = []
    stop, other_stop = clip["start"] + clip["duration"], other["start"] + other["duration"]
    if not near(grid, project, clip["start"], other["start"]):
        faults.append(f"begins at frame {_number(other['start'])}, not {_number(clip['start'])}")
    if not near(grid, project, stop, other_stop):
        faults.append(f"ends at frame {_number(other_stop)}, not {_number(stop)}")
    if not clip["ours"]:
        return faults
    for field in _OURS:
        if clip[field] != other[field]:
            faults.append(f"has {field} {_shown(other[field])}, not {_shown(clip[field])}")
    if not paths.same(clip["path"] or "", other["path"] or ""):
        faults.append(f"plays {_shown(other['path'])}, not {_shown(clip['path'])}")
    if not near(grid, project, clip["offset"], other["offset"]):
        faults.append(f"plays its file from frame {_number(other['offset'])}, not {_number(clip['offset'])}")
    takes = other["takes"]
    if len(takes) != len(clip["takes"]):
        faults.append(f"has {len(takes)} takes, not {len(clip['takes'])}")
    elif not all(paths.same(one, two) for one, two in zip(clip["takes"], takes)):
        faults.append("has other takes")
    return faults


def near(grid: str, project: dict[str, Any], one: float, other: float) -> bool:
    """Whether two times are one on this host: the same frame, or a sample apart at most where times are samples."""
    if grid != "samples":
        return time.whole(one - other) == 0
    num, den = time.exact(project["rate"])
    return abs(one - other) <= 1.01 * num / (den * plans.sample_rate(project))


def _called(clip: dict[str, Any], project: dict[str, Any]) -> str:
    name = clip["name"] if clip.get("text") is None else clip["text"]
    return f"the clip {plans.described(name, clip['start'], project)}"


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)


def _number(frames: float) -> str:
    return f"{float(time.whole(frames)):.10g}"
