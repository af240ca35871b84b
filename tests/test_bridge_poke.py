"""A poke: a real UDP socket is told when a job has ended, once, whatever its end and whatever becomes of the daemon."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bridge_daemons import Daemon, daemon
from processors import Ground, make_ground
from pythonosc.osc_message import OscMessage

from foley_bridge.bridge import wire
from foley_bridge.bridge.client import Client
from foley_bridge.bridge.keys import make_keys
from foley_bridge.bridge.places import JOURNAL_FILE
from foley_bridge.bridge.protocol import read_request
from foley_bridge.errors import RequestError
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.tables import VERSION

PATIENCE_S = 90.0
NOTHING_S = 0.5


class Editor:
    """A program that listens to OSC on this machine."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    def poke(self, *arguments: str, address: str = "/action/_FOLEY") -> dict[str, Any]:
        return {"port": self.socket.getsockname()[1], "address": address, "arguments": list(arguments)}

    def heard(self, timeout_s: float = PATIENCE_S) -> tuple[str, list[Any]] | None:
        """The next message; None when there is none."""
        self.socket.settimeout(timeout_s)
        try:
            datagram, sender = self.socket.recvfrom(65536)
        except TimeoutError:
            return None
        assert sender[0] == "127.0.0.1"
        message = OscMessage(datagram)
        return message.address, message.params


@pytest.fixture
def editor() -> Iterator[Editor]:
    made = Editor()
    with made.socket:
        yield made


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return make_ground(tmp_path_factory.mktemp("ground"), regions=20)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, ground: Ground) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("daemon"), output_roots=[str(ground.folder)]) as running:
        yield running


@pytest.mark.parametrize("end", ["done", "failed", "cancelled"])
def test_a_job_that_ends_pokes_once(serving: Daemon, ground: Ground, editor: Editor, end: str) -> None:
    timeline = {"path": str(ground.folder / ("hit.wav" if end == "failed" else "cut.otio"))}
    with Client(serving.requests) as client:
        job = client.submit(ground.request(end, timeline=timeline, poke=editor.poke("a b", "ü", "")))["job"]
        if end == "cancelled":
            client.cancel(job)
        assert editor.heard() == ("/action/_FOLEY", ["a b", "ü", ""])
        assert client.status(job)["state"] == end
        assert editor.heard(NOTHING_S) is None


def test_what_is_not_there_to_hear_it_harms_nobody(serving: Daemon, ground: Ground) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    with Client(serving.requests) as client:
        for key in ("deaf-1", "deaf-2"):
            job = client.submit(ground.request(key, poke={"port": port, "address": "/x"}))["job"]
            assert client.wait(job, PATIENCE_S)["state"] == "done"


def test_who_asks_again_is_poked_where_he_is_now_and_it_is_the_same_job(
    serving: Daemon, ground: Ground, editor: Editor
) -> None:
    other = Editor()
    with Client(serving.requests) as client, other.socket:
        first = client.submit(ground.request("moved", poke=other.poke("old")))
        second = client.submit(ground.request("moved", poke=editor.poke("new")))
        third = client.submit(ground.request("moved"))
        assert first["job"] == second["job"] == third["job"]
        assert editor.heard() == ("/action/_FOLEY", ["new"])
        assert other.heard(NOTHING_S) is None
        client.submit(ground.request("moved", poke=editor.poke("too late: the reply says that it is done")))
        assert editor.heard(NOTHING_S) is None


def test_a_daemon_killed_in_the_middle_pokes_when_the_job_has_ended_after_all(
    ground: Ground, editor: Editor, tmp_path: Path
) -> None:
    home, roots = tmp_path / "daemon", [str(ground.folder)]
    with daemon(home, output_roots=roots) as first, Client(first.requests) as client:
        client.submit(ground.request("survives", options={"takes": "6"}, poke=editor.poke("back")))
        while client.status("survives")["state"] == "queued":
            time.sleep(0.02)
        first.process.kill()
    with daemon(home, output_roots=roots) as second, Client(second.requests) as client:
        assert editor.heard() == ("/action/_FOLEY", ["back"])
        view = client.status("survives")
        assert (view["state"], view["attempts"]) == ("done", 2)
    with daemon(home, output_roots=roots):
        assert editor.heard(NOTHING_S) is None


