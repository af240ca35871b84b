"""Pokes: an OSC message to an editor on this machine when its job has ended, so that it need not look all the time.

The journal keeps what is to be sent until it was: a daemon that went down in between sends it when it comes back. Nobody says
that it arrived, and nothing depends on it: whoever is poked asks what became of the job.
"""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress

from foley_bridge.bridge import osc_messages
from foley_bridge.errors import JobError
from foley_bridge.jobs.events import Event
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.names import ENDED

log = logging.getLogger(__name__)


class Poker:
    """Sends what the journal has to be sent. May be used from any thread.

    Args:
        journal: with the pokes.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._sending = threading.Lock()

    def on_event(self, event: Event) -> None:
        """For the processor's events: a job may have ended."""
        if event.kind == "state" and event.view.record.state in ENDED:
            self.send()

    def send(self) -> None:
        """Send what is to be sent for jobs that have ended."""
        with self._sending, suppress(JobError):  # a journal that cannot be used now is asked again at the next end
            for job, poke in self._journal.pokes().items():
                try:
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                        sender.sendto(osc_messages.poke(poke["address"], poke["arguments"]), ("127.0.0.1", poke["port"]))
                except OSError as error:  # there is no room just now: UDP promises nothing
                    log.warning("a poke could not be sent: %s", error, extra={"job": job})
                self._journal.mark_poked(job)
