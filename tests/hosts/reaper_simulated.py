"""A REAPER for tests: its Lua functions over a model of a project, ticked by hand. It is not REAPER.

It follows what REAPER documents (docs/hosts.md says where each fact was read), and where that leaves a choice it takes the one that
is hardest on scripts: every handle dies with undo, an index is only an index, a call that is wrong by one argument or type raises,
a function that is not modelled does not exist. Scripts run in a Lua state of their own each, as REAPER runs them.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lupa.lua54 as lupa
from reaper_api import GFX, GFX_FIELDS, REAPER
from reaper_model import Item, Marker, Project, Source, Take, Track, item_dump, item_from

KINDS = {"t": (Track, "MediaTrack"), "m": (Item, "MediaItem"), "k": (Take, "MediaItem_Take"), "s": (Source, "PCM_source")}
TICK_S = 1 / 30
YES, NO, OK, CANCEL = 6, 7, 1, 2


class Misuse(AssertionError):
    """A script did what no REAPER would let pass. It also comes up at the end of the tick, should the script have caught it."""


class Dead(RuntimeError):
    """A handle was used whose object is gone: REAPER says so in an error that a script may catch."""


class Handle:
    """What a script holds instead of an object: good for being passed on, and for nothing else."""

    __slots__ = ("generation", "project", "target")

    def __init__(self, target: Any, project: Project) -> None:
        self.target, self.project, self.generation = target, project, project.generation


class Script:
    """A script that runs: its Lua state, its window, what it does at its end."""

    def __init__(self, path: Path, lua: Any) -> None:
        self.path, self.lua = path, lua
        self.deferred = False
        self.at_exit: list[Any] = []
        self.window: Window | None = None


class Window:
    """A ``gfx`` window: what was drawn since the last update, and what a user does to it."""

    def __init__(self, title: str, width: float, height: float) -> None:
        self.title, self.width, self.height = title, width, height
        self.open = True
        self.words: list[str] = []  # drawn since the last update
        self.shown: list[str] = []
        self.rectangles: list[tuple[float, ...]] = []
        self.mouse = (0.0, 0.0, 0.0)
        self.keys: list[int] = []


class Reaper:
    """A running REAPER with one project open. ``system`` is what GetOS says."""

    def __init__(self, project: Project, resources: Path, *, system: str = "Other") -> None:
        self.projects = [project]
        self.front = project
        self.resources, self.system = resources, system
        self.queue: deque[tuple[Script, Any]] = deque()
        self.scripts: list[Script] = []
        self.clock = 1000.0
        self.calls: list[str] = []  # in this tick
        self.misuses: list[str] = []
        self.most_calls = 0  # in any tick in which nothing was placed
        self.dialogs: list[str] = []  # what was shown
        self.answers: deque[Any] = deque()  # of the user, in order: True, False, text, None
        self.processes: list[subprocess.Popen[bytes]] = []
        self.launched: list[list[str]] = []
        self.environment: dict[str, str] = dict(os.environ)
        self.ext: dict[tuple[str, str], str] = {}
        self.actions: dict[int, str] = {}
        self.commands: list[int] = []  # native actions run
        self.counts: dict[str, int] = {}
        self.faults: dict[tuple[str, int], Any] = {}  # (function, which call of it) → what it gives, or a callable
        self.after: dict[tuple[str, int], Callable[[], Any]] = {}
        self.between: list[Callable[[], Any]] = []  # what happens before the ticks to come, one each
        self.loose: set[Source] = set()  # made, and in no take yet
        self.refresh = 0
        self._handles: dict[Any, Handle] = {}
        self._numbers = itertools.count(50000)

    # --- running scripts

    def run(self, path: Path) -> Script:
        """Run an action as if its menu entry was chosen; what it defers comes with the ticks."""
        lua = lupa.LuaRuntime(unpack_returned_tuples=True, attribute_filter=_no_attributes, register_eval=False)
        script = Script(path, lua)
        self.scripts.append(script)
        self._install(script)
        before = self.front
        self._begin_tick()
        lua.globals().dofile(str(path))
        self._end_tick()
        if not script.deferred:  # REAPER makes an undo point of its own for a script that never defers
            before.remember(f"ReaScript: {path.stem}")
        return script

    def tick(self, count: int = 1) -> bool:
        """Let REAPER's timer fire; false when no script waits for it."""
        for _ in range(count):
            if self.between:
                self.between.pop(0)()
            due, self.queue = self.queue, deque()
            self.clock += TICK_S
            for script, function in due:
                self._begin_tick()
                function()
                self._end_tick()
            for script in [script for script in self.scripts if all(script is not waiting for waiting, _ in self.queue)]:
                self.scripts.remove(script)
                for function in script.at_exit:
                    function()
                script.window = None
        return bool(self.queue)

    def close(self) -> None:
        """REAPER goes, without saving: its scripts end where they are. What they started lives on."""
        self.queue.clear()
        self.scripts.clear()

    def end_processes(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def osc(self, address: str) -> Script:
        """An OSC message that triggers an action by its name, as the default patterns have it (``t/action/@``)."""
        assert address.startswith("/action/_"), address
        return self.run(Path(self.actions[self._named(address.removeprefix("/action/"))]))

    def window(self) -> Window | None:
        return next((script.window for script in self.scripts if script.window is not None), None)

    def _begin_tick(self) -> None:
        self.calls = []

    def _end_tick(self) -> None:
        assert not self.misuses, self.misuses
        assert self.refresh == 0, "PreventUIRefresh was not given back"
        for project in self.projects:
            assert project.depth == 0, "an undo block was left open"
        if not any(name.startswith("Undo_") for name in self.calls):
            self.most_calls = max(self.most_calls, len(self.calls))

    # --- the tables

    def _install(self, script: Script) -> None:
        lua = script.lua
        glue = lua.execute(_GLUE)
        reaper = lua.table_from({name: self._function(script, name, sign) for name, sign in REAPER.items()})
        fields = lua.table_from({name: 0 for name in GFX_FIELDS} | {"texth": 14})
        drawing = lua.table_from({name: self._function(script, f"gfx_{name}", sign) for name, sign in GFX.items()})
        script.fields = fields  # type: ignore[attr-defined]
        glue(reaper, drawing, fields)

    def _function(self, script: Script, name: str, signature: str) -> Callable[..., Any]:
        takes, gives = (_letters(part) for part in signature.split("->"))
        shown = name.replace("gfx_", "gfx.")

        def call(*given: Any) -> Any:
            try:
                return self._call(script, name, shown, takes, gives, given)
            except Dead:
                raise
            except Exception as error:
                self.misuses.append(f"{shown}: {error}")
                raise

        return call

    def _call(self, script: Script, name: str, shown: str, takes: list[Any], gives: list[Any], given: tuple[Any, ...]) -> Any:
        method = getattr(self, f"_{name}", None)
        if method is None:
            raise Misuse("not modelled")
        if not sum(not optional for _, optional in takes) <= len(given) <= len(takes):
            raise Misuse(f"takes {len(takes)} arguments, not {len(given)}")
        values = [self._in(shown, number, *each) for number, each in enumerate(zip(takes, given, strict=False), 1)]
        if not name.startswith("gfx_"):
            self.calls.append(name)
        self.counts[name] = self.counts.get(name, 0) + 1
        which = (name, self.counts[name])
        if which in self.faults:
            fault = self.faults[which]
            result = fault() if callable(fault) else fault
        elif name in ("defer", "runloop", "atexit") or name.startswith("gfx_"):
            result = method(script, *values)
        else:
            result = method(*values)
        if which in self.after:
            self.after[which]()
        return self._out(shown, gives, result)

    def _in(self, name: str, number: int, letter: tuple[str, bool], value: Any) -> Any:
        kind, optional = letter
        if value is None and (optional or kind in "p*"):
            return self.front if kind == "p" else None
        if kind in KINDS:
            expected, called = KINDS[kind]
            if isinstance(value, Handle) and isinstance(value.target, expected) and self._alive(value):
                return value.target
            raise Dead(f"bad argument #{number} to '{name}' ({called} expected)")
        if kind == "p":
            if value == 0:
                return self.front
            if isinstance(value, Handle) and isinstance(value.target, Project) and value.target.open:
                return value.target
            raise Dead(f"bad argument #{number} to '{name}' (ReaProject expected)")
        if kind == "i" and isinstance(value, float) and value.is_integer():
            value = int(value)
        right = {
            "z": isinstance(value, str),
            "i": isinstance(value, int) and not isinstance(value, bool),
            "n": isinstance(value, (int, float)) and not isinstance(value, bool),
            "b": isinstance(value, bool),
            "f": callable(value),
            "*": True,
        }
        if not right[kind]:
            expected_name = {"z": "string", "i": "integer", "n": "number", "b": "boolean", "f": "function"}[kind]
            raise Misuse(f"bad argument #{number} to '{name}' ({expected_name} expected, got {value!r})")
        return float(value) if kind == "n" else value

    def _out(self, name: str, gives: list[tuple[str, bool]], result: Any) -> Any:
        values = result if isinstance(result, tuple) else () if result is None and not gives else (result,)
        assert len(values) == len(gives), f"{name} gives {len(gives)} values, not {values!r}"
        wrapped = []
        for value, (kind, optional) in zip(values, gives, strict=True):
            assert value is not None or optional, f"{name} gave nothing"
            wrapped.append(self._handle(value) if kind in "tmksp" and value is not None else value)
        return tuple(wrapped) if len(wrapped) != 1 else wrapped[0]

    def _handle(self, target: Any) -> Handle:
        """The same for the same object, so that scripts may compare them."""
        if target not in self._handles:
            self._handles[target] = Handle(target, target if isinstance(target, Project) else self._home(target) or self.front)
        return self._handles[target]

    def _home(self, target: Any) -> Project | None:
        return next((project for project in self.projects if project.place_of(target)), None)

    def _alive(self, handle: Handle) -> bool:
        if handle.target in self.loose:
            return True
        return handle.generation == handle.project.generation and handle.project.place_of(handle.target) is not None

    # --- projects

    def _EnumProjects(self, index: int) -> tuple[Any, Any]:
        if index == -1:
            return self.front, self.front.path
        return (self.projects[index], self.projects[index].path) if 0 <= index < len(self.projects) else (None, None)

    def _SelectProjectInstance(self, project: Project) -> None:
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

    def _ValidatePtr2(self, project: Project, pointer: Any, kind: str) -> bool:
        if not isinstance(pointer, Handle):
            return False
        if kind == "ReaProject*":
            return isinstance(pointer.target, Project) and pointer.target.open
        expected = {f"{called}*": model for model, called in KINDS.values()}[kind]
        return isinstance(pointer.target, expected) and self._alive(pointer)

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

    # --- scripts

    def _AddRemoveReaScript(self, add: bool, section: int, path: str, commit: bool) -> int:
        known = {there: number for number, there in self.actions.items()}
        if not add:
            return 1 if self.actions.pop(known.get(path, 0), None) else 0
        if section != 0 or not Path(path).is_file():
            return 0
        number = known.get(path) or next(self._numbers)
        self.actions[number] = path
        return number

    def _ReverseNamedCommandLookup(self, number: int) -> str | None:
        path = self.actions.get(number)
        return None if path is None else "RS" + hashlib.sha1(path.encode()).hexdigest()

    def _named(self, name: str) -> int:
        return next((number for number in self.actions if f"_{self._ReverseNamedCommandLookup(number)}" == name), 0)

    def _NamedCommandLookup(self, name: str) -> int:
        return self._named(name)

    def _GetExtState(self, section: str, key: str) -> str:
        return self.ext.get((section, key), "")

    def _SetExtState(self, section: str, key: str, value: str, persist: bool) -> None:
        self.ext[section, key] = value

    def _defer(self, script: Script, function: Any) -> bool:
        script.deferred = True
        self.queue.append((script, function))
        return True

    def _atexit(self, script: Script, function: Any) -> bool:
        script.at_exit.append(function)
        return True

    # --- people, files, processes

    def _answer(self) -> Any:
        assert self.answers, f"nobody is there to answer: {self.dialogs[-1]}"
        return self.answers.popleft()

    def _ShowMessageBox(self, message: str, title: str, kind: int) -> int:
        assert self.refresh == 0 and self.front.depth == 0, "a dialog inside an undo block"
        self.dialogs.append(message)
        if kind == 0:
            return OK
        assert kind == 4, kind
        return YES if self._answer() else NO

    def _GetUserInputs(self, title: str, count: int, captions: str, values: str) -> tuple[bool, str]:
        fields = captions.split(",")
        extras = [field for field in fields[count:] if "=" in field]
        assert len(fields) == count + len(extras), captions
        self.dialogs.append(f"{title}: {', '.join(fields[:count])} [{values}]")
        answer = self._answer()
        return (False, "") if answer is None else (True, str(answer))

    def _ExecProcess(self, line: str, timeout: int) -> str | None:
        assert timeout in (-1, -2), "a process that REAPER would wait for"
        arguments = split(line)
        self.launched.append(arguments)
        try:
            process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment
            )
        except OSError:
            return None
        self.processes.append(process)
        return ""

    def _file_exists(self, path: str) -> bool:
        return Path(path).is_file() and os.access(path, os.R_OK)

    def _RecursiveCreateDirectory(self, path: str, ignored: int) -> int:
        try:
            Path(path).mkdir(parents=True, exist_ok=True)
        except OSError:
            return 0
        return 1

    def _GetResourcePath(self) -> str:
        return str(self.resources)

    def _GetAppVersion(self) -> str:
        return "7.60/linux-x86_64"

    def _GetOS(self) -> str:
        return self.system

    def _time_precise(self) -> float:
        return self.clock

    # --- gfx

    def _gfx_init(self, script: Script, title: str, width: float = 640, height: float = 480, *where: float) -> float:
        if script.window is None or not script.window.open:
            script.window = Window(title, width, height)
        script.fields["w"], script.fields["h"] = width, height  # type: ignore[attr-defined]
        return 1.0

    def _gfx_quit(self, script: Script) -> None:
        script.window = None

    def _gfx_update(self, script: Script) -> None:
        window = self._drawing(script)
        window.shown, window.words = window.words, []
        fields = script.fields  # type: ignore[attr-defined]
        fields["mouse_x"], fields["mouse_y"], fields["mouse_cap"] = window.mouse

    def _gfx_getchar(self, script: Script, char: float | None = None, unichar: float | None = None) -> float:
        if script.window is None or not script.window.open:
            return -1.0
        return float(script.window.keys.pop(0)) if script.window.keys else 0.0

    def _gfx_set(self, script: Script, *color: float) -> None:
        self._drawing(script)

    def _gfx_rect(self, script: Script, *where: float) -> None:
        self._drawing(script).rectangles.append(where)

    def _gfx_setfont(self, script: Script, index: float, face: str = "", size: float = 14, flags: float = 0) -> float:
        return index

    def _gfx_measurestr(self, script: Script, text: str) -> tuple[float, float]:
        return 7.0 * len(text), 14.0

    def _gfx_drawstr(self, script: Script, text: str, *flags: float) -> float:
        self._drawing(script).words.append(text)
        return 0.0

    def _drawing(self, script: Script) -> Window:
        assert script.window is not None, "drawn without a window"
        return script.window

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


