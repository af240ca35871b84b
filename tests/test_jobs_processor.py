"""The processor: every job that was accepted ends once, whatever happens to workers, queues, journals and clients."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from processors import Ground, Watched, fault, make_ground, watched

from foley_bridge.errors import JobError
from foley_bridge.jobs.events import Event
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.outputs import Outputs
from foley_bridge.jobs.processor import Processor
from foley_bridge.jobs.roots import Roots
from foley_bridge.jobs.view import LEFT_AFTER_S, Meter
from foley_bridge.jobs.worker_process import worker_lock

STEPS = ["opening", "region 1", "region 2", "placing", "timeline", "publishing"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return make_ground(tmp_path_factory.mktemp("ground"), regions=2)


@pytest.fixture(autouse=True)
def clear(ground: Ground) -> Iterator[None]:
    ground.clear()
    yield
    ground.clear()


@pytest.fixture(scope="module")
def shared(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A processor for tests that leave it as they found it."""
    with watched(tmp_path_factory.mktemp("home")) as one:
        yield one


def to(folder: Path) -> dict[str, str]:
    return {"out": str(folder / "foley.otio"), "media_dir": str(folder / "takes")}


# --- a job's way ---


def test_a_job_goes_its_way_and_is_told_of_in_order(ground: Ground, shared: Watched) -> None:
    view = shared.processor.submit(ground.request(), client="seat 1")
    assert (view.record.state, view.record.step, view.position) == ("queued", "accepted", 1)
    (done,) = shared.ended(view.record.id)
    assert (done.record.state, done.record.step, done.record.attempts, done.record.failed_regions) == ("done", "ended", 1, 0)
    assert done.record.client == "seat 1"
    assert shared.told(view.record.id, "state") == ["queued", "running", "done"]
    assert shared.told(view.record.id, "step") == STEPS
    assert [name for _, name in shared.journal.steps(view.record.id)] == ["accepted", *STEPS, "ended"]
    assert done.record.result is not None
    takes = [take["path"] for region in done.record.result["regions"] for take in region["takes"]]
    files = {str(ground.out / name) for name, content in ground.hashes().items() if content != "folder"}
    assert files == {done.record.result["out"], *takes}
    assert len(takes) == 4


def test_the_job_object_has_the_keys_of_the_protocol(ground: Ground, shared: Watched) -> None:
    protocol = (Path(__file__).parents[1] / "docs" / "protocol.md").read_text("utf-8")
    rows = protocol.split("## The job object")[1].split("queued → running")[0].splitlines()
    named = {
        name for row in rows if row.startswith("| `") for name in row.split("|")[1].replace("`", "").replace(",", " ").split()
    }
    said = shared.ended(shared.processor.submit(ground.request()).record.id)[0].to_json()
    assert set(said) == named
    assert json.loads(json.dumps(said)) == said
    progress = [event.view.to_json()["progress"] for event in shared.events if event.kind == "progress"]
    assert progress
    assert set(progress[0]) == {"step", "region", "regions", "frames", "early", "fraction", "left_s"}


def test_the_time_left_is_told_once_something_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    meter = Meter()
    said = {"step": "looking", "region": 2, "regions": 4, "frames": 7, "early": None}
    left = []
    for took_s, whole in ((0.0, 0.2), (1.0, 0.5), (LEFT_AFTER_S, 0.2), (4.0, 0.4), (6.0, 0.8), (7.0, 1.0)):
        now = 100.0 + took_s
        meter.note({**said, "whole": whole})
        progress = meter.progress()
        assert progress is not None
        left.append(progress["left_s"])
    assert left == [None, None, None, 12.0, 2.0, 0.0]  # 0.2 of it was there when this attempt began


def test_a_region_that_fails_is_counted_and_the_job_is_done(ground: Ground, shared: Watched) -> None:
    more = ground.request(regions=["1.9-2.0 FOLEY nothing like=/nowhere.wav"])
    (view,) = shared.ended(shared.processor.submit(more).record.id)
    assert (view.record.state, view.record.failed_regions) == ("done", 1)


