"""A job in a slot, followed to its end: with as many workers as it takes, and however often the journal has to wait for room.

A named step is in the journal before it is entered, and an end before it is told. A worker that dies is replaced, and the job
goes on from its last region done.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from foley_bridge.errors import JobError
from foley_bridge.jobs.desk import RETRY_S, Desk, Work, queue_of
from foley_bridge.jobs.destinations import destinations
from foley_bridge.jobs.journal import PUBLISHING
from foley_bridge.jobs.names import ENDED, FOLLOWUPS
from foley_bridge.jobs.record import JobRecord
from foley_bridge.jobs.reel import written_by
from foley_bridge.jobs.slot import NoWorkerError
from foley_bridge.jobs.view import Meter

log = logging.getLogger(__name__)

DEATHS = 3  # a job that takes so many workers with it is given up
NO_WORKER_S = (0.5, 15.0)  # until another worker is tried when none comes to a job's first step: at first, at most


class Attempts:
    """Follows jobs; may be used from any thread, for each job from the thread of its slot."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def carry_out(self, work: Work) -> None:
        """Do a job to its end, with as many workers as it takes."""
        job = work.record.id
        said = self._attempt(work)
        while said is None and not work.cancelling and not self._desk.stopping:
            log.error("job lost its worker: it %s", work.slot.fate, extra={"job": job})
            said = self._given_up(work)
            if said is None and (record := self._desk.surely(lambda: self._desk.journal.start(job), work)) is not None:
                work.record, work.meter = record, Meter()
                self._desk.tell("state", record)
                said = self._attempt(work)
        if said is None and not work.cancelling:
            return  # the processor stops; the job stays as the journal has it
        if said is None or (work.cancelling and said["say"] != "done"):
            said = {"say": "cancelled"}
        self._end(work, said)

    def _attempt(self, work: Work) -> dict[str, Any] | None:
        """Have a worker do a job, however long there is none: what it says at the end, None when it died."""
        record = self._whither(work)
        request = record.request
        order = {
            "kind": record.kind,
            "request": request,
            "publishing": [str(folder) for folder in record.folders] if record.id in self._desk.publishing else [],
            "payload": str(self._desk.payloads.path(record.id)) if record.payload else None,
            "opened": str(self._desk.payloads.opened(request["reel"] if record.kind in FOLLOWUPS else record.id)),
            "written": written_by(self._desk.journal, request["reel"]) if record.kind == "apply" else [],
            "roots": self._desk.roots.to_json(),
            "catalogue": str(self._desk.catalogue) if self._desk.catalogue else None,
        }

        def heard(said: dict[str, Any]) -> dict[str, str] | None:
            if said["say"] == "step":
                return self._enter(work, said["step"])
            work.meter.note(said)
            self._desk.tell("progress", work.record)
            return None

        pause_s, longest_s = NO_WORKER_S
        while True:
            try:
                return work.slot.do(record.id, order, heard)
            except NoWorkerError as error:
                log.error("job waits: %s", error, extra={"job": record.id})
                work.meter.wait(f"waiting: {error}")
                self._desk.tell("progress", record)
            with self._desk.lock:
                if self._desk.lock.wait_for(lambda: self._desk.stopping or work.cancelling, pause_s):
                    return None
            pause_s = min(2 * pause_s, longest_s)

    def _whither(self, work: Work) -> JobRecord:
        """See to it that the journal has the folders of a job: a daemon with other maps than before may lead it elsewhere."""
        record = work.record
        try:
            folders = tuple(dict.fromkeys([*destinations(record.request, self._desk.roots), *record.folders]))
        except JobError:
            return record  # not allowed any more: the worker says so
        if folders != record.folders:  # the old ones stay: something of it may lie there
            work.record = self._desk.surely(lambda: self._desk.journal.move(record.id, folders), work) or record
        return work.record

    def _enter(self, work: Work, step: str) -> dict[str, str] | None:
        """Journal a step that a worker is about to enter, and let it; or have the job end there."""

        def write() -> JobRecord:
            record = self._desk.journal.enter(work.record.id, step)
            if step == PUBLISHING:  # under the lock: from here on it is too late to cancel
                self._desk.publishing.add(record.id)
            return record

        entered = None if self._desk.stopping else self._desk.surely(write, work)
        if entered is None:
            return {"do": "cancel"} if work.cancelling else None  # no answer: the processor stops, and the worker with it
        work.record = entered
        self._desk.tell("step", entered)
        return {"do": "go"}

    def _given_up(self, work: Work) -> dict[str, Any] | None:
        """A worker died of a job: what to say if that was once too often."""
        if work.record.id in self._desk.publishing:  # its files may be in their places: it is carried through, however often
            with self._desk.lock:
                self._desk.lock.wait_for(lambda: self._desk.stopping, RETRY_S)
            return None
        deaths = self._desk.surely(lambda: self._desk.journal.died(work.record.id), work)
        if deaths is None or deaths < DEATHS:
            return None
        message = f"the job ended its worker {deaths} times, the last time at step '{work.record.step}': it {work.slot.fate}"
        hint = "the daemon's log may say more; leave out the region or the media at which it happens"
        return {"say": "failed", "error": {"kind": "JobError", "message": message, "hint": hint}}

    def give_up(self, work: Work, fault: Exception) -> None:
        """A job cannot be followed for a fault of ours: it fails, or waits again if its files may be in their places."""
        job = work.record.id
        try:
            if job in self._desk.publishing:
                with self._desk.lock:
                    self._desk.lock.wait_for(lambda: self._desk.stopping, RETRY_S)
                    del self._desk.works[job]
                    self._desk.waiting[queue_of(work.record.kind)].appendleft(job)
            elif self._desk.journal.get(job).state not in ENDED:
                message = f"{type(fault).__name__}: {fault}"
                hint = "the daemon's log says where; this is a fault of foley_bridge"
                error = {"kind": "InternalError", "message": message, "hint": hint}
                self._end(work, {"say": "failed", "error": error})
        except Exception:
            log.exception("job cannot be ended; a daemon that starts again takes it up", extra={"job": job})

    def cancel(self, work: Work) -> None:
        """Under the lock: a job in a slot is to end."""
        if work.cancelling:
            return
        work.cancelling = True
        with contextlib.suppress(JobError):  # the journal only makes a daemon that starts again remember
            self._desk.journal.ask_cancel(work.record.id)
        work.slot.cancel(work.record.id)
        self._desk.lock.notify_all()

    def _end(self, work: Work, said: Mapping[str, Any]) -> None:
        """Journal a job's end. What it staged goes before, but of a job that is done after: until then it can answer again."""
        state, record = said["say"], work.record
        swept = state != "done" and self._desk.remains.sweep(record)
        error, result, failed = said.get("error"), said.get("result"), said.get("failed_regions", 0)
        ended = self._desk.surely(
            lambda: self._desk.journal.finish(record.id, state, error=error, result=result, failed_regions=failed, swept=swept),
            work,
            cancel=False,
        )
        if ended is None:
            return
        if state == "done" and self._desk.remains.sweep(record):
            with contextlib.suppress(JobError):  # a daemon that starts again sweeps again
                ended = self._desk.journal.mark_swept(record.id)
        with self._desk.lock:
            self._desk.remains.tidy(ended)
            self._desk.works.pop(record.id)
            self._desk.publishing.discard(record.id)
            self._desk.tell("state", ended)
