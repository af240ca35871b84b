"""The audition page's process: when it runs, that it comes back, that it goes with the daemon, and who gets its token."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import zmq
from bridge_daemons import PATIENCE_S, Daemon, Raw, daemon, end, start_daemon

from foley_bridge.bridge import panel_process
from foley_bridge.bridge.client import Client
from foley_bridge.bridge.keys import make_keys
from foley_bridge.bridge.panel_process import PanelProcess, default_panel_bind, loopback
from foley_bridge.errors import BridgeError, BusyError, FoleyError, InternalError, JobError

HERE = "127.0.0.1:0"
posix = pytest.mark.skipif(os.name != "posix", reason="looks at processes as POSIX has them")
curve = pytest.mark.skipif(not zmq.has("curve"), reason="this ZeroMQ has no CURVE")


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


# --- how one is kept that misbehaves ---


class Kept:
    """A panel that is the stand-in, the addresses that were announced, and the log."""

    def __init__(self, folder: Path, *ways: str, port: int = 5580) -> None:
        self.folder, self.announced = folder, list[str]()
        command = [sys.executable, str(Path(__file__).with_name("panel_stand_in.py")), str(folder), *ways]
        self.panel = PanelProcess("127.0.0.1", port, {"endpoint": "e"}, announce=self.announced.append, command=command)

    @property
    def begun(self) -> list[int]:
        """The processes so far."""
        with contextlib.suppress(OSError):
            return [int(pid) for pid in (self.folder / "begun").read_text().split()]
        return []


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    made: list[Kept] = []

    def keep(*ways: str, port: int = 5580) -> Kept:
        made.append(Kept(tmp_path, *ways, port=port))
        return made[-1]

    yield keep
    for one in made:
        one.panel.stop()


def test_it_is_started_when_a_link_is_first_asked_for_and_once_for_all_who_ask(
    kept: Callable[..., Kept], tmp_path: Path
) -> None:
    one = kept()
    assert one.begun == []
    links: list[str] = []
    threads = [threading.Thread(target=lambda: links.append(one.panel.link("abc"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(set(links)) == 1 and len(links) == 5
    told = json.loads((tmp_path / "told").read_text())
    assert told == {"endpoint": "e", "host": "127.0.0.1", "port": 5580, "token": told["token"]}
    assert len(told["token"]) >= 43  # 32 bytes
    assert links[0] == f"http://127.0.0.1:5580/{told['token']}/reel/abc"
    assert one.panel.link(None) == f"http://127.0.0.1:5580/{told['token']}/"
    assert len(one.begun) == 1
    assert one.announced == ["http://127.0.0.1:5580"]


def test_every_daemon_has_another_token(kept: Callable[..., Kept]) -> None:
    assert kept().panel.link(None) != kept().panel.link(None)


@pytest.mark.parametrize(
    ("way", "says", "hint"),
    [("dies", "status 3", "log"), ("fails", "no port is to be had", "end something"), ("babbles", "ended by itself", "log")],
)
def test_one_that_cannot_start_says_why_and_is_tried_again_when_asked_for_again(
    kept: Callable[..., Kept], way: str, says: str, hint: str
) -> None:
    one = kept(way)
    with pytest.raises(InternalError, match=says) as caught:
        one.panel.link(None)
    assert hint in caught.value.hint
    assert len(one.begun) == 1 and one.announced == []
    assert one.panel.link(None).startswith("http://127.0.0.1:5580/")
    assert len(one.begun) == 2


def test_one_that_is_not_there_to_be_started_is_an_error(tmp_path: Path) -> None:
    panel = PanelProcess("127.0.0.1", 0, {}, announce=print, command=[str(tmp_path / "nothing")])
    with pytest.raises(InternalError, match="nothing"):
        panel.link(None)
    panel.stop()


def test_one_that_is_slow_is_an_error_only_until_it_listens(kept: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel_process, "START_S", 0.3)
    one = kept("late")
    with pytest.raises(InternalError, match="in time"):
        one.panel.link(None)
    (one.folder / "go").touch()
    wait_until(lambda: one.announced, "it does not come to listen")
    monkeypatch.setattr(panel_process, "START_S", PATIENCE_S)
    assert one.panel.link(None)
    assert len(one.begun) == 1


def test_one_that_never_comes_to_listen_is_ended_and_tried_again_when_asked_for_again(
    kept: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel_process, "GIVE_UP_S", 0.5)
    one = kept("late")  # it is never told to go on
    with pytest.raises(InternalError, match="ended by itself"):
        one.panel.link(None)
    monkeypatch.undo()
    assert one.panel.link(None).startswith("http://127.0.0.1:5580/")
    assert len(one.begun) == 2


def test_one_that_dies_again_and_again_is_started_again_after_pauses_that_double(
    kept: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(panel_process, "PAUSE_S", (0.01, 0.04))
    one = kept(*["dies young"] * 3, "dies")
    with contextlib.suppress(InternalError):  # it may be dead before the link is made
        one.panel.link(None)
    wait_until(lambda: len(one.announced) == 4, "it does not come back")
    pauses = [record.in_s for record in caplog.records if "again" in record.message]  # type: ignore[attr-defined]
    assert pauses == [0.01, 0.02, 0.04, 0.04]


def test_who_asks_for_a_link_does_not_wait_for_the_pause_to_end(
    kept: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel_process, "PAUSE_S", (600.0, 600.0))
    one = kept("dies young")
    with contextlib.suppress(InternalError):
        one.panel.link(None)
    wait_until(lambda: one.panel.link(None) and len(one.begun) == 2, "it does not come back")


def test_a_port_that_it_found_free_is_kept_when_it_comes_back(
    kept: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel_process, "PAUSE_S", (0.01, 0.01))
    one = kept("dies young", port=0)
    with contextlib.suppress(InternalError):
        one.panel.link(None)
    wait_until(lambda: len(one.announced) == 2, "it does not come back")
    assert json.loads((one.folder / "told").read_text())["port"] == 5580  # which the stand-in said the first time


def test_what_it_says_is_logged_as_what_it_is_and_without_the_token(
    kept: Callable[..., Kept], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    one = kept("talks")
    token = urlsplit(one.panel.link(None)).path.strip("/")
    said = ["panel: /TOKEN/ went wrong", "panel: asked for /TOKEN/", "panel: anything, TOKEN"]
    wait_until(lambda: set(said) <= {record.message for record in caplog.records}, "its words do not arrive")
    levels = {record.message: record.levelname for record in caplog.records}
    assert [levels[line] for line in said] == ["ERROR", "INFO", "WARNING"]
    assert token not in caplog.text


@posix
def test_its_children_go_when_it_is_killed(kept: Callable[..., Kept]) -> None:
    one = kept("has children")
    one.panel.link(None)
    child = int((one.folder / "child").read_text())
    os.kill(one.begun[0], signal.SIGKILL)
    wait_until(lambda: not lives(child), "its child lives on")


@posix
@pytest.mark.parametrize("way", ["late", "stays", "babbles"])
def test_stop_ends_it_whatever_it_is_doing(kept: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr(panel_process, "END_S", 0.2)
    one = kept(way)
    asking = threading.Thread(target=ask, args=(one,))
    asking.start()
    wait_until(lambda: one.begun and (one.folder / "told").exists(), "it does not begin")
    one.panel.stop()
    asking.join(PATIENCE_S)
    assert not asking.is_alive()
    assert not lives(one.begun[0])
    with pytest.raises(BusyError):
        one.panel.link(None)
    assert len(one.begun) == 1


def ask(one: Kept) -> None:
    with contextlib.suppress(FoleyError):
        one.panel.link(None)


# --- where ---


@pytest.mark.parametrize(
    ("bind", "panel"),
    [
        ("tcp://127.0.0.1:5577", "127.0.0.1:5580"),
        ("tcp://0.0.0.0:7000", "127.0.0.1:7003"),
        ("tcp://127.0.0.1:0", HERE),
        ("tcp://127.0.0.1:65532", "127.0.0.1:65535"),
        ("tcp://127.0.0.1:65533", HERE),
        ("ipc:///run/foley", HERE),
    ],
)
def test_its_usual_place_is_three_ports_on_and_here(bind: str, panel: str) -> None:
    assert default_panel_bind(bind) == panel


@pytest.mark.parametrize(
    ("bind", "place"),
    [
        ("127.0.0.1:5580", ("127.0.0.1", 5580)),
        ("LocalHost:0", ("127.0.0.1", 0)),
        ("127.8.9.10:1", ("127.8.9.10", 1)),
        ("[::1]:80", ("::1", 80)),
        ("[0:0:0:0:0:0:0:1]:80", ("::1", 80)),
    ],
)
def test_it_is_served_on_this_machine(bind: str, place: tuple[str, int]) -> None:
    assert loopback(bind) == place


@pytest.mark.parametrize(
    "beyond",
    ["0.0.0.0:0", "[::]:0", "*:0", "192.168.1.5:5580", "example.com:5580", "localhost.example.com:1", "[::ffff:192.168.1.5]:1"],
)
def test_a_page_that_others_could_reach_is_refused(beyond: str) -> None:
    with pytest.raises(BridgeError, match="other machines") as caught:
        loopback(beyond)
    assert beyond in caught.value.message and "127.0.0.1" in caught.value.hint


@pytest.mark.parametrize("nowhere", ["", "5580", "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:", "http://127.0.0.1:5580"])
def test_what_is_no_address_is_refused(nowhere: str) -> None:
    with pytest.raises(BridgeError, match="is no address") as caught:
        loopback(nowhere)
    assert repr(nowhere) in caught.value.message


# --- the real one, behind a real daemon ---


def status_of(link: str) -> int:
    """What a browser that follows a link gets; 0: nobody answers."""
    try:
        with urllib.request.urlopen(link, timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def lives(pid: int) -> bool:
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip()) and not done.stdout.strip().startswith("Z")


def processes() -> dict[int, tuple[int, str]]:
    """Parent and command line of every process."""
    done = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    rows = (line.split(None, 2) for line in done.stdout.splitlines())
    return {int(pid): (int(parent), args[0] if args else "") for pid, parent, *args in rows}


def family(pid: int) -> dict[int, str]:
    """Command lines of a process's children and theirs."""
    there = processes()
    found = {child: args for child, (parent, args) in there.items() if parent == pid}
    return found | {other: args for child in found for other, args in family(child).items()}


