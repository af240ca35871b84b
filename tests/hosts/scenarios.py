"""Worlds to place takes in: a project as it is, a result to lay, and what goes wrong. Values of JSON, the same for every host.

A world:

    name       for messages
    grid       "frames": every range on whole frames; "samples": anywhere
    project    name, rate, start, length (or None), sample_rate
    asked      the ranges as they were when sound was asked for: id, text, start, stop, selected
    ranges     the ranges as they are now
    tracks     audio tracks, bottom first, ours (Foley, Foley 2, ...) and others: name, locked, clips. A clip has ours; somebody
               else's has name, path, start, duration, offset; ours is shaped as an ``add`` of a plan (docs/host_scripts.md)
    result     what the daemon gives (docs/json.md, generate). In every third world it is of a job of kind apply: in each region
               stands what an editor chose; one that was rejected, or left undecided, may have no takes and no error
    key        the request's
    faults     what is wrong, by name (below); at most one of INJECTED
    fault_at   for INJECTED: at which call, from 0, of those that a placing makes

Ids are "R1", "R2", ...: a host that gives ranges ids of its own has them put in by ``renamed``. Paths begin with "media:" until
``located`` says where ``materials`` wrote the files.

A driver sets a world up, calls ``run.place_result(host, result, asked, key)`` in its host, and gives back the outcome and a
*dump*, taken from outside the adapter: {"tracks": [...]}: every audio track with name and clips; a clip with start and duration
in frames, path and offset (frames of the file before its start) of what sounds, ours, and where that is true region, key,
chosen, takes (paths). "ranges" (id, text, start, stop) may stand beside. ``oracle.fault_in`` judges it. Faults that its host
cannot model, a driver leaves out of ``faults``.
"""

from __future__ import annotations

import copy
import math
import random
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

RATES = ("24/1", "25/1", "30/1", "24000/1001", "30000/1001", "60000/1001")
HOURS = (0, 1, 10)
REGION_FAULTS = ("region_gone", "region_moved", "region_renamed", "region_failed")  # one region is left out
STOPPING = ("missing_file", "short_file", "foreign_clip", "locked_track")  # nothing may be touched
INJECTED = ("append_dropped", "save_loses", "returns_false", "wrong_page", "error_midway")  # the host misbehaves

TEXTS = (
    "FOLEY metal hits",
    "FOLEY footsteps gravel takes=3",
    "foley: door slam tail=0.5",
    "FOLEY Schläge auf Blech",
    "FOLEY 足音 砂利 takes=2",
    'FOLEY "glass, breaking" level=-20',
    "FOLEY like='it's here.wav' seed=7",
    "FOLEY 🥁 drums handles=12f",
    "FOLEY",
    "FOLEY cloth, 50% <&> wool\\silk",
)
LONG_S = 10  # of each long file
LONG = tuple(f"media:take_{number}.wav" for number in range(1, 7))
MUSIC = "media:music é.wav"
SHORT = "media:short.wav"
GONE = "media:gone.wav"


def scenarios(count: int, seed: int, grid: str = "frames") -> Iterator[dict[str, Any]]:
    """So many worlds; the same for the same seed."""
    for number in range(count):
        yield _World(random.Random(f"{seed} {number}"), f"world {seed}/{number}", grid).made()


def materials(folder: Path) -> None:
    """Write the sound files that worlds name."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate((*LONG, MUSIC)):
        _write(folder / _file_name(path), LONG_S * 48000, number)
    _write(folder / _file_name(SHORT), 240, 1)


def located(world: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A world whose paths are those of the files in a folder."""

    def moved(key: str, value: Any) -> Any:
        return str(folder / _file_name(value)) if isinstance(value, str) and value.startswith("media:") else value

    return _changed(world, moved)


