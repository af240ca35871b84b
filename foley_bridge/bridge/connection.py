"""One connection to a daemon: a request out, its reply in, and no wait without a bound.

ZeroMQ connects behind the scenes and keeps silent about failure. A monitor on the socket tells what happens: nobody listens,
the keys do not fit, the daemon went away. Each becomes an error at once, rather than a time-out.
"""

from __future__ import annotations

import errno
import math
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import zmq

from foley_bridge.bridge import wire
from foley_bridge.bridge.certificate import read_key
from foley_bridge.errors import BridgeError, RequestError

CONNECT_S = 3.0
LOOK_UP_S = 0.2
"""How long it waits at a stretch, when there is something to do meanwhile."""
_REFUSED_TIMES = 3  # a port that refuses so often, over half a second, has nobody behind it
_FAILED = frozenset(
    {zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL, zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL}
)
_EVENTS = sum(_FAILED) | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
_KEYS_HINT = "make keys with: foley-bridge keys DIR --seat NAME"
_UNKNOWN_SEAT = ("does not know this seat's keys", "let the seat in where the daemon runs: foley-bridge keys DIR --seat NAME")
_OTHER_KEYS = (
    "has other keys than those given, or none, or is no foley_bridge daemon",
    "check the endpoint, and that server.key in the keys folder is the daemon's own",
)
_WANTS_KEYS = ("wants keys, or is no foley_bridge daemon", "check the endpoint, and give --keys DIR --seat NAME")


class Lost(Exception):
    """The request was sent, and the daemon went away before it answered."""


class Keys(NamedTuple):
    """CURVE keys in ZeroMQ's printable form: the daemon's public one, and a seat's own pair."""

    server: bytes
    public: bytes
    secret: bytes


