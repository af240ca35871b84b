"""Real Ardour with its window, on a screen of its own, for the tests: our scripts in its slots, pressed over OSC."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ardour_bench import LUA, environment
from pythonosc.udp_client import SimpleUDPClient

PATIENCE_S = 90
ARDOUR = next((found for name in ("ardour7", "Ardour7", "ardour8", "Ardour8", "ardour") if (found := shutil.which(name))), None)
_MISSING = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None] + ([] if ARDOUR and LUA else ["ardour"])
needs_window = pytest.mark.skipif(bool(_MISSING), reason=f"{', '.join(_MISSING)} not installed")

CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour>
  <Config>
    <Option name="hide-dummy-backend" value="0"/>
    <Option name="try-autostart-engine" value="1"/>
  </Config>
  <Extra>
    <AudioMIDISetup>
      <EngineStates>
        <State backend="None (Dummy)" driver="Normal Speed" device="Silence" input-device="" output-device=""
          sample-rate="{sample_rate}" buffer-size="1024" n-periods="0" input-latency="0" output-latency="0" lm-input=""
          lm-output="" active="1" use-buffered-io="0" midi-option="1 in, 1 out, Silence" lru="1795255704"><MIDIDevices/></State>
      </EngineStates>
    </AudioMIDISetup>
  </Extra>
</Ardour>
"""

CONSOLE = """
return function()
  local file = io.open("{folder}/console.lua", "rb")
  local text = file:read("a")
  file:close()
  local good, told = pcall(load(text, "console", "t", _G))
  local out = io.open("{folder}/console.part", "wb")
  out:write(good and "ok " or "error ", tostring(told))
  out:close()
  os.rename("{folder}/console.part", "{folder}/console.txt")
end
"""
"""An action of the tests: does what lies in a file, and writes what that gives into another."""

RECORDED = """
local LuaDialog = {{MessageType = LuaDialog.MessageType, ButtonType = LuaDialog.ButtonType, Response = LuaDialog.Response,
  ProgressWindow = LuaDialog.ProgressWindow}}
function LuaDialog.Message(title, text, kind)
  local file = io.open("{folder}/said.txt", "ab")
  file:write(text, "\\0")
  file:close()
  return {{run = function() return LuaDialog.Response.Yes end}}
end
function LuaDialog.Dialog()
  return {{run = function() return {{text = "metal hits"}} end}}
end
"""
"""Put before a script: its messages are written down, its questions answered with yes. Everything else of it is real."""


def _quoted(text: str) -> str:
    plain = {ord('"'): '\\"', ord("\\"): "\\\\", 10: "\\n"}
    told = (plain.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03d}") for byte in text.encode())
    return f'"{"".join(told)}"'


def _slot(name: str, script: str, function: str) -> str:
    return f"{name} = {{}} " + " ".join(f'{name}["{key}"] = {_quoted(text)}' for key, text in (("s", script), ("f", function)))


def registered(actions: dict[str, tuple[str, str]], hooks: dict[str, tuple[str, str]]) -> str:
    """Ardour's file ``ui_scripts``, with scripts in its slots: by name, the script and the text of what makes its function."""
    lines = "scripts = {} "
    for number, (name, (script, function)) in enumerate(actions.items(), 1):
        lines += f"{_slot(f'scripts[{number}]', script, function)} scripts[{number}]['n'] = {_quoted(name)} "
        lines += f"scripts[{number}]['a'] = {{}} "
    hooked = ""
    for number, (name, (script, function)) in enumerate(hooks.items(), 7001):
        text = f"{_slot('s', script, function)} s['n'] = {_quoted(name)} s['a'] = {{}} "
        signals = "1" + "0" * 47  # LuaTimerDS in 7.3
        hooked += f'<LuaCallback lua="Lua 5.3" id="{number}" name="{name}" signals="{signals}">{_packed(text)}</LuaCallback>'
    acting = f'<ActionScript lua="Lua 5.3">{_packed(lines)}</ActionScript>'
    return f"<UIScripts>{acting}<ActionHooks>{hooked}</ActionHooks></UIScripts>"


def _packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclass
class Window:
    """Ardour as it runs."""

    folder: Path
    process: subprocess.Popen[bytes]
    display: str
    port: int = 0
    slots: dict[str, int] = field(default_factory=dict)

    def press(self, name: str) -> None:
        """Run the action of this name, as a control surface would."""
        SimpleUDPClient("127.0.0.1", self.port).send_message("/access_action", f"LuaAction/script-{self.slots[name]}")

    def menu(self, action: str) -> None:
        """Run an entry of Ardour's own menus, such as ``Editor/undo``."""
        SimpleUDPClient("127.0.0.1", self.port).send_message("/access_action", action)

    def do(self, lua: str) -> str:
        """Do something in Ardour, and give what it gives, as text."""
        (self.folder / "console.txt").unlink(missing_ok=True)
        (self.folder / "console.lua").write_text(lua, "utf-8")
        self.press("console")
        wait_for(lambda: (self.folder / "console.txt").exists(), "Ardour to do what it was told")
        told, _, said = (self.folder / "console.txt").read_text("utf-8").partition(" ")
        assert told == "ok", said
        return said

    def said(self) -> list[str]:
        """Messages that our scripts have shown so far."""
        path = self.folder / "said.txt"
        return path.read_text("utf-8").split("\0")[:-1] if path.exists() else []

    def wait_said(self, count: int) -> str:
        """The message that comes as so many-th."""
        wait_for(lambda: len(self.said()) >= count, f"message {count} of the scripts")
        return self.said()[count - 1]

    def key(self, *keys: str) -> None:
        subprocess.run(["xdotool", "key", *keys], env=os.environ | {"DISPLAY": self.display}, check=True)

    def click(self, x: int, y: int) -> None:
        subprocess.run(
            ["xdotool", "mousemove", str(x), str(y), "click", "1"], env=os.environ | {"DISPLAY": self.display}, check=True
        )

    def titles(self) -> list[str]:
        """Of the windows that are there."""
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", ".", "getwindowname", "%@"],
            env=os.environ | {"DISPLAY": self.display},
            capture_output=True,
            text=True,
            check=False,
        )
        return found.stdout.splitlines()


