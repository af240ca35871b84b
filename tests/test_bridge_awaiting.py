"""``foley-call --follow`` of ``choices`` as a host uses it: a process beside files, a real daemon, choices sent back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bridge_calls import PATIENCE_S, Call
from bridge_daemons import Daemon, daemon
from ports import free_ports
from processors import Ground, make_ground

from foley_bridge.bridge.client import Client


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return make_ground(tmp_path_factory.mktemp("ground"), regions=2)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, ground: Ground) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("daemon"), output_roots=[str(ground.folder)]) as running:
        yield running


def waiting(folder: Path, endpoint: str, **params: Any) -> Call:
    """A call that waits."""
    call = call_of(folder, endpoint, **params)
    call.until(call.progress)
    return call


def call_of(folder: Path, endpoint: str, **params: Any) -> Call:
    return Call(folder, params, endpoint, method="choices")


def made(endpoint: str, ground: Ground, key: str) -> str:
    """A reel of two regions."""
    ground.clear()
    with Client(endpoint) as client:
        return ended(client, client.submit(ground.request(key)))


def ended(client: Client, job: dict[str, Any], state: str = "done") -> str:
    view = client.wait(job["job"], PATIENCE_S)
    assert view["state"] == state, view
    return str(view["job"])


def send_back(endpoint: str, reel: str, key: str, **params: Any) -> dict[str, Any]:
    with Client(endpoint) as client:
        return client.submit({"kind": "apply", "job": reel, "key": key, **params})


def reject(endpoint: str, reel: str, region: int) -> None:
    with Client(endpoint) as client:
        found = client.reel(reel)["regions"][region - 1]["choice"]
        client.choose(reel, region, found["revision"], {"state": "rejected", "reason": "off screen"}, "me")


def test_what_is_sent_back_is_waited_for_and_what_it_gave_is_the_reply(serving: Daemon, ground: Ground, tmp_path: Path) -> None:
    reel = made(serving.requests, ground, "wait-1")
    call = waiting(tmp_path, serving.requests, job=reel, applied=None)
    told = call.progress()
    assert told is not None
    assert (told["state"], told["waits_for"], told["reel"]) == ("waiting", "apply", reel)
    assert abs(told["at_s"] - time.time()) < PATIENCE_S
    reject(serving.requests, reel, 1)
    job = send_back(serving.requests, reel, "wait-1-a")
    status, reply = call.ended()
    assert (status, reply["ok"], reply["id"]) == (0, True, "run-1")
    assert (reply["result"]["job"]["job"], reply["result"]["job"]["kind"]) == (job["job"], "apply")
    first, second = reply["result"]["result"]["regions"]
    assert (first["choice"]["state"], first["takes"], first["error"]) == ("rejected", [], None)
    assert second["choice"]["state"] == "proposed" and Path(second["takes"][0]["path"]).is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "run.progress.json", "run.reply.json"]


def test_what_is_known_already_is_not_told_again(serving: Daemon, ground: Ground, tmp_path: Path) -> None:
    reel = made(serving.requests, ground, "known-1")
    with Client(serving.requests) as client:
        known = ended(client, send_back(serving.requests, reel, "known-1-a"))
    call = waiting(tmp_path, serving.requests, job=reel, applied=known)
    newer = send_back(serving.requests, reel, "known-1-b")
    status, reply = call.ended()
    assert (status, reply["result"]["job"]["job"]) == (0, newer["job"])


def test_choices_alone_end_no_waiting_and_a_cancel_file_does(serving: Daemon, ground: Ground, tmp_path: Path) -> None:
    reel = made(serving.requests, ground, "cancel-1")
    call = waiting(tmp_path, serving.requests, job=reel, applied=None)
    reject(serving.requests, reel, 1)
    time.sleep(1)
    assert call.process.poll() is None
    (tmp_path / "run.cancel").touch()
    status, reply = call.ended()
    assert (status, reply["ok"], reply["error"]["kind"]) == (2, False, "Cancelled")


def test_when_the_request_is_gone_it_ends_without_a_word(serving: Daemon, ground: Ground, tmp_path: Path) -> None:
    reel = made(serving.requests, ground, "gone-1")
    call = waiting(tmp_path, serving.requests, job=reel, applied=None)
    call.request.unlink()
    status, reply = call.ended()
    assert (status, reply, list(tmp_path.iterdir())) == (130, {}, [])


def test_after_a_day_it_ends_without_a_word_and_can_be_started_again(serving: Daemon, ground: Ground, tmp_path: Path) -> None:
    reel = made(serving.requests, ground, "day-1")
    short = "import sys; from foley_bridge.bridge import awaiting, call; awaiting.LONGEST_S = 0.5; sys.exit(call.main())"
    request = {"foley_bridge": 1, "id": "run-1", "method": "choices", "params": {"job": reel, "applied": None}}
    (tmp_path / "run.json").write_text(json.dumps(request), "utf-8")
    line = [sys.executable, "-c", short, "--follow", "--endpoint", serving.requests, str(tmp_path / "run.json")]
    assert subprocess.run(line, timeout=PATIENCE_S, check=False).returncode == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "run.progress.json"]
    again = waiting(tmp_path, serving.requests, job=reel, applied=None)
    job = send_back(serving.requests, reel, "day-1-a")
    assert again.ended()[1]["result"]["job"]["job"] == job["job"]


def test_a_sending_that_fails_ends_it_with_its_error(serving: Daemon, ground: Ground, tmp_path: Path) -> None:
    reel = made(serving.requests, ground, "fail-1")
    call = waiting(tmp_path, serving.requests, job=reel, applied=None)
    out = ground.folder / "out" / "cut_foley.otio"
    out.write_text("somebody's", "utf-8")
    send_back(serving.requests, reel, "fail-1-a")
    status, reply = call.ended()
    assert (status, reply["ok"]) == (1, False)
    assert str(out) in reply["error"]["message"]
    assert (call.progress()["kind"], call.progress()["state"]) == ("apply", "failed")
    out.unlink()
    again = tmp_path / "again"
    again.mkdir()
    later = waiting(again, serving.requests, job=reel, applied=None)  # what failed before is not told again
    job = send_back(serving.requests, reel, "fail-1-b")
    assert later.ended()[1]["result"]["job"]["job"] == job["job"]


def test_a_daemon_that_is_killed_and_comes_back_is_waited_for(ground: Ground, tmp_path: Path) -> None:
    home, bind = tmp_path / "daemon", f"tcp://127.0.0.1:{free_ports(2)}"
    work = tmp_path / "work"
    work.mkdir()
    with daemon(home, bind=bind, output_roots=[str(ground.folder)]) as first:
        reel = made(bind, ground, "restart-1")
        call = waiting(work, bind, job=reel, applied=None)
        first.process.kill()
    with daemon(home, bind=bind, output_roots=[str(ground.folder)]):
        job = send_back(bind, reel, "restart-1-a")
        status, reply = call.ended()
    assert (status, reply["result"]["job"]["job"]) == (0, job["job"])


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (lambda endpoint, reel: None, lambda reply: reply["result"]["applied"] is None and "result" not in reply["result"]),
        (
            lambda endpoint, reel: send_back(endpoint, reel, f"{reel}-a"),
            lambda reply: reply["result"]["job"]["state"] == "done" and len(reply["result"]["result"]["regions"]) == 2,
        ),
    ],
    ids=["nothing", "being made"],
)
def test_without_time_only_what_was_sent_already_is_waited_for(
    serving: Daemon, ground: Ground, tmp_path: Path, prepare: Callable[[str, str], Any], told: Callable[[Any], bool]
) -> None:
    reel = made(serving.requests, ground, f"now-{tmp_path.name}")
    prepare(serving.requests, reel)
    status, reply = call_of(tmp_path, serving.requests, job=reel, applied=None, timeout_s=0).ended()
    assert status == 0 and told(reply), reply


@pytest.mark.parametrize("params", [{}, {"job": "nowhere"}, {"job": "x", "applied": 7}])
def test_what_is_refused_is_told_at_once(serving: Daemon, tmp_path: Path, params: dict[str, Any]) -> None:
    status, reply = call_of(tmp_path, serving.requests, **params).ended()
    assert (status, reply["ok"], reply["id"]) == (1, False, "run-1")


def test_nobody_there_says_so_at_once(tmp_path: Path) -> None:
    status, reply = call_of(tmp_path, f"tcp://127.0.0.1:{free_ports(2)}", job="x", applied=None).ended()
    assert (status, reply["error"]["kind"]) == (2, "BridgeError")
