"""Asking the daemon through ``foley-call``: the config, the work files, starting the process, reading what it writes."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import time as clock
from pathlib import Path
from typing import Any, Dict

from . import path as paths
from .fault import HostError

Json = Dict[str, Any]
PATIENCE_S = 60  # for a first sign of life of foley-call
_processes: list[Any] = []  # looked at when the next one starts, so that none is left a zombie


def config(host: Any) -> Json:
    """What ``foley-bridge install-host`` wrote beside the scripts.

    Raises:
        HostError: it is not there, or is of another version; says what to do.
    """
    hint = _install(host)
    found = read_json(host.config)
    if found is None:
        raise HostError(f"{host.config} is not there, so foley_bridge cannot be found", hint)
    if found.get("schema") != 1 or not found.get("foley_call") or not found.get("work"):
        raise HostError(f"{host.config} is of another version of foley_bridge", hint)
    return found


def name(host: Any) -> str:
    """A name for a run, such as no other run has."""
    plain = "".join(char for char in host.name.lower() if char.isascii() and char.isalnum())
    return f"{plain}-{clock.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def now() -> int:
    """Seconds since 1970."""
    return int(clock.time())


def whole_seconds(seconds: float) -> int:
    """Rounded up."""
    return -int(-seconds // 1)


def digest(text: str) -> str:
    """A short name for a text (FNV-1a, 64 bit)."""
    value = 0xCBF29CE484222325
    for byte in text.encode("utf-8", "surrogateescape"):
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def work_file(config: Json, run: str, ending: str) -> str:
    """Of a run: ``.json`` the request, ``.progress.json``, ``.cancel``, ``.reply.json``."""
    return paths.join(config["work"], run + ending)


def project_file(config: Json, kind: str, project: Json) -> str:
    """What is kept of a project between two scripts (notes.py), such as ``pending``."""
    return paths.join(config["work"], f"{kind}-{digest(project['id'])}.json")


# --- asking ---


def launch(host: Any, config: Json, run: str, method: str, params: Json) -> None:
    """Write a request and start ``foley-call`` on it."""
    write_json(work_file(config, run, ".json"), {"foley_bridge": 1, "id": run, "method": method, "params": params})
    relaunch(host, config, run)


def relaunch(host: Any, config: Json, run: str) -> None:
    """Start ``foley-call`` on a request that is written; what it wrote before is removed."""
    for ending in (".reply.json", ".progress.json", ".cancel"):
        forget(work_file(config, run, ending))
    command = [*config["foley_call"], "--follow"]  # which is for those methods that last
    for option in ("endpoint", "keys", "seat"):
        if config.get(option):
            command += [f"--{option}", config[option]]
    _start(host, [*command, work_file(config, run, ".json")])


def _start(host: Any, command: list[str]) -> None:
    """Start a process that outlives the host, in an environment without the host's own Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    detached: Json = {"start_new_session": True}
    if os.name == "nt":
        detached = {"creationflags": 0x08000000 | 0x00000200}  # CREATE_NO_WINDOW, CREATE_NEW_PROCESS_GROUP
    nothing = subprocess.DEVNULL
    _processes[:] = [process for process in _processes if process.poll() is None]
    try:
        process = subprocess.Popen(command, env=kept, stdin=nothing, stdout=nothing, stderr=nothing, **detached)
    except OSError as error:
        raise HostError(f"{command[0]} does not start: {error.strerror or error}", _install(host)) from None
    _processes.append(process)


def _install(host: Any) -> str:
    return f"Run this in a terminal: foley-bridge install-host {host.name.lower()}"


def reply(config: Json, run: str) -> Json | None:
    """The reply of a run; None while it is not there."""
    return read_json(work_file(config, run, ".reply.json"))


def progress(config: Json, run: str) -> Json | None:
    """The job object of a run; None while there is none."""
    with contextlib.suppress(HostError):
        return read_json(work_file(config, run, ".progress.json"))
    return None


def told(job: Json | None) -> tuple[float, str]:
    """How far a job is, 0 to 1, and in words."""
    if job is None:
        return 0, "Asking the daemon"
    if job.get("state") == "queued":
        position = job.get("position")
        return 0, f"Waiting: number {position} in the queue" if position else "Waiting"
    progress = job.get("progress") or {}
    text = progress.get("step") or job.get("step") or ""
    if progress.get("regions"):
        text = f"Region {progress.get('region')} of {progress['regions']}: {text}"
    if progress.get("left_s") is not None:
        text += f", {whole_seconds(progress['left_s'])} s left"
    return progress.get("fraction") or 0, text


def cancel(config: Json, run: str) -> None:
    """End a run's job."""
    write_text(work_file(config, run, ".cancel"), "")


def silent(host: Any, config: Json) -> HostError:
    """What to say of a ``foley-call`` that gave no sign of life."""
    return HostError(f"{' '.join(config['foley_call'])} gives no answer", _install(host))


def refused(host: Any, reply: Json) -> HostError:
    """A reply's error as one to show."""
    error = reply.get("error") or {}
    hint = error.get("hint") or ""
    if error.get("kind") == "RequestError":  # what these scripts ask is always right, for the version they came with
        hint = f"{hint}{'. ' if hint else ''}The daemon is of another version than this script. {_install(host)}"
    return HostError(error.get("message") or "the daemon refused without saying why", hint)


def clear(config: Json, run: str) -> None:
    """Remove a run's work files."""
    for ending in (".json", ".progress.json", ".cancel", ".reply.json"):
        forget(work_file(config, run, ending))


# --- files ---


def encode(value: Any) -> str:
    """JSON, members in order of their names."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read_json(path: str) -> Json | None:
    """A file's JSON object; None when there is no file, or it is just being replaced.

    Raises:
        HostError: it is something else.
    """
    try:
        text = Path(path).read_text("utf-8")
    except OSError:
        return None
    except UnicodeDecodeError:
        text = ""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise HostError(f"{path} is damaged", "Remove it, and try again.")
    return found


def write_json(path: str, value: Any) -> None:
    """Write a value as JSON, whole or not at all."""
    write_text(path, encode(value))


def write_text(path: str, text: str) -> None:
    """Write a file whole, or not at all."""
    part = f"{path}.part"
    try:
        Path(part).write_bytes(text.encode("utf-8", "replace"))
        os.replace(part, path)  # noqa: PTH105
    except OSError as error:
        said = f"{path} cannot be written: {error.strerror or error}"
        raise HostError(said, "Look at the folder's permissions and the free space.") from None


def forget(path: str) -> None:
    """Remove a file if it is there."""
    with contextlib.suppress(OSError):
        Path(path).unlink()


def is_file(path: str) -> bool:
    """Whether a file is there."""
    return Path(path).is_file()
