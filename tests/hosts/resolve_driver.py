"""A world of scenarios.py in the simulated Resolve: set up, placed in, and looked at from outside."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import resolve_bench
import scenarios
from resolve_scripts import label, place_result, placing
from resolve_world import Item, Marker, Project, Timeline, Track, World, rate_of, read_media

NAMES = ("23.976", "24", "25", "29.97", "30", "59.94")
FALSE = (
    "append gives nothing",
    "clip markers are refused",
    "deleting is refused",
    "importing is refused",
    "tracks are refused",
)
FALSE += ("saving is refused", "append is a frame short", "append lands a frame late", "append ignores the track")


def expressible(world: dict[str, Any]) -> bool:
    """Whether Resolve can hold it: a marker of one frame has no length there."""
    return all(each["stop"] - each["start"] > 1 for each in world["asked"] + world["ranges"])


def driven(world: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Set a world up, place its result, and give back ``outcome``, ``dump`` and the world with Resolve's own ids."""
    world = scenarios.located(world, folder)
    there = _resolve(world)
    timeline = there.project.timelines[0]
    with tempfile.TemporaryDirectory() as work:
        host, _ = resolve_bench.host_in(there, Path(work))
        world = scenarios.renamed(world, _asked(host, timeline, world))
        plan = scenarios.plan_of_before(world)
        if plan["add"]:
            placing.place(host.session, plan)
        for track, planned in zip(_of_world(timeline, world), world["tracks"], strict=True):
            track.locked = planned["locked"]
        there.save()
        _spoil(there, world)
        outcome = place_result(host, world["result"], world["asked"], world["key"])
        if there.closed:
            there.reopen()
    return {"outcome": outcome, "dump": dump(there), "world": world}


def dump(world: World) -> dict[str, Any]:
    """The project's sound and ranges, from the simulator's own state."""
    timeline = world.project.timelines[0]
    ranges = [
        {"id": marker.customData, "text": marker.name, "start": round(frame), "stop": round(frame + marker.duration)}
        for frame, marker in sorted(timeline.markers.items())
    ]
    tracks = [
        {"name": track.name, "clips": [_dumped(item, timeline) for item in track.items]} for track in timeline.of("audio")
    ]
    return {"tracks": tracks, "ranges": ranges}


def _dumped(item: Item, timeline: Timeline) -> dict[str, Any]:
    assert item.media
    told = [marker.customData for marker in item.markers.values()]
    made = {"start": item.start - timeline.start, "duration": item.duration, "offset": item.left, "path": item.media.path}
    carried = label.parsed(told[0]) if told else None
    if carried is None:
        return made | {"ours": False}
    chosen = carried["takes"].index(item.media.path) + 1 if item.media.path in carried["takes"] else None
    ours = {name: carried[name] for name in ("region", "key", "takes")}
    return made | ours | {"ours": True, "chosen": chosen}


def _resolve(world: dict[str, Any]) -> World:
    """The project of a world, with what is somebody else's, and the ranges as they were."""
    told = world["project"]
    rate = next(name for name in NAMES if rate_of(name) == rate_of(told["rate"].removesuffix("/1")))
    timeline = Timeline(told["name"], rate, told["start"], [Track("video", "Video 1")])
    project = Project("film", rate, [timeline], timeline)
    for planned in world["tracks"]:
        track = Track("audio", planned["name"], "mono")
        for clip in planned["clips"]:
            if not clip["ours"]:
                media = read_media(clip["path"], rate)
                assert media
                project.root.clips.append(media)
                item = Item(media, clip["name"], told["start"] + clip["start"], clip["duration"], clip["offset"])
                track.items.append(item)
        timeline.tracks.append(track)
    for each in world["asked"]:
        timeline.markers[float(each["start"])] = Marker("Blue", each["stop"] - each["start"], "", each["text"], "")
    return World(project)


def _asked(host: Any, timeline: Timeline, world: dict[str, Any]) -> dict[str, str]:
    """Resolve's ids of the ranges, by those of the world; afterwards the ranges are as they are now."""
    ids = dict(zip((each["id"] for each in world["asked"]), (each["id"] for each in host.ranges()), strict=True))
    timeline.markers = {
        float(each["start"]): Marker("Blue", each["stop"] - each["start"], "", each["text"], ids[each["id"]])
        for each in world["ranges"]
    }
    return ids


def _of_world(timeline: Timeline, world: dict[str, Any]) -> list[Track]:
    return [next(track for track in timeline.of("audio") if track.name == planned["name"]) for planned in world["tracks"]]


def _spoil(there: World, world: dict[str, Any]) -> None:
    once = range(world["fault_at"], world["fault_at"] + 1)
    there.occasions.clear()
    for fault in world["faults"]:
        if fault == "append_dropped":
            there.faults["append is dropped silently"] = once
        elif fault == "save_loses":
            there.faults["append is lost on saving"] = once
        elif fault == "returns_false":
            there.faults[FALSE[sum(map(ord, world["key"])) % len(FALSE)]] = once
        elif fault == "wrong_page":
            there.page = ("fairlight", "color", "deliver")[world["fault_at"]]
            if sum(map(ord, world["key"])) % 2:
                there.faults["the page stays"] = None
        elif fault == "error_midway":
            kind = ("a call raises", "Resolve is closed")[sum(map(ord, world["key"])) % 2]
            there.faults[kind] = range(3 * world["fault_at"], 3 * world["fault_at"] + 1)
