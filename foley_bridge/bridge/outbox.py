"""Replies on their way out: sent without waiting, and bounded, whatever a client does that does not read or is gone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import zmq

from foley_bridge.bridge import wire
from foley_bridge.bridge.logs import Seldom
from foley_bridge.bridge.metrics import Unmeasured
from foley_bridge.errors import InternalError, JobError, RequestError

LARGE = 64 * 1024
"""Bytes of a reply that counts towards ``MOST_UNREAD``. Of smaller ones ZeroMQ keeps ``sockets.UNSENT`` for each client."""
MOST_UNREAD = 256 * wire.MB
"""Bytes of large replies that clients have not taken yet. A client that leaves sets its share free."""

log = logging.getLogger(__name__)
_seldom = Seldom(log)


class Outbox:
    """Sends replies through a ROUTER socket. Lives in the socket's thread."""

    def __init__(self, router: zmq.Socket[bytes], metrics: Unmeasured) -> None:
        self._router, self._metrics = router, metrics
        self._unread: list[tuple[zmq.MessageTracker, int]] = []

    def send(
        self,
        peer: bytes,
        delimited: bool,
        header: Mapping[str, Any],
        payload: bytes | None = None,
        result: bytes | None = None,
    ) -> None:
        """Send a reply to a connection, behind an empty frame when it asked that way. A reply that nobody takes is lost.

        Args:
            peer, delimited: whom to, and how it asked.
            header, payload: the reply.
            result: of the header, when it is JSON already.
        """
        frames = self._bounded(header, payload, result)
        size = sum(len(frame) for frame in frames)
        try:
            envelope = [peer, b"", *frames] if delimited else [peer, *frames]
            tracker = self._router.send_multipart(envelope, zmq.NOBLOCK, copy=size < LARGE, track=size >= LARGE)
        except zmq.Again:
            _seldom.warning("a reply was dropped: its client does not read")
            self._metrics.reply_lost("unread")
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            log.debug("a reply was dropped: its client is gone")
            self._metrics.reply_lost("gone")
        else:
            self._metrics.traffic(sent=size)
            if tracker is not None:
                self._unread.append((tracker, size))

    def _bounded(self, header: Mapping[str, Any], payload: bytes | None, result: bytes | None) -> list[bytes]:
        """The frames of a reply; those of an error in its place when it cannot be written or too much is unread already."""
        try:
            frames = wire.encode(header, payload, result=result)
        except RequestError:
            log.exception("a reply cannot be written as JSON")
            return wire.encode(wire.refusal(header["id"], InternalError("the reply cannot be written", "see the daemon's log")))
        size = sum(len(frame) for frame in frames)
        if size >= LARGE:
            self._unread = [(tracker, share) for tracker, share in self._unread if not tracker.done]
            if size + sum(share for _, share in self._unread) > MOST_UNREAD:
                _seldom.warning("a large reply was refused: its client or others do not read")
                error = JobError("too many large replies wait to be read", "read those asked for before")
                return wire.encode(wire.refusal(header["id"], error))
        return frames