def wait_for(there: object, what: str) -> None:
    """Wait until a function gives something true."""
    assert callable(there)
    end = time.monotonic() + PATIENCE_S
    while not there():
        assert time.monotonic() < end, f"waited for {what} in vain"
        time.sleep(0.1)


@contextlib.contextmanager
def ardour(
    folder: Path, session: Path, *, recorded: bool = True, timer: bool = True, sample_rate: int = 48000
) -> Iterator[Window]:
    """Ardour with a session open, for the length of a block. Our scripts are those that lie in its folder of scripts.

    Args:
        folder: where the home of its user lies, and what the tests and it tell each other.
        session: the ``.ardour`` file.
        recorded: whether messages are written down rather than shown.
        timer: whether the hook is set up, too.
        sample_rate: of its audio device.
    """
    home = folder / "home" / ".config" / "ardour7"
    (home / "scripts").mkdir(parents=True, exist_ok=True)
    (home / ".a7").touch()  # it was here before, and asks nothing
    (home / "config").write_text(CONFIG.format(sample_rate=sample_rate), "utf-8")
    names = _register(folder, home, recorded=recorded, timer=timer)
    with _screen() as display, (folder / "log.txt").open("wb") as log:
        variables = environment(folder / "home") | {"DISPLAY": display}
        command = [str(ARDOUR), "-a", "-n", str(session)]
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=variables)
        try:
            window = Window(folder, process, display, slots={name: number for number, name in enumerate(names, 1)})
            wait_for(lambda: _listening(process.pid) or process.poll() is not None, "Ardour to listen to OSC")
            window.port = _listening(process.pid)
            _until_it_answers(window)
            yield window
        finally:
            process.kill()
            process.wait()


def _register(folder: Path, home: Path, *, recorded: bool, timer: bool) -> list[str]:
    actions = {"console": ("ardour {}", CONSOLE.format(folder=folder))}
    hooks = {}
    before = RECORDED.format(folder=folder) if recorded else ""
    for path in sorted((home / "scripts").glob("*.lua")):
        script = path.read_text("utf-8")
        function = f"local function ardour() end\nlocal factory\n{before}{script}\nreturn factory(...)"
        kind, name = re.findall(r'"(EditorAction|EditorHook)"|name = "Foley: (.*?)"', script)[:2]
        if kind[0] == "EditorAction":
            actions[name[1]] = (script, function)
        elif timer:
            hooks[name[1]] = (script, function)
    (home / "ui_scripts").write_text(registered(actions, hooks), "utf-8")
    return list(actions)


def _until_it_answers(window: Window) -> None:
    """The first messages come before the session is there: lost. One with a picture asks for a video server: waved away."""
    end = time.monotonic() + PATIENCE_S
    (window.folder / "console.lua").write_text("return Session:name()", "utf-8")
    (window.folder / "console.txt").unlink(missing_ok=True)
    while not (window.folder / "console.txt").exists():
        said = (window.folder / "log.txt").read_text("utf-8", "replace")
        assert time.monotonic() < end and window.process.poll() is None, said
        window.key("Escape")
        window.press("console")
        time.sleep(0.5)


@contextlib.contextmanager
def _screen() -> Iterator[str]:
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x900x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as told:
            yield f":{told.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


def _listening(pid: int) -> int:
    """The port of OSC that a process, or a child of it, listens to: 3819, or the next that was free; 0 when there is none."""
    inodes = set()
    for each in _family(pid):
        with contextlib.suppress(OSError):
            for path in Path(f"/proc/{each}/fd").iterdir():
                with contextlib.suppress(OSError):
                    inodes.update(re.findall(r"socket:\[(\d+)\]", str(path.readlink())))
    for line in Path("/proc/net/udp").read_text("ascii").splitlines()[1:]:
        fields = line.split()
        port = int(fields[1].split(":")[1], 16)
        if fields[9] in inodes and 3819 <= port < 3850:
            return port
    return 0


def _family(pid: int) -> list[int]:
    found = [pid]
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split():
            found += _family(int(child))
    return found


if __name__ == "__main__":  # a look at it by hand: python ardour_gui.py FOLDER SESSION.ardour
    with ardour(Path(sys.argv[1]), Path(sys.argv[2]), recorded=False) as shown:
        print(shown.display, shown.port)
        shown.process.wait()


def select_clip(window: Window, track: str) -> None:
    """Select the first clip of a track, once Ardour has drawn it: until then there is nothing to select."""
    drawn = (
        f"local region = Session:route_by_name('{track}'):to_track():playlist():region_list():table()[1] "
        "local list = ArdourUI.SelectionList() "
        "local good = pcall(function() list:push_back(Editor:regionview_from_region(region)) end) "
        "if good then Editor:set_selection(list, ArdourUI.SelectionOp.Set) end return good"
    )
    wait_for(lambda: window.do(drawn) == "true", f"the clip on {track} to be drawn")
