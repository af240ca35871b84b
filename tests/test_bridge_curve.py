"""Without the right key nobody gets a byte: seats with keys are let in, everybody else is not, on every socket."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.auth
from bridge_daemons import PATIENCE_S, Daemon, Raw, daemon, refused_to_start

from foley_bridge.bridge import wire
from foley_bridge.bridge.client import Client
from foley_bridge.bridge.keys import Seats, make_keys, server_pair
from foley_bridge.errors import BridgeError
from foley_bridge.jobs.journal import Journal

pytestmark = pytest.mark.skipif(not zmq.has("curve"), reason="this ZeroMQ has no CURVE")
PING = wire.encode(wire.request("p", "ping"))[0]
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")


def as_seat(keys: Path, seat: str) -> dict[str, bytes]:
    """A seat's options of a socket."""
    public, secret = zmq.auth.load_certificate(keys / f"{seat}.key_secret")
    server, _ = zmq.auth.load_certificate(keys / "server.key")
    assert secret is not None
    return {"curve_publickey": public, "curve_secretkey": secret, "curve_serverkey": server}


def some_key() -> dict[str, bytes]:
    public, secret = zmq.curve_keypair()
    return {"curve_publickey": public, "curve_secretkey": secret}


# --- files ---


def test_keys_are_made_once_and_zeromq_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made = make_keys(folder, ["edit-1", "edit-2"])
    assert sorted(str(path.relative_to(folder)) for path in made) == [
        "edit-1.key_secret",
        "edit-2.key_secret",
        "seats/edit-1.key",
        "seats/edit-2.key",
        "server.key",
        "server.key_secret",
    ]
    pair = server_pair(folder)
    assert zmq.auth.load_certificate(folder / "server.key_secret") == (pair.public, pair.secret)
    assert zmq.auth.load_certificate(folder / "server.key") == (pair.public, None)
    assert zmq.auth.load_certificate(folder / "seats" / "edit-1.key")[0] == as_seat(folder, "edit-1")["curve_publickey"]
    assert sorted(path.name for path in make_keys(folder, ["edit-3"])) == ["edit-3.key", "edit-3.key_secret"]
    assert server_pair(folder) == pair
    assert pair.secret.decode() not in repr(pair)


@posix
def test_a_secret_is_for_its_owner_only_from_the_first_moment(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = make_keys(tmp_path / "keys", ["edit-1"])
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made}
    assert modes["server.key_secret"] == modes["edit-1.key_secret"] == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_seat_that_has_a_key_keeps_it_and_nothing_is_made(tmp_path: Path) -> None:
    make_keys(tmp_path, ["edit-1"])
    before = (tmp_path / "edit-1.key_secret").read_bytes()
    with pytest.raises(BridgeError, match="edit-1 has a key already"):
        make_keys(tmp_path, ["edit-2", "edit-1"])
    assert (tmp_path / "edit-1.key_secret").read_bytes() == before
    assert not (tmp_path / "edit-2.key_secret").exists()


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a b", ".hidden", "server", "Server", "x" * 65, "a\n", "edit\0"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BridgeError, match="cannot name a seat"):
        make_keys(tmp_path / "keys", ["good", name])
    assert not (tmp_path / "keys").exists()


def test_a_public_key_that_is_missing_is_made_from_the_secret_one(tmp_path: Path) -> None:
    make_keys(tmp_path)
    before = (tmp_path / "server.key").read_bytes()
    (tmp_path / "server.key").unlink()
    assert make_keys(tmp_path) == [tmp_path / "server.key"]
    assert (tmp_path / "server.key").read_bytes() == before


@posix
def test_a_link_that_leads_nowhere_and_a_pipe_lock_nobody_else_out(tmp_path: Path) -> None:
    make_keys(tmp_path, ["edit-1"])
    (tmp_path / "seats" / "gone.key").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "seats" / "pipe.key")
    assert Seats(tmp_path).names() == ["edit-1"]


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_secret_key_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    make_keys(tmp_path / "keys")
    (tmp_path / "keys" / "server.key_secret").chmod(mode)
    kind, message, hint = refused_to_start(tmp_path / "home", keys=str(tmp_path / "keys"))
    assert kind == "BridgeError"
    assert f"{mode:04o}" in message
    assert "chmod 600" in hint


@pytest.mark.parametrize(
    "content",
    [None, "", "curve\n    public-key = 'x'\n", 'secret-key = "' + "x" * 39 + '"', 'secret-key = "' + "#" * 40 + '"',
     'secret-key = "' + "\u00e4" * 40 + '"', "\0" * 5000],
)  # fmt: skip
def test_a_key_file_that_is_none_is_named(tmp_path: Path, content: str | None) -> None:
    make_keys(tmp_path)
    file = tmp_path / "server.key_secret"
    file.unlink()
    if content is not None:
        file.write_text(content, "utf-8")
        file.chmod(0o600)
    with pytest.raises(BridgeError, match=r"server\.key_secret"):
        server_pair(tmp_path)


