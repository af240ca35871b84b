"""Ctrl-C and SIGTERM while a network is trained: the step that runs is seen through first. A second one ends at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Stopping:
    """Was somebody here who wants it to stop?"""

    def __init__(self) -> None:
        self.wanted = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """A signal came."""
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True


@contextlib.contextmanager
def heeded() -> Iterator[Stopping]:
    """While inside, signals to end are only noted."""
    stopping = Stopping()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may say what signals do
        yield stopping
        return
    before = {number: signal.signal(number, stopping) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
