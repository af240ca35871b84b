"""The daemon over real sockets: whatever comes in is answered once, whoever misbehaves harms nobody else, nothing is lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq
from bridge_daemons import PATIENCE_S, Daemon, Raw, daemon
from processors import make_ground

import foley_bridge
from foley_bridge.bridge import wire
from foley_bridge.bridge.waiters import Waiters

ENDED = ("done", "failed", "cancelled")
PING = wire.encode(wire.request("p", "ping"))[0]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for the tests that leave it as it was."""
    with daemon(tmp_path_factory.mktemp("shared") / "home") as one:
        yield one


@pytest.fixture
def raw(shared: Daemon) -> Iterator[Raw]:
    with Raw(shared.requests) as one:
        yield one


def doomed(folder: Path, key: str | None = None) -> dict[str, Any]:
    """Params of a job that is accepted, and fails as soon as a worker looks at it."""
    return {
        "kind": "generate",
        **({"key": key} if key else {}),
        "timeline": {"path": str(folder / "missing.otio")},
        "out": str(folder / "out.otio"),
        "media_dir": str(folder / "takes"),
    }


def inline(folder: Path, key: str | None = None) -> dict[str, Any]:
    return {**doomed(folder, key), "timeline": {"payload": 0}}


# --- what comes in ---


@pytest.mark.parametrize("kind", [zmq.DEALER, zmq.REQ])
def test_a_dealer_and_a_req_are_answered_in_kind(shared: Daemon, kind: int) -> None:
    with Raw(shared.requests, kind) as raw:
        raw.send(*wire.encode(wire.request("my id", "ping")))
        frames = raw.read()
    assert frames is not None
    assert len(frames) == 1
    header, _ = wire.decode(frames)
    assert (header["id"], header["ok"], header["result"]["pid"]) == ("my id", True, shared.process.pid)


def test_a_dealer_that_puts_an_empty_frame_first_gets_one_back(raw: Raw) -> None:
    raw.send(b"", PING)
    frames = raw.read()
    assert frames is not None
    assert frames[0] == b""
    assert json.loads(frames[1])["ok"]


@pytest.mark.parametrize(
    "frames",
    [
        (b"",),
        (b"", b""),
        (b"\xff\x00\xfe",),
        (b"{}",),
        (PING, b"", b""),
        (PING, b"payload"),
        (b"", PING, b"payload", b"more"),
        (b"", b"", PING),
        (b"{", b"x" * 1000),
        (PING,) * 5000,
        (b" " * (wire.HEADER_LIMIT + 1),),
        (PING, b"x" * (65 * wire.MB)),
    ],
    ids=lambda frames: f"{len(frames)} frames, {sum(map(len, frames))} bytes, {bytes(frames[0][:8])!r}",
)
def test_a_broken_message_costs_its_sender_one_error_reply(shared: Daemon, raw: Raw, frames: tuple[bytes, ...]) -> None:
    header = raw.ask(*frames)
    assert not header["ok"]
    assert header["error"]["kind"] == "RequestError"
    assert raw.call("ping")["ok"]  # the next reply, so there was one only
    assert raw.read(0.05) is None


def test_what_is_too_large_is_told_so_under_its_own_id(raw: Raw) -> None:
    header = raw.ask(wire.encode(wire.request("big", "submit", inline(Path("/tmp"))))[0], bytes(64 * wire.MB))
    assert header["id"] == "big"
    assert "64 MB" in header["error"]["message"]
    assert "path" in header["error"]["hint"]


@pytest.mark.nightly
def test_256_mb_are_answered_and_300_mb_cost_the_sender_his_connection_and_nobody_else_anything(shared: Daemon) -> None:
    with Raw(shared.requests) as one, Raw(shared.requests) as other:
        assert not one.ask(PING, bytes(256 * wire.MB))["ok"]
        one.send(PING, bytes(300 * wire.MB))
        assert one.read(10) is None
        assert other.call("ping")["ok"]


