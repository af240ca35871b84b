"""``foley-call`` as a host runs it: a process, a request file, a reply file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bridge_peer import Peer, echo

from foley_bridge.bridge import wire

SLOW_TO_START = (
    "numpy",
    "opentimelineio",
    "msgspec",
    "lancedb",
    "pyarrow",
    "typer",
    "rich",
    "platformdirs",
    "sqlite3",
    "asyncio",
)


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Echoes what it is asked; ``timeline`` asks for a payload with the reply, ``refuse`` is refused."""

    def answer(header: dict[str, Any]) -> list[dict[str, Any]]:
        if header["method"] == "refuse":
            return [
                {"foley_bridge": 1, "id": header["id"], "ok": False, "error": {"kind": "JobError", "message": "no", "hint": ""}}
            ]
        return echo(header)

    made = Peer(answer)
    yield made
    made.stop()


def call(folder: Path, request: object, *options: str, reply: str = "reply.json", **environment: str) -> tuple[int, Any, str]:
    """Run foley-call; returns its status, the reply (None when there is none) and what it said on stderr."""
    path = folder / "request.json"
    if isinstance(request, bytes):
        path.write_bytes(request)
    elif request is not None:
        path.write_text(json.dumps(request), encoding="utf-8")
    command = [sys.executable, "-m", "foley_bridge.bridge.call", str(path), str(folder / reply), *options]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FOLEY_BRIDGE_")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=clean | environment)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    written = folder / reply
    return done.returncode, json.loads(written.read_text("utf-8")) if written.is_file() else None, done.stderr


def ping(**more: object) -> dict[str, object]:
    return {"foley_bridge": 1, "id": "1", "method": "ping", **more}


def test_a_reply_that_is_ok_ends_with_0_and_nothing_else_lies_there(peer: Peer, tmp_path: Path) -> None:
    status, reply, said = call(tmp_path, ping(), "--endpoint", peer.endpoint)
    assert (status, said) == (0, "")
    assert reply == {"foley_bridge": 1, "id": "1", "ok": True, "result": {"asked": "ping", "params": None}}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reply.json", "request.json"]


@pytest.mark.parametrize(("request_name", "reply_name"), [("run.7.json", "run.7.reply.json"), ("plain", "plain.reply.json")])
def test_the_reply_goes_beside_the_request_when_nothing_else_is_said(
    peer: Peer, tmp_path: Path, request_name: str, reply_name: str
) -> None:
    (tmp_path / request_name).write_text(json.dumps(ping()))
    command = [sys.executable, "-m", "foley_bridge.bridge.call", str(tmp_path / request_name), "--endpoint", peer.endpoint]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    assert json.loads((tmp_path / reply_name).read_text("utf-8"))["ok"] is True


def test_the_endpoint_is_also_read_from_the_environment(peer: Peer, tmp_path: Path) -> None:
    assert call(tmp_path, ping(), FOLEY_BRIDGE_ENDPOINT=peer.endpoint)[0] == 0


def test_a_refusal_ends_with_1(peer: Peer, tmp_path: Path) -> None:
    status, reply, _ = call(tmp_path, ping(method="refuse"), "--endpoint", peer.endpoint)
    assert status == 1
    assert reply["error"] == {"kind": "JobError", "message": "no", "hint": ""}


def test_nobody_there_ends_with_2_and_a_reply_that_says_so(tmp_path: Path) -> None:
    status, reply, _ = call(tmp_path, ping(), "--endpoint", "tcp://127.0.0.1:9")
    assert status == 2
    assert (reply["ok"], reply["id"], reply["error"]["kind"]) == (False, "1", "BridgeError")
    assert "tcp://127.0.0.1:9" in reply["error"]["message"]
    assert "foley-bridge serve" in reply["error"]["hint"]


@pytest.mark.parametrize(
    "request_file", [b"", b"\x00\xff garbage", b"[1]", b"{", b'{"id": NaN}', b'{"a":' * 100_000, b'{"id": 1, "id": 2}', None]
)
def test_a_request_that_is_none_is_answered_without_asking(peer: Peer, tmp_path: Path, request_file: bytes | None) -> None:
    status, reply, _ = call(tmp_path, request_file, "--endpoint", peer.endpoint)
    assert status == 2
    assert reply["error"]["kind"] == "RequestError"
    assert str(tmp_path / "request.json") in reply["error"]["message"]
    assert peer.asked == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are Unicode")
def test_a_request_whose_name_is_no_text_is_answered_without_asking(peer: Peer, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "foley_bridge.bridge.call", str(tmp_path / "\udcff.json"), str(tmp_path / "reply.json")]
    done = subprocess.run([*command, "--endpoint", peer.endpoint], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, "")
    reply = json.loads((tmp_path / "reply.json").read_text("utf-8"))
    assert reply["error"]["kind"] == "RequestError"
    assert "\\udcff.json" in reply["error"]["message"]
    assert peer.asked == []


def test_a_request_that_is_a_folder_is_answered_without_asking(peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "request.json").mkdir()
    status, reply, _ = call(tmp_path, None, "--endpoint", peer.endpoint)
    assert (status, reply["error"]["kind"]) == (2, "RequestError")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_request_that_is_a_pipe_is_not_waited_for(peer: Peer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "request.json")
    status, reply, _ = call(tmp_path, None, "--endpoint", peer.endpoint)
    assert (status, reply["error"]["kind"]) == (2, "RequestError")


