"""A simulated DaVinci Resolve: the published scripting API over a resolve_world.World, behaving as docs/hosts.md says it does.

Each class here holds the functions of one kind of object (resolve_remote.py calls them); what has none is not simulated.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import soundfile
from resolve_api import palette
from resolve_import_simulated import imported
from resolve_remote import MODELS, Remote, Simulation, there
from resolve_world import Folder, Item, Marker, Media, Project, Timeline, Track, World, label_of, new_id, read_media

CLIP_INFO = {"mediaPoolItem", "startFrame", "endFrame", "mediaType", "trackIndex", "recordFrame"}
PAGES = ("media", "cut", "edit", "fusion", "color", "fairlight", "deliver")


def simulated(world: World) -> Remote:
    """The object ``resolve`` of a script."""
    return Remote("Resolve", world, world)


class ResolveModel:
    def GetProjectManager(world: World, _: Any) -> Remote:
        return Remote("ProjectManager", world, world)

    def GetCurrentPage(world: World, _: Any) -> str:
        return world.page

    def OpenPage(world: World, _: Any, name: str) -> bool:
        if name not in PAGES or world.fault("the page stays"):
            return False
        world.page = name
        return True

    def GetProductName(world: World, _: Any) -> str:
        return "DaVinci Resolve Studio" if world.studio else "DaVinci Resolve"

    def GetVersion(world: World, _: Any) -> list[Any]:
        return [*(*world.version, 0, 0)[:3], 5, ""]

    def GetVersionString(world: World, _: Any) -> str:
        return ".".join(map(str, world.version))


class ProjectManagerModel:
    def GetCurrentProject(world: World, _: Any) -> Project:
        return world.project

    def SaveProject(world: World, _: Any) -> bool:
        if world.project.name == "Untitled Project" or world.fault("saving is refused"):
            return False
        world.save()
        return True


class ProjectModel:
    def GetName(world: World, project: Project) -> str:
        return project.name

    def GetUniqueId(world: World, project: Project) -> str:
        return project.id

    def GetCurrentTimeline(world: World, project: Project) -> Timeline | None:
        return project.current

    def GetTimelineCount(world: World, project: Project) -> int:
        return len(project.timelines)

    def GetTimelineByIndex(world: World, project: Project, index: int) -> Timeline:
        return project.timelines[index - 1]

    def SetCurrentTimeline(world: World, project: Project, timeline: Timeline) -> bool:
        project.current = timeline
        return True

    def GetMediaPool(world: World, project: Project) -> Remote:
        return Remote("MediaPool", world, project)

    def GetSetting(world: World, project: Project, name: str) -> Any:
        return float(project.rate_name.removesuffix(" DF")) if name == "timelineFrameRate" else ""


class MediaPoolModel:
    def GetRootFolder(world: World, project: Project) -> Folder:
        return project.root

    def GetCurrentFolder(world: World, project: Project) -> Folder:
        return project.folder or project.root

    def SetCurrentFolder(world: World, project: Project, folder: Folder) -> bool:
        project.folder = folder
        return True

    def AddSubFolder(world: World, project: Project, folder: Folder, name: str) -> Folder:
        made = Folder(name)
        folder.folders.append(made)
        project.folder = made
        return made

    def DeleteFolders(world: World, project: Project, folders: list[Folder]) -> bool:
        for folder in project.root.all_folders():
            folder.folders = [inner for inner in folder.folders if not among(inner, folders)]
        if project.folder is not None and not there(world, project.folder):
            project.folder = None
        return True

    def ImportMedia(world: World, project: Project, paths: list[str]) -> list[Media]:
        if world.fault("nothing is imported twice"):
            known = {media.path for folder in project.root.all_folders() for media in folder.clips}
            paths = [path for path in paths if path not in known]
        media = [] if world.fault("importing is refused") else [read_media(path, project.rate_name) for path in paths]
        found = [one for one in media if one]
        for sound in [one for one in found if one.kind == "Audio" and world.fault("a sample short is a frame short")]:
            told = soundfile.info(sound.path)
            sound.frames = int(told.frames * sound.rate / told.samplerate)
        (project.folder or project.root).clips.extend(found)
        return found

    def DeleteClips(world: World, project: Project, clips: list[Media]) -> bool:
        for folder in project.root.all_folders():
            folder.clips = [media for media in folder.clips if not among(media, clips)]
        for track in (track for timeline in project.timelines for track in timeline.tracks):
            track.items = [item for item in track.items if item.media is None or not among(item.media, clips)]
        return True

    def ImportTimelineFromFile(world: World, project: Project, path: str, options: Any = None) -> Timeline | None:
        made, _ = imported(world, path, options or {})
        return made

    def GetSelectedClips(world: World, project: Project) -> list[Media]:
        return project.selected

    def AppendToTimeline(world: World, project: Project, infos: list[Any]) -> Any:
        if project.current is None or world.fault("append gives nothing"):
            return []
        laid = [append(world, project.current, info) for info in infos]
        if world.fault("append raises and lays all the same"):
            raise ConnectionError("the answer was lost")
        return laid


class FolderModel:
    def GetName(world: World, folder: Folder) -> str:
        return folder.name

    def GetClipList(world: World, folder: Folder) -> list[Media]:
        return folder.clips

    def GetSubFolderList(world: World, folder: Folder) -> list[Folder]:
        return folder.folders

    def GetUniqueId(world: World, folder: Folder) -> str:
        return folder.id


class MediaPoolItemModel:
    def GetName(world: World, media: Media) -> str:
        return media.name

    def GetUniqueId(world: World, media: Media) -> str:
        return media.id

    def GetClipProperty(world: World, media: Media, name: str = "") -> Any:
        told = {
            "File Path": media.path,
            "FPS": float(media.rate_name),
            "Frames": str(media.frames),
            "Start TC": media.start_timecode,
            "Type": media.kind,
            "Audio Ch": str(media.channels),
            "Duration": label_of(media.frames, media.rate),
        }
        return told.get(name, "") if name else told


class Marked:
    """What timelines and their clips have in common: markers by frame, counted from their own start."""

    def GetMarkers(world: World, of: Any) -> dict[float, dict[str, Any]]:
        return {frame: marker.as_told() for frame, marker in of.markers.items()}

    def AddMarker(
        world: World, of: Any, frame: float, color: str, name: str, note: str, duration: float, data: str = ""
    ) -> bool:
        if isinstance(of, Item) and world.fault("clip markers are refused"):
            return False
        if color not in palette("MarkerColor") or frame in of.markers or frame < 0 or duration < 1:
            return False
        of.markers[float(frame)] = Marker(color, float(duration), note, name, data)
        return True

    def UpdateMarkerCustomData(world: World, of: Any, frame: float, data: str) -> bool:
        if frame not in of.markers:
            return False
        of.markers[frame].customData = data
        return True

    def DeleteMarkerAtFrame(world: World, of: Any, frame: float) -> bool:
        return of.markers.pop(frame, None) is not None


class TimelineModel(Marked):
    def GetName(world: World, timeline: Timeline) -> str:
        return timeline.name

    def GetUniqueId(world: World, timeline: Timeline) -> str:
        return timeline.id

    def GetStartFrame(world: World, timeline: Timeline) -> int:
        return timeline.start

    def GetEndFrame(world: World, timeline: Timeline) -> int:
        return timeline.end

    def GetStartTimecode(world: World, timeline: Timeline) -> str:
        return label_of(timeline.start, timeline.rate, timeline.drop_frame)

    def GetCurrentTimecode(world: World, timeline: Timeline) -> str | None:
        if world.page in ("media", "fusion"):
            return None
        return label_of(timeline.start + timeline.playhead, timeline.rate, timeline.drop_frame)

    def GetSetting(world: World, timeline: Timeline, name: str) -> str:
        told = {"timelineFrameRate": timeline.rate_name, "timelineDropFrameTimecode": str(int(timeline.drop_frame))}
        return told.get(name, "")

    def GetMarkInOut(world: World, timeline: Timeline) -> dict[str, dict[str, int]]:
        return timeline.marks

    def GetTrackCount(world: World, timeline: Timeline, kind: str) -> int:
        return len(timeline.of(kind))

    def GetTrackName(world: World, timeline: Timeline, kind: str, index: int) -> str:
        return track(timeline, kind, index).name

    def SetTrackName(world: World, timeline: Timeline, kind: str, index: int, name: str) -> bool:
        track(timeline, kind, index).name = name
        return True

    def GetTrackSubType(world: World, timeline: Timeline, kind: str, index: int) -> str:
        return track(timeline, kind, index).subtype

    def GetIsTrackLocked(world: World, timeline: Timeline, kind: str, index: int) -> bool:
        return track(timeline, kind, index).locked

    def GetIsTrackEnabled(world: World, timeline: Timeline, kind: str, index: int) -> bool:
        return track(timeline, kind, index).enabled

    def AddTrack(world: World, timeline: Timeline, kind: str, subtype: str = "mono") -> bool:
        if kind not in ("audio", "video") or world.fault("tracks are refused"):
            return False
        name = f"{kind.title()} {len(timeline.of(kind)) + 1}"
        timeline.tracks.append(Track(kind, name, subtype if kind == "audio" else ""))
        return True

    def DeleteTrack(world: World, timeline: Timeline, kind: str, index: int) -> bool:
        gone = track(timeline, kind, index)
        timeline.tracks = [one for one in timeline.tracks if one is not gone]
        return True

    def GetItemListInTrack(world: World, timeline: Timeline, kind: str, index: int) -> list[Item]:
        return sorted(track(timeline, kind, index).items, key=lambda item: item.start)

    def DeleteClips(world: World, timeline: Timeline, items: list[Item], ripple: bool = False) -> bool:
        if ripple:
            raise Simulation("ripple deletes move what others made")
        holders = [track for track in timeline.tracks if any(among(item, items) for item in track.items)]
        if world.page != "edit" or any(track.locked for track in holders) or world.fault("deleting is refused"):
            return False
        for holder in holders:
            holder.items = [item for item in holder.items if not among(item, items)]
        return True


class TimelineItemModel(Marked):
    def GetName(world: World, item: Item) -> str:
        return item.name

    def GetUniqueId(world: World, item: Item) -> str:
        return item.id

    def GetMediaPoolItem(world: World, item: Item) -> Media | None:
        return item.media

    def GetStart(world: World, item: Item, precise: bool = False) -> int:
        return item.start

    def GetDuration(world: World, item: Item, precise: bool = False) -> int:
        return item.duration

    def GetEnd(world: World, item: Item, precise: bool = False) -> int:
        return item.end

    def GetLeftOffset(world: World, item: Item, precise: bool = False) -> int:
        return item.left

    def GetSourceStartFrame(world: World, item: Item) -> int:
        return round(source_span(world, item)[0] * (item.media.rate if item.media else 0))

    def GetSourceEndFrame(world: World, item: Item) -> int:
        return round(source_span(world, item)[1] * (item.media.rate if item.media else 0))

    def GetSourceStartTime(world: World, item: Item) -> float:
        return float(source_span(world, item)[0] + media_start(item))

    def GetSourceEndTime(world: World, item: Item) -> float:
        return float(source_span(world, item)[1] + media_start(item))

    def GetClipEnabled(world: World, item: Item) -> bool:
        return item.enabled

    def SetClipEnabled(world: World, item: Item, enabled: bool) -> bool:
        item.enabled = enabled
        return True

    def GetClipColor(world: World, item: Item) -> str:
        return item.color

    def SetClipColor(world: World, item: Item, color: str) -> bool:
        if color not in palette("ClipColor"):
            return False
        item.color = color
        return True


MODELS.update(
    {
        "Resolve": ResolveModel,
        "ProjectManager": ProjectManagerModel,
        "Project": ProjectModel,
        "MediaPool": MediaPoolModel,
        "Folder": FolderModel,
        "MediaPoolItem": MediaPoolItemModel,
        "Timeline": TimelineModel,
        "TimelineItem": TimelineItemModel,
    }
)


def among(one: object, many: list[Any]) -> bool:
    return any(one is other for other in many)


def track(timeline: Timeline, kind: str, index: int) -> Track:
    tracks = timeline.of(kind)
    if not 1 <= index <= len(tracks):
        raise Simulation(f"there is no {kind} track {index}: they are 1 to {len(tracks)}")
    return tracks[index - 1]


def media_start(item: Item) -> Fraction:
    """Seconds of its first frame's timecode."""
    return item.media.start / item.media.rate if item.media else Fraction(0)


