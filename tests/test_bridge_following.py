"""``foley-call --follow`` as a host uses it: a process beside files, a real daemon, and daemons that misbehave."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import soundfile
from bridge_calls import PATIENCE_S, Call
from bridge_daemons import Daemon, daemon
from bridge_peer import Peer, echo
from ports import free_ports
from processors import Ground, make_ground

from foley_bridge.bridge import following, wire
from foley_bridge.bridge.client import Client
from foley_bridge.errors import BridgeError


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Work that takes some seconds when it is done; few tests wait for that."""
    return make_ground(tmp_path_factory.mktemp("ground"), regions=40)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, ground: Ground) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("daemon"), output_roots=[str(ground.folder)]) as running:
        yield running


def job(state: str, **more: Any) -> dict[str, Any]:
    return {"job": "j1", "state": state, "error": None, **more}


def test_a_job_is_followed_to_its_result(serving: Daemon, ground: Ground, tmp_path: Path) -> None:
    ground.clear()
    call = Call(tmp_path, ground.request("follow-1"), serving.requests)
    call.running()
    status, reply = call.ended()
    assert (status, reply["ok"], reply["id"], reply["foley_bridge"]) == (0, True, "run-1", 1)
    assert set(reply) == {"foley_bridge", "id", "ok", "result"}
    assert (reply["result"]["job"]["state"], reply["result"]["job"]["key"]) == ("done", "follow-1")
    regions = reply["result"]["result"]["regions"]
    assert len(regions) == 40
    assert soundfile.info(regions[0]["takes"][0]["path"]).frames > 0
    assert call.progress() == reply["result"]["job"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "run.progress.json", "run.reply.json"]


def test_cancelling_ends_the_job_and_leaves_nothing(serving: Daemon, ground: Ground, tmp_path: Path) -> None:
    ground.clear()
    call = Call(tmp_path, ground.request("cancel-1"), serving.requests)
    call.running()
    call.cancel()
    status, reply = call.ended()
    assert (status, reply["ok"], reply["id"], reply["error"]["kind"]) == (1, False, "run-1", "Cancelled")
    assert not ground.out.exists() or list(ground.out.rglob("*")) == []
    with Client(serving.requests) as client:
        assert client.status("cancel-1")["state"] == "cancelled"


def test_a_daemon_that_is_killed_and_comes_back_is_waited_for(ground: Ground, tmp_path: Path) -> None:
    ground.clear()
    home, bind = tmp_path / "daemon", f"tcp://127.0.0.1:{free_ports(2)}"
    with daemon(home, bind=bind, output_roots=[str(ground.folder)]) as first:
        call = Call(tmp_path, ground.request("restart-1", options={"takes": "6"}), bind)
        call.running()
        first.process.kill()
    with daemon(home, bind=bind, output_roots=[str(ground.folder)]):
        status, reply = call.ended()
    assert (status, reply["ok"]) == (0, True)
    assert reply["result"]["job"]["attempts"] == 2
    assert len(reply["result"]["result"]["regions"]) == 40


def test_a_daemon_that_comes_back_without_its_journal_is_asked_again(tmp_path: Path) -> None:
    def lost(header: dict[str, Any]) -> list[dict[str, Any]]:
        if header["method"] == "submit":
            submitted.append(header)
            return [wire.reply(header["id"], job("done" if len(submitted) > 1 else "running"))]
        if header["method"] == "status" and len(submitted) == 1:
            error = {"kind": "JobError", "message": "there is no job 'j1' here", "hint": ""}
            return [{"foley_bridge": 1, "id": header["id"], "ok": False, "error": error}]
        return [wire.reply(header["id"], job("done") if header["method"] == "status" else {})]

    submitted: list[dict[str, Any]] = []
    peer = Peer(lost)
    status, _ = Call(tmp_path, {"kind": "generate", "key": "again"}, peer.endpoint).ended()
    peer.stop()
    assert status == 0
    assert len(submitted) == 2
    assert submitted[0] == submitted[1]


def test_a_job_that_fails_gives_its_error(serving: Daemon, ground: Ground, tmp_path: Path) -> None:
    request = ground.request("fail-1", timeline={"path": str(ground.folder / "hit.wav")})
    status, reply = Call(tmp_path, request, serving.requests).ended()
    assert (status, reply["ok"], reply["id"]) == (1, False, "run-1")
    assert reply["error"]["kind"] in ("TimelineError", "MediaError", "JobError")
    assert "hit.wav" in reply["error"]["message"]


def test_a_submit_that_is_refused_gives_the_refusal(serving: Daemon, ground: Ground, tmp_path: Path) -> None:
    status, reply = Call(tmp_path, ground.request("bad-1", out="/nowhere/x.otio"), serving.requests).ended()
    assert (status, reply["error"]["kind"]) == (1, "JobError")
    assert "/nowhere" in reply["error"]["message"]
    assert not (tmp_path / "run.progress.json").exists()


@pytest.mark.parametrize("params", [[], "text", None, {"key": 7}])
def test_a_submit_that_is_none_gives_the_daemons_refusal(serving: Daemon, tmp_path: Path, params: Any) -> None:
    status, reply = Call(tmp_path, params, serving.requests).ended()
    assert (status, reply["error"]["kind"]) == (1, "RequestError")


def test_nobody_there_says_so_at_once(ground: Ground, tmp_path: Path) -> None:
    status, reply = Call(tmp_path, ground.request("nobody"), f"tcp://127.0.0.1:{free_ports(2)}").ended()
    assert (status, reply["id"], reply["error"]["kind"]) == (2, "run-1", "BridgeError")