def test_seats_are_those_whose_keys_lie_there_now(tmp_path: Path) -> None:
    make_keys(tmp_path, ["edit-1"])
    seats = Seats(tmp_path)
    assert seats.names() == ["edit-1"]
    make_keys(tmp_path, ["edit-2"])
    (tmp_path / "seats" / "broken.key").write_text("nothing")
    assert seats.names() == ["edit-1", "edit-2"]
    assert "broken.key" in seats.unreadable[0]
    shutil.rmtree(tmp_path / "seats")
    assert seats.names() == []


# --- sockets ---


@dataclass
class Guarded:
    """A daemon with keys, and the keys of the seat that may ask it."""

    daemon: Daemon
    keys: Path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    make_keys(folder / "keys", ["edit-1"])
    with daemon(folder / "home", keys=str(folder / "keys"), metrics_bind="127.0.0.1:0") as one:
        yield Guarded(one, folder / "keys")


def doomed(folder: Path) -> dict[str, Any]:
    return {
        "kind": "generate",
        "timeline": {"path": str(folder / "missing.otio")},
        "out": str(folder / "out.otio"),
        "media_dir": str(folder / "takes"),
    }


def test_a_seat_is_let_in_under_its_name(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys", ["edit-1"])
    with daemon(tmp_path / "home", keys=str(tmp_path / "keys")) as one:
        with Client(one.requests, keys=tmp_path / "keys", seat="edit-1") as client:
            job = client.submit(doomed(tmp_path))["job"]
            assert client.wait(job, PATIENCE_S)["state"] == "failed"
        assert "client=edit-1" in one.log()
    with contextlib.closing(Journal(tmp_path / "home" / "journal.sqlite")) as journal:
        assert journal.get(job).client == "edit-1"


def strangers(keys: Path) -> dict[str, dict[str, Any]]:
    """Options of sockets that must not be let in."""
    seat, server = as_seat(keys, "edit-1"), zmq.auth.load_certificate(keys / "server.key")[0]
    other_server = zmq.curve_keypair()[0]
    return {
        "no key": {},
        "a user's name and password": {"plain_username": b"edit-1", "plain_password": b"guess"},
        "a key of nobody's": {**some_key(), "curve_serverkey": server},
        "a seat's key, for another server": {**seat, "curve_serverkey": other_server},
        "a key of nobody's, for another server": {**some_key(), "curve_serverkey": other_server},
        "a seat's public key alone": {**seat, "curve_secretkey": some_key()["curve_secretkey"]},
        "the server's own public key": {**some_key(), "curve_publickey": server, "curve_serverkey": server},
        "a server's end": {**some_key(), "curve_server": 1},
    }  # fmt: skip


def test_strangers_get_nothing_from_either_socket_while_a_seat_gets_everything(guarded: Guarded, tmp_path: Path) -> None:
    one, seat = guarded.daemon, as_seat(guarded.keys, "edit-1")
    with contextlib.ExitStack() as stack:
        asking, listening = {}, {}
        for name, options in strangers(guarded.keys).items():
            asking[name] = stack.enter_context(Raw(one.requests, **options))
            asking[name].send(PING)
            listening[name] = stack.enter_context(Raw(one.endpoints["events"], zmq.SUB, **options, subscribe=b""))
        friend = stack.enter_context(Raw(one.requests, **seat))
        heard = stack.enter_context(Raw(one.endpoints["events"], zmq.SUB, **seat, subscribe=b"job."))
        begin = time.monotonic()
        events = 0
        while time.monotonic() < begin + 2 or not events:
            assert time.monotonic() < begin + PATIENCE_S, "the seat hears of no event"
            job = friend.call("submit", doomed(tmp_path))["result"]["job"]
            friend.call("wait", {"job": job})
            while heard.read(0.02):
                events += 1
        for name in asking:
            assert asking[name].read(0) is None, f"{name}: an answer"
            assert listening[name].read(0) is None, f"{name}: an event"
        jobs = friend.call("jobs", {"limit": 1000})["result"]["jobs"]
    assert jobs
    assert "was not let in" in one.log()


def greeting(mechanism: bytes, *, server: bool = False) -> bytes:
    """What a connection begins with in ZMTP 3.1."""
    return b"\xff" + bytes(7) + b"\x01\x7f\x03\x01" + mechanism.ljust(20, b"\0") + bytes([server]) + bytes(31)


def command(name: bytes, body: bytes) -> bytes:
    content = bytes([len(name)]) + name + body
    return b"\x06" + len(content).to_bytes(8, "big") + content


KNOCKS = {
    "silence": b"",
    "noise": os.urandom(4096),
    "HTTP": b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    "a client without keys": greeting(b"NULL") + command(b"READY", b"\x0bSocket-Type\0\0\0\6DEALER"),
    "an old client": b"\x01\x00" + bytes([len(PING) + 1]) + b"\x00" + PING,
    "a name and a password": greeting(b"PLAIN") + command(b"HELLO", b"\6edit-1\0"),
    "a subscriber without keys": greeting(b"NULL") + command(b"READY", b"\x0bSocket-Type\0\0\0\3SUB") + b"\x00\x01\x01",
    "a hello that is none": greeting(b"CURVE") + command(b"HELLO", b"\1\0" + os.urandom(192)),
    "a ping without a hello": greeting(b"CURVE") + b"\x00" + bytes([len(PING)]) + PING,
    "its own greeting": greeting(b"CURVE", server=True),
}


@pytest.mark.parametrize("which", ["requests", "events"])
def test_a_plain_connection_reads_the_greeting_of_zeromq_and_not_a_byte_more(guarded: Guarded, which: str) -> None:
    """The greeting (64 bytes, the same for everybody) is ZeroMQ's own and comes before it knows who is there."""
    host, port = guarded.daemon.endpoints[which].removeprefix("tcp://").split(":")
    connections = {}
    for name, knock in KNOCKS.items():
        connections[name] = socket.create_connection((host, int(port)), timeout=0.3)
        with contextlib.suppress(OSError):
            connections[name].sendall(knock)
    time.sleep(1.5)
    for name, connection in connections.items():
        answer = b""
        with connection, contextlib.suppress(OSError):
            while part := connection.recv(4096):
                answer += part
        assert len(answer) <= 64, f"{name}: {answer!r}"
        assert answer == greeting(b"CURVE")[: len(answer)], f"{name}: {answer!r}"


def test_a_seat_comes_and_goes_with_its_file_without_a_restart(guarded: Guarded) -> None:
    one, keys = guarded.daemon, guarded.keys
    make_keys(keys, ["edit-2"])
    with Raw(one.requests, **as_seat(keys, "edit-2")) as there:
        assert there.call("ping")["ok"]
        (keys / "seats" / "edit-2.key").unlink()
        with Raw(one.requests, **as_seat(keys, "edit-2")) as late, Raw(one.requests, **as_seat(keys, "edit-1")) as other:
            late.send(PING)
            assert other.call("ping")["ok"]
            assert late.read(1) is None
        with pytest.raises(BridgeError, match="does not know this seat's keys"):
            Client(one.requests, keys=keys, seat="edit-2").ping()
        old = as_seat(keys, "edit-2")
        (keys / "edit-2.key_secret").unlink()
        make_keys(keys, ["edit-2"])
        with Raw(one.requests, **as_seat(keys, "edit-2")) as new, Raw(one.requests, **old) as gone:
            gone.send(PING)
            assert new.call("ping")["ok"]
            assert gone.read(1) is None


def test_a_seat_whose_key_goes_is_heard_no_more_on_the_connection_it_has(guarded: Guarded) -> None:
    one, keys = guarded.daemon, guarded.keys
    make_keys(keys, ["edit-3"])
    with Raw(one.requests, **as_seat(keys, "edit-3")) as old, Raw(one.requests, **as_seat(keys, "edit-1")) as other:
        assert old.call("ping")["ok"]
        (keys / "seats" / "edit-3.key").unlink()
        reply = old.call("jobs")
        assert (reply["ok"], reply["error"]["kind"]) == (False, "RequestError")
        assert "not let in" in reply["error"]["message"]
        assert other.call("ping")["ok"]
        (keys / "edit-3.key_secret").unlink()
        make_keys(keys, ["edit-3"])  # the name is back, with another key
        assert not old.call("ping")["ok"]
        with Raw(one.requests, **as_seat(keys, "edit-3")) as new:
            assert new.call("ping")["ok"]


def test_a_hundred_that_come_at_once_are_told_apart(guarded: Guarded) -> None:
    one, seat = guarded.daemon, as_seat(guarded.keys, "edit-1")
    server = seat["curve_serverkey"]
    answered = []

    def come(number: int) -> None:
        knows = number % 2
        with Raw(one.requests, **(seat if knows else {**some_key(), "curve_serverkey": server})) as raw:
            raw.send(PING)
            if raw.read(PATIENCE_S if knows else 2) is not None:
                answered.append(knows)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answered == [1] * 50


def test_beyond_loopback_it_listens_with_keys(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys", ["edit-1"])
    roots = {"media_roots": [str(tmp_path)], "output_roots": [str(tmp_path)]}
    with daemon(tmp_path / "home", bind="tcp://0.0.0.0:0", keys=str(tmp_path / "keys"), **roots) as one:
        near = one.requests.replace("0.0.0.0", "127.0.0.1")
        with Raw(near, **as_seat(tmp_path / "keys", "edit-1")) as raw:
            assert raw.call("ping")["ok"]


def test_a_folder_without_seats_lets_nobody_in_and_says_so(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys")
    with daemon(tmp_path / "home", keys=str(tmp_path / "keys")) as one:
        with Raw(one.requests) as raw:
            raw.send(PING)
            assert raw.read(0.5) is None
        assert "none yet" in one.log()