def split(line: str) -> list[str]:
    """A command line as ExecProcess takes it apart: at spaces, but for parts that begin with a quote of one of three kinds."""
    parts, at = [], 0
    while at < len(line):
        if line[at] == " ":
            at += 1
            continue
        quote = line[at] if line[at] in "\"'`" else ""
        start = at + len(quote)
        end = line.find(quote or " ", start)
        end = len(line) if end < 0 else end
        parts.append(line[start:end])
        at = end + 1
    return parts


def _letters(part: str) -> list[tuple[str, bool]]:
    return [(letter, part[at + 1 : at + 2] == "?") for at, letter in enumerate(part) if letter != "?"]


def _at(things: list[Any], index: int) -> Any:
    return things[index] if 0 <= index < len(things) else None


def _known(values: dict[str, float], name: str) -> float:
    if name not in values:
        raise Misuse(f"the simulated REAPER does not model {name}")
    return values[name]


def _no_attributes(target: Any, name: Any, setting: bool) -> Any:
    raise AttributeError("a handle has nothing inside")


_GLUE = """
return function(functions, drawing, fields)
  _G.reaper = setmetatable({}, {
    __index = function(_, name) return functions[name] end,
    __newindex = function() error("the table reaper is not for writing") end,
  })
  _G.gfx = setmetatable({}, {
    __index = function(_, name)
      if drawing[name] ~= nil then return drawing[name] end
      if fields[name] ~= nil then return fields[name] end
      error("gfx has no " .. tostring(name))
    end,
    __newindex = function(_, name, value)
      if fields[name] == nil then error("gfx has no " .. tostring(name)) end
      fields[name] = value
    end,
  })
  _G.python = nil
end
"""
