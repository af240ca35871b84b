"""What the simulated REAPER's functions on projects do: one method for each, named as it is, with an underscore before it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from reaper_model import Item, Marker, Project, Source, Take, Track, item_dump, item_from


class Misuse(AssertionError):
    """A script did what no REAPER would let pass. It also comes up at the end of the tick, should the script have caught it."""


class Functions:
    """Arguments are checked before a method sees them, and are the objects of the model that handles stand for."""

    front: Project
    projects: list[Project]
    loose: set[Source]  # made, and in no take yet
    commands: list[int]  # native actions run
    refresh: int

    def _home(self, target: Any) -> Project | None:
        return next((project for project in self.projects if project.place_of(target)), None)

    # --- projects

    def _EnumProjects(self, index: int) -> tuple[Any, Any]:
        if index == -1:
            return self.front, self.front.path
        return (self.projects[index], self.projects[index].path) if 0 <= index < len(self.projects) else (None, None)

    def _SelectProjectInstance(self, project: Project) -> None:
        if any(each.depth for each in self.projects):
            raise Misuse("another project came to the front inside an undo block")
        self.front = project

    def _GetProjectStateChangeCount(self, project: Project) -> int:
        return project.changes

    def _GetProjectLength(self, project: Project) -> float:
        return project.length()

    def _GetProjectTimeOffset(self, project: Project, rounded: bool) -> float:
        return round(project.start * project.rate) / project.rate if rounded else project.start

    def _TimeMap_curFrameRate(self, project: Project) -> tuple[float, bool]:
        return project.rate, project.drop

    def _GetSetProjectInfo(self, project: Project, name: str, value: float, is_set: bool) -> float:
        return float({"PROJECT_SRATE": project.sample_rate, "PROJECT_SRATE_USE": 1}[name])

    def _GetAudioDeviceInfo(self, attribute: str) -> tuple[bool, str]:
        return False, ""

    def _GetSetProjectInfo_String(self, project: Project, name: str, value: str, is_set: bool) -> tuple[bool, str]:
        if name.startswith("MARKER_GUID:") and not is_set:
            markers = project.state.sorted_markers()
            index = int(name.partition(":")[2])
            return (True, markers[index].guid) if 0 <= index < len(markers) else (False, "")
        raise Misuse(f"the simulated REAPER does not model the project's {name}")

    def _IsProjectDirty(self, project: Project) -> int:
        return int(project.dirty)

    # --- markers

    def _CountProjectMarkers(self, project: Project) -> tuple[int, int, int]:
        regions = sum(marker.end is not None for marker in project.state.markers)
        return len(project.state.markers), len(project.state.markers) - regions, regions

    def _EnumProjectMarkers3(self, project: Project, index: int) -> tuple[int, bool, float, float, str, int, int]:
        markers = project.state.sorted_markers()
        if not 0 <= index < len(markers):
            return 0, False, 0.0, 0.0, "", 0, 0
        at = markers[index]
        end = 0.0 if at.end is None else at.end
        return index + 1, at.end is not None, at.position, end, at.name, at.number, at.color

    def _AddProjectMarker2(
        self, project: Project, region: bool, at: float, end: float, name: str, want: int, color: int
    ) -> int:
        used = {marker.number for marker in project.state.markers if (marker.end is not None) == region}
        number = want if want >= 0 and want not in used else next(each for each in itertools.count(1) if each not in used)
        project.state.markers.append(Marker(at, end if region else None, name, number, color))
        project.changed()
        return number

    def _SetProjectMarkerByIndex2(
        self, project: Project, index: int, region: bool, at: float, end: float, number: int, name: str, color: int, flags: int
    ) -> bool:
        markers = project.state.sorted_markers()
        if not 0 <= index < len(markers):
            return False
        marker = markers[index]
        marker.position, marker.end = at, end if region else None
        if name or flags & 1:
            marker.name = name
        marker.color = color or marker.color
        if number >= 0:
            marker.number = number
        project.changed()
        return True

    def _DeleteProjectMarker(self, project: Project, number: int, region: bool) -> bool:
        for marker in project.state.markers:
            if marker.number == number and (marker.end is not None) == region:
                project.state.markers.remove(marker)
                project.changed()
                return True
        return False

    def _GetSet_LoopTimeRange2(
        self, project: Project, is_set: bool, loop: bool, start: float, end: float, seek: bool
    ) -> tuple[float, float]:
        if is_set:
            project.selection = (start, end)
        return project.selection

    def _GetCursorPositionEx(self, project: Project) -> float:
        return project.cursor

    # --- tracks

    def _CountTracks(self, project: Project | None = None) -> int:
        return len((project or self.front).state.tracks)

    def _GetTrack(self, project: Project, index: int) -> Track | None:
        return _at(project.state.tracks, index)

    def _GetTrackName(self, track: Track) -> tuple[bool, str]:
        tracks = self._project_of(track).state.tracks
        return True, track.name or f"Track {tracks.index(track) + 1}"

    def _GetParentTrack(self, track: Track) -> Track | None:
        parents: list[Track] = []
        for each in self._project_of(track).state.tracks:
            if each is track:
                return parents[-1] if parents else None
            depth = int(each.values["I_FOLDERDEPTH"])
            if depth > 0:
                parents.append(each)
            elif depth < 0:
                del parents[depth:]
        return None

    def _GetMediaTrackInfo_Value(self, track: Track, name: str) -> float:
        return _known(track.values, name)

    def _SetMediaTrackInfo_Value(self, track: Track, name: str, value: float) -> bool:
        return self._set(track, name, value)

    def _GetSetMediaTrackInfo_String(self, track: Track, name: str, value: str, is_set: bool) -> tuple[bool, str]:
        return self._text(track, name, value, is_set)

    def _GetTrackStateChunk(self, track: Track, text: str, is_undo: bool | None = None) -> tuple[bool, str]:
        lock = "LOCK 1\n" if track.locked else ""
        items = "".join(
            f"<ITEM\nPOSITION {item.values['D_POSITION']}\nLOCK {item.values['C_LOCK']:.0f}\n>\n" for item in track.items
        )
        return True, f'<TRACK\nNAME "{track.name}"\n{lock}TRACKID {track.guid}\n{items}>\n'

    def _InsertTrackAtIndex(self, index: int, defaults: bool) -> None:
        self.front.state.tracks.insert(min(max(index, 0), len(self.front.state.tracks)), Track())
        self.front.changed()

    def _DeleteTrack(self, track: Track) -> None:
        project = self._project_of(track)
        project.state.tracks.remove(track)
        project.changed()

    def _TrackList_AdjustWindows(self, minor: bool) -> None:
        pass

    # --- items

    def _CountTrackMediaItems(self, track: Track) -> int:
        return len(track.items)

    def _GetTrackMediaItem(self, track: Track, index: int) -> Item | None:
        return _at(sorted(track.items, key=lambda item: item.values["D_POSITION"]), index)

    def _GetMediaItemTrack(self, item: Item) -> Track:
        return self._track_of(item)

    def _GetMediaItemInfo_Value(self, item: Item, name: str) -> float:
        return _known(item.values, name)

    def _SetMediaItemInfo_Value(self, item: Item, name: str, value: float) -> bool:
        return self._set(item, name, value)

    def _GetSetMediaItemInfo_String(self, item: Item, name: str, value: str, is_set: bool) -> tuple[bool, str]:
        return self._text(item, name, value, is_set)

    def _GetItemStateChunk(self, item: Item, text: str, is_undo: bool | None = None) -> tuple[bool, str]:
        return True, "<ITEM\n" + json.dumps(item_dump(item)) + "\n>\n"

    def _SetItemStateChunk(self, item: Item, text: str, is_undo: bool | None = None) -> bool:
        vars(item).update(vars(item_from(json.loads(text.removeprefix("<ITEM\n").removesuffix("\n>\n")))))
        self._project_of(item).changed()
        return True

    def _AddMediaItemToTrack(self, track: Track) -> Item:
        item = Item()
        track.items.append(item)
        self._project_of(track).changed()
        return item

    def _DeleteTrackMediaItem(self, track: Track, item: Item) -> bool:
        if item not in track.items:
            return False
        self._project_of(track).changed()
        track.items.remove(item)
        return True

    def _CountSelectedMediaItems(self, project: Project) -> int:
        return len(self._selected(project))

    def _GetSelectedMediaItem(self, project: Project, index: int) -> Item | None:
        return _at(self._selected(project), index)

    def _selected(self, project: Project) -> list[Item]:
        return [item for track in project.state.tracks for item in track.items if item.values["B_UISEL"]]

    # --- takes

    def _CountTakes(self, item: Item) -> int:
        return len(item.takes)

    def _GetTake(self, item: Item, index: int) -> Take | None:
        return _at(item.takes, index)

    def _GetActiveTake(self, item: Item) -> Take | None:
        return item.active

    def _SetActiveTake(self, take: Take) -> None:
        item = self._item_of(take)
        item.values["I_CURTAKE"] = float(item.takes.index(take))
        self._project_of(take).changed()

    def _AddTakeToMediaItem(self, item: Item) -> Take:
        take = Take()
        item.takes.append(take)
        self._project_of(item).changed()
        return take

    def _GetTakeName(self, take: Take) -> str:
        return take.name

    def _GetMediaItemTakeInfo_Value(self, take: Take, name: str) -> float:
        return _known(take.values, name)

    def _SetMediaItemTakeInfo_Value(self, take: Take, name: str, value: float) -> bool:
        return self._set(take, name, value)

    def _GetSetMediaItemTakeInfo_String(self, take: Take, name: str, value: str, is_set: bool) -> tuple[bool, str]:
        return self._text(take, name, value, is_set)

    def _GetMediaItemTake_Source(self, take: Take) -> Source | None:
        return take.source

    def _SetMediaItemTake_Source(self, take: Take, source: Source) -> bool:
        if source not in self.loose:  # it plays somewhere already: a copy is set
            source = Source(source.path, source.parent, source.offset, source.section, source.backwards)
        self.loose.discard(source)
        take.source = source
        self._project_of(take).changed()
        return True

    # --- sources

    def _PCM_Source_CreateFromFile(self, path: str) -> Source | None:
        source = Source(path)
        if not Path(path).is_file() or source.kind == "EMPTY":
            return None
        self.loose.add(source)
        return source

    def _PCM_Source_Destroy(self, source: Source) -> None:
        assert source in self.loose, "a source was destroyed that a take still plays"
        self.loose.discard(source)

    def _PCM_Source_GetSectionInfo(self, source: Source) -> tuple[bool, float, float, bool]:
        if source.parent is None:
            return False, 0.0, 0.0, False
        return True, source.offset, source.section, source.backwards

    def _GetMediaSourceFileName(self, source: Source) -> str:
        return "" if source.parent else source.path

    def _GetMediaSourceType(self, source: Source) -> str:
        return source.kind

    def _GetMediaSourceLength(self, source: Source) -> tuple[float, bool]:
        return source.length, False

    def _GetMediaSourceParent(self, source: Source) -> Source | None:
        return source.parent

    # --- undo, screen

    def _Undo_BeginBlock2(self, project: Project) -> None:
        project.depth += 1

    def _Undo_EndBlock2(self, project: Project, label: str, flags: int) -> None:
        assert project.depth > 0, "an undo block was ended that was not begun"
        assert label, "an undo block without a name"
        project.depth -= 1
        if project.depth == 0 and flags != 0:  # 0: only what actions run inside it added, and none was run
            project.remember(label)

    def _Undo_CanUndo2(self, project: Project) -> str | None:
        return project.history[project.now][0] if project.now else None

    def _Undo_CanRedo2(self, project: Project) -> str | None:
        return project.history[project.now + 1][0] if project.now + 1 < len(project.history) else None

    def _Undo_DoUndo2(self, project: Project) -> int:
        assert project.depth == 0, "undo inside an undo block"
        return int(project.travel(-1))

    def _Undo_DoRedo2(self, project: Project) -> int:
        return int(project.travel(1))

    def _PreventUIRefresh(self, count: int) -> None:
        self.refresh += count

    def _UpdateArrange(self) -> None:
        pass

    def _Main_OnCommandEx(self, command: int, flag: int, project: Project) -> None:
        assert command in (40047,), f"native action {command} is not modelled"
        self.commands.append(command)

    # --- the model

    def _project_of(self, target: Any) -> Project:
        home = self._home(target)
        assert home is not None
        return home

    def _track_of(self, item: Item) -> Track:
        place = self._project_of(item).place_of(item)
        assert place is not None
        return place[0]

    def _item_of(self, take: Take) -> Item:
        place = self._project_of(take).place_of(take)
        assert place is not None and place[1] is not None
        return place[1]

    def _set(self, target: Any, name: str, value: float) -> bool:
        _known(target.values, name)
        target.values[name] = value
        self._project_of(target).changed()
        return True

    def _text(self, target: Any, name: str, value: str, is_set: bool) -> tuple[bool, str]:
        if name == "GUID":
            if is_set:
                raise Misuse("a GUID is not for scripts to set")
            return True, target.guid
        if name == "P_NAME" and hasattr(target, "name"):
            if is_set:
                target.name = value
                self._project_of(target).changed()
            return True, target.name
        if not name.startswith("P_EXT:"):
            raise Misuse(f"the simulated REAPER does not model {name}")
        assert not {'"', "'", "`"} <= set(value), "a project file cannot hold a text with all three quotes"
        if is_set:
            target.ext[name] = value
            self._project_of(target).changed()
        return name in target.ext, target.ext.get(name, "")


def _at(things: list[Any], index: int) -> Any:
    return things[index] if 0 <= index < len(things) else None


def _known(values: dict[str, float], name: str) -> float:
    if name not in values:
        raise Misuse(f"the simulated REAPER does not model {name}")
    return values[name]
