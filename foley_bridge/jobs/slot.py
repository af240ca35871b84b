"""A slot: one of the places where the processor has work done. It always has a living worker, or gets one when it needs it.

Nothing that may take long is done under its lock: starting a process, and talking to one that may not listen.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from foley_bridge.jobs.worker_process import WorkerProcess

OVERDUE_S = 1.2  # a cancelled job that has not ended by then is ended with its worker
JOBS_PER_WORKER = 500
"""OpenTimelineIO keeps a few hundred bytes of every timeline it reads, and some 20 of every clip looked at, for ever; a worker
that takes the place of another costs a second."""


class NoWorkerError(Exception):
    """No worker came to a job's first step, which is not the job's fault; says in words why."""


class Slot:
    """A worker and the job it does. ``warm``, ``do`` and ``drop`` are for one thread; everything else may be called from any.

    Args:
        home: the daemon's folder.
        number: from 0.
        library: the sound library that its workers are to have at hand.
    """

    def __init__(self, home: Path, number: int, library: Path | None = None) -> None:
        self._home, self._number, self._library = home, number, library
        self._lock = threading.Lock()  # guards what follows
        self._worker: WorkerProcess | None = None
        self._job: str | None = None
        self._cancelled: str | None = None
        self._closed = False
        self._done = 0  # jobs that this worker was given
        self.begun = 0  # workers, one after the other
        self.fate = ""  # in words, what became of the last worker that died of a job

    def warm(self) -> None:
        """See to it that a worker is there, and not too old; one that cannot be started is told of by ``do``."""
        if self._done >= JOBS_PER_WORKER:
            self.drop()
            self.begun -= 1  # nothing was wrong with it
        with contextlib.suppress(NoWorkerError):
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

        Raises:
            NoWorkerError: it died before the job's first step, or none can be started.
        """
        with self._lock:
            self._job = job
        try:
            worker = self._living()
            if worker is None or self._unwanted(job):
                return None
            return self._have_done(worker, job, order, heard)
        finally:
            with self._lock:
                self._job = None
                self._done += 1

    def _have_done(
        self,
        worker: WorkerProcess,
        job: str,
        order: Mapping[str, Any],
        heard: Callable[[dict[str, Any]], Mapping[str, Any] | None],
    ) -> dict[str, Any] | None:
        doing = "got ready"
        if worker.ready():
            worker.tell({**order, "do": "job", "job": job})
            doing = "came to the job's first step"
            while (said := worker.hear()) is not None:
                if said["say"] not in ("progress", "step"):
                    return said
                doing = ""
                answer = heard(said)
                if answer is not None:
                    worker.tell({**answer, "job": job})
        self.fate = worker.fate()
        if doing and not self._unwanted(job):
            raise NoWorkerError(f"a worker {self.fate} before it {doing}; the daemon's log may say more")
        return None

    def _unwanted(self, job: str) -> bool:
        with self._lock:
            return self._closed or self._cancelled == job

    def cancel(self, job: str) -> None:
        """Ask for a job's end, and end it with its worker if that takes too long. Does not wait for either."""
        with self._lock:
            self._cancelled = job
            worker = self._worker if self._job == job else None
        if worker is not None:
            asking = threading.Thread(target=worker.tell, args=({"do": "cancel", "job": job},), daemon=True)
            for thread in (threading.Timer(OVERDUE_S, self._overdue, (worker, job)), asking):
                thread.daemon = True
                thread.start()

    def drop(self) -> None:
        """End the worker, whatever it does, and see it gone; the next job gets another."""
        with self._lock:
            worker, self._worker, self._done = self._worker, None, 0
        if worker is not None:
            worker.bury()

    def close(self) -> None:
        """End the worker, and start no other."""
        with self._lock:
            self._closed = True
            if self._worker is not None:
                self._worker.kill()

    def _living(self) -> WorkerProcess | None:
        """A worker that lives, as far as can be told; None when the slot is closed. Raises NoWorkerError."""
        with self._lock:
            worker, closed = self._worker, self._closed
        if closed or (worker is not None and worker.lives()):
            return None if closed else worker
        try:
            worker = WorkerProcess(self._home, self._number, self._library)
        except (OSError, RuntimeError, MemoryError) as error:  # no such program; no more processes, threads, memory
            raise NoWorkerError(f"no worker can be started: {error}") from error
        with self._lock:
            self._worker, closed = worker, self._closed
            self._done = 0
            self.begun += 1
        if closed:
            worker.kill()
        return None if closed else worker

    def _overdue(self, worker: WorkerProcess, job: str) -> None:
        if self._job == job:  # should it end in this moment, the next job will find its worker dead, and get another
            worker.kill()
