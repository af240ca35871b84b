"""``foley-call`` with what it answers itself: a daemon that is started for an editor and lives on, and the doctor."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ports import free_ports
from serving import PATIENCE_S, environment

from foley_bridge.bridge.client import Client
from foley_bridge.errors import BridgeError

posix = pytest.mark.skipif(os.name == "nt", reason="ends what it started with signals")


class Seat:
    """A user's account: a home, ports that nobody uses, and ``foley-call``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.state = folder / "state"
        self.home.mkdir()
        self.endpoint = f"tcp://127.0.0.1:{free_ports(4)}"

    def begin(self, name: str, method: str, params: dict[str, Any] | None = None, *options: str) -> subprocess.Popen[str]:
        header = {"foley_bridge": 1, "id": name, "method": method, **({} if params is None else {"params": params})}
        (self.folder / f"{name}.json").write_text(json.dumps(header))
        command = [sys.executable, "-P", "-m", "foley_bridge.bridge.call", str(self.folder / f"{name}.json"), *options]
        env = environment(FOLEY_BRIDGE_HOME=self.state, FOLEY_BRIDGE_ENDPOINT=self.endpoint, HOME=self.home)
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def call(self, method: str, params: dict[str, Any] | None = None, *options: str) -> tuple[int, dict[str, Any]]:
        return self.ended(self.begin(method, method, params, *options), method)

    def ended(self, process: subprocess.Popen[str], name: str) -> tuple[int, dict[str, Any]]:
        said, _ = process.communicate(timeout=PATIENCE_S)
        assert said == ""
        return process.returncode, json.loads((self.folder / f"{name}.reply.json").read_text("utf-8"))

    def pid(self) -> int | None:
        with contextlib.suppress(OSError):
            return int(json.loads((self.state / "daemon.json").read_text("utf-8"))["pid"])
        return None

    def end(self) -> None:
        if (pid := self.pid()) is None:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_S
        while self.pid() is not None:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def seat(tmp_path: Path) -> Iterator[Seat]:
    made = Seat(tmp_path)
    yield made
    made.end()


@posix
def test_a_daemon_is_started_once_and_lives_on(seat: Seat) -> None:
    status, reply = seat.call("start")
    assert (status, reply["ok"], reply["id"]) == (0, True, "start")
    result = reply["result"]
    assert set(result) == {"version", "protocols", "pid", "endpoints", "started"}
    assert (result["started"], result["endpoints"]["requests"]) == (True, seat.endpoint)
    assert os.getsid(result["pid"]) == result["pid"]  # of a session of its own: no terminal and no editor ends it
    with Client(seat.endpoint) as client:
        assert client.ping()["pid"] == result["pid"]
        roots = client.capabilities()["roots"]
    assert roots["media"] is None
    assert str(seat.home) in roots["output"]
    assert "listening" in (seat.state / "serve.log").read_text("utf-8")
    status, reply = seat.call("start")
    assert (status, reply["result"]["started"], reply["result"]["pid"]) == (0, False, result["pid"])


@posix
def test_two_who_start_it_at_once_get_one_daemon(seat: Seat) -> None:
    both = {name: seat.begin(name, "start") for name in ("one", "two")}
    replies = [seat.ended(process, name) for name, process in both.items()]
    assert [status for status, _ in replies] == [0, 0]
    assert len({reply["result"]["pid"] for _, reply in replies}) == 1
    assert sorted(reply["result"]["started"] for _, reply in replies) == [False, True]


@posix
def test_folders_allowed_come_beside_the_usual_ones(seat: Seat, tmp_path: Path) -> None:
    projects = [tmp_path / "projects ü", tmp_path / "more"]
    for folder in projects:
        folder.mkdir()
    assert seat.call("start", {"allow": [str(folder) for folder in projects]})[0] == 0
    with Client(seat.endpoint) as client:
        roots = client.capabilities()["roots"]
    assert roots["media"] is None
    assert {str(seat.home), *map(str, projects)} < set(roots["output"])
    assert str(Path.cwd()) not in roots["output"]  # where an editor happens to have been started is no reason


def test_one_that_ends_at_once_is_told_in_its_own_words(seat: Seat) -> None:
    seat.state.mkdir()
    (seat.state / "journal.sqlite").write_bytes(b"this is no journal" * 100)
    (seat.state / "serve.log").write_text("words of an earlier one\n")
    status, reply = seat.call("start")
    assert (status, reply["error"]["kind"]) == (2, "BridgeError")
    assert str(seat.state / "journal.sqlite") in reply["error"]["message"]
    assert "earlier" not in reply["error"]["message"]


def test_where_somebody_else_listens_nothing_is_started(seat: Seat) -> None:
    with socket.create_server(("127.0.0.1", int(seat.endpoint.rpartition(":")[2]))):
        status, reply = seat.call("start")
    assert (status, reply["error"]["kind"]) == (2, "BridgeError")
    assert seat.endpoint in reply["error"]["message"]
    assert not (seat.state / "serve.log").exists()


def test_another_machines_daemon_is_not_started_here(seat: Seat) -> None:
    status, reply = seat.call("start", None, "--endpoint", "tcp://192.0.2.1:5577")
    assert (status, reply["error"]["kind"]) == (2, "BridgeError")
    assert "another machine" in reply["error"]["message"]


@pytest.mark.parametrize(
    "params", [{"allow": "/tmp"}, {"allow": [7]}, {"allow": ["relative"]}, {"allow": ["/no/such/folder"]}, {"alow": []}, []]
)
def test_params_that_make_no_sense_start_nothing(seat: Seat, params: Any) -> None:
    status, reply = seat.call("start", params)
    assert (status, reply["ok"], reply["error"]["kind"]) == (2, False, "RequestError")
    with pytest.raises(BridgeError), Client(seat.endpoint) as client:
        client.ping()


def test_the_doctor_says_what_the_command_prints(seat: Seat) -> None:
    status, reply = seat.call("doctor")
    assert (status, reply["ok"], reply["id"]) == (0, True, "doctor")
    checks = {check["name"]: check for check in reply["result"]["checks"]}
    assert checks["Python"]["ok"] is True
    assert checks["daemon"]["ok"] is False
    assert set(checks["disk"]) == {"name", "ok", "detail", "advice", "needed"}