def test_a_fault_of_the_daemons_own_is_logged_and_told_without_its_insides(tmp_path: Path) -> None:
    with daemon(tmp_path / "home", executable="/gone/python") as broken, Raw(broken.requests) as raw:
        error = raw.call("capabilities")["error"]  # it asks a child process what loads here, and no child can be started
        assert error["kind"] == "InternalError"
        assert "/gone" not in json.dumps(error)
        assert raw.call("ping")["ok"]
        end = time.monotonic() + PATIENCE_S
        while "/gone/python" not in broken.log() and time.monotonic() < end:
            time.sleep(0.05)
        assert "Traceback" in broken.log()


def test_a_slow_answer_holds_up_no_other(tmp_path: Path) -> None:
    with daemon(tmp_path / "home") as fresh, Raw(fresh.requests) as raw:
        raw.send(*wire.encode(wire.request("slow", "capabilities")))
        for number in range(3):
            raw.send(*wire.encode(wire.request(f"quick {number}", "jobs")))
        order = [json.loads((raw.read() or [b"{}"])[0]).get("id") for _ in range(4)]
    assert order == ["quick 0", "quick 1", "quick 2", "slow"]


def test_capabilities_say_what_is_here(shared: Daemon, raw: Raw) -> None:
    result = raw.call("capabilities")["result"]
    assert result["kinds"] == ["generate", "retake", "apply"]
    assert "CPUExecutionProvider" in result["providers"]
    assert result["endpoints"] == shared.endpoints
    assert result["queue"]["limit"] == 1000
    assert result["library"] is None
    assert result["roots"] == {"media": None, "output": None}


def test_a_daemon_that_is_not_private_writes_only_to_the_usual_folders(tmp_path: Path) -> None:
    log_file = tmp_path / "log.txt"
    here, temporary, users = (tmp_path / name for name in ("here", "temporary", "user"))
    for folder in (here, temporary, users):
        folder.mkdir()
    names = {"HOME": str(users), "USERPROFILE": str(users), "TMPDIR": str(temporary), "TEMP": str(temporary)}
    process = started_apart(tmp_path / "home", here, names, log_file)
    try:
        state = tmp_path / "home" / "daemon.json"
        end = time.monotonic() + PATIENCE_S
        while not state.exists():
            assert process.poll() is None, log_file.read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        with Raw(json.loads(state.read_text())["endpoints"]["requests"]) as raw:
            roots = raw.call("capabilities")["result"]["roots"]
            assert roots == {"media": None, "output": [str(users), str(here), str(temporary)]}
            error = raw.call("submit", doomed(tmp_path / "elsewhere"))["error"]
        assert "outside the daemon's output folders" in error["message"]
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def started_apart(home: Path, folder: Path, names: dict[str, str], log_file: Path) -> subprocess.Popen[bytes]:
    """A daemon in a folder, with environment variables of its own."""
    command = [sys.executable, "-P", "-m", "foley_bridge", "serve", "--bind", "tcp://127.0.0.1:0", "--no-osc"]
    with log_file.open("wb") as log:
        return subprocess.Popen(
            [*command, "--home", str(home)], cwd=folder, env={**os.environ, **names}, stdout=log, stderr=log
        )


def test_capabilities_ask_the_package_that_the_daemon_runs_from(tmp_path: Path) -> None:
    """Also from a checkout that is not installed, whose folder a child process would not know. And a child that dies, of a
    graph that ONNX Runtime does not survive, is told as a fault.
    """
    checkout = tmp_path / "checkout"
    package = Path(foley_bridge.__file__).parent
    shutil.copytree(package, checkout / "foley_bridge", ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / "foley_bridge" / "inference" / "providers.py").write_text(
        "from types import SimpleNamespace\n"
        "def listed(): return ['of this checkout']\n"
        "def probe(name): return SimpleNamespace(loads=True)\n"
    )
    (checkout / "foley_bridge" / "inference" / "where.py").write_text("import os\ndef serving(): os.abort()\n")
    with daemon(tmp_path / "home", folder=checkout) as one, Raw(one.requests) as raw:
        result = raw.call("capabilities")["result"]
        assert result["providers"] == ["of this checkout"]
        faults = {each["task"]: each["fault"]["kind"] for each in result["packs"]}
        assert faults == {"recommendation": "PackError", "analogy": "PackError"}


# --- strangers ---


def test_who_takes_anothers_name_gets_none_of_his_replies(shared: Daemon) -> None:
    with Raw(shared.requests, routing_id=b"me") as first:
        assert first.call("ping")["ok"]
        with Raw(shared.requests, routing_id=b"me") as second:
            second.send(PING)
            assert second.read(1) is None
        assert first.call("ping")["ok"]


