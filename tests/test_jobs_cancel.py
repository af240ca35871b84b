"""A job that is stopped, at whatever step, leaves everything as it was."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from job_materials import clicks, files_under, marker, movie, save, timeline_of

from foley_bridge.demo import run_demo
from foley_bridge.errors import Cancelled
from foley_bridge.jobs.generate import generate
from foley_bridge.jobs.request import GenerateRequest, Progress


class Stopper:
    """A watcher that cancels when it is told progress for the n-th time."""

    def __init__(self, at: int | None = None) -> None:
        self.at, self.steps = at, []  # type: ignore[var-annotated]

    def __call__(self, progress: Progress) -> None:
        self.steps.append(progress.step)
        if len(self.steps) - 1 == self.at:
            raise Cancelled("stopped")


def firsts_and_lasts(steps: list[str]) -> list[int]:
    """Where each kind of step begins and ends."""
    edges = {0, len(steps) - 1}
    for number in range(1, len(steps)):
        if steps[number] != steps[number - 1]:
            edges |= {number - 1, number}
    return sorted(edges)


def test_a_job_cancelled_at_any_step_leaves_nothing(tmp_path: Path) -> None:
    shot = movie(tmp_path / "shot.mp4", seconds=1)
    marks = (marker("FOLEY kettle", 0, 10, 25), marker("FOLEY drum", 12, 10, 25))
    request = GenerateRequest(
        timeline=save(timeline_of(shot, 25, 25, *marks), tmp_path / "cut.otio"),
        out=tmp_path / "a" / "b" / "foley.otio",
        media_dir=tmp_path / "m" / "takes",
        exemplar=clicks(tmp_path / "hit.wav"),
        options={"takes": "2"},
        preview=tmp_path / "a" / "p.mp4",
        report=tmp_path / "r" / "r.html",
    )
    before = files_under(tmp_path)
    whole = Stopper()
    with pytest.raises(Cancelled):
        generate(request, Stopper(0))
    assert files_under(tmp_path) == before
    probe = GenerateRequest(**{**vars(request), "out": tmp_path / "probe.otio", "media_dir": tmp_path / "probe"})
    generate(probe, whole)
    for path in sorted((tmp_path / "probe", tmp_path / "a", tmp_path / "r", tmp_path / "probe.otio")):
        _remove(path)
    assert files_under(tmp_path) == before
    assert {"looking at the picture", "writing takes", "rendering the preview", "writing the report"} <= set(whole.steps)
    for at in firsts_and_lasts(whole.steps):
        with pytest.raises(Cancelled):
            generate(request, Stopper(at))
        assert files_under(tmp_path) == before, whole.steps[at]


def _remove(path: Path) -> None:
    if path.is_dir():
        for child in path.iterdir():
            _remove(child)
        path.rmdir()
    else:
        path.unlink()


@pytest.mark.parametrize("at", [0, 100, None])
def test_a_demo_stopped_while_it_draws_or_while_its_job_runs_leaves_nothing(tmp_path: Path, at: int | None) -> None:
    def submit(params: dict[str, Any]) -> dict[str, Any]:
        assert Path(params["timeline"]["path"]).is_file()
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        run_demo(tmp_path / "demo", submit, library=tmp_path / "library", watcher=Stopper(at))
    assert not (tmp_path / "demo").exists()


def test_a_demo_stopped_over_an_earlier_one_puts_that_back(tmp_path: Path) -> None:
    def submit(params: dict[str, Any]) -> dict[str, Any]:
        assert (tmp_path / "demo" / "picture.mp4").read_bytes() != b"an earlier picture"
        raise Cancelled("stopped")

    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "picture.mp4").write_bytes(b"an earlier picture")
    with pytest.raises(Cancelled):
        run_demo(tmp_path / "demo", submit, library=tmp_path / "library")
    assert files_under(tmp_path / "demo") == ["picture.mp4"]
    assert (tmp_path / "demo" / "picture.mp4").read_bytes() == b"an earlier picture"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_ended_by_a_signal_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "foley_bridge", "demo", "--out", str(tmp_path / "demo"), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("demo/.*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert '"Cancelled"' in out
    assert files_under(tmp_path) == []
