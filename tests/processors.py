"""For the tests of jobs: small requests, a processor that is watched, and faults for the processes it starts."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from job_materials import clicks, marker, movie, save, timeline_of

from foley_bridge.bridge.places import JOURNAL_FILE
from foley_bridge.jobs.events import Event
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.names import ENDED
from foley_bridge.jobs.processor import Processor
from foley_bridge.jobs.roots import Roots
from foley_bridge.jobs.view import JobView

FAULTS = Path(__file__).parent / "faults"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Ground:
    """A folder with a shot, an example, a timeline of some regions with tapped hits, and places to write to."""

    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def request(self, key: str | None = None, **other: Any) -> dict[str, Any]:
        """Params of ``submit``."""
        return {
            "kind": "generate",
            **({"key": key} if key else {}),
            "timeline": {"path": str(self.folder / "cut.otio")},
            "out": str(self.out / "cut_foley.otio"),
            "media_dir": str(self.out / "takes"),
            "exemplar": str(self.folder / "hit.wav"),
            "options": {"takes": "2"},
            **other,
        }

    def clear(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)

    def hashes(self) -> dict[str, str]:
        """SHA-256 of every file under ``out``; folders too, so that one left behind is seen."""
        found = {}
        for path in sorted(self.out.rglob("*")):
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
            found[str(path.relative_to(self.out))] = content
        return found


def make_ground(folder: Path, regions: int = 3) -> Ground:
    """One second for each region."""
    folder.mkdir(parents=True, exist_ok=True)
    shot = movie(folder / "shot.mp4", seconds=regions)
    clicks(folder / "hit.wav")
    marks = [marker(f"FOLEY thing {number}", 25 * number, 20, 25) for number in range(regions)]
    marks += [marker("HIT", 25 * number + 8, 1, 25) for number in range(regions)]
    save(timeline_of(shot, 25 * regions, 25, *marks), folder / "cut.otio")
    return Ground(folder)


class Watched:
    """A processor, what it told, and a way to wait for it."""

    def __init__(self, home: Path, *, heard: Callable[[Event], None] = lambda event: None, **options: Any) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.events, self.heard, self._changed = home, list[Event](), heard, threading.Condition()
        self.journal = Journal(home / JOURNAL_FILE)
        options = {"roots": Roots(), **options}
        self.processor = Processor(self.journal, home=home, on_event=self._listen, **options)
        self.processor.start()

    def _listen(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()
        self.heard(event)

    def until(self, true: Callable[[], Any]) -> None:
        """Wait until something that changes with an event is true."""
        with self._changed:
            assert self._changed.wait_for(true, PATIENCE_S), [event.view.to_json() for event in self.events[-5:]]

    def ended(self, *jobs: str) -> list[JobView]:
        """Wait for jobs to end."""
        self.until(lambda: all(self.processor.job(job).record.state in ENDED for job in jobs))
        return [self.processor.job(job) for job in jobs]

    def entered(self, job: str, step: str) -> None:
        """Wait until a job enters a step."""
        self.until(
            lambda: any(e.kind == "step" and e.view.record.id == job and e.view.record.step == step for e in self.events)
        )

    def told(self, job: str, kind: str) -> list[str]:
        """The states or steps that a job was told to be in."""
        views = [event.view.record for event in self.events if event.kind == kind and event.view.record.id == job]
        return [record.state if kind == "state" else record.step for record in views]


@contextmanager
def watched(home: Path, **options: Any) -> Iterator[Watched]:
    """A processor for the length of a block."""
    one = Watched(home, **options)
    try:
        yield one
    finally:
        one.processor.stop()


def fault(
    monkeypatch: pytest.MonkeyPatch, ground: Ground, kind: str, number: int, process: str = "foley_bridge.jobs.worker"
) -> None:
    """Every process started from now on that has this name has a fault (``faults/sitecustomize.py``), but only one of them."""
    for name, value in fault_environment(ground, kind, number, process).items():
        monkeypatch.setenv(name, value)


def fault_environment(ground: Ground, kind: str, number: int, process: str = "foley_bridge.jobs.worker") -> dict[str, str]:
    once, log, room = (ground.folder / f"fault.{name}" for name in ("once", "log", "room"))
    for path in (once, log, room):
        path.unlink(missing_ok=True)
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(FAULTS), os.environ.get("PYTHONPATH", "")])),
        "FAULT": f"{process} {kind} {number}",
        "FAULT_UNDER": str(ground.out),
        "FAULT_ONCE": str(once),
        "FAULT_LOG": str(log),
        "FAULT_ROOM": str(room),
    }