def source_span(world: World, item: Item) -> tuple[Fraction, Fraction]:
    """Seconds of the media, from its first picture, that a clip shows."""
    assert world.project.current and item.media
    rate = world.project.current.rate
    first = Fraction(item.left) / (rate if item.media.kind == "Audio" else item.media.rate) * abs(item.speed)
    length = item.duration / rate * item.speed
    return (first, first + length) if length >= 0 else (first - length, first)


def append(world: World, timeline: Timeline, info: dict[str, Any]) -> Item:
    """One clip, as AppendToTimeline lays it: or an item that is nowhere, when there is something in its way."""
    if not isinstance(info, dict) or set(info) != CLIP_INFO:
        raise Simulation(f"AppendToTimeline with {info}: the simulator knows clips with {sorted(CLIP_INFO)}")
    media, record = info["mediaPoolItem"], info["recordFrame"]
    if not isinstance(media, Media) or info["mediaType"] not in (1, 2):
        raise Simulation(f"AppendToTimeline with {info}")
    first = info["startFrame"]
    last = min(info["endFrame"] + (world.version < (19,)), media.frames)  # exclusive since 19
    duration = int((last - first) * timeline.rate / media.rate)
    left = int(first * timeline.rate / media.rate) if media.kind == "Audio" else first
    nowhere = Item(media, media.name, record, max(1, duration), left, id="")
    holder = track(timeline, "video" if info["mediaType"] == 1 else "audio", info["trackIndex"])
    if world.fault("append ignores the track"):
        holder = timeline.of(holder.kind)[0]
    record += world.fault("append lands a frame late")
    duration -= world.fault("append is a frame short")
    in_the_way = any(item.start < record + duration and record < item.end for item in holder.items)
    if duration < 1 or in_the_way or holder.locked or world.fault("append is dropped silently"):
        return nowhere
    made = Item(media, media.name, record, duration, left, id=new_id(), lasts=not world.fault("append is lost on saving"))
    holder.items.append(made)
    return made