def renamed(world: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """A world whose ranges have a host's own ids."""

    def named(key: str, value: Any) -> Any:
        return ids.get(value, value) if key in ("id", "region") and isinstance(value, str) else value

    return _changed(world, named)


def plan_of_before(world: dict[str, Any]) -> dict[str, Any]:
    """A plan that lays what is ours in a world before anything else happens."""
    adds = [clip | {"track": track["name"]} for track in world["tracks"] for clip in track["clips"] if clip["ours"]]
    return {"label": "before", "remove": [], "add": copy.deepcopy(adds)}


def _file_name(path: str) -> str:
    return path.removeprefix("media:")


def _changed(value: Any, change: Callable[[str, Any], Any], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _changed(each, change, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_changed(each, change, key) for each in value]
    return change(key, value)


def _write(path: Path, frames: int, number: int) -> None:
    """One channel of 48 kHz, 16 bit: a quiet buzz, of another pitch for each number."""
    period = struct.pack(f"<{40 + number}h", *((index % 20 - 10) * 300 for index in range(40 + number)))
    data = (period * (frames * 2 // len(period) + 1))[: frames * 2]
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, 48000, 96000, 2, 16, b"data", len(data)
    )
    path.write_bytes(head + data)


class _World:
    """One world in the making."""

    def __init__(self, random: random.Random, name: str, grid: str) -> None:
        self.random, self.name, self.grid = random, name, grid
        self.rate = random.choice(RATES)
        self.exact = Fraction(self.rate)
        self.nominal = math.ceil(self.exact)
        self.key = f"key-{random.randrange(16**8):08x}"
        self.faults = self._faults()

    def _faults(self) -> list[str]:
        kind = self.random.random()
        if kind < 0.45:
            return []
        if kind < 0.6:
            return [self.random.choice(REGION_FAULTS)]
        if kind < 0.75:
            return [self.random.choice(STOPPING)]
        if kind < 0.95:
            return [self.random.choice(INJECTED)]
        return [self.random.choice(REGION_FAULTS), self.random.choice(STOPPING + INJECTED)]

    def made(self) -> dict[str, Any]:
        asked, cuts = self._asked()
        if len(asked) == 1:
            self.faults = self.faults[-1:]
        ranges = copy.deepcopy(asked)
        regions = [self._region(each, cut) for each, cut in zip(asked, cuts, strict=True)]
        if self.random.random() < 1 / 3:
            self._choose(regions)
        for fault in self.faults:
            self._spoil(fault, asked, ranges, regions)
        end = math.ceil(max([each["stop"] for each in asked] + [cut[1] for cut in cuts]))
        tracks = self._tracks(cuts, end)
        return {
            "name": self.name,
            "grid": self.grid,
            "project": {
                "name": self.random.choice(["reel 1", "Rolle 1 – Fassung Ä", "cut"]),
                "rate": self.rate,
                "start": self.random.choice(HOURS) * 3600 * self.nominal,
                "length": self.random.choice([None, end + 500]),
                "sample_rate": 48000,
            },
            "asked": asked,
            "ranges": ranges,
            "tracks": tracks,
            "result": {
                "timeline": {
                    "path": None,
                    "rate": f"{self.exact.numerator}/{self.exact.denominator}",
                    "duration": self._time(Fraction(end + 500)),
                    "global_start_time": self._time(Fraction(0)),
                },
                "regions": regions,
                "out": "media:takes.otio",
                "preview": None,
                "report": None,
                "notes": ["a file was slow", "a shot was dark"][: len(asked) - 1],
            },
            "key": self.key,
            "faults": self.faults,
            "fault_at": self.random.randrange(3),
        }

    # --- regions and their takes ---

    def _asked(self) -> tuple[list[dict[str, Any]], list[tuple[int, int]]]:
        """Ranges that do not overlap, and the cut of each: whole frames, first and after the last, a tail included."""
        at = Fraction(self.random.randrange(400))
        if self.random.random() < 0.15:
            at += 3600 * self.nominal
        asked, cuts = [], []
        texts = self.random.sample(TEXTS, self.random.randint(1, 4))
        for number, text in enumerate(texts, 1):
            at += self.random.choice([0, 0, 1, self.random.randrange(200)])
            start = at + self._off_grid()
            stop = (
                start + self.random.choice([1, 2, self.random.randint(3, 120), self.random.randint(3, 120)]) + self._off_grid()
            )
            tail = Fraction(self.random.choice([0, 0, 0, self.random.randint(1, 40)]), self.random.choice([1, 2]))
            asked.append(
                {
                    "id": f"R{number}",
                    "text": text,
                    "start": _plain(start),
                    "stop": _plain(stop),
                    "selected": self.random.random() < 0.5,
                }
            )
            cuts.append((math.floor(start), math.ceil(stop + tail)))
            at = stop if self.grid == "samples" else Fraction(math.ceil(stop))
        return asked, cuts

    def _off_grid(self) -> Fraction:
        """Fractions that floats hold exactly."""
        return (
            Fraction(self.random.choice([0, 0, self.random.randrange(1024)]), 1024) if self.grid == "samples" else Fraction(0)
        )

    def _region(self, each: dict[str, Any], cut: tuple[int, int]) -> dict[str, Any]:
        start, stop = cut
        handle = self.random.choice([0, 0, 12, 24])
        takes = []
        for number, path in enumerate(self.random.sample(LONG, self.random.choice([1, 1, 2, 3, 4]))):
            score = round(self.random.random(), 3)
            onsets = sorted(self.random.uniform(start - 1, stop) for _ in range(self.random.choice([0, 1, 3])))
            takes.append(
                {
                    "path": path,
                    "start": self._time(Fraction(start)),
                    "duration": self._time(Fraction(stop - start)),
                    "handle": self._time(Fraction(handle)),
                    "score": score,
                    "onsets_s": [float(Fraction(onset) / self.exact) for onset in onsets],
                    "seed": number,
                    "source": {"file": "metal.wav"},
                    "sample_rate": 48000,
                    "channels": 1,
                    "lufs": -23.0,
                    "peak_dbfs": -6.0,
                    "sha256": "",
                    "fade_in_s": self.random.choice([0.0, 0.04]),
                    "fade_out_s": 0.01,
                }
            )
        return {
            "id": each["id"],
            "name": each["text"][5:].strip(": ") or "region",
            "text": each["text"],
            "start": self._time(Fraction(each["start"])),
            "end": self._time(Fraction(each["stop"])),
            "engine": "transfer",
            "tapped": False,
            "reliable": True,
            "reason": "",
            "onsets": [],
            "takes": takes,
            "notes": ["no reliable onsets: too dark"] * (len(takes) % 3),
            "error": None,
        }

    def _choose(self, regions: list[dict[str, Any]]) -> None:
        """As if an editor had been there. Where something is to stop everything, the first region still has takes."""
        for number, region in enumerate(regions):
            state, heard = self.random.choice([("proposed", 1), ("proposed", 0), ("chosen", 1), ("rejected", 0)])
            if number == 0 and set(self.faults) - set(REGION_FAULTS):
                state, heard = "chosen", 1
            region["choice"] = {"state": state, "take": None, "revision": 1, "reason": "off screen", "note": None}
            if not heard:
                region["takes"] = []

    def _time(self, frames: Fraction) -> dict[str, Any]:
        rate = f"{self.exact.numerator}/{self.exact.denominator}"
        return {"value": round(frames), "rate": rate, "seconds": float(frames / self.exact)}

    # --- what was there before ---

    def _tracks(self, cuts: list[tuple[int, int]], end: int) -> list[dict[str, Any]]:
        """Tracks whose clips are in nobody's way, unless a fault says so."""
        tracks = []
        if self.random.random() < 0.6:
            music = [self._foreign("music", at, self.random.randint(10, 100)) for at in (0, 150)]
            tracks.append({"name": "Music", "locked": self.random.random() < 0.2, "clips": music})
        foley: list[dict[str, Any]] = []
        kept: list[dict[str, Any]] = []
        if "foreign_clip" in self.faults:
            start = cuts[0][0]
            foley.append(self._foreign("somebody's", start + self.random.randrange(cuts[0][1] - start), 30))
        elif "locked_track" not in self.faults and self.random.random() < 0.6:
            taken = 0
            for number, (start, stop) in enumerate(cuts, 1):
                if self.random.random() < 0.5 and start >= taken:  # laid earlier, to be replaced
                    foley.append(self._ours(f"R{number}", start, stop))
                    taken = stop
                elif self.random.random() < 0.3 and start + 2 >= taken:  # of a region that is none of these, and stays
                    foley.append(self._ours(f"OLD{number}", start + 2, start + 5))
                    taken = start + 5
            if self.random.random() < 0.4:
                kept.append(self._ours("OLDER", end + 20, end + 60))
        if self.random.random() < 0.3:
            foley.append(self._foreign("far away", end + 200, 25))
        if foley or kept or "locked_track" in self.faults or self.random.random() < 0.1:
            tracks.append({"name": "Foley", "locked": "locked_track" in self.faults, "clips": foley})
        if kept:
            tracks.append({"name": "Foley 2", "locked": False, "clips": kept})
        return tracks

    def _foreign(self, name: str, start: int, duration: int) -> dict[str, Any]:
        return {
            "ours": False,
            "name": name,
            "path": MUSIC,
            "start": start,
            "duration": duration,
            "offset": self.random.randrange(20),
        }

    def _ours(self, region: str, start: int, stop: int) -> dict[str, Any]:
        takes = []
        for number, path in enumerate(self.random.sample(LONG, self.random.choice([1, 2, 3])), 1):
            made = {"path": path, "offset": self.random.choice([0, 6]), "label": f"take {number}, score 0.50", "score": 0.5}
            takes.append(made | {"seed": number, "fade_in_s": 0, "fade_out_s": 0.01, "sample_rate": 48000, "channels": 1})
        return {
            "ours": True,
            "region": region,
            "text": "laid before",
            "key": "key-before",
            "start": start,
            "duration": stop - start,
            "trim": {"start": start, "stop": stop},
            "chosen": self.random.randint(1, len(takes)),
            "takes": takes,
        }

    # --- what goes wrong ---

    def _spoil(
        self, fault: str, asked: list[dict[str, Any]], ranges: list[dict[str, Any]], regions: list[dict[str, Any]]
    ) -> None:
        """Of two faults the one that leaves a region out takes the last region, and the other one the first."""
        victim = self.random.randrange(len(asked))
        if len(self.faults) == 2:
            victim = len(asked) - 1 if fault in REGION_FAULTS else 0
        if fault == "region_gone":
            del ranges[victim]
        elif fault == "region_moved":
            ranges[victim]["stop"] += self.random.choice([1, 7])
        elif fault == "region_renamed":
            ranges[victim]["text"] = "FOLEY something else"
        elif fault == "region_failed":
            said = f"region '{regions[victim]['name']}' found no sound"
            regions[victim].update(takes=[], error={"kind": "EngineError", "message": said, "hint": "say it otherwise"})
        elif fault in ("missing_file", "short_file"):
            victim = victim if regions[victim]["takes"] else 0
            take = self.random.choice(regions[victim]["takes"])
            take["path"] = GONE if fault == "missing_file" else SHORT


def _plain(frames: Fraction) -> int | float:
    return int(frames) if frames.denominator == 1 else float(frames)
