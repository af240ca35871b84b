"""A project on disk for both cores, whose hosts ask a real daemon."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from simulated_plain import Host

RATE = "25/1"


class Place:
    """A project on disk, a config, and hosts that open the project."""

    def __init__(self, folder: Path, endpoint: str, shot: Path, knock: Path) -> None:
        self.folder, self.shot, self.knock = folder / "reel ä", shot, knock
        self.folder.mkdir()
        self.work = folder / "work"
        self.work.mkdir()
        self.config = folder / "foley_bridge.json"
        self.endpoint = endpoint
        self.write_config(endpoint=endpoint)
        self.ranges = [self.range("R1", f'FOLEY knock like="{knock}" takes=3', 10, 40)]

    def write_config(self, **changes: Any) -> None:
        call = [sys.executable, "-m", "foley_bridge.bridge.call"]
        config = {"schema": 1, "version": "0.1.0", "foley_call": call, "endpoint": None, "keys": None, "seat": None}
        self.config.write_text(json.dumps(config | {"work": str(self.work)} | changes), "utf-8")

    @staticmethod
    def range(number: str, text: str, start: int, stop: int, selected: bool = False) -> dict[str, Any]:
        return {"id": number, "text": text, "start": start, "stop": stop, "selected": selected}

    def host(self, **changes: Any) -> Host:
        project = {"name": "reel", "rate": RATE, "start": 90000, "length": None, "sample_rate": 48000}
        clip = {"name": "shot", "path": str(self.shot), "start": 0, "duration": 150, "source_start_s": 0}
        clip |= {"media_duration_s": 6.0, "speed": 1, "enabled": True}
        tracks = [{"kind": "video", "name": "V1", "enabled": True, "clips": [clip]}]
        host = Host({"project": project, "ranges": self.ranges}, config=str(self.config), _tracks=tracks)
        host._project |= {"id": str(self.folder / "reel.prj"), "folder": str(self.folder)} | changes
        return host

    def left(self) -> list[str]:
        """Work files, but for the note where the last report is."""
        return sorted(path.name for path in self.work.iterdir() if not path.name.startswith("last-"))

    def age(self, kind: str = "pending") -> None:
        """As after a while in which nobody looked after what is noted."""
        self.note(kind, alive=0)

    def note(self, kind: str, **changes: Any) -> None:
        """What is noted of a kind, changed."""
        (note,) = self.work.glob(f"{kind}-*")
        note.write_text(json.dumps(json.loads(note.read_text("utf-8")) | changes), "utf-8")


def ours(host: Host) -> list[dict[str, Any]]:
    return [clip for track in host.own_tracks() for clip in track["clips"]]


def lines(host: Host) -> list[str]:
    """Of the only message."""
    (said,) = host.said
    return said.splitlines()
