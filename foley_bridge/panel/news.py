"""Server-Sent Events: what happens to a reel, told to every page that has it open. A page that does not read is let go."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from foley_bridge.errors import BusyError

MOST_PAGES = 200
MOST_UNREAD = 200
"""Events that may wait for one page."""
KEEP_ALIVE_S = 15.0
RECONNECT_MS = 1000


class Newsstand:
    """Knows the open pages. Used in the loop only."""

    def __init__(self) -> None:
        self._readers: set[Reader] = set()
        self._there = True

    def tell(self, event: str, data: Any, *, reel: str | None = None) -> None:
        """Tell the pages of a reel, or all of them."""
        text = _event(event, data)
        for reader in [each for each in self._readers if reel in (None, each.reel)]:
            reader.put(text)

    def is_there(self, there: bool) -> None:
        """Tell all pages that the daemon went away or came back."""
        self._there = there
        self.tell("back" if there else "away", {})

    def response(self, reel: str, request: Request) -> Response:
        """A stream of a reel's events, for as long as the page reads it. A page that comes again is told to read anew.

        Raises:
            BusyError: too many pages are open.
        """
        if len(self._readers) >= MOST_PAGES:
            raise BusyError(f"{MOST_PAGES} pages are open", "close some")
        reader = Reader(self, reel)
        if not self._there:
            reader.put(_event("away", {}))
        elif "last-event-id" in request.headers:
            reader.put(_event("back", {}))
        return reader

    def add(self, reader: Reader) -> None:
        """A page reads from now on."""
        self._readers.add(reader)

    def remove(self, reader: Reader) -> None:
        """A page does not read any more."""
        self._readers.discard(reader)


class Reader(Response):
    """One page's stream."""

    def __init__(self, stand: Newsstand, reel: str) -> None:
        self.reel = reel
        self.status_code = 200
        self.background = None
        self.init_headers({"Content-Type": "text/event-stream; charset=utf-8"})
        self._stand = stand
        self._unread: asyncio.Queue[str] = asyncio.Queue(MOST_UNREAD)
        self._full = asyncio.Event()
        stand.add(self)

    def put(self, text: str) -> None:
        """An event for this page; one that does not read is let go."""
        try:
            self._unread.put_nowait(text)
        except asyncio.QueueFull:
            self._full.set()
            self._stand.remove(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ends = [asyncio.create_task(each) for each in (self._send(send), _until_gone(receive), self._until_full())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stand.remove(self)
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _until_full(self) -> None:
        await self._full.wait()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        text = f"retry: {RECONNECT_MS}\nid: 1\n\n"  # with an id, a browser says when it comes again
        while True:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            text = ": still there\n\n"
            with contextlib.suppress(TimeoutError):
                text = await asyncio.wait_for(self._unread.get(), KEEP_ALIVE_S)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
