"""The audition page's server, a process beside the daemon: started when a link is first asked for, started again when it dies.

The daemon tells it one line of JSON on its standard input: where the daemon is and where to listen. It hears one line back:
that it listens, or why it cannot. It ends when that input does, so also when the daemon is killed. The token of its links is
new with every run of the daemon, and told to the panel and to those who ask for a link: it is in no command line, log or file.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from foley_bridge.bridge.binding import Binding, host_and_port
from foley_bridge.bridge.keys import Seats, make_guest
from foley_bridge.errors import BridgeError, BusyError, InternalError
from foley_bridge.jobs.worker_process import environment

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-P", "-m", "foley_bridge.panel")
START_S = 30.0
GIVE_UP_S = 120.0
"""One that neither listens nor says why by then hangs, and is ended."""
END_S = 3.0
PAUSE_S = (0.5, 15.0)
"""How long it waits before it starts one again that died: at first, at most."""
WELL_S = 60.0
"""One that ran so long died of something new: the pause is short again."""
SEAT = "panel"
SEAT_FOLDER = "seat"
"""Beside its cache, while a daemon with keys runs."""
_WHO = "the audition page"
_HINT = "the daemon's log may know more, and foley-bridge doctor"
_OWN_LINE = re.compile(r"\d{4}-\d\d-\d\d \S+ +(debug|info|warning|error|critical) +(.*)")
_LEVELS = {name: getattr(logging, name.upper()) for name in ("debug", "info", "warning", "error", "critical")}


def default_panel_bind(bind: str) -> str:
    """The page's usual address beside a ZeroMQ one, on loopback, three ports on (a free one when there is no such port).

    Raises:
        BridgeError: ``bind`` is no address.
    """
    port = Binding.parse(bind).port
    return f"127.0.0.1:{port + 3 if 0 < port <= 65535 - 3 else 0}"


def loopback(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT`` that only this machine reaches.

    Raises:
        BridgeError: it is no address, or others reach it.
    """
    host, port = host_and_port(text, _WHO)
    host = "127.0.0.1" if host.lower() == "localhost" else host
    with contextlib.suppress(ValueError):
        host = str(ipaddress.ip_address(host))  # as browsers write it
    if not Binding("tcp", f"[{host}]" if ":" in host else host).is_local:
        raise BridgeError(
            f"{_WHO} is not served at {text}: other machines reach it", "give an address of this machine, as 127.0.0.1:5580"
        )
    return host, port


