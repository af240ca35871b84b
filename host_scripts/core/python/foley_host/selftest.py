"""A test that a user can run in a real host and send back: places sounds of its own, and writes down what really happened.

Its sounds and its report lie in the work folder. What it lays it takes out again.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict

from . import call, check, plan, time, wav
from . import path as paths
from .fault import readable

Json = Dict[str, Any]
REGIONS = ("selftest-1", "selftest-2")
SEND = "Please send this file to the makers of foley_bridge, whether all is well or not."


def run(host: Any) -> str:
    """Do the test; gives the message to show."""
    config = call.config(host)
    name = f"selftest-{call.name(host)}"
    lines = _Lines(host, config, name)
    project = host.project()
    lines.note("project", f"{project['rate']} fps, starts at {time.timecode(0, project['rate'], project.get('start') or 0)}")
    steps = _Steps(host, project, _plan(host, project, name, _sounds(config, project, name)))
    if lines.step("the Foley tracks can be read", steps.is_free):
        lines.step("ranges, markers and tracks can be read", lambda: _collect(host, lines))
        lines.step("two clips with three takes are laid where they should be", steps.lay)
        if steps.laid:
            if callable(getattr(host, "settle", None)):
                lines.step("they are there after saving", steps.save)
            lines.step("another take can be chosen, and the first one again", steps.other_take)
            lines.step("they can be taken out, and the tracks are as they were", steps.take_back)
    return lines.written()


class _Steps:
    """What is done to the tracks, step by step; each gives what is wrong."""

    def __init__(self, host: Any, project: Json, made: Json) -> None:
        self.host, self.project, self.made = host, project, made
        self.before: list[Json] = []
        self.receipt: Any = None
        self.laid = False

    def is_free(self) -> list[str]:
        self.before = self.host.own_tracks()
        return [f"track '{track['name']}' is locked" for track in self.before if track["locked"]]

    def lay(self) -> list[str]:
        self.receipt = self.host.place(self.made)
        self.laid = True
        return self._read_back()

    def save(self) -> list[str]:
        self.host.settle()
        return self._read_back()

    def other_take(self) -> list[str]:
        clip = self._ours("key", self.made["add"][0]["key"])[0]
        self.host.choose(clip, 2)
        now = self._ours("region", clip["region"])
        right = len(now) == 1 and now[0]["chosen"] == 2 and paths.same(now[0]["path"] or "", clip["takes"][1])
        if not right:
            return [f"take 2 of {len(clip['takes'])} was not chosen"]
        self.host.choose(now[0], 1)
        return self._read_back()

    def take_back(self) -> list[str]:
        self.host.take_back(self.receipt)
        return check.same(self.host.grid, self.project, self.before, self.host.own_tracks())

    def _read_back(self) -> list[str]:
        return check.placed(self.host.grid, self.project, self.made, self.before, self.host.own_tracks())

    def _ours(self, field: str, value: str) -> list[Json]:
        tracks = self.host.own_tracks()
        return [clip for track in tracks for clip in track["clips"] if clip["ours"] and clip[field] == value]


def _sounds(config: Json, project: Json, name: str) -> list[str]:
    """Three tones as files."""
    sounds = []
    for number in (1, 2, 3):
        sounds.append(call.work_file(config, name, f"-{number}.wav"))
        rate = plan.sample_rate(project)
        tone = [0.2 * math.sin(2 * math.pi * 220 * number * index / rate) for index in range(2 * rate)]
        wav.write(sounds[-1], tone, rate)
    return sounds


def _collect(host: Any, lines: _Lines) -> list[str]:
    ranges, points, tracks = host.ranges(), host.points(), host.tracks()
    clips = sum(len(track["clips"]) for track in tracks)
    lines.note("found", f"{len(ranges)} ranges, {len(points)} points, {len(tracks)} tracks with {clips} clips")
    return []


def _plan(host: Any, project: Json, name: str, sounds: list[str]) -> Json:
    """Two clips behind each other, beyond everything on our tracks; hosts with sample time get one off the frame grid."""
    ends = [clip["start"] + clip["duration"] for track in host.own_tracks() for clip in track["clips"]]
    free = time.ceil(max([*ends, 0])) + 10
    length = max(2, time.floor(time.frames_at(0.5, project["rate"])))
    adds = []
    for number, region in enumerate(REGIONS):
        start = free + number * (length + 3)
        trim: Json = {"start": start, "stop": start + length}
        if host.grid == "samples":
            trim = {"start": start + 0.25, "stop": start + length - 0.5}
        takes = []
        for take, sound in enumerate(sounds, 1):
            made = {
                "path": sound,
                "offset": 2,
                "label": f"take {take}, score 0.50",
                "score": 0.5,
                "seed": take,
                "onset": start + 1,
            }
            shape = {"fade_in_s": 0, "fade_out_s": 0.01, "sample_rate": plan.sample_rate(project), "channels": 1}
            takes.append({**made, **shape})
        adds.append(
            {
                "track": "Foley",
                "region": region,
                "text": "self test",
                "key": name,
                "start": start,
                "duration": length,
                "trim": trim,
                "chosen": 1,
                "takes": takes,
            }
        )
    return {"label": "Foley: self test", "remove": [], "add": adds}


class _Lines:
    """The report in the making."""

    def __init__(self, host: Any, config: Json, name: str) -> None:
        self.path = call.work_file(config, name, ".txt")
        self.host = host
        self.failed = 0
        self.lines = [f"foley_bridge self test in {host.name}, {name}", f"scripts: foley_bridge {config.get('version')}"]
        if getattr(host, "version", None):
            self.lines.append(f"host: {host.version}")

    def note(self, what: str, text: str) -> None:
        self.lines.append(f"      {what}: {text}")

    def step(self, what: str, act: Callable[[], list[str]]) -> bool:
        """One step; gives whether it went well."""
        try:
            faults = act()
        except Exception as error:
            faults = [readable(error)]
        self.lines.append(f"{'NOT ok' if faults else 'ok    '} {what}")
        for fault in faults:
            self.note("but", fault)
        self.failed += bool(faults)
        return not faults

    def written(self) -> str:
        """Write the report; gives what to say."""
        ended = f"{self.failed} steps failed." if self.failed else "All is well."
        call.write_text(self.path, "\n".join([*self.lines, ended, SEND, ""]))
        return f"Self test: {ended} The report is {self.path}. {SEND}"
