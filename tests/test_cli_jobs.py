"""``jobs``, idempotency keys, and regions that fail: what a person at a terminal is told about the daemon's work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import opentimelineio as otio
import pytest
from job_materials import Run, clicks, files_under, marker, movie, run, save, timeline_of
from serving import PATIENCE_S, Serving, serving

from foley_bridge.bridge.client import Client

JOB_KEYS = {
    *("job", "kind", "key", "reel", "state", "step", "position", "progress", "error", "failed_regions"),
    *("created", "started", "finished", "attempts"),
}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Timelines: one that is good, one with a region whose example is not there, one that takes a while."""
    folder = tmp_path_factory.mktemp("ground")
    shot = movie(folder / "shot.mp4", seconds=16)
    clicks(folder / "hit.wav")
    good = marker("FOLEY kettle like=hit.wav", 0, 25, 25)
    save(timeline_of(shot, 400, 25, good), folder / "good.otio")
    save(timeline_of(shot, 400, 25, good, marker("FOLEY drum like=gone.wav", 30, 25, 25)), folder / "half.otio")
    many = [marker(f"FOLEY kettle {number} like=hit.wav", 10 * number, 10, 25) for number in range(40)]
    save(timeline_of(shot, 400, 25, *many), folder / "long.otio")
    return folder


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("daemon")) as running:
        yield running


def ask(daemon: Serving, *args: object) -> Run:
    return run(*args, "--endpoint", daemon.endpoint)


def generate(daemon: Serving, out: Path, timeline: Path, *args: object) -> Run:
    return ask(daemon, "generate", timeline, "--out", out / "foley.otio", "--media-dir", out / "takes", *args)


def submitted(daemon: Serving, out: Path, timeline: Path) -> str:
    """The id of a job that was submitted and not waited for."""
    with Client(daemon.endpoint) as client:
        view = client.submit(
            {
                "kind": "generate",
                "timeline": {"path": str(timeline)},
                "out": str(out / "foley.otio"),
                "media_dir": str(out / "takes"),
            }
        )
    return str(view["job"])


def test_a_daemon_without_jobs_says_so(daemon: Serving) -> None:
    assert ask(daemon, "jobs", "list").out == "no jobs\n"
    assert ask(daemon, "jobs", "list", "--json").json == {"jobs": []}


def test_a_job_is_listed_and_shown_by_its_id_and_its_key(daemon: Serving, ground: Path, tmp_path: Path) -> None:
    assert generate(daemon, tmp_path, ground / "good.otio", "--key", "listed [bold]").status == 0
    (found,) = [job for job in ask(daemon, "jobs", "list", "--json").json["jobs"] if job["key"] == "listed [bold]"]
    assert set(found) == JOB_KEYS
    assert found["state"] == "done"
    assert ask(daemon, "jobs", "show", found["job"], "--json").json == found
    assert ask(daemon, "jobs", "show", "listed [bold]", "--json").json == found
    listed, shown = ask(daemon, "jobs", "list"), ask(daemon, "jobs", "show", found["job"])
    for said in (listed, shown):
        assert said.status == 0
        assert found["job"] in said.out and "done" in said.out and "listed [bold]" in said.out
    assert ask(daemon, "jobs", "list", "--state", "failed", "--json").json == {"jobs": []}
    assert ask(daemon, "jobs", "wait", found["job"]).status == 0


def test_the_same_key_makes_no_second_job_and_another_request_with_it_is_refused(
    daemon: Serving, ground: Path, tmp_path: Path
) -> None:
    first = generate(daemon, tmp_path, ground / "good.otio", "--key", "once", "--json")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = generate(daemon, tmp_path, ground / "good.otio", "--key", "once", "--json")
    assert (again.status, again.json) == (0, first.json)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert [job["key"] for job in ask(daemon, "jobs", "list", "--json").json["jobs"]].count("once") == 1
    other = generate(daemon, tmp_path, ground / "good.otio", "--key", "once", "--seed", 5, "--json")
    assert other.status == 2
    assert "once" in other.json["error"]["message"]
    written = otio.adapters.read_from_file(str(tmp_path / "foley.otio"))
    assert {clip.metadata["foley_bridge"]["job_key"] for clip in written.tracks[-1].find_clips()} == {"once"}


