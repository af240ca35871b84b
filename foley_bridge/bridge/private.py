"""A daemon for a command: the one that runs already, or a private one that lives as long as the command does.

A private daemon has a folder of its own under ``home()/private``, ports of its own on loopback, and may read and write wherever
the user may, because nobody but this user's command asks it. It ends when its standard input does, so also when the command is
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

from foley_bridge.bridge.client import PATIENCE_S, Client
from foley_bridge.bridge.places import JOURNAL_FILE, STATE_FILE
from foley_bridge.errors import BridgeError, FoleyError, InternalError
from foley_bridge.home import home, library_folder

PING_S = 3.0
START_S = 60.0
END_S = 15.0
OLD_WORKERS_S = 5.0
_NEW_S = 60.0  # a lock younger than this may belong to a command that is only about to make its folder
_LOG = "log.txt"
_LOG_SHOWN = 20  # lines


@dataclass(frozen=True)
class Reached:
    """A daemon that answers.

    Attributes:
        client: connected to it.
        private: it is this command's own.
    """

    client: Client
    private: bool

    @property
    def patience_s(self) -> float:
        """How long it makes sense to wait for it when it is gone: nobody starts a private one again."""
        return 1.0 if self.private else PATIENCE_S


@contextlib.contextmanager
def reach(
    endpoint: str | None = None, *, keys: Path | None = None, seat: str | None = None, private: bool = False
) -> Iterator[Reached]:
    """The daemon that this user's commands go to, or a private one when none runs.

    Args:
        endpoint: of a daemon that must be the one; otherwise ``FOLEY_BRIDGE_ENDPOINT``, or the one that runs in ``home()``.
        keys, seat: as for ``Client``.
        private: start a private one in any case.

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
    with _own_folder(folder) as own, _started(own) as client:
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
    state = _state()
    if state is None:
        return None
    client = Client(_near(state["endpoints"]["requests"]), keys=keys, seat=seat)
    with contextlib.suppress(FoleyError):
        if client.ping(PING_S)["pid"] == state["pid"]:  # and not another daemon at a dead one's port
            return client
    client.close()
    return None


def _state() -> dict[str, Any] | None:
    """What the daemon in ``home()`` wrote when it started; None when there is none, or it is gone."""
    try:
        said = json.loads((home() / STATE_FILE).read_text("utf-8"))
        pid, _ = int(said["pid"]), str(said["endpoints"]["requests"])
        if os.name != "nt":  # there it would end the process
            os.kill(pid, 0)
    except PermissionError:
        return dict(said)  # another user's, but alive
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(said)


def _near(endpoint: str) -> str:
    """How this machine reaches a daemon that listens at all of its addresses."""
    for everywhere in ("//0.0.0.0:", "//*:", "//[::]:"):
        endpoint = endpoint.replace(everywhere, "//127.0.0.1:")
    return endpoint


# --- a private daemon ---


@contextlib.contextmanager
def _own_folder(folder: Path) -> Iterator[Path]:
    """A new folder under ``folder`` that others leave alone; afterwards it is gone."""
    name = secrets.token_hex(8)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(_lock_of(folder / name), timeout=0)
        with lock:
            (folder / name).mkdir(mode=0o700)
            try:
                yield folder / name
            finally:
                gone = _let_go(folder / name)
        if gone:
            _lock_of(folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise BridgeError(
            f"{folder}: no folder for a private daemon can be made, {error.strerror or error}",
            "make room, or name another place with FOLEY_BRIDGE_HOME",
        ) from error


def _lock_of(own: Path) -> Path:
    return own.with_name(f"{own.name}.lock")


@contextlib.contextmanager
def _started(own: Path) -> Iterator[Client]:
    """A private daemon at work in its folder."""
    from foley_bridge.jobs.worker_process import environment

    log = own / _LOG
    command = [sys.executable, "-P", "-m", "foley_bridge", "serve", "--private", "--home", str(own)]
    command += ["--bind", "tcp://127.0.0.1:0", "--no-osc", "--library", str(library_folder())]
    # A group of its own: Ctrl-C in the terminal is the command's affair, which then cancels its job.
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    pipe = subprocess.PIPE
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, env=environment(), **apart)
    try:
        with Client(_announced(process, log)) as client:
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
    why = "it does not say where it listens" if thread.is_alive() else "it ended at once"
    raise BridgeError(f"no private daemon could be started: {why}", "see what it says above; foley-bridge doctor may know more")


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
    for path in folder.glob("*.lock"):
        own = path.with_suffix("")
        lock = FileLock(path, timeout=0)
        try:
            with lock:
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
        wait_for_old_workers(own, OLD_WORKERS_S)
        if path.exists():
            journal = Journal(path)
            try:
                for record in journal.list(("queued", "running")):
                    _finish(record.request, record.id, begun=True)
                for record in journal.unswept():
                    _finish(record.request, record.id, begun=False)
            finally:
                journal.close()
    except FoleyError:
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
        with contextlib.suppress(FoleyError), Outputs(folders[0], job) as outputs:
            outputs.published()
    sweep(folders, job)