def test_a_job_that_cannot_be_done_fails_with_what_and_where_and_leaves_nothing(ground: Ground, shared: Watched) -> None:
    (ground.folder / "broken.otio").write_text("{ not OTIO")
    params = ground.request(timeline={"path": str(ground.folder / "broken.otio")})
    (view,) = shared.ended(shared.processor.submit(params).record.id)
    assert view.record.state == "failed"
    assert view.record.error is not None
    assert view.record.error["kind"] == "TimelineError"
    assert "broken.otio" in view.record.error["message"]
    assert view.record.swept
    assert ground.hashes() == {}


def test_a_timeline_in_the_message_gives_the_same_sound_and_is_not_kept(ground: Ground, shared: Watched) -> None:
    payload = (ground.folder / "cut.otio").read_bytes()
    inline = ground.request("inline", timeline={"payload": 0, "base": str(ground.folder)})
    view = shared.processor.submit(inline, payload=payload)
    assert shared.processor.submit(inline, payload=payload).record.id == view.record.id
    with pytest.raises(JobError, match="something else"):
        shared.processor.submit(inline, payload=payload + b" ")
    (done,) = shared.ended(view.record.id)
    assert done.record.state == "done"
    shared.until(lambda: not list(shared.home.glob("jobs/*/timeline.otio")))


def test_jobs_are_done_in_the_order_they_came_and_know_their_place(ground: Ground, shared: Watched, tmp_path: Path) -> None:
    ids = [shared.processor.submit(ground.request(**to(ground.out / str(n)))).record.id for n in range(4)]
    places = [shared.processor.job(job).position for job in ids]
    waiting = [place for place in places if place is not None]
    assert waiting == list(range(1, len(waiting) + 1))
    done = shared.ended(*ids)
    started = [view.record.started_s or 0 for view in done]
    assert started == sorted(started)
    assert [view.record.id for view in shared.processor.jobs(limit=4)] == ids[::-1]
    shared.until(lambda: shared.processor.counts() == {"waiting": 0, "running": 0, "limit": 1000})


def test_two_workers_do_two_jobs_at_once_and_nothing_is_lost_or_doubled(ground: Ground, tmp_path: Path) -> None:
    with watched(tmp_path / "home", workers=2) as two:
        ids = [two.processor.submit(ground.request(**to(ground.out / str(n)))).record.id for n in range(6)]
        views = two.ended(*ids)
        most, running = 0, set()
        for event in two.events:
            if event.kind == "state":
                running = (
                    running | {event.view.record.id}
                    if event.view.record.state == "running"
                    else running - {event.view.record.id}
                )
                most = max(most, len(running))
    assert [(view.record.state, view.record.attempts) for view in views] == [("done", 1)] * 6
    assert most == 2
    made = [sorted(path.name for path in (ground.out / str(n)).rglob("*")) for n in range(6)]
    assert all(names == made[0] for names in made)
    assert len(made[0]) == 6


# --- accepting ---


