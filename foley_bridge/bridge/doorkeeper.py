"""Who may connect: ZeroMQ asks here (RFC 27, ZAP) before a connection carries its first message.

Every socket of the daemon asks, also one without keys: a socket that asks talks to nobody who speaks a version of ZeroMQ's own
protocol from before 2012, which has no greeting to get right, so that a web page could write it into an HTTP request.
"""

from __future__ import annotations

import logging

import zmq
from zmq.utils import z85

from foley_bridge.bridge.keys import Seats
from foley_bridge.bridge.logs import Seldom

DOMAIN = b"foley_bridge"
log = logging.getLogger(__name__)
_seldom = Seldom(log)
_ENDPOINT = "inproc://zeromq.zap.01"


class Doorkeeper:
    """Answers ZeroMQ's questions about who connects. Lives in the thread that polls ``socket``.

    Args:
        context: of the sockets that ask. One doorkeeper each.
        seats: who is let in; None lets in whoever reaches the socket, and is for loopback only.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], seats: Seats | None) -> None:
        self._seats = seats
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind(_ENDPOINT)

    def answer(self) -> None:
        """Take one question from the socket and answer it."""
        question = self.socket.recv_multipart()
        version, request, domain, address, _, mechanism, *credentials = question
        try:
            seat = self._seat(domain, mechanism, credentials)
        except Exception:  # our fault; the socket must answer before it hears the next question
            log.exception("a key could not be looked at")
            seat = None
        if seat is None:
            _seldom.warning("somebody without a key was not let in", address=address.decode("ascii", "replace"))
            self.socket.send_multipart([version, request, b"400", b"unknown key", b"", b""])
        else:
            self.socket.send_multipart([version, request, b"200", b"", seat, b""])

    def _seat(self, domain: bytes, mechanism: bytes, credentials: list[bytes]) -> bytes | None:
        """What its messages carry as ``User-Id``: the seat's public key in Z85, empty where there are no keys. None: nobody's.

        The key and not the name: a seat may be given another key, and who has the old one is then nobody.
        """
        if domain != DOMAIN:
            return None
        if self._seats is None:
            return b"" if mechanism == b"NULL" else None
        if mechanism != b"CURVE" or len(credentials) != 1:
            return None
        return None if self._seats.name_of(credentials[0]) is None else z85.encode(credentials[0])