OLD_FRAME = bytes([len(PING) + 1]) + b"\x00" + PING
"""A ping as ZeroMQ's first protocol has it, which has no greeting to get right: a length, a flag, the message."""


@pytest.mark.parametrize(
    "name",
    [b"\x01\x00", b"POST /" + b"a" * 62 + b" HTTP/1.1\r\n\r\n"],  # P is a length of 80: both are names of a connection
    ids=["an old client", "a web page"],
)
def test_a_message_without_a_greeting_is_not_heard(shared: Daemon, name: bytes) -> None:
    host, port = shared.requests.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), timeout=3) as plain:
        plain.sendall(name + OLD_FRAME)
        answer = b""
        with contextlib.suppress(OSError):
            while part := plain.recv(4096):
                answer += part
    assert b"foley_bridge" not in answer
    with Raw(shared.requests) as raw:
        assert raw.call("ping")["ok"]


def test_a_client_that_never_reads_stalls_nobody_and_loses_only_its_own_replies(tmp_path: Path) -> None:
    with daemon(tmp_path / "home") as one, Raw(one.requests) as other, Raw(one.requests, rcvhwm=1, sndhwm=0) as deaf:
        for number in range(30_000):
            deaf.send(PING)
            if number % 3000 == 0:
                assert other.call("ping")["ok"]
        end = time.monotonic() + PATIENCE_S
        while "does not read" not in one.log() and time.monotonic() < end:
            assert other.call("ping")["ok"]
            time.sleep(0.01)
        assert "does not read" in one.log()


# --- jobs ---


def test_a_lost_reply_never_makes_a_second_job(shared: Daemon, raw: Raw, tmp_path: Path) -> None:
    params = doomed(tmp_path, f"lost {tmp_path}")
    hasty = Raw(shared.requests)
    hasty.send(*wire.encode(wire.request("1", "submit", params)))
    hasty.socket.close(linger=2000)  # sent, and gone before there is a reply
    hasty.context.term()
    first, again = (raw.call("submit", params)["result"] for _ in range(2))
    assert first["job"] == again["job"]
    everything = raw.call("jobs", {"limit": 1000})["result"]["jobs"]
    assert [job["job"] for job in everything if job["key"] == params["key"]] == [first["job"]]
    other = raw.call("submit", {**params, "out": str(tmp_path / "other.otio")})
    assert other["error"]["kind"] == "JobError"
    assert first["job"] in other["error"]["message"]


def test_a_job_goes_from_its_submission_to_its_timeline(shared: Daemon, raw: Raw, tmp_path: Path) -> None:
    ground = make_ground(tmp_path / "ground", regions=1)
    payload = (ground.folder / "cut.otio").read_bytes()
    params = ground.request(f"whole {tmp_path}", timeline={"payload": 0, "base": str(ground.folder)})
    job = raw.call("submit", params, payload)["result"]["job"]
    done = raw.call("wait", {"job": job, "timeout_s": PATIENCE_S})["result"]
    assert (done["state"], done["error"]) == ("done", None)
    raw.send(*wire.encode(wire.request("r", "result", {"job": job, "timeline": True})))
    frames = raw.read()
    assert frames is not None
    header, timeline = wire.decode(frames, header_limit=wire.SERVER_LIMIT)
    assert header["result"]["job"] == done
    assert timeline == Path(header["result"]["result"]["out"]).read_bytes()
    assert raw.call("status", {"job": params["key"]})["result"] == done


def test_the_result_of_a_job_that_is_not_done_is_refused_with_why(raw: Raw, tmp_path: Path) -> None:
    job = raw.call("submit", doomed(tmp_path))["result"]["job"]
    failed = raw.call("wait", {"job": job})["result"]
    error = raw.call("result", {"job": job})["error"]
    assert (failed["state"], error["kind"]) == ("failed", "JobError")
    assert "missing.otio" in error["message"]


@pytest.mark.parametrize("method", ["status", "wait", "result", "cancel"])
def test_an_unknown_job_is_named(raw: Raw, method: str) -> None:
    error = raw.call(method, {"job": "no such\njob"})["error"]
    assert error["kind"] == "JobError"
    assert "no such" in error["message"]


