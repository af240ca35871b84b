"""The daemon, asked from the panel's loop: clients in a few threads, so that no page waits for another's request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from foley_bridge.bridge.client import Client
from foley_bridge.panel.settings import PanelSettings

THREADS = 4
SLOW_THREADS = 2

T = TypeVar("T")


class Daemon:
    """Asks the daemon. A client belongs to one thread, so each thread has its own."""

    def __init__(self, settings: PanelSettings) -> None:
        self._settings = settings
        self._own = threading.local()
        self._threads = ThreadPoolExecutor(THREADS, "daemon")
        self._slow_threads = ThreadPoolExecutor(SLOW_THREADS, "daemon-slow")

    async def ask(self, asking: Callable[[Client], T], *, slow: bool = False) -> T:
        """What ``asking`` gives, done in a thread with a client of its own.

        Args:
            asking: uses the client and returns.
            slow: it may take long, such as a search that opens the library; it keeps nothing else waiting.

        Raises:
            FoleyError: what the client raises.
        """
        threads = self._slow_threads if slow else self._threads
        return await asyncio.get_running_loop().run_in_executor(threads, self._asked, asking)

    def _asked(self, asking: Callable[[Client], T]) -> T:
        client = getattr(self._own, "client", None)
        if client is None:
            client = self._own.client = Client(self._settings.endpoint, keys=self._settings.keys, seat=self._settings.seat)
        return asking(client)
