"""A simulated Resolve with a project in it, and the adapter on it, as the tests use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import resolve_simulated
import soundfile
from resolve_scripts import ResolveHost, session
from resolve_world import Folder, Item, Marker, Media, Project, Timeline, Track, World, rate_of, read_media


class Silent:
    """Windows that nobody sees: what was said, and answers given beforehand."""

    lives_on = True

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
    config.write_text(json.dumps({"schema": 1, "work": str(work), "foley_call": ["foley-call"]}), "utf-8")
    windows = Silent()
    return ResolveHost(session.Session(resolve_simulated.simulated(world)), windows, str(config)), windows


def take(path: Path, frames: int, rate: str, *, channels: int = 1) -> dict[str, Any]:
    """A take of so many frames, as a plan has it, with its file."""
    count = round(frames * 48000 / rate_of(rate))
    soundfile.write(path, np.zeros((count, channels), np.float32), 48000, subtype="PCM_24")
    return {"path": str(path), "offset": 0, "label": f"{path.stem}, score 0.50", "score": 0.5, "channels": channels}


def add(world: World, folder: Path, region: str, start: int, duration: int, *, takes: int = 1, track: str = "Foley") -> Any:
    """One clip of a plan, with its takes' files."""
    assert world.project.current
    rate = world.project.current.rate_name
    files = [take(folder / f"{region[-4:]} {start} take {number}.wav", duration, rate) for number in range(1, takes + 1)]
    told = {"region": region, "text": "metal hits", "key": "key", "start": start, "duration": duration}
    return {**told, "track": track, "chosen": 1, "takes": files}


def plan(*adds: Any, remove: Any = ()) -> dict[str, Any]:
    return {"label": "Foley: test", "remove": list(remove), "add": list(adds)}


def picture(world: World) -> Any:
    """Everything a user sees of the project: tracks, clips, markers, bins, where he is in it."""
    project, timeline = world.project, world.project.timelines[0]
    tracks = [
        (track.kind, track.name, track.enabled, track.locked, sorted(clip_picture(item) for item in track.items))
        for track in timeline.tracks
    ]
    markers = sorted((frame, marker.name, marker.duration) for frame, marker in timeline.markers.items())
    bins = [(folder.name, sorted(media.name for media in folder.clips)) for folder in project.root.all_folders()]
    return tracks, markers, bins, (project.folder or project.root).name


def clip_picture(item: Item) -> Any:
    markers = sorted((frame, marker.name, marker.note, marker.customData) for frame, marker in item.markers.items())
    return item.start, item.duration, item.left, item.name, item.color, item.enabled, tuple(markers)
