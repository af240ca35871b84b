"""kill -9 and full disks, at every step: afterwards exactly one complete set of files, or none, and the same bytes.

The short versions run everywhere; ``pytest -m nightly tests/test_jobs_crash.py`` runs every step and a hundred random moments.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from processors import Watched, fault, fault_environment, make_ground, watched

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and full disks are made the POSIX way")
STAND_IN = Path(__file__).parent / "daemon_stand_in.py"
WORKER = "foley_bridge.jobs.worker"


class Scene:
    """A ground, a request, and what an undisturbed run makes of it: every other run has to make the same in the same places."""

    def __init__(self, folder: Path, **other: Any) -> None:
        self.ground = make_ground(folder)
        self.request = self.ground.request("the key", **other)
        (folder / "request.json").write_text(json.dumps(self.request))
        said = self.finish(folder / "undisturbed")
        self.took_s: float = said["finished"] - said["began"]
        self.writes: list[str] = said["writes"]
        self.files = self.ground.hashes()
        self.kept = kept_of_reels(folder / "undisturbed")
        assert said["state"] == "done"
        assert sum(content != "folder" for content in self.files.values()) >= 7
        self.ground.clear()

    def start(self, home: Path, *args: str, **environment: str) -> subprocess.Popen[str]:
        home.mkdir(exist_ok=True)
        command = [sys.executable, str(STAND_IN), str(home), str(self.ground.folder / "request.json"), *args]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})

    def finish(self, home: Path) -> dict[str, Any]:
        """Run a daemon until the job has ended; what it says."""
        daemon = self.start(home)
        try:
            out, _ = daemon.communicate(timeout=120)
        finally:
            daemon.kill()
        said: dict[str, Any] = json.loads(out.splitlines()[-1])
        return said

    def check(self, home: Path, said: dict[str, Any]) -> None:
        """The job is done, once, its files are those of the undisturbed run, and nothing else is anywhere."""
        assert (said["state"], said["jobs"], said["failed_regions"]) == ("done", 1, 0)
        assert self.ground.hashes() == self.files
        assert re.fullmatch(
            r"(journal\.sqlite(-wal|-shm|\.lock)? ?|worker-0\.lock ?|jobs ?)+", " ".join(path.name for path in home.iterdir())
        )
        assert kept_of_reels(home) == self.kept
        assert not list(self.ground.folder.rglob(".*"))


def kept_of_reels(home: Path) -> list[tuple[str, bytes]]:
    """What a daemon keeps for its jobs, which is one that is done: its timeline as it was opened."""
    kept = [path for path in home.glob("jobs/*/*") if path.name != "motion.npz"]
    assert [path.name for path in kept] == ["opened.otio"]
    return [(path.name, path.read_bytes()) for path in kept]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def full_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """With all there is to write."""
    folder = tmp_path_factory.mktemp("full")
    more = {"preview": str(folder / "out" / "p" / "cut.mp4"), "report": str(folder / "out" / "r" / "cut.html")}
    return Scene(folder, **more)


@pytest.fixture(scope="module")
def long_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Long enough for random moments."""
    folder = tmp_path_factory.mktemp("long")
    return Scene(folder, options={"takes": "30"}, preview=str(folder / "out" / "p" / "cut.mp4"))