def panel_of(running: Daemon) -> int:
    (pid,) = [pid for pid, args in family(running.process.pid).items() if args.endswith("-m foley_bridge.panel")]
    return pid


@posix
def test_a_page_that_is_killed_comes_back_at_the_same_link(tmp_path: Path) -> None:
    with daemon(tmp_path / "home", panel_bind=HERE) as running, Client(running.requests) as client:
        assert client.ping()["endpoints"]["panel"] is None
        page = client.audition()
        assert page == {"url": page["url"], "job": None}
        assert status_of(page["url"]) == 200
        killed = panel_of(running)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: status_of(page["url"]) == 200, "it does not come back")
        assert panel_of(running) != killed
        assert client.audition() == page
        assert page["url"].startswith(client.ping()["endpoints"]["panel"] + "/")


@posix
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_daemon_that_ends_leaves_no_page_behind(tmp_path: Path, how: signal.Signals) -> None:
    process, said, log_file = start_daemon(tmp_path / "home", panel_bind=HERE)
    running = Daemon(process, said["endpoints"], log_file)
    try:
        with Client(running.requests) as client:
            link = client.audition()["url"]
        wait_until(lambda: len(family(panel_of(running))) > 0, "the panel has no children")
        theirs = {panel_of(running), *family(panel_of(running))}
        process.send_signal(how)
        process.wait(PATIENCE_S)
        wait_until(lambda: not any(map(lives, theirs)), "the panel, or a child of it, lives on")
        assert status_of(link) == 0
    finally:
        end(process)


