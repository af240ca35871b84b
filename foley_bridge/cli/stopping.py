"""Ctrl-C and SIGTERM: the command ends with ``Cancelled``, but never in the middle of what has to be seen through."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
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
