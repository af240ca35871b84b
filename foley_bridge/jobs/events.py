"""What happens to jobs, told to whoever listens."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from foley_bridge.jobs.view import JobView

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """Something happened to a job: its state changed, it entered a step, or it got on."""

    kind: Literal["state", "step", "progress"]
    view: JobView


class Teller:
    """Tells a listener from a thread of its own, in order, so that nobody who has something to tell ever waits for it.

    Args:
        listener: what it raises is logged.
    """

    def __init__(self, listener: Callable[[Event], None]) -> None:
        self._listener = listener
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="events")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def tell(self, event: Event) -> None:
        """Have an event told."""
        self._events.put(event)

    def close(self) -> None:
        """Return when everything is told."""
        self._events.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while (event := self._events.get()) is not None:
            try:
                self._listener(event)
            except Exception:  # the listener's fault; jobs go on
                log.exception("an event could not be told")
