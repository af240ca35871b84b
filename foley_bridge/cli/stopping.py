"""Ctrl-C and SIGTERM: the command ends with ``Cancelled``, but never in the middle of what has to be seen through."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from foley_bridge.errors import Cancelled


class _Stopping:
    def __init__(self) -> None:
        self.held = 0
        self.told = False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.held:
            self.told = True
            return
        raise Cancelled("stopped; nothing was kept")


_stopping = _Stopping()


def stop_on_signals() -> None:
    """From now on a signal to end raises ``Cancelled``."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopping.on_signal)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """What is inside is not interrupted: a signal that comes meanwhile counts when it is done."""
    _stopping.held += 1
    try:
        yield
    finally:
        _stopping.held -= 1
    if _stopping.told and not _stopping.held:
        _stopping.told = False
        raise Cancelled("stopped; nothing was kept")


@contextlib.contextmanager
def stopped_between() -> Iterator[Callable[[], None]]:
    """Ctrl-C waits for the next step between two writes; a second one does not wait. Gives what asks whether there was one."""
    told = False

    def stop() -> None:
        raise Cancelled("stopped; what is in the library stays there", "run it again to go on")

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal told
        if told:
            stop()
        told = True

    def asked() -> None:
        if told:
            stop()

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
