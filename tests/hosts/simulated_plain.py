"""A simulated host, in memory: one that forgets nothing, refuses nothing, and misbehaves only where a world says so.

It is there to run both cores; what real hosts do is the business of their own adapters' tests.
"""

from __future__ import annotations

import copy
import itertools
import subprocess
import time
from collections.abc import Callable
from typing import Any

from foley_host import HostError

UNDO = "Edit > Undo"


class Host:
    """As docs/host_scripts.md says, for a world of ``scenarios.py``, or an empty project."""

    name = "Plain"
    undo_hint = UNDO
    lives_on = True

    def __init__(self, world: dict[str, Any] | None = None, **fields: Any) -> None:
        world = world or {}
        self.grid = world.get("grid", "frames")
        self.options: dict[str, str] = {}
        self.config = ""
        self._ids = itertools.count(1)
        self._faults = {"error_midway", "append_dropped", "save_loses", "returns_false", "wrong_page"} & set(
            world.get("faults", ())
        )
        self._fault_at = world.get("fault_at", 0)
        self._project = {"id": "plain", "folder": None, **world.get("project", {})}
        self._ranges = copy.deepcopy(world.get("ranges", []))
        self._points: list[dict[str, Any]] = []
        self._tracks: list[dict[str, Any]] = []  # what is not sound of ours: see tracks()
        self.audio = [
            {"name": track["name"], "locked": track["locked"], "clips": [self._held(clip) for clip in track["clips"]]}
            for track in copy.deepcopy(world.get("tracks", []))
        ]
        self.said: list[str] = []
        self.asked: list[str] = []
        self.answers: list[Any] = []
        self.shown: list[Any] = []
        self.opened: list[str] = []
        self.ticks: list[Callable[[], bool]] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        self.cancels = False
        self.selected_clip: dict[str, Any] | None = None
        self.selected_takes: list[str] = []
        for name, value in fields.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    def _held(self, clip: dict[str, Any]) -> dict[str, Any]:
        """A clip as this host keeps it: takes with their offsets, where it lies."""
        if not clip["ours"]:
            return {**clip, "id": f"c{next(self._ids)}"}
        start, stop = clip["start"], clip["start"] + clip["duration"]
        if self.grid == "samples":
            start, stop = clip["trim"]["start"], clip["trim"]["stop"]
        takes = [{"path": take["path"], "offset": take["offset"] + start - clip["start"]} for take in clip["takes"]]
        return {
            "id": f"c{next(self._ids)}",
            "name": clip["text"],
            "ours": True,
            "start": start,
            "duration": stop - start,
            "region": clip["region"],
            "key": clip["key"],
            "chosen": clip["chosen"],
            "takes": takes,
        }

    # --- what an adapter gives ---

    def project(self) -> dict[str, Any]:
        return dict(self._project)

    def ranges(self) -> list[dict[str, Any]]:
        return copy.deepcopy(self._ranges)

    def points(self) -> list[dict[str, Any]]:
        return copy.deepcopy(self._points)

    def tracks(self) -> list[dict[str, Any]]:
        return copy.deepcopy(self._tracks)

    def own_tracks(self) -> list[dict[str, Any]]:
        return [self._seen(track) for track in self.audio if track["name"].split(" ")[0] == "Foley"]

    def _seen(self, track: dict[str, Any]) -> dict[str, Any]:
        return {"name": track["name"], "locked": track["locked"], "clips": [self._clip_seen(clip) for clip in track["clips"]]}

    def _clip_seen(self, clip: dict[str, Any]) -> dict[str, Any]:
        if not clip["ours"]:
            return dict(clip)
        sounding = clip["takes"][clip["chosen"] - 1]
        return {**clip, **sounding, "takes": [take["path"] for take in clip["takes"]]}

    def place(self, plan: dict[str, Any]) -> Any:
        receipt = copy.deepcopy(self.audio)
        gone = {clip["id"] for clip in plan["remove"]}
        for track in self.audio:
            track["clips"] = [clip for clip in track["clips"] if clip["id"] not in gone]
        for number, add in enumerate(plan["add"]):
            if "error_midway" in self._faults and number == min(self._fault_at, len(plan["add"]) - 1):
                self.audio = receipt
                raise HostError("the host stopped answering", "Try again.")
            if "append_dropped" in self._faults and number == min(self._fault_at, len(plan["add"]) - 1):
                continue
            track = next((track for track in self.audio if track["name"] == add["track"]), None)
            if track is None:
                track = {"name": add["track"], "locked": False, "clips": []}
                self.audio.append(track)
            track["clips"].append(self._held({**add, "ours": True}))
        return receipt

    def take_back(self, receipt: Any) -> None:
        self.audio = copy.deepcopy(receipt)

    def settle(self) -> None:
        if "save_loses" in self._faults:
            self._faults.remove("save_loses")
            self.audio[-1]["clips"] = self.audio[-1]["clips"][:-1]

    def choose(self, clip: dict[str, Any], number: int) -> None:
        found = [each for track in self.audio for each in track["clips"] if each["id"] == clip["id"]]
        if not found:
            raise HostError("the clip is not there any more", "Try again.")
        found[0]["chosen"] = number

    def write_text(self, range_id: str, text: str) -> None:
        next(each for each in self._ranges if each["id"] == range_id)["text"] = text

    def chosen_clip(self) -> dict[str, Any] | None:
        return self.selected_clip

    def chosen_takes(self) -> list[str]:
        return self.selected_takes

    def say(self, message: str) -> None:
        self.said.append(message)

    def ask(self, question: str) -> bool:
        self.asked.append(question)
        return bool(self.answers.pop(0))

    def ask_text(self, question: str, text: str) -> str | None:
        self.asked.append(f"{question} [{text}]")
        answer = self.answers.pop(0)
        return None if answer is None else str(answer)

    def show(self, fraction: float | None, text: str = "") -> bool:
        self.shown.append((fraction, text))
        return self.cancels and fraction is not None and text != "Asking the daemon"

    def later(self, tick: Callable[[], bool]) -> None:
        self.ticks.append(tick)

    def launch(self, command: list[str]) -> None:
        self.processes.append(subprocess.Popen(command))

    def open(self, path: str) -> None:
        self.opened.append(path)

    # --- the user, and time ---

    def run_ticks(self, patience_s: float = 120) -> None:
        """Let the host's timer run until nothing waits for it any more."""
        end = time.monotonic() + patience_s
        while self.ticks:
            assert time.monotonic() < end, self.shown[-3:]
            self.tick()
            time.sleep(0.02)

    def tick(self) -> None:
        """Let the host's timer run once."""
        self.ticks[:] = [tick for tick in list(self.ticks) if tick()]

    # --- from outside ---

    def dump(self) -> dict[str, Any]:
        """The project as ``oracle.py`` takes it."""
        return {"tracks": [self._seen(track) for track in self.audio], "ranges": self.ranges()}
