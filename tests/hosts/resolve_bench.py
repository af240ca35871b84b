"""A simulated Resolve with a project in it, and the adapter on it, as the tests use them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import resolve_simulated
from resolve_world import Folder, Item, Marker, Media, Project, Timeline, Track, World, read_media

SCRIPTS = Path(__file__).parents[2] / "host_scripts"
for folder in (SCRIPTS / "core" / "python", SCRIPTS / "resolve"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from foley_resolve.host import ResolveHost  # noqa: E402
from foley_resolve.session import Session  # noqa: E402


class Silent:
    """Windows that nobody sees: what was said, and answers given beforehand."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.answers: list[Any] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    def ask(self, question: str) -> bool:
        self.said.append(question)
        return bool(self.answers.pop(0)) if self.answers else False

    def ask_text(self, question: str, text: str) -> str | None:
        self.said.append(question)
        return self.answers.pop(0) if self.answers else None

    def show(self, fraction: float | None, text: str = "") -> bool:
        return False

    def later(self, tick: Any) -> None:
        while tick():
            pass


def world(
    rate: str = "24", start: int = 86400, movie: Path | None = None, version: tuple[int, ...] = (21, 0, 0), frames: int = 240
) -> World:
    """A saved project with one timeline: a clip of ``movie`` on V1, and an empty audio track."""
    timeline = Timeline("reel 1", rate, start, [Track("video", "Video 1"), Track("audio", "Audio 1", "stereo")])
    project = Project("film", rate.removesuffix(" DF"), [timeline], timeline)
    media = (
        read_media(str(movie), project.rate_name) if movie else Media("/media/shot.mov", "shot.mov", rate[:6], 9999, "Video")
    )
    assert media
    project.root.clips.append(media)
    project.root.folders.append(Folder("Rushes"))
    project.folder = project.root.folders[0]
    timeline.tracks[0].items.append(Item(media, media.name, start, frames))
    made = World(project, version)
    made.save()
    return made


def region(world: World, start: int, stop: int, text: str = "FOLEY hits") -> None:
    """A marker with a length on the timeline."""
    assert world.project.current
    world.project.current.markers[float(start)] = Marker("Blue", float(stop - start), "", text, "")


def host_in(world: World, work: Path) -> tuple[ResolveHost, Silent]:
    """The adapter on a world, with a work folder."""
    config = work / "foley_bridge.json"
    config.write_text(json.dumps({"schema": 1, "work": str(work)}), "utf-8")
    windows = Silent()
    return ResolveHost(Session(resolve_simulated.simulated(world)), windows, str(config)), windows
