"""A slot: one of the places where the processor has work done. It always has a living worker, or gets one when it needs it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from foley_bridge.jobs.worker_process import WorkerProcess

OVERDUE_S = 1.2  # a cancelled job that has not ended by then is ended with its worker


class Slot:
    """A worker and the job it does. ``warm`` and ``do`` are for one thread; everything else may be called from any.

    Args:
        home: the daemon's folder.
        number: from 0.
    """

    def __init__(self, home: Path, number: int) -> None:
        self._home, self._number = home, number
        self._lock = threading.Lock()  # guards what follows
        self._worker: WorkerProcess | None = None
        self._job: str | None = None
        self._cancelled: str | None = None
        self._closed = False
        self.begun = 0  # workers, one after the other
        self.fate = ""  # in words, what became of the last worker that died of a job

    def warm(self) -> None:
        """See to it that a worker is there; one that cannot be started is told of by ``do``."""
        with self._lock, contextlib.suppress(OSError):
            self._living()

    def do(
        self, job: str, order: Mapping[str, Any], heard: Callable[[dict[str, Any]], Mapping[str, Any] | None]
    ) -> dict[str, Any] | None:
        """Have a job done.

        Args:
            job: its id.
            order: for the worker (``worker.py``).
            heard: is told what the worker says on the way, and gives the answer, if it wants one.

        Returns:
            What the worker says at the end; None when it died, was ended because the job was cancelled, or the slot is closed.
        """
        with self._lock:
            if self._closed or self._cancelled == job:
                return None
            try:
                worker = self._living()
            except OSError as error:
                self.fate = f"cannot be started: {error.strerror or error}"
                return None
            assert worker is not None  # the slot is open
            self._job = job
        try:
            worker.tell({**order, "do": "job", "job": job})
            while (said := worker.hear()) is not None:
                if said["say"] not in ("progress", "step"):
                    return said
                answer = heard(said)
                if answer is not None:
                    worker.tell({**answer, "job": job})
            self.fate = worker.fate()
            return None
        finally:
            with self._lock:
                self._job = None

    def cancel(self, job: str) -> None:
        """Ask for a job's end, and end it with its worker if that takes too long."""
        with self._lock:
            self._cancelled = job
            if self._worker is not None and self._job == job:
                self._worker.tell({"do": "cancel", "job": job})
                timer = threading.Timer(OVERDUE_S, self._overdue, (job,))
                timer.daemon = True
                timer.start()

    def drop(self) -> None:
        """End the worker, whatever it does; the next job gets another."""
        with self._lock:
            if self._worker is not None:
                self._worker.kill()
            self._worker = None

    def close(self) -> None:
        """End the worker for good."""
        with self._lock:
            self._closed = True
        self.drop()

    def _living(self) -> WorkerProcess | None:
        if not self._closed and (self._worker is None or not self._worker.lives()):
            self._worker = WorkerProcess(self._home, self._number)
            self.begun += 1
        return self._worker

    def _overdue(self, job: str) -> None:
        with self._lock:
            if self._worker is not None and self._job == job:
                self._worker.kill()
