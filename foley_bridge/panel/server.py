"""The panel put together: the gate, what stands behind it, the subscriber, the processes that make pictures."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from foley_bridge.panel.cache import Cache
from foley_bridge.panel.daemon import Daemon
from foley_bridge.panel.gate import Gate
from foley_bridge.panel.listener import Listener
from foley_bridge.panel.media import Media
from foley_bridge.panel.news import Newsstand
from foley_bridge.panel.reels import Reels
from foley_bridge.panel.routes import Routes
from foley_bridge.panel.settings import PanelSettings

log = logging.getLogger(__name__)


class Panel:
    """Made in the loop that serves it.

    Args:
        settings: how it runs.
        port: where it listens.
    """

    def __init__(self, settings: PanelSettings, port: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = Newsstand()
        daemon = Daemon(settings)
        self._reels = Reels(daemon)
        self._media = Media(self._reels, Cache(settings.cache), settings.roots)
        self._listener = Listener(settings, self._in_loop(self._heard), self._in_loop(self._is_there))
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.gate = Gate(
            Routes(daemon, self._reels, self._media, self._news).application(),
            token=settings.token,
            hosts=(f"{host}:{port}", f"localhost:{port}"),
        )
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to hear and to make."""
        self._listener.start()
        for workshop in self._media.workshops:
            task = asyncio.create_task(workshop.run())
            task.add_done_callback(_crash)
            self._tasks.append(task)

    def _in_loop(self, told: Any) -> Any:
        return lambda what: self._loop.call_soon_threadsafe(told, what)

    def _heard(self, header: dict[str, Any]) -> None:
        """The daemon published something."""
        if header["event"] == "choice":
            job, number, choice = header["job"], header["region"], header["choice"]
            self._reels.chosen(job, number, choice)
            told = {name: header[name] for name in ("region", "choice", "revision")}
            self._news.tell("choice", told, reel=job)
        else:
            view = header["job"]
            if header["event"] != "progress":
                self._reels.job_happened(view)
            self._news.tell("job", view, reel=view["reel"])

    def _is_there(self, there: bool) -> None:
        """The daemon went away or came back: what it did meanwhile was not heard."""
        self._reels.forget()
        self._news.is_there(there)


def _crash(task: asyncio.Task[None]) -> None:
    """A workshop that fails would leave every page waiting; another panel will be started."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("a workshop failed", exc_info=error)
        os._exit(1)
