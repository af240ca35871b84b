"""Lanes: work done one piece after another, beside the loop that must never wait, and which methods are done in which."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from foley_bridge.bridge.protocol import Request
from foley_bridge.bridge.search_params import LibrarySearch

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
SENSES = "senses"
"""The lane of searches that look or listen first: those by words do not wait behind them."""
MOST_IN_LANE = {
    "submit": 1000,
    "lists": 100,
    "capabilities": 100,
    "audition": 100,
    "reels": 100,
    "choices": 1000,
    "library": 100,
    SENSES: 20,
}
"""Where more is refused, so that a cancel is always read; only those of the lane ``jobs`` wait, when there are too many."""
ALL_LANES = frozenset({*LANES.values(), SENSES})


def lane_of(request: Request) -> str | None:
    """Where a request is seen to; None: by the loop itself."""
    if isinstance(request.params, LibrarySearch) and request.params.looks:
        return SENSES
    return LANES.get(request.method)


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
