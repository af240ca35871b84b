"""What the simulated REAPER's functions around projects do: scripts, dialogs, windows, files, processes."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
from collections import deque
from pathlib import Path
from typing import Any

from reaper_model import Project

YES, NO, OK = 6, 7, 1


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


class Script:
    """A script that runs: its Lua state, its window, what it does at its end."""

    def __init__(self, path: Path, lua: Any) -> None:
        self.path, self.lua = path, lua
        self.deferred = False
        self.at_exit: list[int] = []
        self.go: Any = None  # does a function that it deferred, by number
        self.window: Window | None = None
        self.fields: Any = None  # of its table gfx


class Program:
    """Methods are named as REAPER's functions are, with an underscore before; those of ``gfx`` with ``_gfx_``."""

    front: Project
    refresh: int

    def __init__(self, resources: Path, system: str) -> None:
        self.resources, self.system = resources, system
        self.clock = 1000.0
        self.queue: deque[tuple[Script, int]] = deque()
        self.dialogs: list[str] = []  # what was shown
        self.answers: deque[Any] = deque()  # of the user, in order: True, False, text, None
        self.processes: list[subprocess.Popen[bytes]] = []
        self.launched: list[list[str]] = []
        self.starts = True  # whether programs are really started
        self.environment: dict[str, str] = dict(os.environ)
        self.ext: dict[tuple[str, str], str] = {}
        self.actions: dict[int, str] = {}
        self._numbers = itertools.count(50000)

    def end_processes(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()

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

    def _NamedCommandLookup(self, name: str) -> int:
        return next((number for number in self.actions if f"_{self._ReverseNamedCommandLookup(number)}" == name), 0)

    def _GetExtState(self, section: str, key: str) -> str:
        return self.ext.get((section, key), "")

    def _SetExtState(self, section: str, key: str, value: str, persist: bool) -> None:
        self.ext[section, key] = value

    def _defer(self, script: Script, number: int) -> bool:
        script.deferred = True
        self.queue.append((script, number))
        return True

    def _atexit(self, script: Script, number: int) -> bool:
        script.at_exit.append(number)
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
        if not self.starts:
            return ""
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
        script.fields["w"], script.fields["h"] = width, height
        return 1.0

    def _gfx_quit(self, script: Script) -> None:
        script.window = None

    def _gfx_update(self, script: Script) -> None:
        window = self._drawing(script)
        window.shown, window.words = window.words, []
        fields = script.fields
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
