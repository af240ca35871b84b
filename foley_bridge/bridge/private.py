"""A daemon for a command: the one that runs already, or a private one that lives as long as the command does.

A private daemon has a folder of its own under ``home()/private``, ports of its own on loopback, and may read and write wherever
the user may. Nobody but this command can ask it, no other account of the machine either: it has keys, which lie in that folder,
are the user's alone and go with it. It ends when its standard input does, so also when the command is
killed. What a killed command leaves (a folder, staged files) is put in order by the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from foley_bridge.bridge.binding import near
from foley_bridge.bridge.client import PATIENCE_S, Client
from foley_bridge.bridge.keys import make_keys
from foley_bridge.bridge.places import JOURNAL_FILE, STATE_FILE
from foley_bridge.errors import BridgeError, FoleyError, InternalError
from foley_bridge.home import home, library_folder

PING_S = 3.0
START_S = 60.0
END_S = 15.0
DYING_S = 5.0
"""How long a daemon whose command is gone, and its workers, may take to follow it."""
_NEW_S = 60.0  # a lock younger than this may belong to a command that is only about to make its folder
_LOG = "log.txt"
_SEAT = "command"
_LOG_SHOWN = 20  # lines


@dataclass(frozen=True)
class Reached:
    """A daemon that answers.

    Attributes:
        client: connected to it.
        private: it is this command's own.
        started: it was started for this command, and lives on.
    """

    client: Client
    private: bool
    started: bool = False

    @property
    def patience_s(self) -> float:
        """How long it makes sense to wait for it when it is gone: nobody starts a private one again."""
        return 1.0 if self.private else PATIENCE_S


@contextlib.contextmanager
def reach(
    endpoint: str | None = None,
    *,
    keys: Path | None = None,
    seat: str | None = None,
    private: bool = False,
    library: Path | None = None,
) -> Iterator[Reached]:
    """The daemon that this user's commands go to, or a private one when none runs.

    Args:
        endpoint: of a daemon that must be the one; otherwise ``FOLEY_BRIDGE_ENDPOINT``, or the one that runs in ``home()``.
        keys, seat: as for ``Client``.
        private: start a private one in any case.
        library: the sound library of a private one; None: the user's.

    Raises:
        BridgeError: the daemon named does not answer, or no private one can be started.
    """
    found = None if private else running(endpoint, keys=keys, seat=seat)
    folder = home() / "private"
    _tidy_up(folder)
    if found is not None:
        with found:
            yield Reached(found, private=False)
        return
    with _own_folder(folder) as own, _started(own, library or library_folder()) as client:
        yield Reached(client, private=True)


def running(endpoint: str | None = None, *, keys: Path | None = None, seat: str | None = None) -> Client | None:
    """A client of the daemon that runs; None when none does.

    Raises:
        BridgeError: one was named, and does not answer.
    """
    named = endpoint or os.environ.get("FOLEY_BRIDGE_ENDPOINT")
    if named:
        client = Client(named, keys=keys, seat=seat)
        try:
            client.ping(PING_S)
        except BaseException:
            client.close()
            raise
        return client
    return at_home(keys=keys, seat=seat)


def at_home(*, keys: Path | None = None, seat: str | None = None) -> Client | None:
    """A client of the daemon that runs in ``home()``, whatever is named elsewhere; None when none does."""
    state = running_state()
    if state is None:
        return None
    client = Client(near(state["endpoints"]["requests"]), keys=keys, seat=seat)
    with contextlib.suppress(FoleyError):
        if client.ping(PING_S)["pid"] == state["pid"]:  # and not another daemon at a dead one's port
            return client
    client.close()
    return None


def running_state() -> dict[str, Any] | None:
    """What the daemon in ``home()`` wrote when it started; None when there is none, or it is gone."""
    try:
        said = dict(json.loads((home() / STATE_FILE).read_text("utf-8")))
        pid, _ = int(said["pid"]), str(said["endpoints"]["requests"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if os.name != "nt":  # there it would end the process
        try:
            os.kill(pid, 0)
        except PermissionError:
            return said  # another user's
        except (OSError, OverflowError):
            return None
    return said


# --- a private daemon ---


@contextlib.contextmanager
def _own_folder(folder: Path) -> Iterator[Path]:
    """A new folder under ``folder`` that others leave alone; afterwards it is gone."""
    own = folder / secrets.token_hex(8)
    lock = FileLock(_lock_of(own), timeout=0)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
        own.mkdir(mode=0o700)
    except OSError as error:
        lock.release()
        raise BridgeError(
            f"{folder}: no folder for a private daemon can be made, {error.strerror or error}",
            "make room, or name another place with FOLEY_BRIDGE_HOME",
        ) from error
    try:
        yield own
    finally:
        gone = _let_go(own)
        lock.release()
        if gone:
            with contextlib.suppress(OSError):
                _lock_of(own).unlink(missing_ok=True)


def _lock_of(own: Path) -> Path:
    return own.with_name(f"{own.name}.lock")


@contextlib.contextmanager
def _started(own: Path, library: Path) -> Iterator[Client]:
    """A private daemon at work in its folder."""
    from foley_bridge.jobs.worker_process import environment

    log, keys = own / _LOG, own / "keys"
    make_keys(keys, [_SEAT])
    command = [sys.executable, "-P", "-m", "foley_bridge", "serve", "--private", "--home", str(own)]
    command += ["--bind", "tcp://127.0.0.1:0", "--keys", str(keys), "--no-osc", "--library", str(library)]
    # A group of its own: Ctrl-C in the terminal is the command's affair, which then cancels its job.
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    pipe = subprocess.PIPE
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, env=environment(), **apart)
    try:
        with Client(_announced(process, log), keys=keys, seat=_SEAT) as client:
            yield client
    except (BridgeError, InternalError):
        print(_last_lines(log), file=sys.stderr)
        raise
    finally:
        _end(process)


def _announced(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the daemon listens, as it says on its standard output."""
    heard: list[bytes] = []

    def hear(stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            heard.append(stream.readline())

    assert process.stdout is not None
    thread = threading.Thread(target=hear, args=(process.stdout,), daemon=True)
    thread.start()
    thread.join(START_S)
    with contextlib.suppress(ValueError, KeyError, IndexError):
        return str(json.loads(heard[0])["endpoints"]["requests"])
    why = "it does not say where it listens" if thread.is_alive() else _own_words(log)
    raise BridgeError(f"no private daemon could be started: {why}", "foley-bridge doctor may know more")


def _own_words(log: Path) -> str:
    """What a daemon that could not start said to people."""
    with contextlib.suppress(OSError):
        for line in log.read_text("utf-8", "replace").splitlines():
            if line.startswith("foley-bridge: "):
                return line.removeprefix("foley-bridge: ")
    return "it ended at once"


def _last_lines(log: Path) -> str:
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(["the private daemon's last words:", *(f"  {line}" for line in lines[-_LOG_SHOWN:])])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Tell a private daemon to end, and see that it does."""
    try:
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.wait(END_S)
    except BaseException as error:
        process.kill()
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
    finally:
        if process.stdout is not None:
            process.stdout.close()


# --- what is left behind ---


def _tidy_up(folder: Path) -> None:
    """Put in order what commands left that were killed."""
    for name in sorted({path.stem for path in folder.glob("*")}):
        own, path = folder / name, folder / f"{name}.lock"
        try:
            with FileLock(path, timeout=0):
                if not own.exists() and time.time() < path.stat().st_mtime + _NEW_S:
                    continue
                gone = _let_go(own)
            if gone:
                path.unlink(missing_ok=True)
        except (Timeout, OSError):
            continue  # its command lives


def _let_go(own: Path) -> bool:
    """Remove a private daemon's folder, and before that what its jobs staged; False when the daemon or a worker still lives."""
    from foley_bridge.jobs.journal import Journal
    from foley_bridge.jobs.worker_process import wait_for_old_workers

    path = own / JOURNAL_FILE
    try:
        if path.exists():
            with FileLock(f"{path}.lock", timeout=DYING_S):
                pass
            wait_for_old_workers(own, DYING_S)
            journal = Journal(path)
            try:
                for record in journal.list(("queued", "running")):
                    _finish(journal.get(record.id).request, record.id, begun=True)
                for record in journal.unswept():
                    _finish(journal.get(record.id).request, record.id, begun=False)
            finally:
                journal.close()
    except (FoleyError, Timeout):
        return False
    shutil.rmtree(own, ignore_errors=True)
    return not own.exists()


def _finish(request: dict[str, Any], job: str, *, begun: bool) -> None:
    """Nothing of a job is left; but one that had begun to put its files in their places is carried through first."""
    from foley_bridge.jobs.destinations import destinations
    from foley_bridge.jobs.outputs import Outputs, sweep
    from foley_bridge.jobs.roots import ANYWHERE

    folders = destinations(request, ANYWHERE)
    if begun:
        with contextlib.suppress(FoleyError):
            Outputs(folders[0], job).published(folders)
    sweep(folders, job)
