"""``foley_bridge.json``: what a host's scripts read to find ``foley-call`` and the daemon (docs/host_scripts.md)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foley_bridge import __version__
from foley_bridge.errors import HostError
from foley_bridge.home import home, library_folder

NAME = "foley_bridge.json"
SCHEMA = 1
_TRY_S = 60.0
_ASKED = ("endpoint", "keys", "seat")


def foley_call() -> list[str]:
    """The command that hosts run: this Python, with ``foley-call``, whatever the editor set for a Python of its own (``-E``).

    On Windows the Python without a console, so that none flashes up. Folders that this shell's variables name stand in it: an
    editor that is not started from a shell has no such variables.
    """
    python = Path(sys.executable)
    if sys.platform == "win32" and (quiet := python.with_name("pythonw.exe")).exists():
        python = quiet
    command = [str(python), "-E", "-P", "-m", "foley_bridge.bridge.call"]
    if os.environ.get("FOLEY_BRIDGE_HOME"):
        command += ["--home", str(home())]
    if os.environ.get("FOLEY_BRIDGE_LIBRARY"):
        command += ["--library", str(library_folder())]
    return command


def check_call(command: Sequence[str]) -> None:
    """See that the command starts, as an editor would start it: elsewhere, and without this shell's variables for Python.

    Raises:
        HostError: it does not.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(
            [*command, "--version"], capture_output=True, timeout=_TRY_S, check=False, cwd=Path.home(), env=kept
        )
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] if done.returncode else []
        well = done.returncode == 0
    except (OSError, subprocess.TimeoutExpired) as error:
        well, said = False, [str(error)]
    if not well:
        raise HostError(
            f"foley-call does not start by itself: {''.join(said) or 'it says nothing'}",
            f"install foley-bridge for this Python: {sys.executable} -m pip install foley-bridge",
        )


def work() -> Path:
    """The folder for request and reply files."""
    return home() / "work"


def make_work() -> None:
    """Make it; raises HostError when that cannot be done."""
    try:
        work().mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise HostError(f"{work()}: cannot be made, {error.strerror or error}", "make room, or see who owns it") from error


def read(path: Path) -> dict[str, Any] | None:
    """A config that lies somewhere; None when there is none that can be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None


def config(asked: Mapping[str, str | None], earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is to be written.

    Args:
        asked: ``endpoint``, ``keys`` and ``seat``, where the user named them.
        earlier: the config that lies there: what the user does not name now stays as it is.
    """
    kept = {name: (earlier or {}).get(name) for name in _ASKED}
    named = {name: value for name, value in asked.items() if value is not None}
    return {
        "schema": SCHEMA,
        "version": __version__,
        "foley_call": foley_call(),
        **kept,
        **named,
        "work": str(work()),
    }


def faults(said: Mapping[str, Any]) -> list[str]:
    """What of a config is not true on this machine any more, in words."""
    command, work = said.get("foley_call"), said.get("work")
    found = []
    if not isinstance(command, list) or not command or not Path(str(command[0])).is_file():
        found.append(f"foley-call is gone: {command[0] if isinstance(command, list) and command else 'none'}")
    if not isinstance(work, str) or not Path(work).is_dir():
        found.append(f"its work folder is gone: {work}")
    return found


def as_bytes(said: Mapping[str, Any]) -> bytes:
    """As it is written."""
    return (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode("utf-8")
