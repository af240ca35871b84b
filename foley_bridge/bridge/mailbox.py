"""How other threads, and signals, reach a loop that sleeps in ZeroMQ."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)


class Mailbox:
    """Work that the loop is to do. ``post`` may be called from any thread; everything else belongs to the loop.

    Attributes:
        waker: a byte sent here wakes the loop (for ``signal.set_wakeup_fd``).
    """

    def __init__(self) -> None:
        self._posted: deque[Callable[[], None]] = deque()
        self._sleeper, self.waker = socket.socketpair()
        for end in (self._sleeper, self.waker):
            end.setblocking(False)

    def post(self, work: Callable[[], None]) -> None:
        """Let the loop do something."""
        self._posted.append(work)
        with contextlib.suppress(OSError):  # full: it is awake already; closed: it has ended
            self.waker.send(b"\0")

    def fileno(self) -> int:
        """Readable when there is something to do."""
        return self._sleeper.fileno()

    def empty(self) -> None:
        """Do what was posted up to now."""
        with contextlib.suppress(OSError):
            self._sleeper.recv(65536)
        for _ in range(len(self._posted)):
            work = self._posted.popleft()
            try:
                work()
            except Exception:  # ours, and no reason for the others to wait
                log.exception("the server's loop met a fault")

    def close(self) -> None:
        """What is posted from now on is never done."""
        self.waker.close()
        self._sleeper.close()
