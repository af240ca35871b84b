"""Starting the daemon for an editor: a process that lives on when the editor and ``foley-call`` are gone.

Whoever starts holds a lock until the daemon answers, so that two editors at once get one daemon. What it says goes to
``serve.log`` in the home folder.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foley_bridge.bridge.binding import Binding
from foley_bridge.bridge.client import Client
from foley_bridge.bridge.places import LOG_FILE, default_output_roots
from foley_bridge.errors import BridgeError
from foley_bridge.home import home

if TYPE_CHECKING:
    from foley_bridge.bridge.private import Reached

START_S = 45.0
PING_S = 3.0
LONGEST_LOG = 10_000_000  # bytes; then a new one is begun
LOG_SHOWN = 8  # lines
_LOOK_EVERY_S = 0.1
_HINT = "run foley-bridge serve in a terminal, and see what it says"

HIDDEN: dict[str, Any] = {}
"""For ``subprocess``: no console flashes up when an editor starts something."""
if sys.platform == "win32":
    HIDDEN = {"creationflags": subprocess.CREATE_NO_WINDOW}


def start(allow: Sequence[Path], *, endpoint: str | None, keys: Path | None, seat: str | None) -> dict[str, Any]:
    """See to it that a daemon answers, and give what ``ping`` gives, and ``started``: whether it was started now.

    Args:
        allow: folders that its jobs may write to, beside the usual ones. (They may read everywhere.) One that runs already
            keeps the folders it has.
        endpoint: where it is to answer; by default as for ``Client``.
        keys: a folder of keys; one for a daemon of this machine has the server's keys, too.
        seat: whose keys in it.

    Raises:
        BridgeError: somebody answers who does not let us in; it would have to run on another machine; it ends at once, or
            does not answer in time.
    """
    from filelock import FileLock, Timeout

    with Client(endpoint, keys=keys, seat=seat) as client:
        binding = Binding.parse(client.endpoint)
        try:
            with FileLock(home() / "starting.lock", timeout=START_S):
                if _runs_at_home(binding, keys, seat) or _somebody_listens(binding):
                    return {**client.ping(PING_S), "started": False}
                log = home() / LOG_FILE
                begin = _begin(log)
                process = _serve(_options(binding, allow, keys), log)
                return {**_answered(client, process, log, begin), "started": True}
        except Timeout as error:
            raise BridgeError("another program is starting the daemon, and does not get to an end", _HINT) from error


@contextlib.contextmanager
def staying(
    endpoint: str | None = None, *, keys: Path | None = None, seat: str | None = None, writes: Sequence[Path] = ()
) -> Iterator[Reached]:
    """The daemon that this user's commands go to; one that lives on is started when none runs.

    Args:
        endpoint, keys, seat: as for ``start``; without an endpoint it is the one that runs in ``home()``, wherever it listens.
        writes: folders that a daemon started now must be able to write in, which need not be there yet.

    Raises:
        BridgeError: as ``start``.
    """
    from foley_bridge.bridge.private import Reached, at_home

    named = endpoint or os.environ.get("FOLEY_BRIDGE_ENDPOINT")
    client, started = None if named else at_home(keys=keys, seat=seat), False
    if client is None:
        started = start(_there(writes), endpoint=named, keys=keys, seat=seat)["started"]
        client = Client(named, keys=keys, seat=seat)
    with client:
        yield Reached(client, private=False, started=started)


def _there(folders: Sequence[Path]) -> list[Path]:
    """What is there of these folders; none of which nothing is there, for nobody means to allow a whole disk."""
    found = []
    for folder in folders:
        while not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
        if folder != folder.parent:
            found.append(folder)
    return found


def command(*arguments: str) -> list[str]:
    """A command of foley_bridge's, run by this Python (on Windows by the one that has a console, so that it can be heard)."""
    python = Path(sys.executable)
    if python.name.lower() == "pythonw.exe" and python.with_name("python.exe").exists():
        python = python.with_name("python.exe")
    return [str(python), "-P", "-m", "foley_bridge", *arguments]


def environment() -> dict[str, str]:
    """For a process of this package's. What an editor sets for a Python of its own (``PYTHONHOME``) is not for ours; this one
    was then told to look away (``-E``)."""
    from foley_bridge.jobs import worker_process

    if sys.flags.ignore_environment:
        return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return worker_process.environment()


def _runs_at_home(binding: Binding, keys: Path | None, seat: str | None) -> bool:
    """Whether it is the daemon of this home, which is asked: whoever only knocks is in its log as one that was not let in."""
    from foley_bridge.bridge.private import at_home

    known = at_home(keys=keys, seat=seat)
    if known is None:
        return False
    with known:
        return Binding.parse(known.endpoint) == binding


def _somebody_listens(binding: Binding) -> bool:
    if not binding.is_local:
        raise BridgeError(
            f"the daemon at {binding.endpoint} runs on another machine, if it runs", "start it there: foley-bridge serve"
        )
    if binding.transport == "ipc":
        return Path(binding.host).exists()
    with contextlib.suppress(OSError), socket.create_connection((binding.host.strip("[]"), binding.port), PING_S):
        return True
    return False


def _options(binding: Binding, allow: Sequence[Path], keys: Path | None) -> list[str]:
    options = ["--bind", binding.endpoint]
    if allow:
        for folder in dict.fromkeys((*default_output_roots(Path.home()), *allow)):
            options += ["--output-root", str(folder)]
    if keys is not None:
        if not (keys / "server.key_secret").is_file():
            hint = "start it where they are: foley-bridge serve --keys DIR"
            raise BridgeError(f"{keys}: the daemon's own keys are not there", hint)
        options += ["--keys", str(keys.absolute())]
    return options


def _begin(log: Path) -> int:
    """Where in the log a new daemon's words will begin, bytes."""
    with contextlib.suppress(OSError):
        if log.stat().st_size <= LONGEST_LOG:
            return log.stat().st_size
        log.unlink()
    return 0


def _serve(options: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        # A console of its own that nobody sees. Without any, each of its workers would open one that everybody sees.
        apart = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        with log.open("ab") as said:
            return subprocess.Popen(
                command("serve", *options),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=Path.home(),
                env=environment(),
                close_fds=True,
                **apart,
            )
    except OSError as error:
        raise BridgeError(f"the daemon cannot be started: {error}", _HINT) from error


def _answered(client: Client, process: subprocess.Popen[bytes], log: Path, begin: int) -> dict[str, Any]:
    """What the daemon answers to a ping, once it does.

    Raises:
        BridgeError: it has ended before, or takes too long.
    """
    deadline = time.monotonic() + START_S
    while True:
        ended = process.poll() is not None
        try:
            return client.ping(PING_S)
        except BridgeError as error:
            if ended:
                raise BridgeError(f"the daemon ended as soon as it was started:\n{_last_words(log, begin)}", _HINT) from error
            if time.monotonic() > deadline:
                raise BridgeError(
                    f"the daemon was started and does not answer: {error.message}", f"its log is {log}"
                ) from error
        time.sleep(_LOOK_EVERY_S)


def _last_words(log: Path, begin: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(begin)
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    return "\n".join(lines[-LOG_SHOWN:]) or "it said nothing"