def test_a_daemon_that_stays_away_is_given_up_and_what_becomes_of_the_job_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def leave(header: dict[str, Any]) -> list[dict[str, Any]]:
        if [each["method"] for each in peer.asked].count("status") == 2:
            threading.Thread(target=peer.stop).start()
            return []
        return [wire.reply(header["id"], job("running"))]

    monkeypatch.setattr(following, "AWAY_S", 0.5)
    peer = Peer(leave)
    run = following.Run(tmp_path / "run.json")
    request = wire.request("1", "submit", {"kind": "generate", "key": "k"})
    with Client(peer.endpoint, meanwhile=run.look) as client, pytest.raises(BridgeError, match="no daemon answers") as caught:
        following.follow(client, request, None, run, None)
    assert "takes it up" in caught.value.hint
    assert json.loads((tmp_path / "run.progress.json").read_bytes()) == job("running")


@pytest.mark.parametrize("method", ["submit", "ping", "start"])
def test_a_daemon_of_another_version_is_a_reply_that_says_so(tmp_path: Path, method: str) -> None:
    other = Peer(lambda header: [{"foley_bridge": 2, "id": header["id"], "ok": True, "result": {"job": "j1"}}])
    (tmp_path / "run.json").write_text(json.dumps({"foley_bridge": 1, "id": "run-1", "method": method}))
    command = [sys.executable, "-m", "foley_bridge.bridge.call", "--follow", str(tmp_path / "run.json")]
    done = subprocess.run([*command, "--endpoint", other.endpoint], capture_output=True, timeout=PATIENCE_S, check=False)
    other.stop()
    reply = json.loads((tmp_path / "run.reply.json").read_bytes())
    assert (done.returncode, reply["ok"], reply["id"], reply["error"]["kind"]) == (2, False, "run-1", "BridgeError")
    assert "another version" in reply["error"]["message"]


def test_cancelled_before_it_was_accepted_ends_by_itself(tmp_path: Path) -> None:
    silent = Peer(lambda header: echo(header) if header["method"] == "cancel" else [])
    call = Call(tmp_path, {"kind": "generate", "key": "never"}, silent.endpoint)
    call.until(lambda: silent.asked)
    call.cancel()
    status, reply = call.ended()
    silent.stop()
    assert (status, reply["id"], reply["error"]["kind"]) == (2, "run-1", "Cancelled")
    assert [header["method"] for header in silent.asked] == ["submit", "cancel"]
    assert silent.asked[1]["params"] == {"job": "never"}  # by its key, for it may have been accepted after all


def test_cancelled_before_it_began_submits_nothing(serving: Daemon, ground: Ground, tmp_path: Path) -> None:
    (tmp_path / "run.cancel").touch()
    status, reply = Call(tmp_path, ground.request("too-late"), serving.requests).ended()
    assert (status, reply["error"]["kind"]) == (2, "Cancelled")
    with Client(serving.requests) as client:
        assert "too-late" not in [each["key"] for each in client.jobs()]


def test_cancelled_too_late_gives_the_result(tmp_path: Path) -> None:
    def finishing(header: dict[str, Any]) -> list[dict[str, Any]]:
        if header["method"] == "cancel":
            states.append("done")
        return [wire.reply(header["id"], {"job": job("done")} if header["method"] == "result" else job(states[-1]))]

    states = ["running"]
    peer = Peer(finishing)
    call = Call(tmp_path, {"kind": "generate"}, peer.endpoint)
    call.until(call.progress)
    call.cancel()
    status, reply = call.ended()
    peer.stop()
    assert (status, reply["ok"], reply["result"]["job"]["state"]) == (0, True, "done")


def test_the_work_folder_may_vanish(tmp_path: Path) -> None:
    peer = Peer(lambda header: [wire.reply(header["id"], job("running" if work.exists() else "done"))])
    work = tmp_path / "work"
    work.mkdir()
    call = Call(work, {"kind": "generate"}, peer.endpoint)
    call.until(call.progress)
    for path in work.iterdir():
        path.unlink(missing_ok=True)
    while work.exists():  # what it writes at this moment may come in between
        with contextlib.suppress(OSError):
            for path in work.iterdir():
                path.unlink(missing_ok=True)
            work.rmdir()
    said, _ = call.process.communicate(timeout=PATIENCE_S)
    peer.stop()
    assert call.process.returncode == 2
    assert "Traceback" not in said
    assert str(work) in said


def test_other_methods_are_asked_as_without_follow(serving: Daemon, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"foley_bridge": 1, "id": "p", "method": "ping"}')
    command = [sys.executable, "-m", "foley_bridge.bridge.call", "--follow", str(tmp_path / "run.json")]
    done = subprocess.run([*command, "--endpoint", serving.requests], capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0
    assert json.loads((tmp_path / "run.reply.json").read_bytes())["result"]["pid"] == serving.process.pid


def test_progress_is_rewritten_at_most_four_times_a_second(tmp_path: Path) -> None:
    peer = Peer(lambda header: [wire.reply(header["id"], job("running", n=len(peer.asked)))])
    call = Call(tmp_path, {"kind": "generate"}, peer.endpoint)
    call.until(call.progress)
    stamps = set()
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        stamps.add((tmp_path / "run.progress.json").stat().st_mtime_ns)
        time.sleep(0.01)
    call.process.kill()
    call.process.communicate()
    peer.stop()
    assert all(later - earlier >= 0.2e9 for earlier, later in pairwise(sorted(stamps)))
