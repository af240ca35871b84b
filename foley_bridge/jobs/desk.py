"""What the processor's threads share: the queues, the jobs in hand, the lock that guards both, the journal, who listens."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from foley_bridge.errors import JobError
from foley_bridge.jobs.events import Event, Teller
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.names import FOLLOWUPS
from foley_bridge.jobs.payloads import Payloads
from foley_bridge.jobs.record import JobRecord
from foley_bridge.jobs.remains import Remains
from foley_bridge.jobs.roots import Roots
from foley_bridge.jobs.slot import Slot
from foley_bridge.jobs.view import JobView, Meter

log = logging.getLogger(__name__)
T = TypeVar("T")

LONG, QUICK = "long", "quick"
"""The queues: an editor who works on a reel never waits behind another reel's whole picture."""
RETRY_S = 1.0  # until a journal that cannot be written is tried again, and a publishing whose worker died


def queue_of(kind: str) -> str:
    """Which queue jobs of a kind wait in."""
    return QUICK if kind in FOLLOWUPS else LONG


@dataclass(eq=False)
class Work:
    """A job in a slot."""

    record: JobRecord
    slot: Slot
    cancelling: bool = False
    meter: Meter = field(default_factory=Meter)


class Desk:
    """May be used from any thread.

    Args:
        journal, roots, catalogue, on_event: as the processor's.
        home: the daemon's folder.

    Attributes:
        lock: guards the attributes that follow it.
        waiting: ids of jobs by queue, the next one first.
        works: jobs in slots, by id.
        publishing: ids of jobs that it is too late to cancel.
        stopping: no more work is begun, and what waits for something gives up.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        home: Path,
        roots: Roots,
        catalogue: Path | None,
        on_event: Callable[[Event], None],
    ) -> None:
        self.journal, self.roots, self.catalogue = journal, roots, catalogue
        self.payloads = Payloads(home / "jobs")
        self.remains = Remains(journal, self.payloads)
        self.teller = Teller(on_event)
        self.lock = threading.Condition(threading.RLock())
        self.waiting: dict[str, deque[str]] = {LONG: deque(), QUICK: deque()}
        self.works: dict[str, Work] = {}
        self.publishing: set[str] = set()
        self.stopping = False

    def view(self, record: JobRecord, places: Mapping[str, int] | None = None) -> JobView:
        """Under the lock: what is told of a job; ``places`` are those in the queue, where they are known already."""
        if places is None:
            queue = self.waiting[queue_of(record.kind)]
            places = {record.id: queue.index(record.id) + 1} if record.id in queue else {}
        work = self.works.get(record.id)
        return JobView(record, places.get(record.id), work.meter.progress() if work else None)

    def surely(self, write: Callable[[], T], work: Work, *, cancel: bool = True) -> T | None:
        """Write to the journal, however long its disk is full.

        Args:
            write: called under the lock; gives what was written.
            work: the job that stands still meanwhile.
            cancel: give up when the job is cancelled.

        Returns:
            What ``write`` gives; None when the job is cancelled, or when the processor stops before it could be written.
        """
        with self.lock:
            while not (cancel and work.cancelling):
                try:
                    return write()
                except JobError as error:
                    log.error("job waits: %s", error, extra={"job": work.record.id})
                    work.meter.wait(f"waiting: {error.message}")
                    self.tell("progress", work.record)
                self.lock.wait_for(lambda: self.stopping or (cancel and work.cancelling), RETRY_S)
                if self.stopping:
                    return None
            return None

    def tell(self, kind: Literal["state", "step", "progress"], record: JobRecord) -> None:
        """Tell whoever listens, and the log, what became of a job."""
        with self.lock:
            self.teller.tell(Event(kind, self.view(record)))
        if kind == "state":
            why = record.error["message"] if record.error else None
            log.info("job %s", record.state, extra={"job": record.id, "client": record.client, "why": why})
        elif kind == "step":
            log.info("job at step %s", record.step, extra={"job": record.id})
