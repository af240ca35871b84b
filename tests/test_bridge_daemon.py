"""A daemon's beginning and end: what it refuses to start with, what it leaves behind, how fast it lets go."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import zmq
from bridge_daemons import PATIENCE_S, Raw, daemon, end, refused_to_start, start_daemon
from ports import free_ports
from processors import make_ground

from foley_bridge import __version__
from foley_bridge.bridge import wire
from foley_bridge.bridge.binding import Binding
from foley_bridge.bridge.keys import make_keys
from foley_bridge.errors import BridgeError
from foley_bridge.jobs.journal import Journal

LOCAL = [
    "tcp://127.0.0.1:5577",
    "tcp://127.8.9.10:5577",
    "tcp://localhost:5577",
    "tcp://[::1]:5577",
    "tcp://[::ffff:127.0.0.1]:5577",
    "ipc:///run/user/foley",
]
BEYOND = [
    "tcp://*:5577",
    "tcp://0.0.0.0:5577",
    "tcp://0:5577",
    "tcp://[::]:5577",
    "tcp://192.168.1.5:5577",
    "tcp://[::ffff:192.168.1.5]:5577",
    "tcp://127.0.0.1.example.com:5577",
    "tcp://localhost.example.com:5577",
    "tcp://127.1:5577",
    "tcp://0x7f000001:5577",
    "tcp://eth0:5577",
    "tcp://lo:5577",
]
NOWHERE = [
    "",
    "127.0.0.1:5577",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:",
    "tcp://127.0.0.1:65536",
    "tcp://127.0.0.1:-1",
    "tcp://127.0.0.1:5577;tcp://0.0.0.0:1",
    "tcp://127.0.0.1:5577 tcp://0.0.0.0:1",
    "tcp://127.0.0.1\n:5577",
    "udp://127.0.0.1:5577",
    "inproc://foley",
    "ipc://relative",
    "tcp://::1:5577",
]


@pytest.mark.parametrize("bind", LOCAL)
def test_loopback_is_loopback(bind: str) -> None:
    assert Binding.parse(bind).is_local


@pytest.mark.parametrize("bind", BEYOND)
def test_what_other_machines_may_reach_is_not(bind: str) -> None:
    assert not Binding.parse(bind).is_local


@pytest.mark.parametrize("bind", NOWHERE)
def test_what_is_no_address_is_refused_by_name(bind: str) -> None:
    with pytest.raises(BridgeError, match="no address"):
        Binding.parse(bind)


def test_localhost_is_this_machine_whatever_a_hosts_file_says() -> None:
    assert Binding.parse("tcp://LocalHost:5577").endpoint == "tcp://127.0.0.1:5577"


def test_the_next_addresses_need_ports_that_there_are() -> None:
    assert Binding.parse("tcp://127.0.0.1:5577").next(1).endpoint == "tcp://127.0.0.1:5578"
    assert Binding.parse("tcp://127.0.0.1:0").next(1).port == 0
    with pytest.raises(BridgeError, match="65535"):
        Binding.parse("tcp://127.0.0.1:65535").next(1)


# --- refusals ---


@pytest.mark.parametrize("bind", ["tcp://0.0.0.0:0", "tcp://*:0", "tcp://lo:0"])
def test_beyond_loopback_it_does_not_listen_without_keys(tmp_path: Path, bind: str) -> None:
    kind, message, hint = refused_to_start(tmp_path / "home", bind=bind)
    assert kind == "BridgeError"
    assert bind in message
    assert "without keys" in message
    assert "--keys" in hint
    assert not (tmp_path / "home").exists()  # before anything else


@pytest.mark.parametrize("missing", ["--media-root", "--output-root"])
def test_beyond_loopback_it_does_not_listen_without_roots(tmp_path: Path, missing: str) -> None:
    make_keys(tmp_path / "keys", ["edit-1"])
    roots = {"media_roots": [str(tmp_path)], "output_roots": [str(tmp_path)]}
    roots.pop({"--media-root": "media_roots", "--output-root": "output_roots"}[missing])
    _, message, _ = refused_to_start(tmp_path / "home", bind="tcp://0.0.0.0:0", keys=str(tmp_path / "keys"), **roots)
    assert missing in message


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    _, message, _ = refused_to_start(tmp_path / "home", media_roots=[str(tmp_path / "typo")])
    assert str(tmp_path / "typo") in message


def test_a_second_daemon_on_one_port_says_who_is_there(tmp_path: Path) -> None:
    with daemon(tmp_path / "first") as first:
        kind, message, _ = refused_to_start(tmp_path / "second", bind=first.requests)
        assert kind == "BridgeError"
        assert first.requests in message
        assert f"foley_bridge {__version__}" in message
        assert str(first.process.pid) in message
        with Raw(first.requests) as raw:
            assert raw.call("ping")["ok"]


def test_another_program_on_the_port_is_told_apart(tmp_path: Path) -> None:
    with contextlib.closing(socket.socket()) as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        endpoint = f"tcp://127.0.0.1:{squatter.getsockname()[1]}"
        _, message, _ = refused_to_start(tmp_path / "home", bind=endpoint)
    assert endpoint in message
    assert "another program" in message


@pytest.mark.parametrize(("setting", "kind"), [("metrics_bind", socket.SOCK_STREAM), ("osc_bind", socket.SOCK_DGRAM)])
def test_a_port_for_osc_or_metrics_that_is_taken_is_named(tmp_path: Path, setting: str, kind: int) -> None:
    with contextlib.closing(socket.socket(type=kind)) as squatter:
        squatter.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            squatter.listen()
        taken = f"127.0.0.1:{squatter.getsockname()[1]}"
        error, message, _ = refused_to_start(tmp_path / "home", **{setting: taken})
    assert error == "BridgeError"
    assert taken in message


def test_two_daemons_in_one_home_are_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with daemon(tmp_path / "home") as first:
        kind, message, hint = refused_to_start(tmp_path / "home")
        assert kind == "JobError"
        assert str(tmp_path / "home") in message
        assert "--home" in hint
        assert json.loads((tmp_path / "home" / "daemon.json").read_text())["pid"] == first.process.pid
        with Raw(first.requests) as raw:
            assert raw.call("ping")["ok"]


@pytest.mark.skipif(not zmq.has("ipc"), reason="this ZeroMQ has no ipc")
def test_a_socket_file_works_and_is_not_taken_over(tmp_path: Path) -> None:
    bind = f"ipc://{tmp_path}/s"
    with daemon(tmp_path / "first", bind=bind) as first:
        assert first.requests == bind
        _, message, _ = refused_to_start(tmp_path / "second", bind=bind)
        assert str(first.process.pid) in message
        with Raw(bind) as raw:
            assert raw.call("ping")["ok"]
    with daemon(tmp_path / "first", bind=bind), Raw(bind) as raw:  # the file of the one before is no obstacle
        assert raw.call("ping")["ok"]


# --- beginning ---


def test_the_usual_ports_stand_side_by_side(tmp_path: Path) -> None:
    port = free_ports(2)
    with daemon(tmp_path / "home", bind=f"tcp://127.0.0.1:{port}", osc_bind="127.0.0.1:0", metrics_bind="127.0.0.1:0") as one:
        assert one.requests == f"tcp://127.0.0.1:{port}"
        assert one.endpoints["events"] == f"tcp://127.0.0.1:{port + 1}"
        said = json.loads((tmp_path / "home" / "daemon.json").read_text())
        assert (said["pid"], said["version"], said["endpoints"]) == (one.process.pid, __version__, one.endpoints)
        assert set(one.endpoints) == {"requests", "events", "osc", "metrics", "panel"}
        assert [name for name, address in one.endpoints.items() if address is None] == ["panel"]  # nobody has asked for it
    assert not (tmp_path / "home" / "daemon.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_the_home_folder_is_its_owners_own(tmp_path: Path) -> None:
    with daemon(tmp_path / "home"):
        assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_a_daemon_starts_without_the_heavy_libraries(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from foley_bridge.bridge import daemon\n"
        "settings = daemon.DaemonSettings(home=Path(sys.argv[1]), bind='tcp://127.0.0.1:0', osc_bind='127.0.0.1:0',\n"
        "    metrics_bind='127.0.0.1:0', library=Path(sys.argv[1]) / 'library', private=True)\n"
        "daemon.run_daemon(settings)\n"
        "heavy = {'numpy', 'av', 'cv2', 'scipy', 'librosa', 'soundfile', 'opentimelineio', 'lancedb', 'pyarrow', 'torch',\n"
        "    'onnxruntime', 'typer', 'rich', 'asyncio', 'multiprocessing'}\n"
        "found = heavy & set(sys.modules)\n"
        "sys.exit(f'loaded: {found}' if found else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "home")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr


# --- ending ---


def ended(process: subprocess.Popen[str]) -> int:
    return process.wait(PATIENCE_S)


def test_a_private_daemon_ends_when_its_stdin_does(tmp_path: Path) -> None:
    process, said, _ = start_daemon(tmp_path / "home")
    assert Path(tmp_path / "home" / "daemon.json").exists()
    assert process.stdin is not None
    process.stdin.close()
    assert ended(process) == 0
    assert not (tmp_path / "home" / "daemon.json").exists()
    end(process)
    assert said["pid"] == process.pid


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without asking it")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_and_who_waits_is_told(tmp_path: Path, number: signal.Signals) -> None:
    ground = make_ground(tmp_path / "ground", regions=3)
    process, said, log_file = start_daemon(tmp_path / "home")
    try:
        with Raw(said["endpoints"]["requests"]) as raw:
            job = raw.call("submit", ground.request("kept"))["result"]["job"]
            raw.send(*wire.encode(wire.request("w", "wait", {"job": job, "timeout_s": 3600})))
            raw.send(*wire.encode(wire.request("p", "ping")))
            assert json.loads((raw.read() or [b""])[0])["id"] == "p"
            process.send_signal(number)
            reply = json.loads((raw.read() or [b""])[0])
            assert (reply["id"], reply["ok"]) == ("w", True)
            assert reply["result"]["state"] in ("queued", "running")
        assert ended(process) == 0
    finally:
        end(process)
    assert not (tmp_path / "home" / "daemon.json").exists()
    assert "stopped" in log_file.read_text()
    with contextlib.closing(Journal(tmp_path / "home" / "journal.sqlite")) as journal:  # which is free again
        assert [record.state for record in journal.list()] in (["running"], ["queued"])
    with daemon(tmp_path / "home") as again, Raw(again.requests) as raw:
        assert raw.call("submit", ground.request("kept"))["result"]["job"] == job
        assert raw.call("wait", {"job": job, "timeout_s": PATIENCE_S})["result"]["state"] == "done"


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without asking it")
def test_signals_that_follow_each_other_at_once_end_it_too(tmp_path: Path) -> None:
    ground = make_ground(tmp_path / "ground", regions=3)
    process, said, _ = start_daemon(tmp_path / "home")
    try:
        with Raw(said["endpoints"]["requests"]) as raw:
            raw.call("submit", ground.request())
        for _ in range(5):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        # The last one may come when Python has given its handlers back already: then the system ends what was ending.
        assert ended(process) in (0, 128 + signal.SIGTERM, -signal.SIGTERM)
    finally:
        end(process)
    assert not (tmp_path / "home" / "daemon.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_a_closed_terminal_ends_it_but_not_one_started_with_nohup(tmp_path: Path) -> None:
    own = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may have been started with nohup themselves
    try:
        process, said, _ = start_daemon(tmp_path / "one")
    finally:
        signal.signal(signal.SIGHUP, own)
    process.send_signal(signal.SIGHUP)
    assert ended(process) == 0
    end(process)
    process, said, _ = start_daemon(tmp_path / "other", nohup=True)
    try:
        process.send_signal(signal.SIGHUP)
        with Raw(said["endpoints"]["requests"]) as raw:
            assert raw.call("ping")["ok"]
    finally:
        end(process)


def test_a_daemon_that_was_killed_does_not_stand_in_the_way_of_the_next(tmp_path: Path) -> None:
    process, said, _ = start_daemon(tmp_path / "home")
    process.kill()
    end(process)
    assert (tmp_path / "home" / "daemon.json").exists()
    bind = said["endpoints"]["requests"]
    with daemon(tmp_path / "home", bind=bind) as again, Raw(bind) as raw:
        assert raw.call("ping")["result"]["pid"] == again.process.pid
        assert json.loads((tmp_path / "home" / "daemon.json").read_text())["pid"] == again.process.pid