def test_the_same_key_gives_the_same_job_however_often_it_is_sent(ground: Ground, shared: Watched) -> None:
    request = ground.request("once")
    views: list[Any] = []
    threads = [threading.Thread(target=lambda: views.append(shared.processor.submit(request))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({view.record.id for view in views}) == 1
    shared.ended(views[0].record.id)
    assert shared.processor.submit(request).record.state == "done"
    assert shared.processor.job("once").record.id == views[0].record.id
    with pytest.raises(JobError, match="key 'once' belongs to job"):
        shared.processor.submit(ground.request("once", sample_rate=44100))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"kind": "spot"}, "kind 'spot' is not in this version"),
        ({"timeline": {"path": "cut.otio"}}, "timeline.path: cut.otio is not an absolute path"),
        ({"timeline": {"payload": 0}}, "timeline: it says that it travels with the request"),
        ({"timeline": {"path": "/etc/passwd"}}, "timeline.path: /etc/passwd lies outside the daemon's media folders"),
        ({"exemplar": "/etc/hostname"}, "exemplar: /etc/hostname lies outside"),
        ({"out": "/etc/foley.otio"}, "out: /etc/foley.otio lies outside the daemon's output folders"),
        ({"media_dir": "/tmp/../etc"}, "media_dir: /tmp/../etc climbs"),
        ({"report": "//host/share/r.html"}, "report: "),
    ],
)
@posix
def test_what_can_be_refused_at_once_is_refused_at_once(ground: Ground, tmp_path: Path, other: dict, said: str) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    roots = Roots(media=(ground.folder,), output=(ground.folder,))
    processor = Processor(journal, home=tmp_path, roots=roots)  # it need not even be started
    try:
        with pytest.raises(JobError) as told:
            processor.submit(ground.request(**other))
        assert said in told.value.message
        assert journal.list() == []
    finally:
        processor.stop()


