"""The daemon's handle on a process that works for it, and may die: a worker does jobs, another looks and listens for searches.

Both sides speak JSON, one object a line: orders on the process's standard input, what it has to say on its standard output.
Whatever it does is safe against being killed, so killing is the one way to be rid of it. It also goes by itself when its
standard input ends, which is what the death of the daemon looks like.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import site
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

import foley_bridge
from foley_bridge.errors import JobError

log = logging.getLogger(__name__)


def worker_lock(home: Path, slot: int, *, timeout_s: float) -> FileLock:
    """The lock that a worker holds as long as it lives."""
    return FileLock(home / f"worker-{slot}.lock", timeout=timeout_s, thread_local=False)


def wait_for_old_workers(home: Path, timeout_s: float) -> None:
    """Wait until no worker of an earlier daemon lives: it might still write what a new one is about to take up.

    Raises:
        JobError: one still lives after ``timeout_s``; names its lock.
    """
    for path in sorted(home.glob("worker-*.lock")):
        try:
            with FileLock(path, timeout=timeout_s, thread_local=False):
                pass
        except Timeout as error:
            raise JobError(
                f"a worker of an earlier daemon still runs and holds {path}",
                "end the process 'foley_bridge.jobs.worker', then start the daemon again",
            ) from error


class ChildProcess:
    """A process of this package, started. ``hear`` is for one thread; everything else may be called from any.

    Args:
        name: of it, in the daemon's log.
        module: of this package, which reads ``child.own_streams``.
        args: for its command line.
    """

    def __init__(self, name: str, module: str, args: Sequence[str] = ()) -> None:
        command = [sys.executable, "-P", "-X", "faulthandler", "-m", module, *args]
        # A group of its own: Ctrl-C in the daemon's terminal is the daemon's affair, and its children can be killed with it.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment(), **apart)
        self._writing, self._living = threading.Lock(), threading.Lock()  # two: a write may block until a kill
        self.pid = self._process.pid
        assert self._process.stderr is not None
        threading.Thread(target=_log_lines, args=(name, self._process.stderr), daemon=True).start()

    def tell(self, order: Mapping[str, Any]) -> None:
        """Send an order; to a process that has died it is lost, and ``hear`` says so."""
        assert self._process.stdin is not None
        with self._writing, contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def hear(self) -> dict[str, Any] | None:
        """The next thing the process says; None when it has died."""
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # half a line: it died saying it
            line = self._process.stdout.readline()
            if line:
                return dict(json.loads(line))
        self.bury()
        return None

    def lives(self) -> bool:
        """Whether it has not died, as far as can be told."""
        with self._living:
            return self._process.poll() is None

    def kill(self) -> None:
        """End it at once, with its children."""
        with self._living:
            if self._process.returncode is not None:  # buried: its number may be another's by now
                return
            with contextlib.suppress(OSError):
                if sys.platform != "win32":
                    os.killpg(self.pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                self._process.kill()

    def fate(self) -> str:
        """In words, how it died."""
        status = self._process.returncode
        if status is None or status >= 0:
            return "still lives" if status is None else f"ended with status {status}"
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"was killed by {name}" + (", as a system short of memory does it" if name == "SIGKILL" else "")

    def bury(self) -> None:
        """End it, if it still lives, and its children, and see it gone."""
        self.kill()
        with self._living:
            self._process.wait()
        with self._writing:
            for stream in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    if stream is not None:
                        stream.close()


class WorkerProcess(ChildProcess):
    """A worker, started. ``ready`` and ``hear`` are for one thread; everything else may be called from any.

    Args:
        home: the daemon's folder.
        slot: which of the daemon's workers it is, from 0.
        library: the sound library that it is to have at hand.
    """

    def __init__(self, home: Path, slot: int, library: Path | None = None) -> None:
        args = ["--slot", str(slot), "--home", str(home)]
        super().__init__(
            f"worker {slot}", "foley_bridge.jobs.worker", args + ([] if library is None else ["--library", str(library)])
        )
        self._ready = False

    def ready(self) -> bool:
        """Wait until it can take orders; False when it died before."""
        if not self._ready:
            said = self.hear()
            self._ready = said is not None
        return self._ready


def environment() -> dict[str, str]:
    """For a process of this package's: this process's own, and where the package lies if Python would not find it by itself."""
    folder = Path(foley_bridge.__file__).resolve().parents[1]
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), site.getusersitepackages()}
    if str(folder) in {str(Path(path).resolve()) for path in installed}:
        return dict(os.environ)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH", ""), str(folder)]))}


def _log_lines(name: str, stream: IO[bytes]) -> None:
    with contextlib.suppress(OSError, ValueError), stream:
        for line in stream:
            log.warning("%s: %s", name, line.decode("utf-8", "replace").rstrip())
