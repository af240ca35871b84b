"""Worlds of ``scenarios.py`` in the simulated REAPER: set up, placed into by the real scripts, and looked at from outside."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from reaper_model import Item, Marker, Project, Source, Take, Track
from reaper_simulated import Reaper
from scenarios import plan_of_before, renamed

SCRIPTS = Path(__file__).resolve().parents[2] / "host_scripts"
MARK = "P_EXT:foley_bridge"

_PLACE = """
package.path = "{scripts}/reaper/?.lua;{scripts}/core/lua/?.lua"
local json = require("foley.json")
local host = require("foley_reaper.host")("{folder}/")
local file = assert(io.open("{folder}/job.json"))
local job = json.decode(file:read("a"))
file:close()
if #job.before.add > 0 then
  host.place(job.before)
end
local work = coroutine.create(function()
  return require("foley.run").place_result(host, job.result, job.asked, job.key)
end)
host.later(function()
  local good, outcome = coroutine.resume(work)
  if not good then
    error(outcome, 0)
  elseif coroutine.status(work) ~= "dead" then
    return true
  end
  json.list(outcome.laid)
  json.list(outcome.cleared)
  json.list(outcome.refused)
  local told = assert(io.open("{folder}/outcome.json", "w"))
  told:write(json.encode(outcome))
  told:close()
  return false
end)
"""


class World:
    """One world: ``world`` as the scripts met it (with REAPER's ids), ``outcome`` as they told it, ``dump`` as it then was."""

    def __init__(self, world: dict[str, Any], folder: Path) -> None:
        project = built(world, folder)
        ids = {each["id"]: marker.guid for each, marker in zip(world["ranges"], project.state.markers, strict=True)}
        self.world = world = renamed(world, ids)
        self.reaper = Reaper(project, folder)
        self.project = project
        job = {name: world[name] for name in ("result", "asked", "key")} | {"before": plan_of_before(world)}
        (folder / "job.json").write_text(json.dumps(job), "utf-8")
        script = folder / "place.lua"
        script.write_text(_PLACE.format(scripts=SCRIPTS.as_posix(), folder=folder.as_posix()), "utf-8")
        self.reaper.run(script)
        self.before = project.dump()
        project.begin()
        inject(world, self.reaper)
        while self.reaper.tick():
            pass
        assert not self.reaper.dialogs, self.reaper.dialogs
        self.outcome = json.loads((folder / "outcome.json").read_text("utf-8"))
        self.dump = seen(project, Fraction(world["project"]["rate"]))


def built(world: dict[str, Any], folder: Path) -> Project:
    """The project of a world, but for what is ours: that the scripts lay themselves."""
    rate = Fraction(world["project"]["rate"])
    start = float(world["project"]["start"] / rate)
    project = Project(str(folder / "reel.rpp"), float(rate), start=start, sample_rate=world["project"]["sample_rate"])
    for number, each in enumerate(world["ranges"], 1):
        project.state.markers.append(Marker(float(each["start"] / rate), float(each["stop"] / rate), each["text"], number))
    for each in world["tracks"]:
        track = Track(each["name"], locked=each["locked"])
        if each["name"].split()[0] == "Foley":
            track.ext[MARK] = each["name"]
        track.items = [foreign(clip, rate) for clip in each["clips"] if not clip["ours"]]
        project.state.tracks.append(track)
    project.begin()
    return project


def foreign(clip: dict[str, Any], rate: Fraction) -> Item:
    item = Item(takes=[Take(Source(clip["path"]), clip["name"])])
    item.values |= {"D_POSITION": float(clip["start"] / rate), "D_LENGTH": float(clip["duration"] / rate)}
    item.takes[0].values["D_STARTOFFS"] = float(clip["offset"] / rate)
    return item


def inject(world: dict[str, Any], reaper: Reaper) -> None:
    """Make REAPER misbehave as the world says."""
    at = world["fault_at"]
    reaper.counts.clear()
    if "error_midway" in world["faults"]:
        adds = sum(bool(region["takes"]) for region in world["result"]["regions"])
        name, given = (("AddMediaItemToTrack", None), ("AddTakeToMediaItem", None), ("InsertTrackAtIndex", ()))[at]
        reaper.faults[name, min(at, adds - 1) + 1 if name == "AddTakeToMediaItem" else 1] = given
    if "returns_false" in world["faults"]:
        name = ("SetMediaItemTake_Source", "DeleteTrackMediaItem", "SetMediaItemTake_Source")[at]
        reaper.faults[name, 1] = False
    if "append_dropped" in world["faults"]:
        reaper.after["Undo_EndBlock2", 1] = lambda: vanish(reaper.front, at)
    if "wrong_page" in world["faults"]:  # another project's tab came to the front
        reaper.projects.append(Project())
        reaper.front = reaper.projects[-1]


def vanish(project: Project, at: int) -> None:
    """An item of ours is gone, and nobody was told."""
    laid = [(track, item) for track in project.state.tracks for item in track.items if MARK in item.ext]
    track, item = laid[at % len(laid)]
    track.items.remove(item)
    project.changed()


def seen(project: Project, rate: Fraction) -> dict[str, Any]:
    """The project as ``oracle.py`` takes it."""
    ranges = [
        {"id": each.guid, "text": each.name, "start": each.position * rate, "stop": each.end * rate}
        for each in project.state.sorted_markers()
        if each.end is not None
    ]
    return {"tracks": [_track(track, rate) for track in project.state.tracks], "ranges": ranges}


def _track(track: Track, rate: Fraction) -> dict[str, Any]:
    items = sorted(track.items, key=lambda item: item.values["D_POSITION"])
    return {"name": track.name, "clips": [_clip(item, rate) for item in items]}


def _clip(item: Item, rate: Fraction) -> dict[str, Any]:
    active = item.active
    assert active is not None and active.source is not None
    clip: dict[str, Any] = {
        "name": active.name,
        "start": item.values["D_POSITION"] * float(rate),
        "duration": item.values["D_LENGTH"] * float(rate),
        "offset": active.values["D_STARTOFFS"] * float(rate),
        "path": active.source.path,
        "ours": MARK in item.ext,
    }
    if clip["ours"]:
        marks = {name: values[0] for name, values in parse_qs(item.ext[MARK]).items()}
        clip |= {"region": marks["region"], "key": marks["key"], "chosen": int(item.values["I_CURTAKE"]) + 1}
        clip["takes"] = [take.source.path for take in item.takes if take.source]
    return clip
