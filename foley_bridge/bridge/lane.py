"""A lane: work done one piece after another, beside the loop that must never wait."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Lane:
    """One thread and what waits for it.

    A daemon thread: work that never ends (a disk that went away) does not keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], None]) -> None:
        """Do this when everything before it is done. It must not raise."""
        self._work.put(work)

    @property
    def waiting(self) -> int:
        """About how many pieces of work wait."""
        return self._work.qsize()

    def _run(self) -> None:
        while True:
            self._work.get()()