def test_without_a_key_two_runs_are_two_jobs_and_the_same_bytes(daemon: Serving, ground: Path, tmp_path: Path) -> None:
    before = len(ask(daemon, "jobs", "list", "--json").json["jobs"])
    for name in ("a", "b"):
        assert generate(daemon, tmp_path / name, ground / "good.otio").status == 0
    assert len(ask(daemon, "jobs", "list", "--json").json["jobs"]) == before + 2
    one, other = ({path.name: path.read_bytes() for path in (tmp_path / name / "takes").iterdir()} for name in ("a", "b"))
    assert one == other != {}


def test_a_region_that_fails_is_told_and_the_others_are_done(daemon: Serving, ground: Path, tmp_path: Path) -> None:
    done = generate(daemon, tmp_path, ground / "half.otio", "--key", "half")
    assert done.status == 1
    assert "kettle" in done.out and "failed" in done.out
    assert "drum could not be done" in done.err and "gone.wav" in done.err
    as_json = generate(daemon, tmp_path, ground / "half.otio", "--key", "half", "--json")
    assert as_json.status == 1
    kettle, drum = as_json.json["regions"]
    assert kettle["error"] is None and kettle["takes"]
    assert drum["error"]["kind"] in ("MediaError", "EngineError", "JobError") and drum["takes"] == []
    assert ask(daemon, "jobs", "wait", "half").status == 1
    assert "1 region could not be done" in ask(daemon, "jobs", "show", "half").out


def test_a_job_that_failed_says_why(daemon: Serving, ground: Path, tmp_path: Path) -> None:
    job = submitted(daemon, tmp_path, ground / "nowhere.otio")
    waited = ask(daemon, "jobs", "wait", job)
    assert waited.status == 2
    assert "nowhere.otio" in waited.err
    shown = ask(daemon, "jobs", "show", job, "--json")
    assert (shown.status, shown.json["state"]) == (0, "failed")
    assert "nowhere.otio" in shown.json["error"]["message"]
    assert files_under(tmp_path) == []


def test_a_running_job_is_cancelled_and_leaves_nothing(daemon: Serving, ground: Path, tmp_path: Path) -> None:
    job = submitted(daemon, tmp_path, ground / "long.otio")
    behind = submitted(daemon, tmp_path / "behind", ground / "long.otio")
    deadline = time.monotonic() + PATIENCE_S
    while ask(daemon, "jobs", "show", job, "--json").json["step"] in ("accepted", "opening"):
        assert time.monotonic() < deadline
    assert ask(daemon, "jobs", "wait", job, "--timeout", 0).status == 1
    assert "place 1 in the queue" in ask(daemon, "jobs", "show", behind).out
    assert ask(daemon, "jobs", "cancel", behind, "--json").json["state"] == "cancelled"
    cancelled = ask(daemon, "jobs", "cancel", job)
    assert (cancelled.status, "cancelled" in cancelled.out) == (0, True)
    assert files_under(tmp_path) == []
    assert ask(daemon, "jobs", "wait", job).status == 130
    assert ask(daemon, "jobs", "cancel", job, "--json").json["state"] == "cancelled"
    assert ask(daemon, "jobs", "list", "--state", "running", "--state", "queued").out == "no jobs\n"


@pytest.mark.parametrize("what", ["show", "wait", "cancel"])
@pytest.mark.parametrize("job", ["nonsense", "'; DROP TABLE jobs", "ü", "x" * 200])
def test_a_job_that_is_not_there_is_named(daemon: Serving, what: str, job: str) -> None:
    done = ask(daemon, "jobs", what, job, "--json")
    assert (done.status, done.json["error"]["kind"]) == (2, "JobError")
    assert job in done.json["error"]["message"]


@pytest.mark.parametrize("args", [("--limit", 0), ("--limit", 1001), ("--state", "lost"), ("--limit", "many")])
def test_a_list_that_makes_no_sense_is_refused(daemon: Serving, args: tuple[object, ...]) -> None:
    done = ask(daemon, "jobs", "list", "--json", *args)
    assert (done.status, done.json["error"]["kind"]) == (2, "UsageError")


def test_without_a_daemon_jobs_say_how_to_start_one(tmp_path: Path) -> None:
    done = run("jobs", "list", "--json", "--endpoint", "tcp://127.0.0.1:9")
    assert (done.status, done.json["error"]["kind"]) == (2, "BridgeError")
    assert "foley-bridge serve" in done.json["error"]["hint"]