def test_a_full_queue_says_so_and_still_answers_for_what_it_took(ground: Ground, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    processor = Processor(journal, home=tmp_path, roots=Roots(), limit=2)
    try:
        first = processor.submit(ground.request("a"))
        processor.submit(ground.request(timeline={"payload": 0}), payload=b"{}")
        with pytest.raises(JobError, match="the queue is full: 2 jobs wait"):
            processor.submit(ground.request(timeline={"payload": 0}), payload=b"{}")
        assert processor.submit(ground.request("a")).record.id == first.record.id
        assert len(list((tmp_path / "jobs").iterdir())) == 1
        processor.cancel("a")
        processor.submit(ground.request("b"))
    finally:
        processor.stop()


def test_a_second_processor_on_one_journal_is_refused_by_name(ground: Ground, shared: Watched) -> None:
    with pytest.raises(JobError, match="another daemon works in"):
        Watched(shared.home)
    shared.ended(shared.processor.submit(ground.request()).record.id)


# --- cancelling ---


def test_a_waiting_job_is_cancelled_at_once(ground: Ground, shared: Watched) -> None:
    first = shared.processor.submit(ground.request()).record.id
    second = shared.processor.submit(ground.request("second", **to(ground.out / "second"))).record.id
    assert shared.processor.cancel("second").record.state == "cancelled"
    shared.ended(first)
    assert shared.processor.job(second).record.attempts == 0
    assert shared.told(second, "state") == ["queued", "cancelled"]
    assert not (ground.out / "second").exists()


def test_a_running_job_is_cancelled_and_leaves_nothing(ground: Ground, shared: Watched) -> None:
    long = ground.request(options={"takes": "64"})
    job = shared.processor.submit(long).record.id
    shared.entered(job, "region 1")
    assert shared.processor.cancel(job).record.cancelling
    (view,) = shared.ended(job)
    assert (view.record.state, view.record.error, view.record.swept) == ("cancelled", None, True)
    assert ground.hashes() == {}
    assert shared.processor.cancel(job).record == view.record
    (after,) = shared.ended(shared.processor.submit(ground.request()).record.id)
    assert after.record.state == "done"


@posix
def test_a_job_lost_in_a_native_call_is_cancelled_all_the_same(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch, ground, "hang", 14)
    with watched(tmp_path / "home") as one:
        job = one.processor.submit(ground.request()).record.id
        one.entered(job, "opening")
        once = ground.folder / "fault.once"
        deadline = time.monotonic() + 60
        while not once.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        one.processor.cancel(job)
        (view,) = one.ended(job)
        assert view.record.state == "cancelled"
        assert one.processor.counts()["running"] == 0
        assert ground.hashes() == {}
        (after,) = one.ended(one.processor.submit(ground.request()).record.id)
        assert (after.record.state, after.record.attempts) == ("done", 1)


def test_a_job_that_is_publishing_becomes_done_whoever_cancels(
    ground: Ground, shared: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cancel comes as soon as the step is told."""
    lost: list[str] = []

    def heard(event: Event) -> None:
        if event.kind == "step" and event.view.record.step == "publishing":
            lost.append(shared.processor.cancel(event.view.record.id).record.state)

    monkeypatch.setattr(shared, "heard", heard)
    (view,) = shared.ended(shared.processor.submit(ground.request()).record.id)
    assert len(lost) == 1
    assert view.record.state == "done"
    assert len([name for name, content in ground.hashes().items() if content != "folder"]) == 5


def test_an_unknown_job_is_named(shared: Watched) -> None:
    for ask in (shared.processor.job, shared.processor.cancel):
        with pytest.raises(JobError, match="there is no job 'nobody'"):
            ask("nobody")


# --- workers that die ---


@posix
def test_a_worker_that_is_killed_is_replaced_and_the_job_goes_on(ground: Ground, shared: Watched) -> None:
    job = shared.processor.submit(ground.request(options={"takes": "40"})).record.id
    shared.entered(job, "region 2")
    os.kill(worker_pid(shared), signal.SIGKILL)
    (view,) = shared.ended(job)
    assert (view.record.state, view.record.attempts, view.record.deaths) == ("done", 2, 1)
    assert not list(ground.out.rglob(".foley_bridge*"))
    os.kill(worker_pid(shared), signal.SIGKILL)  # one that has nothing to do
    (after,) = shared.ended(shared.processor.submit(ground.request(**to(ground.out / "after"))).record.id)
    assert after.record.state == "done"


@posix
def test_a_job_that_kills_three_workers_is_given_up_by_name(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch, ground, "kill", 14)
    monkeypatch.delenv("FAULT_ONCE")
    with watched(tmp_path / "home") as one:
        (view,) = one.ended(one.processor.submit(ground.request()).record.id)
        assert (view.record.state, view.record.attempts, view.record.swept) == ("failed", 3, True)
        assert view.record.error is not None
        assert "ended its worker 3 times, the last time at step" in view.record.error["message"]
        assert "SIGKILL" in view.record.error["message"]
        assert ground.hashes() == {}
        assert one.processor.counts()["running"] == 0


def test_no_worker_is_no_fault_of_a_job_and_jobs_wait_for_one(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "numpy.py").write_text("raise ImportError('numpy is not for this machine')")
    python = sys.executable
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with caplog.at_level(logging.WARNING), watched(tmp_path / "home") as one:
        jobs = [
            one.processor.submit(ground.request(str(number), **to(ground.out / str(number)))).record.id for number in range(4)
        ]
        said_of(one, jobs[0], "waiting: a worker ended with status 1 before it got ready")
        assert "numpy is not for this machine" in caplog.text  # what a worker writes to stderr is in the daemon's log
        one.processor.cancel(jobs[0])
        assert one.ended(jobs[0])[0].record.state == "cancelled"
        monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
        said_of(one, jobs[1], "waiting: no worker can be started: ")
        assert [one.processor.job(job).record.state for job in jobs] == ["cancelled", "running", "queued", "queued"]
        monkeypatch.setattr(sys, "executable", python)
        monkeypatch.delenv("PYTHONPATH")
        done = one.ended(*jobs[1:])
    assert [(view.record.state, view.record.attempts, view.record.deaths) for view in done] == [("done", 1, 0)] * 3


def test_jobs_that_cannot_be_followed_fail_one_after_the_other(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their worker says what no worker says."""
    (tmp_path / "odd").mkdir()
    said = '{"say": "ready"}\n{"say": "progress"}\n'
    (tmp_path / "odd" / "sitecustomize.py").write_text(f"import os\nos.write(1, {said.encode()!r})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "odd"))
    with watched(tmp_path / "home") as one:
        views = one.ended(*[one.processor.submit(ground.request(key)).record.id for key in "ab"])
        one.until(lambda: one.processor.counts()["running"] == 0)
    for view in views:
        assert view.record.error is not None
        assert (view.record.state, view.record.error["kind"], view.record.swept) == ("failed", "InternalError", True)
    assert ground.hashes() == {}


def said_of(one: Watched, job: str, words: str) -> None:
    """Wait until a job's progress says something."""
    one.until(lambda: words in str(one.processor.job(job).progress))


@posix
def test_a_worker_that_no_longer_listens_holds_nobody_up(ground: Ground, tmp_path: Path) -> None:
    """It is stopped when a job comes whose request is larger than a pipe; whoever cancels that is answered all the same."""
    with watched(tmp_path / "home") as one:
        one.ended(one.processor.submit(ground.request(**to(ground.out / "first"))).record.id)
        os.kill(worker_pid(one), signal.SIGSTOP)
        job = one.processor.submit(ground.request(regions=["0-1 FOLEY " + "long " * 20] * 2000)).record.id
        one.until(lambda: one.processor.job(job).record.state == "running")
        view = one.processor.cancel(job)
        assert (view.record.state, view.record.cancelling) == ("running", True)  # it did not wait for the end
        assert one.ended(job)[0].record.state == "cancelled"
        (after,) = one.ended(one.processor.submit(ground.request()).record.id)
        assert (after.record.state, after.record.attempts) == ("done", 1)


def worker_pid(one: Watched) -> int:
    """The process that holds the lock of the first slot."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # one that has died meanwhile
            if "foley_bridge.jobs.worker" in child.cmdline() and str(one.home) in child.cmdline():
                return child.pid
    raise AssertionError("no worker")


# --- stopping and starting ---


def test_stopping_keeps_jobs_and_starting_takes_them_up_in_order(ground: Ground, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with watched(home) as one:
        ids = [one.processor.submit(ground.request(**to(ground.out / str(n)))).record.id for n in range(2)]
        payload = (ground.folder / "cut.otio").read_bytes()
        inline = ground.request(timeline={"payload": 0, "base": str(ground.folder)}, **to(ground.out / "2"))
        ids.append(one.processor.submit(inline, payload=payload).record.id)
        one.entered(ids[0], "region 1")
        one.processor.stop()
        one.processor.stop()
        with pytest.raises(JobError, match="shutting down"):
            one.processor.submit(ground.request())
    with sqlite3.connect(home / "journal.sqlite") as db:
        assert db.execute("SELECT state FROM jobs ORDER BY number").fetchall() == [("running",), ("queued",), ("queued",)]
    db.close()
    with watched(home) as two:
        views = two.ended(*ids)
    assert [(view.record.state, view.record.attempts) for view in views] == [("done", 2), ("done", 1), ("done", 1)]
    started = [view.record.started_s or 0 for view in views]
    assert started == sorted(started)


def test_stopping_lets_a_publishing_end(ground: Ground, tmp_path: Path) -> None:
    with watched(tmp_path) as one:
        job = one.processor.submit(ground.request()).record.id
        one.entered(job, "publishing")
    with contextlib.closing(Journal(tmp_path / "journal.sqlite")) as journal:
        assert journal.get(job).state == "done"
    assert not list(ground.out.rglob(".foley_bridge*"))


class Killed(BaseException):
    pass


class Dying(Outputs):
    """Of a worker that dies when the first file is in its place."""

    def _move(self, moves: list[list[str | None]]) -> None:
        Path(str(moves[0][0])).replace(str(moves[0][1]))
        raise Killed


@pytest.mark.parametrize("now", ["narrowed", "mapped elsewhere", "not mapped"])
def test_a_publishing_is_carried_through_whatever_the_next_daemon_allows(ground: Ground, tmp_path: Path, now: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    roots = {
        "narrowed": Roots(media=(elsewhere,), output=(elsewhere,), maps=(("/seat", ground.out),)),
        "mapped elsewhere": Roots(maps=(("/seat", elsewhere),)),
        "not mapped": Roots(),
    }[now]
    takes = ground.out / "takes"
    takes.mkdir(parents=True)
    with contextlib.closing(Journal(tmp_path / "journal.sqlite")) as journal:
        request = ground.request(out="/seat/cut.otio", media_dir="/seat/takes")
        journal.add("abc", "generate", request, folders=[ground.out, takes])
        journal.start("abc")
        journal.enter("abc", "publishing")
    outputs = Dying(ground.out, "abc", keep=True)
    for place in (takes / "a.wav", takes / "b.wav", ground.out / "cut.otio"):
        outputs.add(place).write_text(place.name)
    with pytest.raises(Killed):
        outputs.publish({"out": "/seat/cut.otio", "regions": []})
    assert not (ground.out / "cut.otio").exists()
    with watched(tmp_path, roots=roots) as one:
        (view,) = one.ended("abc")
        assert (view.record.state, view.record.error) == ("done", None)
        assert view.record.result == {"out": "/seat/cut.otio", "regions": []}
        one.until(lambda: one.processor.job("abc").record.swept)
    assert list(ground.hashes()) == ["cut.otio", "takes", "takes/a.wav", "takes/b.wav"]
    assert list(elsewhere.iterdir()) == []


def test_a_job_that_other_maps_lead_elsewhere_leaves_nothing_where_it_was(ground: Ground, tmp_path: Path) -> None:
    old = tmp_path / "old"
    (old / ".foley_bridge-abc").mkdir(parents=True)
    with contextlib.closing(Journal(tmp_path / "journal.sqlite")) as journal:
        request = ground.request(out="/seat/cut.otio", media_dir="/seat/takes")
        journal.add("abc", "generate", request, folders=[old, old / "takes"])
    with watched(tmp_path, roots=Roots(maps=(("/seat", ground.out),))) as one:
        ground.out.mkdir()
        (view,) = one.ended("abc")
        assert view.record.state == "done"
        one.until(lambda: one.processor.job("abc").record.swept)
    assert (ground.out / "cut.otio").exists()
    assert list(old.iterdir()) == []


def test_a_cancel_is_not_forgotten_by_a_daemon_that_dies(ground: Ground, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with watched(home) as one:
        job = one.processor.submit(ground.request(options={"takes": "60"})).record.id
        one.entered(job, "region 2")
        one.processor.stop()
    assert list(ground.out.rglob(".foley_bridge*"))
    journal = Journal(home / "journal.sqlite")
    journal.ask_cancel(job)
    journal.close()
    with watched(home) as two:
        assert two.processor.job(job).record.state == "cancelled"
        assert ground.hashes() == {}


def test_a_job_taken_up_again_can_be_cancelled_while_it_waits(ground: Ground, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with watched(home) as one:
        job = one.processor.submit(ground.request(options={"takes": "60"})).record.id
        one.entered(job, "region 2")
    assert list(ground.out.rglob(".foley_bridge*"))
    with watched(home, workers=0) as two:
        view = two.processor.job(job)
        assert (view.record.state, view.position, view.record.attempts) == ("queued", 1, 1)
        assert two.processor.cancel(job).record.state == "cancelled"
        assert ground.hashes() == {}


def test_what_an_ended_job_staged_is_swept_when_the_daemon_could_not(ground: Ground, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    for number, state in enumerate(("done", "failed", "cancelled")):
        journal.add(str(number), "generate", ground.request(), folders=[ground.out, ground.out / "takes"])
        journal.finish(str(number), state)
        (ground.out / "takes" / f".foley_bridge-{number}").mkdir(parents=True)
    journal.close()
    (tmp_path / "jobs" / "nobody").mkdir(parents=True)
    (tmp_path / "jobs" / "nobody" / "timeline.otio").write_text("{}")
    with watched(tmp_path, workers=0) as one:
        assert ground.hashes() == {"takes": "folder"}
        assert [record.swept for record in one.journal.list()] == [True] * 3
        assert list((tmp_path / "jobs").iterdir()) == []


def test_a_daemon_waits_for_the_workers_of_one_that_died(ground: Ground, tmp_path: Path) -> None:
    with worker_lock(tmp_path, 3, timeout_s=0):
        starting = threading.Thread(target=lambda: done.append(Watched(tmp_path, workers=0)))
        done: list[Watched] = []
        starting.start()
        starting.join(0.5)
        assert not done
    starting.join(60)
    done[0].processor.stop()


@posix
def test_a_worker_dies_with_its_daemon_in_the_middle_of_a_native_call_or_not(ground: Ground, tmp_path: Path) -> None:
    """Its standard input ends: that is how it knows."""
    command = [sys.executable, "-P", "-m", "foley_bridge.jobs.worker", "--slot", "0", "--home", str(tmp_path)]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert worker.stdin is not None
    assert worker.stdout is not None
    order = {"do": "job", "job": "j", "kind": "generate", "request": ground.request(), "publishing": [], "payload": None}
    order["opened"] = str(tmp_path / "opened.otio")
    worker.stdin.write(json.dumps({**order, "roots": Roots().to_json(), "catalogue": None}).encode() + b"\n")
    worker.stdin.flush()
    assert json.loads(worker.stdout.readline()) == {"say": "ready"}
    assert json.loads(worker.stdout.readline()) == {"job": "j", "say": "step", "step": "opening"}
    worker.stdin.close()
    assert worker.wait(60) == -signal.SIGKILL
    assert worker.stdout.read() == b""
    worker.stdout.close()
    with worker_lock(tmp_path, 0, timeout_s=0):
        pass


# --- a journal that cannot be written ---


@pytest.fixture
def stuck(ground: Ground, shared: Watched, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A job that waits because the journal cannot be written any more."""

    def heard(event: Event) -> None:
        if event.kind == "step" and event.view.record.step == "region 1":
            writable(shared, False)

    monkeypatch.setattr(shared, "heard", heard)
    job = shared.processor.submit(ground.request(options={"takes": "40"})).record.id
    shared.until(lambda: "waiting: the journal" in str(shared.processor.job(job).progress))
    yield job
    writable(shared, True)


def test_a_journal_that_cannot_be_written_refuses_jobs_but_loses_none(ground: Ground, shared: Watched, stuck: str) -> None:
    before = len(shared.processor.jobs())
    with pytest.raises(JobError, match=r"the journal .* cannot be used"):
        shared.processor.submit(ground.request())
    assert shared.processor.job(stuck).record.state == "running"
    assert shared.processor.counts()["running"] == 1
    writable(shared, True)
    (view,) = shared.ended(stuck)
    assert (view.record.state, view.record.attempts) == ("done", 1)
    assert len(shared.processor.jobs()) == before
    assert not list(ground.out.rglob(".foley_bridge*"))


def test_a_job_that_waits_for_the_journal_can_be_cancelled(ground: Ground, shared: Watched, stuck: str) -> None:
    shared.processor.cancel(stuck)
    deadline = time.monotonic() + 60
    while any(files or folders for _, folders, files in os.walk(ground.out)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ground.hashes() == {}  # it has really ended, though that cannot be written yet
    assert shared.processor.job(stuck).record.state == "running"
    writable(shared, True)
    (view,) = shared.ended(stuck)
    assert view.record.state == "cancelled"


def writable(one: Watched, yes: bool) -> None:
    """Whether SQLite may write: when not, it says so as it does on a full disk."""
    with one.journal.database._lock:
        one.journal.database._db.execute(f"PRAGMA query_only = {'OFF' if yes else 'ON'}")


# --- many jobs ---


@pytest.mark.nightly
def test_memory_does_not_grow_with_the_number_of_jobs() -> None:
    script = Path(__file__).parents[1] / "benchmarks" / "jobs.py"
    command = [sys.executable, str(script), "--jobs", "1500", "--warm-up", "500", "--cancels", "0", "--json"]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    assert found["growth_percent"] < 2, found