def paths_that_are_refused(root: Path) -> dict[str, tuple[str, str]]:
    """Name of a case: the path, and what the error must say of it."""
    (root / "out").symlink_to("/etc")
    return {
        "climbing": (str(root / "a" / ".." / ".." / "etc" / "passwd"), ".."),
        "climbing, as Windows writes it": (f"{root}\\..\\secret", ".."),
        "a link that leads out": (str(root / "out" / "passwd"), "outside"),
        "another folder": ("/etc/passwd", "outside"),
        "a neighbour that begins alike": (f"{root}-not/cut.otio", "outside"),
        "a device": ("/dev/zero", "outside"),
        "a relative path": ("cut.otio", "absolute"),
        "a Windows share": (r"\\server\share\cut.otio", "network"),
        "a share with slashes": ("//server/share/cut.otio", "network"),
        "a URL of a share": ("smb://server/share/cut.otio", "not a file"),
        "a URL of the web": ("http://127.0.0.1/cut.otio", "not a file"),
        "a file URL of another host": ("file://server/share/cut.otio", "network"),
        "a path with a hidden end": (str(root / "cut.otio\0.txt"), "not a path"),
    }


def test_paths_that_lead_out_are_refused_by_name(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    good = {**doomed(root), "timeline": {"path": str(root / "cut.otio")}}
    payloads: dict[str, tuple[bytes, ...]] = {"base": (b"{}",)}
    with daemon(tmp_path / "home", media_roots=[str(root)], output_roots=[str(root)]) as one, Raw(one.requests) as raw:
        for case, (path, why) in paths_that_are_refused(root).items():
            for field in ("timeline", "base", "exemplar", "out", "media_dir", "preview", "report"):
                named = {"timeline": {"path": path}, "base": {"payload": 0, "base": path}}.get(field)
                params = {**good, **({"timeline": named} if named else {field: path})}
                error = raw.call("submit", params, *payloads.get(field, ())).get("error")
                assert error is not None, f"{case} was accepted as {field}"
                assert error["kind"] == "JobError", (case, field, error)
                assert why in error["message"], (case, field, error)
                assert error["message"].startswith({"timeline": "timeline.path", "base": "timeline.base"}.get(field, field))
        assert raw.call("jobs")["result"]["jobs"] == []
        assert raw.call("submit", good)["ok"]


def test_a_device_is_refused_where_every_folder_may_be_read(shared: Daemon, raw: Raw, tmp_path: Path) -> None:
    error = raw.call("submit", {**doomed(tmp_path), "timeline": {"path": "/dev/zero"}})["error"]
    assert "device" in error["message"]


def hand_in(endpoint: str, folder: Path, number: int, request: Any, given: dict[str, set[str]]) -> None:
    """One of many clients: ten jobs, of which some replies are never read, and all of which are handed in again."""
    chance = random.Random(number)
    raw = Raw(endpoint)
    for job in range(10):
        key = f"client {number} job {job}"
        params = request(folder / f"{number}-{job}", key)
        while chance.random() < 0.4:  # gone before the reply
            raw.send(*wire.encode(wire.request("lost", "submit", params)))
            raw.socket.close(linger=2000)
            raw.context.term()
            raw = Raw(endpoint)
        for _ in range(chance.choice((1, 1, 2))):
            given.setdefault(key, set()).add(raw.call("submit", params)["result"]["job"])
        if chance.random() < 0.2:
            raw.send(*wire.encode(wire.request("lost", "wait", {"job": key})))  # nobody will be there for this one either
    raw.context.destroy(linger=0)


def twenty_clients(one: Daemon, folder: Path, request: Any) -> list[dict[str, Any]]:
    """The job objects of 200 jobs handed in by 20 clients at once, each ended, none lost and none doubled."""
    given: dict[str, set[str]] = {}
    clients = [threading.Thread(target=hand_in, args=(one.requests, folder, n, request, given)) for n in range(20)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert len(given) == 200
    assert all(len(jobs) == 1 for jobs in given.values())
    with Raw(one.requests) as raw:
        for (job,) in given.values():
            assert raw.call("wait", {"job": job, "timeout_s": 600})["result"]["state"] in ENDED
        jobs: list[dict[str, Any]] = raw.call("jobs", {"limit": 1000})["result"]["jobs"]
    assert {(job["key"], job["job"]) for job in jobs} == {(key, job) for key, (job,) in given.items()}
    assert len(jobs) == 200
    return jobs


def test_of_200_jobs_of_20_clients_at_once_none_is_lost_and_none_is_doubled(tmp_path: Path) -> None:
    with daemon(tmp_path / "home") as one:
        jobs = twenty_clients(one, tmp_path, doomed)
    assert {(job["state"], job["attempts"]) for job in jobs} == {("failed", 1)}


@pytest.mark.nightly
def test_200_jobs_of_20_clients_write_200_whole_sets_of_files(tmp_path: Path) -> None:
    ground = make_ground(tmp_path / "ground", regions=1)

    def request(folder: Path, key: str) -> dict[str, Any]:
        return ground.request(key, out=str(folder / "cut.otio"), media_dir=str(folder / "takes"))

    with daemon(tmp_path / "home", workers=2) as one:
        jobs = twenty_clients(one, tmp_path / "out", request)
    assert {(job["state"], job["attempts"]) for job in jobs} == {("done", 1)}
    folders = list((tmp_path / "out").iterdir())
    takes = {tuple(sorted((path.name, path.read_bytes()) for path in (f / "takes").iterdir())) for f in folders}
    assert len(folders) == 200
    assert len(takes) == 1
    assert all(sorted(path.name for path in folder.iterdir()) == ["cut.otio", "takes"] for folder in folders)


@pytest.mark.nightly
def test_many_large_timelines_at_once_are_taken_or_refused_and_the_daemon_stays_within_bounds(tmp_path: Path) -> None:
    payload = bytes(60 * wire.MB)
    with daemon(tmp_path / "home") as one:
        process = psutil.Process(one.process.pid)
        clients = [Raw(one.requests) for _ in range(20)]
        for number, client in enumerate(clients):
            client.send(*wire.encode(wire.request("1", "submit", inline(tmp_path, str(number)))), payload)
        most = 0
        refused: list[Raw] = []
        for client in clients:
            while (found := client.read(0.05)) is None:
                most = max(most, process.memory_info().rss)
            if not json.loads(found[0])["ok"]:
                assert "too much to do" in json.loads(found[0])["error"]["message"]
                refused.append(client)
        for number, client in enumerate(refused):
            while not client.call("submit", inline(tmp_path, f"again {number}"), payload)["ok"]:
                time.sleep(0.1)
        for client in clients:
            client.context.destroy(linger=0)
        with Raw(one.requests) as raw:
            assert len(raw.call("jobs")["result"]["jobs"]) == 20
    # In hand, and of each connection one message that waits and one that arrives (here each sends only one).
    assert most < (256 + 20 * 60 + 200) * wire.MB


def test_who_hands_in_too_much_is_refused_and_others_are_heard(tmp_path: Path) -> None:
    with daemon(tmp_path / "home") as one, Raw(one.requests, sndhwm=0, rcvhwm=0) as many, Raw(one.requests) as other:
        assert other.call("ping")["ok"]
        with contextlib.closing(sqlite3.connect(tmp_path / "home" / "journal.sqlite", isolation_level=None)) as held_up:
            held_up.execute("BEGIN IMMEDIATE")  # the daemon cannot write: a slow disk
            for number in range(2500):
                many.send(*wire.encode(wire.request(str(number), "submit", doomed(tmp_path, str(number)))))
            first = json.loads((many.read() or [b""])[0])
            assert other.call("ping")["ok"]
            held_up.execute("ROLLBACK")
        replies = [first, *(json.loads((many.read() or [b""])[0]) for _ in range(2499))]
        assert {reply["id"] for reply in replies} == {str(number) for number in range(2500)}
        refused = [reply["error"] for reply in replies if not reply["ok"]]
        busy = [error for error in refused if error["kind"] == "BusyError"]
        assert busy and all("too much to do" in error["message"] for error in busy)
        accepted = {reply["id"] for reply in replies if reply["ok"]}
        known = other.call("jobs", {"limit": 1000})["result"]["jobs"]
        assert len(known) == min(1000, len(accepted))
        assert {job["key"] for job in known} <= accepted


# --- waiting, and what is told ---


@pytest.fixture
def slow_job(shared: Daemon, raw: Raw, tmp_path: Path) -> Iterator[str]:
    """A job that goes on until it is cancelled."""
    ground = make_ground(tmp_path / "ground", regions=60)
    job = raw.call("submit", ground.request())["result"]["job"]
    yield job
    raw.call("cancel", {"job": job})


def test_who_waits_is_told_at_the_end_and_who_went_away_costs_nothing(shared: Daemon, raw: Raw, slow_job: str) -> None:
    with Raw(shared.requests) as gone:
        for _ in range(200):
            gone.send(*wire.encode(wire.request("gone", "wait", {"job": slow_job, "timeout_s": 3600})))
        assert gone.call("ping")["ok"]  # so they have been read
    with Raw(shared.requests) as many:
        for number in range(500):
            many.send(*wire.encode(wire.request(str(number), "wait", {"job": slow_job, "timeout_s": 3600})))
        assert many.call("ping")["ok"]
        assert many.read(0.2) is None
        assert raw.call("cancel", {"job": slow_job})["ok"]
        told = [json.loads((many.read() or [b"{}"])[0]) for _ in range(500)]
    assert {reply["id"] for reply in told} == {str(number) for number in range(500)}
    assert {reply["result"]["state"] for reply in told} == {"cancelled"}
    assert raw.call("ping")["ok"]


def test_who_waits_in_vain_is_told_how_it_stands(raw: Raw, slow_job: str) -> None:
    for timeout_s in (0, 0.2):
        assert raw.call("wait", {"job": slow_job, "timeout_s": timeout_s})["result"]["state"] in ("queued", "running")


def test_subscribers_hear_of_their_job_in_order_and_of_no_other(shared: Daemon, raw: Raw, tmp_path: Path) -> None:
    ground = make_ground(tmp_path / "ground", regions=1)
    with Raw(shared.endpoints["events"], zmq.SUB) as all_jobs, Raw(shared.endpoints["events"], zmq.SUB) as one_job:
        all_jobs.socket.subscribe(wire.topic(""))
        one_job.socket.subscribe(wire.topic("not this one"))
        while all_jobs.read(0.02) is None:  # until the subscription has arrived
            raw.call("submit", doomed(tmp_path))
        job = raw.call("submit", ground.request())["result"]["job"]
        events = []
        while not events or events[-1]["job"]["state"] not in ENDED:
            topic, data = all_jobs.read() or [b"", b"{}"]
            if topic == wire.topic(job):
                events.append(json.loads(data))
        assert one_job.read(0.1) is None
    assert all(event["foley_bridge"] == 1 and event["job"]["job"] == job for event in events)
    states = [event["job"]["state"] for event in events if event["event"] == "state"]
    steps = [event["job"]["step"] for event in events if event["event"] == "step"]
    assert states == ["queued", "running", "done"]
    assert steps[0] == "opening"
    assert steps[-1] == "publishing"
    assert any(event["event"] == "progress" for event in events)


def test_more_waiters_than_there_is_room_for_make_the_longest_waiting_give_way() -> None:
    waiters: Waiters[str] = Waiters(3)
    assert [waiters.add("job", until_s, name) for until_s, name in ((9, "a"), (1, "b"), (5, "c"))] == [[], [], []]
    assert waiters.add("other", 2, "d") == ["a"]
    assert waiters.next_s() == 1
    assert waiters.overdue(2) == ["b", "d"]
    assert waiters.happened("other") == []
    assert waiters.happened("job") == ["c"]
    assert (len(waiters), waiters.next_s()) == (0, None)


def test_waiters_that_come_and_go_leave_nothing_behind() -> None:
    waiters: Waiters[int] = Waiters(10)
    for number in range(10_000):
        waiters.add("job", 3600.0, number)
        assert waiters.happened("job") == [number]
    assert len(waiters._times) <= 20
    assert not waiters._by_what


def test_the_same_request_under_two_ids_gets_two_replies(raw: Raw) -> None:
    ids = {uuid.uuid4().hex for _ in range(50)}
    for each in ids:
        raw.send(*wire.encode(wire.request(each, "jobs")))
    assert {json.loads((raw.read() or [b"{}"])[0])["id"] for _ in ids} == ids
