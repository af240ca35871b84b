"""The processor: a queue of jobs, the workers that do them, and the journal that outlives both.

A job is in the journal before it is answered for, a named step before it is entered, and an end before it is told. Everything
else may be lost: a worker that dies is replaced and the job goes on from its last region done; a daemon that dies leaves a
journal from which the next one carries on. One thread per slot takes jobs from its queue (``desk.py``) and follows them to
their ends (``attempts.py``). What editors ask of a reel that is done has a queue and a slot of its own.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from foley_bridge.errors import BusyError, JobError
from foley_bridge.jobs.attempts import Attempts
from foley_bridge.jobs.desk import LONG, QUICK, RETRY_S, Desk, Work, queue_of
from foley_bridge.jobs.destinations import destinations
from foley_bridge.jobs.events import Event
from foley_bridge.jobs.followups import expand
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.names import FOLLOWUPS, KINDS, STATES
from foley_bridge.jobs.record import JobRecord
from foley_bridge.jobs.roots import Roots
from foley_bridge.jobs.slot import Slot
from foley_bridge.jobs.view import JobView
from foley_bridge.jobs.worker_process import wait_for_old_workers

log = logging.getLogger(__name__)

OLD_WORKERS_S = 30.0
PUBLISHING_S = 5.0  # how long a daemon that is told to stop waits for files that are being put in their places


class Processor:
    """Does jobs. May be used from any thread.

    Args:
        journal: closed by ``stop``.
        home: the daemon's folder: locks of workers, timelines that came with requests.
        roots: which folders jobs may touch.
        catalogue: the sound library's folder; None when there is none.
        workers: how many long jobs are done at once.
        limit: how many jobs may wait.
        on_event: is told what happens, from a thread of its own, in the order in which it happens.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        home: Path,
        roots: Roots,
        catalogue: Path | None = None,
        workers: int = 1,
        limit: int = 1000,
        on_event: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self._desk = desk = Desk(journal, home=home, roots=roots, catalogue=catalogue, on_event=on_event)
        self._attempts = Attempts(desk)
        self._home, self._limit, self._started = home, limit, False
        self._slots = [Slot(home, number) for number in range(workers)]
        self._quick = Slot(home, workers, catalogue)
        served = [(slot, LONG) for slot in self._slots] + [(self._quick, QUICK)]
        self._threads = [threading.Thread(target=self._serve, args=each, name=f"{each[1]} slot") for each in served]

    def start(self) -> None:
        """Take up what an earlier daemon left, and begin.

        Raises:
            JobError: a worker of an earlier daemon does not end, or the journal cannot be written.
        """
        wait_for_old_workers(self._home, OLD_WORKERS_S)
        with self._desk.lock:
            waiting, self._desk.publishing = self._desk.remains.recover()
            for record in waiting:
                self._desk.waiting[queue_of(record.kind)].append(record.id)
        self._desk.teller.start()
        for thread in self._threads[:-1]:
            thread.start()
        with self._desk.lock:
            self._started = True
            if self._desk.waiting[QUICK]:
                self.expect_follow_ups()

    def expect_follow_ups(self) -> None:
        """Somebody works on a reel: have a worker ready for what he will ask of it. May be called often."""
        with self._desk.lock:
            thread = self._threads[-1]
            if self._started and thread.ident is None and not self._desk.stopping:
                thread.start()

    def stop(self) -> None:
        """Take no more jobs, end the workers, close the journal. What was running goes on when a processor starts again."""
        with self._desk.lock:
            self._desk.stopping = True
            self._desk.lock.notify_all()
            self._desk.lock.wait_for(lambda: not self._desk.publishing & self._desk.works.keys(), PUBLISHING_S)
        for slot in (*self._slots, self._quick):
            slot.close()
        for thread in self._threads:
            if thread.ident is not None:  # it was started
                thread.join()
        self._desk.teller.close()
        self._desk.journal.close()

    # --- what clients ask ---

    def submit(
        self,
        params: Mapping[str, Any],
        *,
        payload: bytes | None = None,
        client: str = "",
        poke: Mapping[str, Any] | None = None,
    ) -> JobView:
        """Accept a job, or find the one that was accepted with the same key.

        Args:
            params: of ``submit`` (docs/protocol.md), their types already checked.
            payload: the timeline, when it travels with the request.
            client: who asks, for the journal.
            poke: what the journal keeps to be sent when the job has ended.

        Raises:
            JobError: it cannot be done, the queue is full, the key is another request's, or the journal cannot be written.
        """
        if params["kind"] not in KINDS:
            raise JobError(f"kind '{params['kind']}' is not in this version", f"use {' or '.join(KINDS)}")
        key = params.get("key")
        with self._desk.lock:
            known = self._desk.journal.find_key(key) if key is not None else None
            self._refuse_new(known)
        if params["kind"] in FOLLOWUPS:
            self.expect_follow_ups()
            if known is None:
                params, payload = expand(params, self._desk.journal)
        folders = self._refuse(params, payload) if known is None else []
        job = known.id if known else secrets.token_hex(8)
        digest = None if payload is None else hashlib.sha256(payload).hexdigest()
        if known is None and payload is not None:
            self._desk.payloads.keep(job, payload)
        accepted = False
        try:
            with self._desk.lock:
                self._refuse_new(known)
                record = self._desk.journal.add(
                    job, params["kind"], params, key=key, payload=digest, client=client, folders=folders, poke=poke
                )
                accepted = known is None and record.id == job
                if accepted:
                    self._desk.waiting[queue_of(record.kind)].append(job)
                    self._desk.tell("state", record)
                    self._desk.lock.notify_all()
                return self._desk.view(record)
        finally:
            if known is None and not accepted:
                self._desk.payloads.forget(job)

    def job(self, id_or_key: str) -> JobView:
        """The job with this id or key; JobError when there is none."""
        record = self._desk.journal.find(id_or_key)
        with self._desk.lock:
            return self._desk.view(record)

    def jobs(self, states: Sequence[str] = STATES, limit: int = 100) -> list[JobView]:
        """The newest jobs in one of these states, without their requests and results."""
        records = self._desk.journal.list(states, limit)
        with self._desk.lock:
            queues = self._desk.waiting.values()
            places = {job: place for queue in queues for place, job in enumerate(queue, start=1)}
            return [self._desk.view(record, places) for record in records]

    def cancel(self, id_or_key: str) -> JobView:
        """Ask for a job's end.

        It is ``cancelled`` within two seconds, once nothing of it is left. One whose files are being put in their places
        becomes ``done``, and one that has ended stays as it is.

        Raises:
            JobError: there is no such job; or it waits, and the journal cannot be written.
        """
        with self._desk.lock:
            record = self._desk.journal.find(id_or_key)
            queue = self._desk.waiting[queue_of(record.kind)]
            work, waits = self._desk.works.get(record.id), record.id in queue
            if (work is None and not waits) or record.id in self._desk.publishing:
                return self._desk.view(record)
            if work is not None:
                self._attempts.cancel(work)
            else:
                queue.remove(record.id)
        if work is None:
            self._cancel_waiting(record)
        return self.job(record.id)

    @property
    def journal(self) -> Journal:
        """Where everything stands; for reels, of which the journal alone knows."""
        return self._desk.journal

    def opened(self, reel: str) -> Path:
        """Where a reel's timeline lies as its job opened it, if it does."""
        return self._desk.payloads.opened(reel)

    def counts(self) -> dict[str, int]:
        """How many jobs are ``waiting`` and ``running``, and the ``limit`` of those waiting."""
        with self._desk.lock:
            return {"waiting": self._waiting(), "running": len(self._desk.works), "limit": self._limit}

    def restarts(self) -> int:
        """How many workers had to be replaced."""
        return sum(max(0, slot.begun - 1) for slot in (*self._slots, self._quick))

    # --- accepting ---

    def _refuse(self, params: Mapping[str, Any], payload: bytes | None) -> list[Path]:
        """What can be seen without opening anything. Returns the folders that the job will write into."""
        named = params.get("timeline") or {}  # only an apply may have none of its own, and a retake has none
        if params["kind"] == "generate" and ("payload" in named) != (payload is not None):
            raise JobError("timeline: it says that it travels with the request and does not, or the other way round")
        if named.get("path"):
            self._desk.roots.media_file(named["path"], "timeline.path")
        if named.get("base"):
            self._desk.roots.media_file(named["base"], "timeline.base")
        if params.get("exemplar"):
            self._desk.roots.media_file(params["exemplar"], "exemplar")
        return destinations(params, self._desk.roots)

    def _refuse_new(self, known: JobRecord | None) -> None:
        if self._desk.stopping:
            raise BusyError("the daemon is shutting down", "send it again when the daemon is back")
        if known is None and self._waiting() >= self._limit:
            raise JobError(
                f"the queue is full: {self._waiting()} jobs wait", "send it again later, or raise the daemon's --queue-limit"
            )

    def _waiting(self) -> int:
        """Under the lock: how many jobs wait."""
        return sum(map(len, self._desk.waiting.values()))

    # --- working: one thread per slot ---

    def _serve(self, slot: Slot, queue: str) -> None:
        slot.warm()
        while (work := self._next(slot, self._desk.waiting[queue])) is not None:
            try:
                self._attempts.carry_out(work)
            except Exception as error:  # ours, and no reason for other jobs to wait
                log.exception("job cannot be followed", extra={"job": work.record.id})
                slot.drop()
                self._attempts.give_up(work, error)
            with self._desk.lock:
                if self._desk.works.get(work.record.id) is work:
                    del self._desk.works[work.record.id]
                self._desk.lock.notify_all()
            slot.warm()
        slot.drop()

    def _next(self, slot: Slot, queue: deque[str]) -> Work | None:
        """Wait for a job; None when there will be no more."""
        with self._desk.lock:
            while True:
                self._desk.lock.wait_for(lambda: queue or self._desk.stopping)
                if self._desk.stopping:
                    return None
                try:
                    record = self._desk.journal.start(queue[0])
                except JobError as error:
                    log.error("job waits: %s", error, extra={"job": queue[0]})
                    self._desk.lock.wait_for(lambda: self._desk.stopping, RETRY_S)
                    continue
                queue.popleft()
                work = self._desk.works[record.id] = Work(record, slot)
                self._desk.tell("state", record)
                return work

    # --- ending ---

    def _cancel_waiting(self, record: JobRecord) -> None:
        """End a job that was taken out of the queue."""
        try:
            ended = self._desk.journal.finish(
                record.id, "cancelled", swept=record.attempts == 0 or self._desk.remains.sweep(record)
            )
        except JobError:
            with self._desk.lock:
                self._desk.waiting[queue_of(record.kind)].appendleft(record.id)
                self._desk.lock.notify_all()
            raise
        with self._desk.lock:
            self._desk.remains.tidy(ended)
            self._desk.tell("state", ended)