def test_without_a_folder_for_the_reply_nothing_is_asked(peer: Peer, tmp_path: Path) -> None:
    status, reply, said = call(tmp_path, ping(), "--endpoint", peer.endpoint, reply="no/such/reply.json")
    assert (status, reply) == (2, None)
    assert "no such folder" in said
    assert peer.asked == []


@pytest.mark.parametrize("reply", [".", "request.json"])
def test_a_reply_cannot_be_a_folder_or_the_request(peer: Peer, tmp_path: Path, reply: str) -> None:
    status, _, said = call(tmp_path, ping(), "--endpoint", peer.endpoint, reply=reply)
    assert status == 2
    assert str(tmp_path) in said
    assert peer.asked == []
    assert json.loads((tmp_path / "request.json").read_text("utf-8")) == ping()


def test_an_earlier_reply_is_gone_while_the_daemon_is_asked(tmp_path: Path) -> None:
    reply_file, there = tmp_path / "reply.json", []

    def answer(header: dict[str, Any]) -> list[dict[str, Any]]:
        there.append(reply_file.exists())
        return echo(header)

    peer = Peer(answer)
    reply_file.write_text('{"ok": true, "of": "an earlier request"}')
    status, reply, _ = call(tmp_path, ping(), "--endpoint", peer.endpoint)
    peer.stop()
    assert there == [False]
    assert (status, reply["result"]["asked"]) == (0, "ping")


def test_an_inline_timeline_travels_as_the_payload(tmp_path: Path) -> None:
    peer = Peer(echo)
    timeline = {"OTIO_SCHEMA": "Timeline.1", "name": "Schnitt 👣", "rate": 23.976023976023978, "value": 86400.0}
    params = {"kind": "generate", "timeline": {"inline": timeline, "base": "/projects"}}
    status, reply, _ = call(tmp_path, ping(method="submit", params=params), "--endpoint", peer.endpoint)
    peer.stop()
    assert status == 0
    assert reply["result"]["params"]["timeline"] == {"payload": 0, "base": "/projects"}
    assert json.loads(peer.payloads[0] or b"") == timeline


@pytest.mark.parametrize("timeline", [{"inline": "text"}, {"inline": {}, "path": "/a.otio"}, {"inline": {}, "payload": 0}])
def test_an_inline_timeline_stands_alone(peer: Peer, tmp_path: Path, timeline: dict[str, Any]) -> None:
    status, reply, _ = call(tmp_path, ping(method="submit", params={"timeline": timeline}), "--endpoint", peer.endpoint)
    assert (status, reply["error"]["kind"]) == (2, "RequestError")
    assert "inline" in reply["error"]["message"]
    assert peer.asked == []


@pytest.mark.parametrize(
    ("payload", "stands_as"),
    [
        (b'{"OTIO_SCHEMA": "Timeline.1", "name": "\xc3\xbc"}', {"OTIO_SCHEMA": "Timeline.1", "name": "ü"}),
        (b"TITLE: CUT\n001  AX  V  C\n", "TITLE: CUT\n001  AX  V  C\n"),
        (b'<fcpxml version="1.9"/>', '<fcpxml version="1.9"/>'),
        (b'{"value": Infinity}', '{"value": Infinity}'),
    ],
)
def test_a_payload_stands_in_the_reply_as_the_timeline(tmp_path: Path, payload: bytes, stands_as: object) -> None:
    peer = Peer(echo, payload=payload)
    status, reply, _ = call(tmp_path, ping(method="result"), "--endpoint", peer.endpoint)
    peer.stop()
    assert status == 0
    assert reply["timeline"] == stands_as


def test_more_than_64_mb_is_refused_before_it_is_sent(peer: Peer, tmp_path: Path) -> None:
    timeline = {"inline": {"name": "x" * wire.CLIENT_LIMIT}}
    status, reply, _ = call(tmp_path, ping(method="submit", params={"timeline": timeline}), "--endpoint", peer.endpoint)
    assert (status, reply["error"]["kind"]) == (2, "RequestError")
    assert "64 MB" in reply["error"]["message"]
    assert peer.asked == []


def test_keys_without_a_seat_are_told(peer: Peer, tmp_path: Path) -> None:
    status, reply, _ = call(tmp_path, ping(), "--endpoint", peer.endpoint, FOLEY_BRIDGE_KEYS=str(tmp_path))
    assert (status, reply["error"]["kind"]) == (2, "BridgeError")
    assert "--seat" in reply["error"]["hint"]


@pytest.mark.parametrize("options", [("--timeout", "0"), ("--timeout", "nan"), ("--timeout", "soon"), ("--nonsense",)])
def test_options_that_make_no_sense_are_told(peer: Peer, tmp_path: Path, options: tuple[str, ...]) -> None:
    status, reply, said = call(tmp_path, ping(), *options)
    assert (status, reply) == (2, None)
    assert options[0] in said


def test_a_daemon_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    silent = Peer(lambda header: [])
    status, reply, _ = call(tmp_path, ping(), "--endpoint", silent.endpoint, "--timeout", "0.3")
    silent.stop()
    assert (status, reply["error"]["kind"]) == (2, "BridgeError")


def test_nothing_that_starts_slowly_is_imported(peer: Peer, tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    request.write_text(json.dumps(ping()))
    code = (
        "import sys, json; from foley_bridge.bridge.call import main; "
        "assert main(sys.argv[1:]) == 0; print(json.dumps(sorted(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(request), str(tmp_path / "reply.json"), "--endpoint", peer.endpoint]
    loaded = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    assert "zmq" in loaded
    assert [name for name in loaded if name.split(".")[0] in SLOW_TO_START] == []