def own_seat(folder: Path, seats: Seats, server: bytes) -> dict[str, str]:
    """Keys for the panel, for this run of the daemon: ``keys`` and ``seat`` as ``Client`` takes them, from now on let in.

    Args:
        folder: for the keys alone; what lies there is removed.
        seats: of the daemon.
        server: the daemon's public key.

    Raises:
        BridgeError: they cannot be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    seats.let_in(make_guest(folder, SEAT, server), SEAT)
    return {"keys": str(folder), "seat": SEAT}


class PanelProcess:
    """May be used from any thread.

    Args:
        host, port: where it listens, on loopback; where that port is 0 or taken, at a free one, which it then keeps.
        order: what it is told beside that.
        announce: is told, whenever one listens, where: ``http://HOST:PORT``, which is not a link.
        command: what is run.
    """

    def __init__(
        self,
        host: str,
        port: int,
        order: Mapping[str, Any],
        *,
        announce: Callable[[str], None],
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._host, self._port, self._order, self._announce, self._command = host, port, dict(order), announce, command
        self._token = secrets.token_urlsafe(32)
        self._changed = threading.Condition()
        # Guarded by it:
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._address: str | None = None  # while one listens
        self._failure: InternalError | None = None  # of the last one that did not come to listen
        self._hurry = self._stopping = False

    def link(self, job: str | None) -> str:
        """The address of a reel's page (None: of the list of reels), for whoever is to open it; starts the panel if need be.

        Raises:
            InternalError: it cannot be started.
            BusyError: the daemon ends.
        """
        with self._changed:
            if self._address is None and not self._stopping:
                self._failure, self._hurry = None, True
                if self._thread is None:
                    self._thread = threading.Thread(target=self._keep_running, name="panel", daemon=True)
                    self._thread.start()
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._address or self._failure or self._stopping, START_S)
            if self._stopping:
                raise BusyError("the daemon is shutting down", "ask again when it is back")
            if self._address is not None:
                return f"{self._address}/{self._token}/" + ("" if job is None else f"reel/{job}")
            raise self._failure or InternalError(f"{_WHO} does not start in time", "ask once more; " + _HINT)

    def stop(self) -> None:
        """End it, and start no other."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            process, thread = self._process, self._thread
        if thread is None:
            return
        if process is not None:
            assert process.stdin is not None
            with contextlib.suppress(OSError):
                process.stdin.close()
        thread.join(END_S)
        if process is not None and thread.is_alive():
            _kill(process)
        thread.join()

    # --- the thread that keeps one running ---

    def _keep_running(self) -> None:
        shortest_s, longest_s = PAUSE_S
        pause_s, ever = shortest_s, False
        while True:
            began_s = time.monotonic()
            listened = self._run_one()
            ever = ever or listened
            with self._changed:
                if self._stopping or not (ever or self._hurry):  # without a link nobody misses it: who asks next tries again
                    self._thread = None
                    return
                if listened and time.monotonic() > began_s + WELL_S:
                    pause_s = shortest_s
                log.warning("%s is started again", _WHO, extra={"in_s": pause_s})
                self._changed.wait_for(lambda: self._hurry or self._stopping, pause_s)
                if self._stopping:
                    return
            pause_s = min(2 * pause_s, longest_s)

    def _run_one(self) -> bool:
        """Start one and see it to its end; whether it has listened."""
        with self._changed:
            if self._stopping:
                return False
            self._hurry = False
            try:
                process = self._process = _start(self._command)
            except OSError as error:
                self._fail(f"{_WHO} cannot be started: {error}", _HINT)
                return False
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        threading.Thread(target=_log_lines, args=(process.stderr, self._token), name="panel log", daemon=True).start()
        told = {**self._order, "host": self._host, "port": self._port, "token": self._token}
        with contextlib.suppress(OSError, ValueError):  # it died, or was told to end; then it says nothing either
            process.stdin.write(json.dumps(told).encode() + b"\n")
            process.stdin.flush()
        hangs = threading.Timer(GIVE_UP_S, _give_up, (process,))
        hangs.daemon = True
        hangs.start()
        said = _first_words(process.stdout)
        hangs.cancel()
        hangs.join()  # it kills nobody else who has the number by then
        if listens := said.get("say") == "listening":
            self._listens(int(said["port"]))
            process.wait()
        _bury(process)
        self._is_over(process.returncode, said)
        return listens

    def _listens(self, port: int) -> None:
        address = f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{port}"
        log.info("%s is served", _WHO, extra={"panel": address})
        self._announce(address)
        with self._changed:
            self._address, self._port = address, port
            self._changed.notify_all()

    def _is_over(self, status: int, said: Mapping[str, Any]) -> None:
        with self._changed:
            self._address = self._process = None
            if self._stopping:
                return
            if said.get("say") == "failed":
                self._fail(f"{_WHO} cannot be served: {said.get('message')}", str(said.get("hint", "")))
            else:
                self._fail(f"the process of {_WHO} ended by itself (status {status})", _HINT)

    def _fail(self, message: str, hint: str) -> None:
        log.error("%s", message)
        self._failure = InternalError(message, hint)
        self._changed.notify_all()


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    # A group of its own: Ctrl-C in the daemon's terminal is the daemon's affair, and its children can be killed with it.
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment(), **apart)


def _first_words(stream: IO[bytes]) -> dict[str, Any]:
    """The line that it says; nothing when it dies before, or makes no sense."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        said = dict(json.loads(stream.readline()))
        if said.get("say") != "listening" or 0 < int(said["port"]) <= 65535:
            return said
    return {}


def _give_up(process: subprocess.Popen[bytes]) -> None:
    log.error("%s hangs before it listens, and is ended", _WHO)
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it at once, with its children."""
    with contextlib.suppress(OSError):
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()


def _bury(process: subprocess.Popen[bytes]) -> None:
    """See it gone, and what it left running: while that does, nobody else has the group's number."""
    _kill(process)
    process.wait()
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()


def _log_lines(stream: IO[bytes], token: str) -> None:
    """What it says to people goes into the daemon's log: its own log's lines as what they are, anything else as a warning."""
    with contextlib.suppress(OSError, ValueError), stream:
        for line in stream:
            text = line.decode("utf-8", "replace").rstrip().replace(token, "TOKEN")
            own = _OWN_LINE.fullmatch(text)
            log.log(_LEVELS[own[1]] if own else logging.WARNING, "panel: %s", own[2] if own else text)