def test_a_poke_that_a_daemon_did_not_come_to_is_sent_by_the_next(editor: Editor, tmp_path: Path) -> None:
    home = tmp_path / "daemon"
    home.mkdir()
    journal = Journal(home / JOURNAL_FILE)
    journal.add("j1", "generate", {"n": 1}, poke=editor.poke("late"))
    journal.finish("j1", "failed", error={"kind": "JobError", "message": "no", "hint": ""}, swept=True)
    journal.close()
    with daemon(home):
        assert editor.heard() == ("/action/_FOLEY", ["late"])
    with daemon(home):
        assert editor.heard(NOTHING_S) is None


def test_a_journal_from_before_pokes_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_FILE
    journal = Journal(path)
    journal.add("old", "generate", {"n": 1}, key="k")
    journal.close()
    with sqlite3.connect(path) as db:
        for newer in ("TABLE choices", "INDEX jobs_by_reel", "TABLE pokes"):
            db.execute(f"DROP {newer}")
        for newer in ("reel", "region"):
            db.execute(f"ALTER TABLE jobs DROP COLUMN {newer}")
        db.execute("PRAGMA user_version = 1")
    db.close()
    journal = Journal(path)
    assert journal.find_key("k") is not None
    assert journal.add("2", "generate", {"n": 1}, key="k", poke={"port": 9000, "address": "/x", "arguments": []}).id == "old"
    journal.finish("old", "done", swept=True)
    assert journal.pokes() == {"old": {"port": 9000, "address": "/x", "arguments": []}}
    journal.prune(0)
    assert journal.pokes() == {}
    journal.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    db.close()


def test_a_daemon_that_others_can_reach_pokes_nobody(ground: Ground, editor: Editor, tmp_path: Path) -> None:
    make_keys(tmp_path / "keys", ["seat"])
    roots = [str(ground.folder)]
    with daemon(
        tmp_path / "daemon", bind="tcp://0.0.0.0:0", keys=str(tmp_path / "keys"), media_roots=roots, output_roots=roots
    ) as running:
        endpoint = running.requests.replace("0.0.0.0", "127.0.0.1")
        with Client(endpoint, keys=tmp_path / "keys", seat="seat") as client:
            with pytest.raises(RequestError, match=r"params\.poke"):
                client.submit(ground.request("far", poke=editor.poke()))
            assert client.jobs() == []


@pytest.mark.parametrize(
    ("poke", "field"),
    [
        ({"address": "/x"}, "params.poke.port"),
        ({"port": 9000}, "params.poke.address"),
        ({"port": 80, "address": "/x"}, "params.poke.port"),
        ({"port": 65536, "address": "/x"}, "params.poke.port"),
        ({"port": True, "address": "/x"}, "params.poke.port"),
        ({"port": 9000, "address": "x"}, "params.poke.address"),
        ({"port": 9000, "address": "/"}, "params.poke.address"),
        ({"port": 9000, "address": "#bundle"}, "params.poke.address"),
        ({"port": 9000, "address": "/a b"}, "params.poke.address"),
        ({"port": 9000, "address": "/a\n"}, "params.poke.address"),
        ({"port": 9000, "address": "/ü"}, "params.poke.address"),
        ({"port": 9000, "address": "/*"}, "params.poke.address"),
        ({"port": 9000, "address": "/" + "x" * 500}, "params.poke.address"),
        ({"port": 9000, "address": "/x", "arguments": [1]}, "params.poke.arguments"),
        ({"port": 9000, "address": "/x", "arguments": "text"}, "params.poke.arguments"),
        ({"port": 9000, "address": "/x", "arguments": ["a"] * 17}, "params.poke.arguments"),
        ({"port": 9000, "address": "/x", "arguments": ["a" * 501]}, "params.poke.arguments"),
        ({"port": 9000, "address": "/x", "arguments": ["a\0b"]}, "params.poke.arguments"),
        ({"port": 9000, "address": "/x", "host": "192.0.2.1"}, "params.poke.host"),
        (None, "params.poke"),
    ],
)
def test_what_is_no_poke_is_refused_by_its_field(ground: Ground, poke: Any, field: str) -> None:
    header = wire.request("1", "submit", ground.request(poke=poke))
    with pytest.raises(RequestError) as caught:
        read_request(json.dumps(header).encode(), payload=False)
    assert caught.value.message.startswith(field)
