"""Faults at an exact moment of a process, for the tests of crashes. Python loads this file by itself when it is on PYTHONPATH.

``FAULT`` is ``PROCESS KIND NUMBER``: in the process whose command line names PROCESS, at the NUMBER-th thing that it is about
to do to the file system under the folder ``FAULT_UNDER`` (Python announces each to audit hooks before it is done),

    kill    the process kills itself
    hang    it is lost in a native call that lets no other thread run
    full    from there on the disk is full, or so the process is told, until there is a file ``FAULT_ROOM``
    fill    the disk is filled with the file ``FAULT_ROOM``, once

``FAULT_ONCE`` is a file made when that happens; no other process has the fault then. ``FAULT_LOG`` gets a line for each thing.
"""

import contextlib
import errno
import os
import re
import signal
import sys
from pathlib import Path

_CHANGES = ("os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "os.truncate")
_NEEDS_ROOM = ("open", "os.mkdir", "os.link")
_process, _kind, _number = (os.environ.get("FAULT") or "- - 0").split()
_under, _once, _log, _room = (os.environ.get(f"FAULT_{name}") for name in ("UNDER", "ONCE", "LOG", "ROOM"))
_seen = 0
_busy = _over = False


def _hook(event: str, args: tuple) -> None:
    global _seen, _busy, _over
    if _busy or _over or not _changes(event, args):
        return
    _busy = True
    try:
        _seen += 1
        if _log:
            with Path(_log).open("a") as log:
                log.write(f"{_seen} {event} {os.fspath(args[0])!r}\n")
        if _seen >= int(_number) > 0:
            _happen(event)
    finally:
        _busy = False


def _changes(event: str, args: tuple) -> bool:
    if event == "open":
        writes = isinstance(args[2], int) and bool(args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if not writes:
            return False
    elif event not in _CHANGES:
        return False
    path = args[0]
    if not isinstance(path, (str, bytes, os.PathLike)):
        return False
    name = os.fsdecode(path)
    return name.startswith(_under or "") or not Path(name).is_absolute()  # what rmtree removes is named from its folder


def _happen(event: str) -> None:
    global _over
    if _kind == "full":
        if event in _NEEDS_ROOM and not Path(_room or "").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return
    _over = True
    if _once:
        if Path(_once).exists():
            return
        Path(_once).touch()
    if _kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif _kind == "hang":
        re.match(r"(a+)+$", "a" * 60 + "b")
    elif _kind == "fill":
        _fill(Path(_room or ""))


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)


if _process in " ".join(sys.orig_argv):
    sys.addaudithook(_hook)
