"""Real daemons for the tests: a process of its own on free loopback ports, which ends when the test does."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from foley_bridge.bridge import wire

PATIENCE_S = 60  # for things that take no time, on a machine that does much else

_START = """
import json, signal, sys
from pathlib import Path
from foley_bridge.bridge.daemon import DaemonSettings, run_daemon
from foley_bridge.errors import FoleyError
said = json.loads(sys.argv[1])
for name in ("home", "keys", "osc_out", "library"):
    said[name] = said.get(name) and Path(said[name])
for name in ("media_roots", "output_roots"):
    said[name] = said.get(name) and tuple(map(Path, said[name]))
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs tests in the background has it ignored
if said.pop("nohup", False):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
sys.executable = said.pop("executable", sys.executable)
said["maps"] = tuple((remote, Path(local)) for remote, local in said.get("maps", ()))
try:
    status = run_daemon(DaemonSettings(**said))
except FoleyError as error:
    print(json.dumps({"error": [type(error).__name__, error.message, error.hint]}), flush=True)
    status = 2
sys.exit(status)
"""


@dataclass
class Daemon:
    """A running daemon: its process, where it listens, and the file of its log."""

    process: subprocess.Popen[str]
    endpoints: dict[str, str]
    log_file: Path

    @property
    def requests(self) -> str:
        return self.endpoints["requests"]

    def log(self) -> str:
        return self.log_file.read_text("utf-8")


def start_daemon(
    home: Path, *, folder: Path | None = None, **settings: Any
) -> tuple[subprocess.Popen[str], dict[str, Any], Path]:
    """A daemon's process, the line it said first (its endpoints, or the error that it ended with) and its log's file.

    folder: it starts there.
    """
    said = {"home": str(home), "bind": "tcp://127.0.0.1:0", "private": True, **settings}
    log_file = home.parent / f"{home.name}-{uuid.uuid4().hex[:6]}.log"
    with log_file.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(said)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait(PATIENCE_S)
        raise AssertionError(f"the daemon died: {log_file.read_text()}")
    return process, json.loads(line), log_file


def end(process: subprocess.Popen[str]) -> None:
    """End a daemon, by force if it must be."""
    with contextlib.suppress(OSError):
        process.stdin.close()  # type: ignore[union-attr]
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    finally:
        process.stdout.close()  # type: ignore[union-attr]


@contextlib.contextmanager
def daemon(home: Path, **settings: Any) -> Iterator[Daemon]:
    """A daemon that runs for the length of a block."""
    process, said, log_file = start_daemon(home, **settings)
    assert "endpoints" in said, said
    try:
        yield Daemon(process, said["endpoints"], log_file)
    finally:
        end(process)


def refused_to_start(home: Path, **settings: Any) -> list[str]:
    """Kind, message and hint of the error of a daemon that must not start."""
    process, said, log_file = start_daemon(home, **settings)
    end(process)
    assert "error" in said, f"it started: {said}; {log_file.read_text()}"
    assert process.returncode == 2
    error: list[str] = said["error"]
    return error


class Raw:
    """A socket that sends whatever frames it is given: the client of somebody who does not follow the protocol."""

    def __init__(self, endpoint: str, kind: int = zmq.DEALER, **options: Any) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(kind)
        self.socket.linger = 0
        for name, value in options.items():
            setattr(self.socket, name, value)
        self.socket.connect(endpoint)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.destroy(linger=0)

    def send(self, *frames: bytes) -> None:
        self.socket.send_multipart(list(frames))

    def read(self, timeout_s: float = PATIENCE_S) -> list[bytes] | None:
        """A message's frames; None when there is none."""
        return self.socket.recv_multipart() if self.socket.poll(timeout_s * 1000) else None

    def ask(self, *frames: bytes) -> dict[str, Any]:
        """The header of the reply to these frames."""
        self.send(*frames)
        found = self.read()
        assert found is not None, "no reply"
        header, _ = wire.decode([frame for frame in found if frame][:2], header_limit=wire.SERVER_LIMIT)
        return header

    def call(self, method: str, params: dict[str, Any] | None = None, *payload: bytes) -> dict[str, Any]:
        """The header of the reply to a request that follows the protocol."""
        return self.ask(*wire.encode(wire.request(uuid.uuid4().hex, method, params)), *payload)
