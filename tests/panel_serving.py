"""A panel as the daemon starts it, and requests as a browser sends them, for the tests of the panel."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving import PATIENCE_S, environment

from foley_bridge.jobs.roots import Roots

TOKEN = "a-token-that-nobody-knows_0123456789abcdefg"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Panel:
    """A panel that runs."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """One request behind the token; ``headers``: with _ for -."""
        return self.ask_raw(f"/{TOKEN}{path}", method, body, **headers)

    def ask_raw(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """One request, its path as it stands."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_host="Host" in sent, skip_accept_encoding=True)
            content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            if body is not None:
                sent = {"Content-Type": "application/json", "Content-Length": str(len(content)), **sent}
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders(content)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def get(self, path: str) -> Any:
        """The JSON at a path; fails when it is an error."""
        answer = self.ask(path)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json

    @contextlib.contextmanager
    def events(self, reel: str, **headers: str) -> Iterator[Iterator[tuple[str, Any]]]:
        """A reel's events, for the length of a block; what was told when it was opened is read already."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", f"/{TOKEN}/api/reels/{reel}/events", headers=sent)
            answer = connection.getresponse()
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert answer.readline().startswith(b"retry:")
            yield _events(answer)


def _events(answer: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
    name = ""
    while line := answer.readline():
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


@contextlib.contextmanager
def panel(endpoint: str, folder: Path, roots: Roots | None = None, **changed: Any) -> Iterator[Panel]:
    """A panel of a daemon, for the length of a block; it also ends when this process does."""
    folder.mkdir(parents=True, exist_ok=True)
    told: Mapping[str, Any] = {
        "endpoint": endpoint,
        "keys": None,
        "seat": None,
        "token": TOKEN,
        "host": "127.0.0.1",
        "port": 0,
        "cache": str(folder / "cache"),
        "log_level": "debug",
        "roots": (roots or Roots()).to_json(),
        **changed,
    }
    command = [sys.executable, "-P", "-m", "foley_bridge.panel"]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment(), start_new_session=True
        )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.flush()
        said = json.loads(process.stdout.readline())
        assert said["say"] == "listening", said
        yield Panel(process, said["port"], folder / "log.txt")
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.stdout.close()
