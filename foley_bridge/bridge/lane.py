"""Lanes: work done one piece after another, beside the loop that must never wait, and which methods are done in which."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

LANES = {
    "submit": "submit",  # one after another, to the disk
    "status": "jobs",
    "wait": "jobs",
    "cancel": "jobs",
    "jobs": "lists",
    "result": "lists",
    "capabilities": "capabilities",
    "audition": "audition",  # which may start the page's process
    "reels": "reels",
    "reel": "reels",
    "choose": "choices",
    "choices": "choices",
    "library.search": "library",
}
"""Methods that are not here are answered by the loop itself."""
MOST_IN_LANE = {
    "submit": 1000,
    "lists": 100,
    "capabilities": 100,
    "audition": 100,
    "reels": 100,
    "choices": 1000,
    "library": 100,
}
"""Where more is refused, so that a cancel is always read; only those of the lane ``jobs`` wait, when there are too many."""


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