class Connection:
    """Opened at the first exchange. Not to be shared between threads.

    Args:
        endpoint: ``tcp://HOST:PORT`` of the daemon's requests.
        keys: for a daemon that wants them.
        meanwhile: called a few times a second while it waits; what it raises ends the wait.
    """

    def __init__(self, endpoint: str, keys: Keys | None, meanwhile: Callable[[], None] | None = None) -> None:
        self.endpoint = endpoint
        self._meanwhile = meanwhile
        self._keys = keys
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._connected = False
        self._opened = 0

    def close(self) -> None:
        """Let go of everything; what was not sent yet is forgotten."""
        self._drop()
        self._context.destroy(linger=0)

    def exchange(
        self, header: Mapping[str, Any], payload: bytes | None, deadline: float
    ) -> tuple[dict[str, Any], bytes | None]:
        """Send a request, once, and give its reply's header and payload.

        Args:
            header: of the request.
            payload: of the request, or None.
            deadline: ``time.monotonic()`` by which the reply must be here.

        Raises:
            RequestError: the request is no JSON or too large: nothing was sent.
            BridgeError: there is no daemon, it does not let us in, or it did not answer in time.
            Lost: it went away after the request was sent.
        """
        frames = wire.encode(header, payload)
        header_size, size = len(frames[0]), sum(len(frame) for frame in frames)
        if header_size > wire.HEADER_LIMIT:
            said = f"the request's header is {header_size / wire.MB:.2f} MB, more than {wire.HEADER_LIMIT // wire.MB} MB"
            raise RequestError(said, wire.LONG_HEADER_HINT)
        if size > wire.CLIENT_LIMIT:
            said = f"the request is {size / wire.MB:.2f} MB, more than {wire.CLIENT_LIMIT // wire.MB} MB"
            raise RequestError(said, wire.TOO_LARGE_HINT)
        socket = self._open(deadline)
        try:
            socket.send_multipart(frames)
            return self._receive(socket, header.get("id"), deadline)
        except BaseException:
            self._drop()  # a reply that comes too late belongs to nobody
            raise

    def listen(self, port: str, job: str) -> zmq.Socket[bytes]:
        """A socket that hears of a job, from what the daemon's host publishes at ``port``; the caller closes it."""
        host = self.endpoint.rpartition(":")[0]
        return self._join(self._context.socket(zmq.SUB), f"{host}:{port}", wire.topic(job))

    # --- sending and receiving ---

    def _receive(self, socket: zmq.Socket[bytes], request_id: object, deadline: float) -> tuple[dict[str, Any], bytes | None]:
        while self._readable(socket, deadline):
            try:
                header, payload = wire.decode(socket.recv_multipart(), header_limit=wire.SERVER_LIMIT)
            except RequestError as error:
                raise BridgeError(f"what answers at {self.endpoint} is no foley_bridge daemon: {error.message}") from error
            if header.get("id") in (request_id, None):
                return header, payload
        raise BridgeError(
            f"the daemon at {self.endpoint} did not answer in time",
            "if it is very busy, allow more time; otherwise stop it and start it again: foley-bridge serve",
        )

    def _readable(self, socket: zmq.Socket[bytes], deadline: float) -> bool:
        """Wait for a message; False when the time is up. Raises Lost."""
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        while (left_s := deadline - time.monotonic()) > 0:
            ready = dict(poller.poll(milliseconds(self._stretch(left_s))))
            if socket in ready:
                return True
            self._look_up()
            if zmq.EVENT_DISCONNECTED in self._happened():
                if socket.poll(50):  # it answered before it went
                    return True
                raise Lost
        return False

    def poll(self, socket: zmq.Socket[bytes], timeout_s: float) -> bool:
        """Whether there is something to read on a socket of ``listen``, now or before the time is up."""
        deadline = time.monotonic() + timeout_s
        while not socket.poll(milliseconds(self._stretch(max(0.0, deadline - time.monotonic())))):
            self._look_up()
            if time.monotonic() >= deadline:
                return False
        return True

    def sleep(self, seconds: float) -> None:
        """Wait for nothing."""
        deadline = time.monotonic() + seconds
        while (left_s := deadline - time.monotonic()) > 0:
            time.sleep(self._stretch(left_s))
            self._look_up()

    def _stretch(self, seconds: float) -> float:
        return seconds if self._meanwhile is None else min(seconds, LOOK_UP_S)

    def _look_up(self) -> None:
        if self._meanwhile is not None:
            self._meanwhile()

    # --- connecting ---

    def _open(self, deadline: float) -> zmq.Socket[bytes]:
        """The socket, with the daemon at its other end. Raises BridgeError when there is none, or it does not let us in."""
        if self._socket is None or self._monitor is None:
            self._socket, self._monitor = self._connect()
        self._happened()  # while nothing was asked, the daemon may have gone and come back
        refused = 0
        deadline = min(deadline, time.monotonic() + CONNECT_S)
        while not self._connected:
            left_s = deadline - time.monotonic()
            in_time = left_s > 0
            if in_time:
                self._monitor.poll(milliseconds(self._stretch(left_s)))
                self._look_up()
            happened = self._happened()
            refused += happened.count(zmq.EVENT_CLOSED)
            if _FAILED.intersection(happened):
                self._drop()
                known = zmq.EVENT_HANDSHAKE_FAILED_AUTH not in happened
                why, hint = _WANTS_KEYS if self._keys is None else _OTHER_KEYS if known else _UNKNOWN_SEAT
                raise BridgeError(f"the daemon at {self.endpoint} {why}", hint)
            if refused >= _REFUSED_TIMES or not in_time:
                self._drop()
                raise BridgeError(f"no daemon answers at {self.endpoint}", "start one with: foley-bridge serve")
        return self._socket

    def _connect(self) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
        socket.setsockopt(zmq.MAXMSGSIZE, wire.SOCKET_LIMIT)
        self._opened += 1
        name = f"inproc://monitor-{self._opened}"  # a closed socket gives its own name back only after a while
        socket.monitor(name, _EVENTS)
        monitor = self._context.socket(zmq.PAIR)
        monitor.setsockopt(zmq.RCVHWM, 0)  # a full monitor would hold up the socket it watches
        monitor.connect(name)
        return self._join(socket, self.endpoint), monitor

    def _join(self, socket: zmq.Socket[bytes], endpoint: str, topic: bytes | None = None) -> zmq.Socket[bytes]:
        socket.setsockopt(zmq.LINGER, 0)
        if topic is not None:
            socket.setsockopt(zmq.SUBSCRIBE, topic)
        if self._keys is not None:
            try:
                socket.setsockopt(zmq.CURVE_SERVERKEY, self._keys.server)
                socket.setsockopt(zmq.CURVE_PUBLICKEY, self._keys.public)
                socket.setsockopt(zmq.CURVE_SECRETKEY, self._keys.secret)
            except zmq.ZMQError as error:
                raise BridgeError(f"the seat's keys cannot be used: {error}", _KEYS_HINT) from error
        port = endpoint.rpartition(":")[2]
        try:
            if endpoint.startswith("tcp:") and port.isdecimal() and (len(port) > 5 or int(port) > 65535):
                raise zmq.ZMQError(errno.EINVAL)  # ZeroMQ itself would go to another port, without a word
            socket.connect(endpoint)
        except zmq.ZMQError as error:
            raise BridgeError(f"{endpoint!r} cannot be connected to: {error}", "write it as tcp://HOST:PORT") from error
        return socket

    def _happened(self) -> list[int]:
        """What the monitor saw since it was last asked; keeps ``_connected`` true to it."""
        happened: list[int] = []
        while self._monitor is not None and self._monitor.poll(0):
            (event,) = struct.unpack_from("=H", self._monitor.recv_multipart()[0])
            happened.append(event)
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._connected = True
            elif event == zmq.EVENT_DISCONNECTED:
                self._connected = False
        return happened

    def _drop(self) -> None:
        """Close the socket; the next exchange opens another."""
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close(linger=0)
        if self._monitor is not None:
            self._monitor.close(linger=0)
        self._socket, self._monitor, self._connected = None, None, False


def milliseconds(seconds: float) -> int:
    """For ZeroMQ's polls: whole, and never 0, which would not wait at all."""
    return max(1, math.ceil(seconds * 1000))


def read_keys(folder: Path, seat: str | None) -> Keys:
    """The keys that a seat uses, from the folder that ``foley-bridge keys`` made.

    Raises:
        BridgeError: one of them is missing or is no key.
    """
    if not seat:
        raise BridgeError(f"{folder}: whose keys are to be used is not said", "give --seat NAME, or FOLEY_BRIDGE_SEAT")
    own = folder / f"{seat}.key_secret"
    return Keys(
        read_key(folder / "server.key", "public-key", _KEYS_HINT),
        read_key(own, "public-key", _KEYS_HINT),
        read_key(own, "secret-key", _KEYS_HINT),
    )
