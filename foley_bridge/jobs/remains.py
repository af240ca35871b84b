"""What jobs leave behind: staged files, what was kept for them, old entries in the journal."""

from __future__ import annotations

import logging

from foley_bridge.errors import JobError
from foley_bridge.jobs.journal import PUBLISHING, Journal
from foley_bridge.jobs.outputs import staging, sweep
from foley_bridge.jobs.payloads import Payloads
from foley_bridge.jobs.record import JobRecord

log = logging.getLogger(__name__)

KEPT = 10_000  # ended jobs
PRUNE_EVERY = 100


class Remains:
    """Clears up after jobs. ``sweep`` may be called from any thread, the rest under the processor's lock.

    Args:
        journal: whose jobs they are.
        payloads: what is kept for them.
    """

    def __init__(self, journal: Journal, payloads: Payloads) -> None:
        self._journal, self._payloads = journal, payloads
        self._ended = 0

    def sweep(self, record: JobRecord) -> bool:
        """Remove what a job staged; whether nothing of it is left."""
        try:
            sweep(record.folders, record.id)
            return not any(staging(folder, record.id).exists() for folder in record.folders)
        except OSError as error:
            log.warning("what a job staged cannot be removed yet: %s", error, extra={"job": record.id})
            return False

    def tidy(self, record: JobRecord) -> None:
        """A job has ended: what was kept for it goes, and every now and then the oldest jobs."""
        if record.state == "done":
            self._payloads.used(record.id)
        else:
            self._payloads.forget(record.id)
        self._ended += 1
        if self._ended % PRUNE_EVERY == 0:
            try:
                self._prune()
            except JobError as error:
                log.warning("old jobs stay in the journal for now: %s", error)

    def _prune(self) -> None:
        for job in self._journal.prune(KEPT):
            self._payloads.forget(job)

    def recover(self) -> tuple[list[JobRecord], set[str]]:
        """Clear up after a daemon that is gone.

        Returns:
            The jobs to take up, in the order in which they were accepted, so that those that ran come first; and the ids of
            those that had begun to publish.

        Raises:
            JobError: the journal cannot be written.
        """
        waiting, publishing = list[JobRecord](), set[str]()
        for record in reversed(self._journal.list(("queued", "running"))):
            begun = any(name == PUBLISHING for _, name in self._journal.steps(record.id))
            if record.cancelling and not begun:
                self._journal.finish(record.id, "cancelled", swept=self.sweep(record))
                continue
            waiting.append(record)
            if begun:
                publishing.add(record.id)
        self._journal.requeue()
        for record in self._journal.unswept():
            if self.sweep(record):
                self._journal.mark_swept(record.id)
        self._prune()
        done = {record.id for record in self._journal.list(("done",))}
        self._payloads.forget_all_but({record.id for record in waiting}, done)
        return waiting, publishing