@pytest.fixture(autouse=True)
def clear(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for name in ("scene", "full_scene", "long_scene"):
        if name in request.fixturenames:
            request.getfixturevalue(name).ground.clear()


# --- the daemon is killed ---


def killed_at_a_write(scene: Scene, home: Path, when: str, write: str) -> None:
    daemon = scene.start(home, when, write)
    out, _ = daemon.communicate(timeout=120)
    assert daemon.returncode == -signal.SIGKILL, out
    scene.check(home, scene.finish(home))
    scene.ground.clear()


@pytest.mark.parametrize(
    ("when", "write"),
    [
        ("after", "add"),
        ("after", "enter region 2"),
        ("before", "enter publishing"),
        ("after", "enter publishing"),
        ("after", "finish done"),
    ],
)
def test_a_daemon_killed_at_a_write_to_its_journal_is_taken_up_by_the_next(
    scene: Scene, tmp_path: Path, when: str, write: str
) -> None:
    killed_at_a_write(scene, tmp_path / "home", when, write)


@pytest.mark.nightly
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_daemon_killed_at_any_write_to_its_journal_is_taken_up_by_the_next(
    full_scene: Scene, tmp_path: Path, when: str
) -> None:
    steps = ["opening", "region 1", "region 2", "region 3", "placing", "preview", "report", "timeline", "publishing"]
    assert [write for write in full_scene.writes if write.startswith("enter")] == [f"enter {step}" for step in steps]
    for number, write in enumerate(dict.fromkeys(full_scene.writes)):
        killed_at_a_write(full_scene, tmp_path / f"home{number}", when, write)


@pytest.mark.nightly
def test_a_daemon_killed_at_any_of_a_hundred_moments_is_taken_up_by_the_next(long_scene: Scene, tmp_path: Path) -> None:
    chance = random.Random(1)
    midway = 0
    for number in range(100):
        home = tmp_path / f"home{number}"
        daemon = long_scene.start(home)
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "begun\n"
        time.sleep(chance.uniform(0, long_scene.took_s))
        midway += daemon.poll() is None
        daemon.kill()
        daemon.communicate()
        long_scene.check(home, long_scene.finish(home))
        long_scene.ground.clear()
    assert midway >= 30


@pytest.mark.nightly
def test_a_daemon_killed_again_and_again_gets_there(long_scene: Scene, tmp_path: Path) -> None:
    chance = random.Random(2)
    for number in range(5):
        home = tmp_path / f"home{number}"
        for _ in range(8):
            daemon = long_scene.start(home)
            assert daemon.stdout is not None
            daemon.stdout.readline()
            time.sleep(chance.uniform(0, 0.5))
            daemon.kill()
            daemon.communicate()
        long_scene.check(home, long_scene.finish(home))
        long_scene.ground.clear()


# --- the worker is killed ---


def things_done(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a worker does to the file system, in order."""
    fault(monkeypatch, scene.ground, "none", 0)
    with watched(tmp_path / "counting") as one:
        one.ended(one.processor.submit(scene.request).record.id)
    scene.ground.clear()
    return (scene.ground.folder / "fault.log").read_text().splitlines()


def killed_at_a_thing(scene: Scene, home: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    fault(monkeypatch, scene.ground, "kill", number)
    with watched(home) as one:
        (view,) = one.ended(one.processor.submit(scene.request).record.id)
        assert view.record.attempts == 2
    scene.check(home, {**view.to_json(), "jobs": 1})
    scene.ground.clear()


@pytest.mark.parametrize("share", [0.3, 0.88, 0.95])
def test_a_worker_killed_as_it_writes_is_replaced(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """At a take, at the note of what goes where, and between two renames."""
    killed_at_a_thing(scene, tmp_path / "home", monkeypatch, round(share * 62))


@pytest.mark.nightly
def test_a_worker_killed_at_anything_it_does_to_a_disk_is_replaced(
    full_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    things = things_done(full_scene, tmp_path, monkeypatch)
    assert [sum(name in thing for thing in things) > 0 for name in ("region_3", "cut.mp4", "cut.html", "publishing.json")] == [
        True
    ] * 4
    for number in range(1, len(things) + 1):
        killed_at_a_thing(full_scene, tmp_path / f"home{number}", monkeypatch, number)


@pytest.mark.nightly
def test_a_worker_killed_at_any_of_a_hundred_moments_is_replaced(long_scene: Scene, tmp_path: Path) -> None:
    chance = random.Random(3)
    for number in range(100):
        home = tmp_path / f"home{number}"
        with watched(home) as one:
            job = one.processor.submit(long_scene.request).record.id
            one.entered(job, "opening")
            time.sleep(chance.uniform(0, long_scene.took_s))
            for worker in workers_of(home):
                worker.kill()
            (view,) = one.ended(job)
            assert view.record.deaths <= 1
        long_scene.check(home, {**view.to_json(), "jobs": 1})
        long_scene.ground.clear()


def workers_of(home: Path) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and str(home) in child.cmdline()
    ]


# --- the disk is full ---


def one_clear_error(one: Watched, scene: Scene, job: str) -> None:
    (view,) = one.ended(job)
    assert view.record.state == "failed"
    assert view.record.error is not None
    assert view.record.error["kind"] in ("JobError", "MediaError", "TimelineError")
    assert re.search(r"No space left|free, this job writes", view.record.error["message"])
    assert str(scene.ground.out) in view.record.error["message"]
    assert scene.ground.hashes() == {}


def full_at(scene: Scene, home: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The worker is told from a moment on that the disk is full, until there is room again."""
    fault(monkeypatch, scene.ground, "full", number)
    with watched(home) as one:
        one_clear_error(one, scene, one.processor.submit(scene.request).record.id)
        (scene.ground.folder / "fault.room").touch()
        again = {**scene.request, "key": "another"}
        (view,) = one.ended(one.processor.submit(again).record.id)
        assert view.record.state == "done"
    made = [name for name, content in scene.ground.hashes().items() if content != "folder"]
    assert sorted(made) == sorted(name for name, content in scene.files.items() if content != "folder")
    scene.ground.clear()


@pytest.mark.parametrize("number", [15, 43, 53])
def test_a_full_disk_fails_the_job_by_name_and_the_next_one_works(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    full_at(scene, tmp_path / "home", monkeypatch, number)


@pytest.mark.nightly
def test_a_disk_full_at_any_moment_fails_the_job_by_name_and_the_next_one_works(
    full_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    things = things_done(full_scene, tmp_path, monkeypatch)
    last = max(number for number, thing in enumerate(things, start=1) if thing.split()[1] in ("open", "os.mkdir", "os.link"))
    for number in range(1, last + 1):
        full_at(full_scene, tmp_path / f"home{number}", monkeypatch, number)


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk of 48 MB."""
    disk = tmp_path_factory.mktemp("disk")
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux may mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def really_full_at(scene: Scene, home: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The disk is filled to the last byte in the moment before the worker does something to it."""
    for name, value in fault_environment(scene.ground, "fill", number, WORKER).items():
        monkeypatch.setenv(name, value)
    ballast = scene.ground.folder / "fault.room"
    with watched(home) as one:
        one_clear_error(one, scene, one.processor.submit(scene.request).record.id)
        assert ballast.stat().st_size > 1 << 20
        ballast.unlink()
        (view,) = one.ended(one.processor.submit({**scene.request, "key": "another"}).record.id)
        assert view.record.state == "done"
    scene.ground.clear()


def test_a_disk_that_is_really_full_fails_the_job_by_name(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(small_disk / "short")
    for number in (15, 53):
        really_full_at(scene, tmp_path / f"home{number}", monkeypatch, number)
    shutil.rmtree(scene.ground.folder)


@pytest.mark.nightly
def test_a_disk_that_is_really_full_at_any_moment_fails_the_job_by_name(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = small_disk / "long" / "out"
    scene = Scene(small_disk / "long", preview=str(out / "p" / "cut.mp4"), report=str(out / "r" / "cut.html"))
    things = things_done(scene, tmp_path, monkeypatch)
    last = next(number for number, thing in enumerate(things, start=1) if "publishing.json.part" in thing)
    for number in range(4, last + 1):
        really_full_at(scene, tmp_path / f"home{number}", monkeypatch, number)
    shutil.rmtree(scene.ground.folder)


def test_a_daemon_whose_own_disk_is_full_waits_for_room_and_loses_nothing(
    small_disk: Path, scene: Scene, tmp_path: Path
) -> None:
    """Journal and outputs on different disks: only the journal's is full."""
    home, ballast = small_disk / "home", small_disk / "ballast"
    with watched(home) as one:
        job = one.processor.submit({**scene.request, "options": {"takes": "64"}}).record.id
        one.entered(job, "opening")
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(1 << 20)):
                pass
        one.until(lambda: "waiting: the journal" in str(one.processor.job(job).progress))
        ballast.unlink()
        (view,) = one.ended(job)
        assert (view.record.state, view.record.attempts) == ("done", 1)
    assert not list(scene.ground.folder.rglob(".*"))
    assert len(list(scene.ground.out.rglob("*.wav"))) == 3 * 64
    shutil.rmtree(home)
