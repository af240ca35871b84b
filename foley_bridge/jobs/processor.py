"""The processor: a queue of jobs, the workers that do them, and the journal that outlives both.

A job is in the journal before it is answered for, a named step before it is entered, and an end before it is told. Everything
else may be lost: a worker that dies is replaced and the job goes on from its last region done; a daemon that dies leaves a
journal from which the next one carries on. One thread per slot takes jobs from the queue.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from foley_bridge.errors import JobError
from foley_bridge.jobs.destinations import destinations
from foley_bridge.jobs.events import Event, Teller
from foley_bridge.jobs.journal import PUBLISHING, JobRecord, Journal
from foley_bridge.jobs.names import ENDED, KINDS, STATES
from foley_bridge.jobs.payloads import Payloads
from foley_bridge.jobs.remains import Remains
from foley_bridge.jobs.roots import Roots
from foley_bridge.jobs.slot import NoWorkerError, Slot
from foley_bridge.jobs.view import JobView, Meter
from foley_bridge.jobs.worker_process import wait_for_old_workers

log = logging.getLogger(__name__)
T = TypeVar("T")

DEATHS = 3  # a job that takes so many workers with it is given up
OLD_WORKERS_S = 30.0
PUBLISHING_S = 5.0  # how long a daemon that is told to stop waits for files that are being put in their places
NO_WORKER_S = (0.5, 15.0)  # until another worker is tried when none comes to a job's first step: at first, at most
RETRY_S = 1.0  # until a journal that cannot be written is tried again, and a publishing whose worker died


@dataclass(eq=False)
class _Work:
    """A job in a slot."""

    record: JobRecord
    slot: Slot
    cancelling: bool = False
    meter: Meter = field(default_factory=Meter)


class Processor:
    """Does jobs. May be used from any thread.

    Args:
        journal: closed by ``stop``.
        home: the daemon's folder: locks of workers, timelines that came with requests.
        roots: which folders jobs may touch.
        catalogue: the sound library's folder; None when there is none.
        workers: how many jobs are done at once.
        limit: how many may wait.
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
        self._journal, self._home, self._roots, self._catalogue, self._limit = journal, home, roots, catalogue, limit
        self._payloads = Payloads(home / "jobs")
        self._remains = Remains(journal, self._payloads)
        self._teller = Teller(on_event)
        self._slots = [Slot(home, number) for number in range(workers)]
        self._threads = [threading.Thread(target=self._serve, args=(slot,), name="slot") for slot in self._slots]
        self._lock = threading.Condition(threading.RLock())  # guards what follows
        self._waiting: deque[str] = deque()
        self._works: dict[str, _Work] = {}
        self._publishing: set[str] = set()  # jobs that it is too late to cancel
        self._stopping = False

    def start(self) -> None:
        """Take up what an earlier daemon left, and begin.

        Raises:
            JobError: a worker of an earlier daemon does not end, or the journal cannot be written.
        """
        wait_for_old_workers(self._home, OLD_WORKERS_S)
        with self._lock:
            waiting, self._publishing = self._remains.recover()
            self._waiting.extend(waiting)
        self._teller.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no more jobs, end the workers, close the journal. What was running goes on when a processor starts again."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
            self._lock.wait_for(lambda: not self._publishing & self._works.keys(), PUBLISHING_S)
        for slot in self._slots:
            slot.close()
        for thread in self._threads:
            if thread.ident is not None:  # it was started
                thread.join()
        self._teller.close()
        self._journal.close()

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
        folders = self._refuse(params, payload)
        key = params.get("key")
        with self._lock:
            known = self._journal.find_key(key) if key is not None else None
            self._refuse_new(known)
        job = known.id if known else secrets.token_hex(8)
        digest = None if payload is None else hashlib.sha256(payload).hexdigest()
        if known is None and payload is not None:
            self._payloads.keep(job, payload)
        accepted = False
        try:
            with self._lock:
                self._refuse_new(known)
                record = self._journal.add(
                    job, params["kind"], params, key=key, payload=digest, client=client, folders=folders, poke=poke
                )
                accepted = known is None and record.id == job
                if accepted:
                    self._waiting.append(job)
                    self._tell("state", record)
                    self._lock.notify_all()
                return self._view(record)
        finally:
            if known is None and not accepted:
                self._payloads.forget(job)

    def job(self, id_or_key: str) -> JobView:
        """The job with this id or key; JobError when there is none."""
        record = self._journal.find(id_or_key)
        with self._lock:
            return self._view(record)

    def jobs(self, states: Sequence[str] = STATES, limit: int = 100) -> list[JobView]:
        """The newest jobs in one of these states, without their requests and results."""
        records = self._journal.list(states, limit)
        with self._lock:
            places = {job: place for place, job in enumerate(self._waiting, start=1)}
            return [self._view(record, places) for record in records]

    def cancel(self, id_or_key: str) -> JobView:
        """Ask for a job's end.

        It is ``cancelled`` within two seconds, once nothing of it is left. One whose files are being put in their places
        becomes ``done``, and one that has ended stays as it is.

        Raises:
            JobError: there is no such job; or it waits, and the journal cannot be written.
        """
        with self._lock:
            record = self._journal.find(id_or_key)
            work, waits = self._works.get(record.id), record.id in self._waiting
            if (work is None and not waits) or record.id in self._publishing:
                return self._view(record)
            if work is not None:
                self._stop_work(work)
            else:
                self._waiting.remove(record.id)
        if work is None:
            self._cancel_waiting(record)
        return self.job(record.id)

    def counts(self) -> dict[str, int]:
        """How many jobs are ``waiting`` and ``running``, and the ``limit`` of those waiting."""
        with self._lock:
            return {"waiting": len(self._waiting), "running": len(self._works), "limit": self._limit}

    def restarts(self) -> int:
        """How many workers had to be replaced."""
        return sum(max(0, slot.begun - 1) for slot in self._slots)

    def _view(self, record: JobRecord, places: Mapping[str, int] | None = None) -> JobView:
        if places is None:
            places = {record.id: self._waiting.index(record.id) + 1} if record.id in self._waiting else {}
        work = self._works.get(record.id)
        return JobView(record, places.get(record.id), work.meter.progress() if work else None)

    # --- accepting ---

    def _refuse(self, params: Mapping[str, Any], payload: bytes | None) -> list[Path]:
        """What can be seen without opening anything. Returns the folders that the job will write into."""
        if params["kind"] not in KINDS:
            raise JobError(f"kind '{params['kind']}' is not in this version", f"use {' or '.join(KINDS)}")
        named = params["timeline"]
        if ("payload" in named) != (payload is not None):
            raise JobError("timeline: it says that it travels with the request and does not, or the other way round")
        if payload is None:
            self._roots.media_file(named["path"], "timeline.path")
        if named.get("base"):
            self._roots.media_file(named["base"], "timeline.base")
        if params.get("exemplar"):
            self._roots.media_file(params["exemplar"], "exemplar")
        return destinations(params, self._roots)

    def _refuse_new(self, known: JobRecord | None) -> None:
        if self._stopping:
            raise JobError("the daemon is shutting down", "send it again when the daemon is back")
        if known is None and len(self._waiting) >= self._limit:
            raise JobError(
                f"the queue is full: {len(self._waiting)} jobs wait", "send it again later, or raise the daemon's --queue-limit"
            )

    # --- working: one thread per slot ---

    def _serve(self, slot: Slot) -> None:
        slot.warm()
        while (work := self._next(slot)) is not None:
            try:
                self._work(work)
            except Exception as error:  # ours, and no reason for other jobs to wait
                log.exception("job cannot be followed", extra={"job": work.record.id})
                slot.drop()
                self._give_up(work, error)
            with self._lock:
                if self._works.get(work.record.id) is work:
                    del self._works[work.record.id]
                self._lock.notify_all()
            slot.warm()
        slot.drop()

    def _next(self, slot: Slot) -> _Work | None:
        """Wait for a job; None when there will be no more."""
        with self._lock:
            while True:
                self._lock.wait_for(lambda: self._waiting or self._stopping)
                if self._stopping:
                    return None
                try:
                    record = self._journal.start(self._waiting[0])
                except JobError as error:
                    log.error("job waits: %s", error, extra={"job": self._waiting[0]})
                    self._lock.wait_for(lambda: self._stopping, RETRY_S)
                    continue
                self._waiting.popleft()
                work = self._works[record.id] = _Work(record, slot)
                self._tell("state", record)
                return work

    def _work(self, work: _Work) -> None:
        """Do a job to its end, with as many workers as it takes."""
        job = work.record.id
        said = self._attempt(work)
        while said is None and not work.cancelling and not self._stopping:
            log.error("job lost its worker: it %s", work.slot.fate, extra={"job": job})
            said = self._given_up(work)
            if said is None and (record := self._surely(lambda: self._journal.start(job), work)) is not None:
                work.record, work.meter = record, Meter()
                self._tell("state", record)
                said = self._attempt(work)
        if said is None and not work.cancelling:
            return  # the processor stops; the job stays as the journal has it
        if said is None or (work.cancelling and said["say"] != "done"):
            said = {"say": "cancelled"}
        self._end(work, said)

    def _attempt(self, work: _Work) -> dict[str, Any] | None:
        """Have a worker do a job, however long there is none: what it says at the end, None when it died."""
        record = self._whither(work)
        order = {
            "request": record.request,
            "publishing": [str(folder) for folder in record.folders] if record.id in self._publishing else [],
            "timeline_file": str(self._payloads.path(record.id)) if record.payload else None,
            "roots": self._roots.to_json(),
            "catalogue": str(self._catalogue) if self._catalogue else None,
        }

        def heard(said: dict[str, Any]) -> dict[str, str] | None:
            if said["say"] == "step":
                return self._enter(work, said["step"])
            work.meter.note(said)
            self._tell("progress", work.record)
            return None

        pause_s, longest_s = NO_WORKER_S
        while True:
            try:
                return work.slot.do(record.id, order, heard)
            except NoWorkerError as error:
                log.error("job waits: %s", error, extra={"job": record.id})
                work.meter.wait(f"waiting: {error}")
                self._tell("progress", record)
            with self._lock:
                if self._lock.wait_for(lambda: self._stopping or work.cancelling, pause_s):
                    return None
            pause_s = min(2 * pause_s, longest_s)

    def _whither(self, work: _Work) -> JobRecord:
        """See to it that the journal has the folders of a job: a daemon with other maps than before may lead it elsewhere."""
        record = work.record
        try:
            folders = tuple(dict.fromkeys([*destinations(record.request, self._roots), *record.folders]))
        except JobError:
            return record  # not allowed any more: the worker says so
        if folders != record.folders:  # the old ones stay: something of it may lie there
            work.record = self._surely(lambda: self._journal.move(record.id, folders), work) or record
        return work.record

    def _enter(self, work: _Work, step: str) -> dict[str, str] | None:
        """Journal a step that a worker is about to enter, and let it; or have the job end there."""

        def write() -> JobRecord:
            record = self._journal.enter(work.record.id, step)
            if step == PUBLISHING:  # under the lock: from here on it is too late to cancel
                self._publishing.add(record.id)
            return record

        entered = None if self._stopping else self._surely(write, work)
        if entered is None:
            return {"do": "cancel"} if work.cancelling else None  # no answer: the processor stops, and the worker with it
        work.record = entered
        self._tell("step", entered)
        return {"do": "go"}

    def _given_up(self, work: _Work) -> dict[str, Any] | None:
        """A worker died of a job: what to say if that was once too often."""
        if work.record.id in self._publishing:  # its files may be in their places: it is carried through, however often
            with self._lock:
                self._lock.wait_for(lambda: self._stopping, RETRY_S)
            return None
        deaths = self._surely(lambda: self._journal.died(work.record.id), work)
        if deaths is None or deaths < DEATHS:
            return None
        message = f"the job ended its worker {deaths} times, the last time at step '{work.record.step}': it {work.slot.fate}"
        hint = "the daemon's log may say more; leave out the region or the media at which it happens"
        return {"say": "failed", "error": {"kind": "JobError", "message": message, "hint": hint}}

    def _give_up(self, work: _Work, fault: Exception) -> None:
        """A job cannot be followed for a fault of ours: it fails, or waits again if its files may be in their places."""
        job = work.record.id
        try:
            if job in self._publishing:
                with self._lock:
                    self._lock.wait_for(lambda: self._stopping, RETRY_S)
                    del self._works[job]
                    self._waiting.appendleft(job)
            elif self._journal.get(job).state not in ENDED:
                message = f"{type(fault).__name__}: {fault}"
                hint = "the daemon's log says where; this is a fault of foley_bridge"
                error = {"kind": "InternalError", "message": message, "hint": hint}
                self._end(work, {"say": "failed", "error": error})
        except Exception:
            log.exception("job cannot be ended; a daemon that starts again takes it up", extra={"job": job})

    def _stop_work(self, work: _Work) -> None:
        """Under the lock: a job in a slot is to end."""
        if work.cancelling:
            return
        work.cancelling = True
        with contextlib.suppress(JobError):  # the journal only makes a daemon that starts again remember
            self._journal.ask_cancel(work.record.id)
        work.slot.cancel(work.record.id)
        self._lock.notify_all()

    # --- ending ---

    def _end(self, work: _Work, said: Mapping[str, Any]) -> None:
        """Journal a job's end. What it staged goes before, but of a job that is done after: until then it can answer again."""
        state, record = said["say"], work.record
        swept = state != "done" and self._remains.sweep(record)
        error, result, failed = said.get("error"), said.get("result"), said.get("failed_regions", 0)
        ended = self._surely(
            lambda: self._journal.finish(record.id, state, error=error, result=result, failed_regions=failed, swept=swept),
            work,
            cancel=False,
        )
        if ended is None:
            return
        if state == "done" and self._remains.sweep(record):
            with contextlib.suppress(JobError):  # a daemon that starts again sweeps again
                ended = self._journal.mark_swept(record.id)
        with self._lock:
            self._remains.tidy(record)
            self._works.pop(record.id)
            self._publishing.discard(record.id)
            self._tell("state", ended)

    def _cancel_waiting(self, record: JobRecord) -> None:
        """End a job that was taken out of the queue."""
        try:
            ended = self._journal.finish(record.id, "cancelled", swept=record.attempts == 0 or self._remains.sweep(record))
        except JobError:
            with self._lock:
                self._waiting.appendleft(record.id)
                self._lock.notify_all()
            raise
        with self._lock:
            self._remains.tidy(record)
            self._tell("state", ended)

    # --- the journal, and who listens ---

    def _surely(self, write: Callable[[], T], work: _Work, *, cancel: bool = True) -> T | None:
        """Write to the journal, however long its disk is full.

        Args:
            write: called under the lock; gives what was written.
            work: the job that stands still meanwhile.
            cancel: give up when the job is cancelled.

        Returns:
            What ``write`` gives; None when the job is cancelled, or when the processor stops before it could be written.
        """
        with self._lock:
            while not (cancel and work.cancelling):
                try:
                    return write()
                except JobError as error:
                    log.error("job waits: %s", error, extra={"job": work.record.id})
                    work.meter.wait(f"waiting: {error.message}")
                    self._tell("progress", work.record)
                self._lock.wait_for(lambda: self._stopping or (cancel and work.cancelling), RETRY_S)
                if self._stopping:
                    return None
            return None

    def _tell(self, kind: Literal["state", "step", "progress"], record: JobRecord) -> None:
        with self._lock:
            self._teller.tell(Event(kind, self._view(record)))
        if kind == "state":
            why = record.error["message"] if record.error else None
            log.info("job %s", record.state, extra={"job": record.id, "client": record.client, "why": why})
        elif kind == "step":
            log.info("job at step %s", record.step, extra={"job": record.id})
