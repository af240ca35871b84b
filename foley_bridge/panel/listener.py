"""Hears what the daemon publishes, in a thread: choices, jobs of reels, and whether the daemon is there at all."""

from __future__ import annotations

import contextlib
import logging
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import zmq

from foley_bridge.bridge import wire
from foley_bridge.bridge.client import Client
from foley_bridge.bridge.connection import Connection, read_keys
from foley_bridge.errors import BridgeError, FoleyError, RequestError
from foley_bridge.panel.settings import PanelSettings

log = logging.getLogger(__name__)

_PAUSE_S = 0.5
_ANSWER_S = 3.0
_CONNECT_S = 0.3  # a subscription is sent with the handshake, which takes milliseconds
_WATCHED = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | zmq.EVENT_CONNECT_RETRIED


class Listener(threading.Thread):
    """The one subscriber.

    Args:
        settings: with the daemon's endpoint and keys.
        heard: called in this thread with each event's header: of a choice, of a job that belongs to a reel.
        is_there: called in this thread with True when the daemon is there, with False when it went away.
    """

    def __init__(
        self, settings: PanelSettings, heard: Callable[[dict[str, Any]], None], is_there: Callable[[bool], None]
    ) -> None:
        super().__init__(name="listener", daemon=True)
        self._settings, self._heard, self._is_there = settings, heard, is_there
        self._there = True  # it started us

    def run(self) -> None:
        """Listen until the process ends."""
        while True:
            with contextlib.suppress(FoleyError, zmq.ZMQError), self._subscribed() as (socket, monitor):
                self._tell(True)
                self._hear(socket, monitor)
            self._tell(False)
            time.sleep(_PAUSE_S)

    def _tell(self, there: bool) -> None:
        if there != self._there:
            self._there = there
            log.warning("the daemon is %s", "there again" if there else "away")
            self._is_there(there)

    @contextlib.contextmanager
    def _subscribed(self) -> Iterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes]]]:
        """A socket that hears, and one that says what becomes of the connection. Raises BridgeError."""
        settings = self._settings
        with Client(settings.endpoint, keys=settings.keys, seat=settings.seat) as client:
            published = client.ping(timeout_s=_ANSWER_S)["endpoints"].get("events")
            if not published:
                raise BridgeError("the daemon publishes nothing")
            keys = None if settings.keys is None else read_keys(settings.keys, settings.seat)
            with (
                contextlib.closing(Connection(settings.endpoint, keys)) as connection,
                contextlib.closing(connection.listen(published.rpartition(":")[2], "")) as socket,
            ):
                monitor = socket.get_monitor_socket(_WATCHED)
                socket.setsockopt(zmq.SUBSCRIBE, wire.reel_topic(""))
                socket.setsockopt(zmq.RCVHWM, 0)
                try:
                    monitor.poll(round(1000 * _CONNECT_S))
                    client.ping(timeout_s=_ANSWER_S)
                    yield socket, monitor
                finally:
                    socket.disable_monitor()

    def _hear(self, socket: zmq.Socket[bytes], monitor: zmq.Socket[bytes]) -> None:
        """Until the daemon goes away."""
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(monitor, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if socket in ready:
                self._take(socket.recv_multipart())
            elif monitor in ready and _event_of(monitor.recv_multipart()) != zmq.EVENT_HANDSHAKE_SUCCEEDED:
                return

    def _take(self, frames: list[bytes]) -> None:
        try:
            header, _ = wire.decode(frames[1:], header_limit=wire.SERVER_LIMIT)
        except RequestError as error:
            log.warning("the daemon published what cannot be read: %s", error)
            return
        job = header.get("job")
        if header.get("event") == "choice" or (isinstance(job, dict) and job.get("reel")):
            self._heard(header)


def _event_of(frames: list[bytes]) -> int:
    return int(struct.unpack_from("=H", frames[0])[0])
