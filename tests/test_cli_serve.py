"""``serve``, ``keys``, and how commands find a daemon or start one of their own: real processes, killed in earnest."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from job_materials import clicks, files_under, marker, movie, save, timeline_of
from ports import free_ports
from serving import PATIENCE_S, Serving, command, environment, serving

from foley_bridge.bridge.client import Client
from foley_bridge.bridge.places import JOURNAL_FILE, STATE_FILE
from foley_bridge.bridge.private import reach
from foley_bridge.errors import BridgeError
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.outputs import Outputs

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short timeline, and one whose many regions take a while."""
    folder = tmp_path_factory.mktemp("ground")
    shot = movie(folder / "shot.mp4", seconds=16)
    clicks(folder / "hit.wav")
    save(timeline_of(shot, 400, 25, marker("FOLEY kettle like=hit.wav", 0, 25, 25)), folder / "short.otio")
    many = [marker(f"FOLEY kettle {number} like=hit.wav", 10 * number, 10, 25) for number in range(40)]
    save(timeline_of(shot, 400, 25, *many), folder / "long.otio")
    return folder


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One that may write only in its folder ``allowed``."""
    home = tmp_path_factory.mktemp("home")
    (home / "allowed").mkdir()
    with serving(home, "--output-root", home / "allowed") as running:
        yield running


def into(folder: Path, timeline: Path) -> list[object]:
    return ["generate", timeline, "--out", folder / "foley.otio", "--media-dir", folder / "takes", "--json"]


def error_of(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    error: dict[str, str] = json.loads(done.stdout)["error"]
    return error


def wait_until(there: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not there():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def start(args: list[object], home: Path) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "foley_bridge", *map(str, args)]
    return subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(FOLEY_BRIDGE_HOME=home)
    )


def jobs_of(daemon: Serving) -> list[dict[str, Any]]:
    done = command("jobs", "list", "--json", "--limit", 1000, home=daemon.home)
    found: list[dict[str, Any]] = json.loads(done.stdout)["jobs"]
    return found


# --- a daemon


@posix
def test_a_daemon_told_to_end_does_and_leaves_only_its_journal(tmp_path: Path) -> None:
    line = ["serve", "--bind", "tcp://127.0.0.1:0", "--no-osc"]
    process = start(line, tmp_path)
    try:
        wait_until((tmp_path / STATE_FILE).exists, "the daemon does not start")
        said = json.loads((tmp_path / STATE_FILE).read_text("utf-8"))
        assert said["pid"] == process.pid
        assert command("jobs", "list", home=tmp_path).stdout == "no jobs\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert not (tmp_path / STATE_FILE).exists()
    assert (tmp_path / JOURNAL_FILE).exists()


def test_a_second_daemon_in_one_home_or_at_one_address_is_refused(daemon: Serving, tmp_path: Path) -> None:
    line = ["serve", "--no-osc"]
    same_home = command(*line, "--bind", "tcp://127.0.0.1:0", home=daemon.home)
    assert same_home.returncode == 2
    assert str(daemon.home) in same_home.stderr
    same_port = command(*line, "--bind", daemon.endpoint, home=tmp_path)
    assert same_port.returncode == 2
    assert daemon.endpoint in same_port.stderr or daemon.endpoint.rpartition(":")[2] in same_port.stderr
    assert "Traceback" not in same_home.stderr + same_port.stderr
    assert command("jobs", "list", home=daemon.home).returncode == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--map", "nonsense"), "--map nonsense"),
        (("--map", "=/tmp"), "--map"),
        (("--media-root", "/no/such/folder"), "/no/such/folder"),
        (("--output-root", "/no/such/folder"), "/no/such/folder"),
        (("--bind", "nonsense"), "nonsense"),
        (("--bind", "tcp://127.0.0.1:99999"), "99999"),
        (("--bind", "tcp://0.0.0.0:0"), "keys"),
        (("--keys", "/no/such/folder"), "/no/such/folder"),
        (("--workers", "0"), "workers"),
        (("--queue-limit", "0"), "queue"),
        (("--log-format", "yaml"), "yaml"),
        (("--osc-bind", "nonsense", "--osc"), "nonsense"),
        (("--metrics-bind", "nonsense"), "nonsense"),
        (("--panel", "nonsense"), "nonsense"),
        (("--panel", "0.0.0.0:5580"), "other machines"),
    ],
)
def test_a_daemon_that_cannot_be_as_asked_does_not_start(tmp_path: Path, options: tuple[str, ...], named: str) -> None:
    done = command("serve", "--bind", "tcp://127.0.0.1:0", "--no-osc", *options, home=tmp_path)
    assert done.returncode == 2, done
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / STATE_FILE).exists()


def test_a_seat_with_keys_is_let_in_and_nobody_else(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    made = json.loads(command("keys", keys, "--seat", "anna", "--seat", "ben", "--json", home=tmp_path).stdout)["made"]
    assert sorted(Path(path).relative_to(keys).as_posix() for path in made) == sorted(
        ["server.key", "server.key_secret", "anna.key_secret", "ben.key_secret", "seats/anna.key", "seats/ben.key"]
    )
    again = command("keys", keys, "--seat", "anna", home=tmp_path)
    assert again.returncode == 2 and "anna" in again.stderr
    with serving(tmp_path / "home", "--keys", keys) as locked:
        ask = ("jobs", "list", "--endpoint", locked.endpoint, "--json")
        assert json.loads(command(*ask, "--keys", keys, "--seat", "anna", home=tmp_path).stdout) == {"jobs": []}
        by_name = {"FOLEY_BRIDGE_KEYS": keys, "FOLEY_BRIDGE_SEAT": "ben", "FOLEY_BRIDGE_ENDPOINT": locked.endpoint}
        assert command("jobs", "list", home=tmp_path, **by_name).stdout == "no jobs\n"
        assert error_of(command(*ask, home=tmp_path))["kind"] == "BridgeError"
        (keys / "seats" / "ben.key").unlink()
        assert "ben" not in error_of(command(*ask, "--keys", keys, "--seat", "ben", home=tmp_path))["message"]


# --- ending it


@posix
def test_stop_ends_the_daemon_and_its_jobs_go_on_with_the_next_one(ground: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert command("stop", home=home).stdout == "no daemon runs here\n"
    asked = {"kind": "generate", "key": "long", "timeline": {"path": str(ground / "long.otio")}}
    asked |= {"out": str(tmp_path / "out" / "foley.otio"), "media_dir": str(tmp_path / "out" / "takes")}
    with serving(home) as first:
        with Client(first.endpoint) as client:
            client.submit(asked)
        stopped = command("stop", "--json", home=home)
        assert json.loads(stopped.stdout) == {"stopped": True, "pid": first.said["pid"], "unfinished": 1}, stopped
        assert first.process.wait(PATIENCE_S) == 0
    with serving(home) as second, Client(second.endpoint) as client:
        assert client.wait("long", PATIENCE_S)["state"] == "done"
    assert (tmp_path / "out" / "foley.otio").is_file()


def test_stop_leaves_alone_what_another_user_runs(daemon: Serving, tmp_path: Path) -> None:
    stopped = command("stop", home=tmp_path, FOLEY_BRIDGE_ENDPOINT=daemon.endpoint)
    assert (stopped.returncode, stopped.stdout) == (0, "no daemon runs here\n")
    assert command("jobs", "list", home=daemon.home).returncode == 0


def test_stop_says_that_nothing_runs_where_an_endpoint_is_named_and_nobody_answers(tmp_path: Path) -> None:
    stopped = command("stop", "--json", home=tmp_path, FOLEY_BRIDGE_ENDPOINT="tcp://127.0.0.1:9")
    assert json.loads(stopped.stdout) == {"stopped": False, "pid": None, "unfinished": 0}, stopped


# --- commands and the daemon that runs


def test_generate_goes_through_the_daemon_that_runs(daemon: Serving, ground: Path) -> None:
    out = daemon.home / "allowed" / "through"
    before = len(jobs_of(daemon))
    done = command(*into(out, ground / "short.otio"), "--key", "through", home=daemon.home)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert Path(json.loads(done.stdout)["regions"][0]["takes"][0]["path"]).parent == out / "takes"
    assert [job["key"] for job in jobs_of(daemon)][: len(jobs_of(daemon)) - before] == ["through"]
    assert not (daemon.home / "private").exists()


def test_what_the_daemons_folders_forbid_a_command_can_do_by_itself(daemon: Serving, ground: Path, tmp_path: Path) -> None:
    """And its own daemon leaves nothing behind."""
    before = jobs_of(daemon)
    error = error_of(command(*into(tmp_path / "out", ground / "short.otio"), home=daemon.home))
    assert error["kind"] == "JobError" and str(tmp_path) in error["message"]
    assert "--output-root" in error["hint"] and "--private" in error["hint"]
    done = command(*into(tmp_path / "out", ground / "short.otio"), "--private", home=daemon.home)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert (tmp_path / "out" / "foley.otio").is_file()
    assert jobs_of(daemon) == before
    assert list((daemon.home / "private").iterdir()) == []


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_cancels_its_job(daemon: Serving, ground: Path, number: signal.Signals) -> None:
    allowed = daemon.home / "allowed"
    before = files_under(allowed)
    process = start(into(allowed / "stopped", ground / "long.otio"), daemon.home)
    wait_until(lambda: list(allowed.glob("stopped/.*")), "the job does not begin")
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert json.loads(out)["error"]["kind"] == "Cancelled"
    assert jobs_of(daemon)[0]["state"] == "cancelled"
    assert files_under(allowed) == before


def test_a_relative_path_with_dots_is_made_whole(daemon: Serving, ground: Path) -> None:
    folder = daemon.home / "allowed" / "here"
    folder.mkdir()
    line = [sys.executable, "-m", "foley_bridge", "generate", os.path.relpath(ground / "short.otio", folder), "--json"]
    line += ["--out", "../dots/foley.otio", "--media-dir", "takes"]
    done = subprocess.run(
        line,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment(FOLEY_BRIDGE_HOME=daemon.home),
    )
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["out"] == str(daemon.home / "allowed" / "dots" / "foley.otio")
    assert list((folder / "takes").glob("*.wav"))


@posix
def test_a_command_sees_its_job_through_a_daemon_that_is_killed_and_started_again(ground: Path, tmp_path: Path) -> None:
    bind = f"tcp://127.0.0.1:{free_ports(2)}"
    home, out = tmp_path / "home", tmp_path / "out"
    with serving(home, "--bind", bind) as first:
        process = start([*into(out, ground / "long.otio"), "--key", "once", "--takes", 1], home)
        wait_until(lambda: len(list(out.glob(".*/region_*.json"))) > 1, "no region gets done")
        first.process.kill()
        first.process.wait()
        with serving(home, "--bind", bind):
            said, err = process.communicate(timeout=PATIENCE_S)
            assert process.returncode == 0, (said, err)
            (job,) = json.loads(command("jobs", "list", "--json", home=home).stdout)["jobs"]
    assert (job["key"], job["state"], job["attempts"]) == ("once", "done", 2)
    takes = [take["path"] for region in json.loads(said)["regions"] for take in region["takes"]]
    assert sorted(takes) == sorted(str(path) for path in (out / "takes").glob("*.wav"))
    assert len(takes) == 40
    assert not list(out.rglob(".*"))


# --- no daemon


def test_a_daemon_that_was_named_and_does_not_answer_is_an_error(ground: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        error = error_of(command(*into(tmp_path / "out", ground / "short.otio"), "--endpoint", endpoint, home=tmp_path))
    assert error["kind"] == "BridgeError"
    assert endpoint in error["message"]
    assert files_under(tmp_path) == []


@posix
def test_after_a_command_that_was_killed_the_next_one_puts_things_in_order(ground: Path, tmp_path: Path) -> None:
    """Also, a daemon.json that a killed daemon left misleads nobody."""
    home, out = tmp_path / "home", tmp_path / "out"
    home.mkdir()
    gone = {"pid": 2**22 - 7, "version": "0", "endpoints": {"requests": "tcp://127.0.0.1:9"}}
    (home / STATE_FILE).write_text(json.dumps(gone))
    process = start(into(out, ground / "long.otio"), home)
    wait_until(lambda: list(out.glob(".*")), "the job does not begin")
    process.kill()
    process.communicate()
    (left,) = [path for path in (home / "private").iterdir() if path.is_dir()]
    wait_until(lambda: not (left / STATE_FILE).exists(), "the private daemon does not end")
    assert list(out.glob(".*"))
    done = command(*into(tmp_path / "other", ground / "short.otio"), home=home)
    assert done.returncode == 0, done
    assert not out.exists()
    assert list((home / "private").iterdir()) == []


class Killed(BaseException):
    pass


class Dying(Outputs):
    """Is killed when it has put the first of its files in its place."""

    def _move(self, moves: list[list[str | None]]) -> None:
        staged, place, _ = moves[0]
        Path(str(staged)).replace(str(place))
        raise Killed


@pytest.mark.parametrize("publishing", [True, False])
def test_a_job_of_a_killed_command_is_carried_through_once_it_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publishing: bool
) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    own = home / "private" / "0123"
    own.mkdir(parents=True)
    out.mkdir()
    own.with_name("0123.lock").touch()
    request = {"kind": "generate", "timeline": {"path": "/t.otio"}, "out": str(out / "o.otio"), "media_dir": str(out / "m")}
    journal = Journal(own / JOURNAL_FILE)
    journal.add("abc", "generate", request)
    journal.start("abc")
    journal.close()
    outputs = Dying(out, "abc")
    outputs.folder(out / "m", "takes")
    for name in ("m/take.wav", "o.otio"):
        outputs.add(out / name).write_text(name)
    if publishing:
        with pytest.raises(Killed):
            outputs.publish({})
    with serving(home) as _:
        monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(home))
        with reach():
            pass
    assert files_under(out) == (["m", "m/take.wav", "o.otio"] if publishing else [])
    assert list((home / "private").iterdir()) == []


def test_the_folder_of_a_command_that_lives_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(tmp_path))
    with reach(private=True) as first:
        (own,) = [path for path in (tmp_path / "private").iterdir() if path.is_dir()]
        with serving(tmp_path), reach() as second:
            assert not second.private
        assert own.is_dir()
        assert first.client.ping()["pid"] != os.getpid()
    assert list((tmp_path / "private").iterdir()) == []


@posix
def test_a_private_daemon_is_asked_by_its_own_command_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(tmp_path))
    with reach(private=True) as reached:
        (own,) = [path for path in (tmp_path / "private").iterdir() if path.is_dir()]
        assert own.stat().st_mode & 0o077 == 0  # so nobody else gets the keys that lie in it
        assert reached.client.ping()["pid"]
        with Client(reached.client.endpoint) as stranger, pytest.raises(BridgeError, match="wants keys"):
            stranger.ping()


def test_a_private_daemon_that_cannot_start_says_why(ground: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "private").write_text("a file where a folder is needed")
    error = error_of(command(*into(tmp_path / "out", ground / "short.otio"), home=tmp_path / "home"))
    assert error["kind"] == "BridgeError"
    assert str(tmp_path / "home" / "private") in error["message"]
    assert not (tmp_path / "out").exists()


def test_a_private_daemon_that_dies_at_once_has_its_last_words_shown(ground: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "msgspec.py").write_text("raise ImportError('this installation is broken')")
    done = command(*into(tmp_path / "out", ground / "short.otio"), home=tmp_path / "home", PYTHONPATH=broken)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["kind"] == "BridgeError"
    assert "this installation is broken" in done.stderr
    assert list((tmp_path / "home" / "private").iterdir()) == []


def test_a_home_that_cannot_be_made_is_named(ground: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for args in (into(tmp_path / "out", ground / "short.otio"), ["jobs", "list", "--json"]):
        error = error_of(command(*args, home=tmp_path / "file" / "home"))
        assert str(tmp_path / "file" / "home") in error["message"]
        assert "FOLEY_BRIDGE_HOME" in error["hint"]