@posix
def test_the_token_is_in_no_log_no_file_and_no_command_line(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with daemon(home, panel_bind=HERE, log_level="debug", log_format="json") as running, Client(running.requests) as client:
        link = client.audition()["url"]
        token = urlsplit(link).path.strip("/")
        base = link.removesuffix(f"{token}/")
        assert [status_of(link), status_of(base), status_of(f"{base}{token[:-1]}/")] == [200, 404, 404]
        assert status_of(f"{link}api/reels/nothing") == 404
        for args in (args for _, args in processes().values()):
            assert token not in args
        assert json.loads((home / "daemon.json").read_text())["endpoints"]["panel"] == base.rstrip("/")
        assert token not in json.dumps([client.ping(), client.capabilities()])
        files = [path for path in home.rglob("*") if path.is_file()]
        assert home / "daemon.json" in files
        assert [path for path in files if token.encode() in path.read_bytes()] == []
        if sys.platform == "linux":
            for pid in family(running.process.pid):
                assert token.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    assert "the audition page is served" in running.log()
    assert token not in running.log()


def test_a_port_that_is_taken_is_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        taken = f"127.0.0.1:{squatter.getsockname()[1]}"
        with daemon(tmp_path / "home", panel_bind=taken) as running, Client(running.requests) as client:
            link = client.audition()["url"]
            assert not link.startswith(f"http://{taken}/") and link.startswith("http://127.0.0.1:")
            assert status_of(link) == 200


def test_a_daemon_without_a_page_says_so(tmp_path: Path) -> None:
    with daemon(tmp_path / "home") as running, Client(running.requests) as client:
        with pytest.raises(JobError, match="page"):
            client.audition()
        assert client.ping()["endpoints"]["panel"] is None


# --- keys ---


@curve
def test_a_daemon_with_keys_lets_its_page_in_and_nobody_else(tmp_path: Path) -> None:
    home, keys = tmp_path / "home", tmp_path / "keys"
    make_keys(keys, ["anna"])
    with daemon(home, keys=str(keys), panel_bind=HERE) as running:
        with Client(running.requests, keys=keys, seat="anna") as client:
            link = client.audition()["url"]
            assert status_of(f"{link}api/reels") == 200  # which it asks the daemon
        assert sorted(path.name for path in (keys / "seats").iterdir()) == ["anna.key"]
        own = home / "panel" / "seat"
        assert sorted(path.name for path in own.iterdir()) == ["panel.key_secret", "server.key"]
        if os.name == "posix":
            assert stat.S_IMODE(own.stat().st_mode) == 0o700
            assert stat.S_IMODE((own / "panel.key_secret").stat().st_mode) == 0o600
        with Client(running.requests, keys=own, seat="panel") as same:
            assert same.ping()["pid"] == running.process.pid
        with Client(running.requests) as stranger, pytest.raises(BridgeError, match="wants keys"):
            stranger.ping()
        public, secret = zmq.curve_keypair()
        server = zmq.curve_public((keys / "server.key_secret").read_text().split('secret-key = "')[1][:40].encode())
        with Raw(running.requests, curve_publickey=public, curve_secretkey=secret, curve_serverkey=server) as other:
            other.send(b"hello")
            assert other.read(0.5) is None
        (keys / "seats" / "anna.key").unlink()  # the page's own key does not lie there, and stays good
        assert status_of(f"{link}api/reels") == 200
    assert not own.exists()


@curve
@posix
def test_the_key_of_a_killed_daemons_page_lets_nobody_into_the_next_one(tmp_path: Path) -> None:
    home, keys = tmp_path / "home", tmp_path / "keys"
    make_keys(keys, ["anna"])
    process, _, _ = start_daemon(home, keys=str(keys), panel_bind=HERE)
    process.kill()
    end(process)
    own = home / "panel" / "seat"
    old = own.rename(tmp_path / "old")
    with daemon(home, keys=str(keys), panel_bind=HERE) as running:
        with Client(running.requests, keys=old, seat="panel") as late, pytest.raises(BridgeError, match="does not know"):
            late.ping()
        assert (own / "panel.key_secret").read_bytes() != (old / "panel.key_secret").read_bytes()
