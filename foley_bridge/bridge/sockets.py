"""The daemon's ZeroMQ sockets, opened so that neither a stranger nor a client that does not read can do harm through them.

What bounds memory: of each connection ZeroMQ holds one whole message that was not read yet (two with keys), one that is
arriving, and ``UNSENT`` replies that it could not send. A frame has 288 MB at most. But ZeroMQ limits frames, not messages, and
gives a message only when it is whole: one that never ends grows until its connection does, or the memory. Only those can do
that who are let in: with keys the seats, without them the programs of this machine. Others can make it hold what they send
within the time of the handshake, up to a frame for each connection.
"""

from __future__ import annotations

import errno
import socket as plain_sockets
import struct

import zmq

from foley_bridge.bridge import wire
from foley_bridge.bridge.binding import Binding
from foley_bridge.bridge.client import Client
from foley_bridge.bridge.doorkeeper import DOMAIN
from foley_bridge.bridge.keys import Pair
from foley_bridge.errors import BridgeError, FoleyError

UNSENT = 2000
"""Replies (small ones; the server counts large ones itself) that may wait for one client. When one more comes, it is lost."""
UNSENT_EVENTS = 10_000
_LONGEST_SUBSCRIPTION = 64 * 1024  # bytes
_HEARTBEAT_S = 15
_GONE_S = 60  # a seat that was switched off is forgotten after this
_HANDSHAKE_S = 10
_ASK_S = 2.0

_REFUSED = {
    int(zmq.EVENT_HANDSHAKE_FAILED_AUTH): "key",
    int(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL): "protocol",
    int(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL): "broken off",
}

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]


def open_router(context: Context, binding: Binding, pair: Pair | None) -> Socket:
    """The socket for requests.

    ROUTER_MANDATORY tells of replies that find nobody. ROUTER_HANDOVER stays off: who names himself like another client is
    refused, and does not get the other's replies.

    Raises:
        BridgeError: the address is taken or is not one of this machine; says who is there.
    """
    socket = context.socket(zmq.ROUTER)
    socket.router_mandatory = 1
    socket.maxmsgsize = wire.SOCKET_LIMIT
    socket.rcvhwm = 2  # with keys ZeroMQ counts the seat's credential as a message that is never read: 1 would stall
    socket.sndhwm = UNSENT
    return _bound(socket, binding, pair, "requests")


def open_publisher(context: Context, binding: Binding, pair: Pair | None) -> Socket:
    """The socket for events; raises as ``open_router`` does."""
    socket = context.socket(zmq.PUB)
    socket.maxmsgsize = _LONGEST_SUBSCRIPTION
    socket.sndhwm = UNSENT_EVENTS
    return _bound(socket, binding, pair, "events")


def endpoint(socket: Socket) -> str:
    """Where it really listens."""
    found = socket.getsockopt(zmq.LAST_ENDPOINT)
    assert isinstance(found, bytes)
    return found.rstrip(b"\0").decode()


def watch(context: Context, socket: Socket) -> Socket:
    """A socket that tells of connections which were not let in; read it with ``why_refused``."""
    name = f"inproc://watch-{id(socket)}"
    socket.monitor(name, sum(_REFUSED))
    watcher = context.socket(zmq.PAIR)
    watcher.linger = 0
    watcher.rcvhwm = 0  # a full one would hold up the socket that it watches
    watcher.connect(name)
    return watcher


def why_refused(watcher: Socket) -> str:
    """Take one event off a watcher: ``key``, ``protocol`` or ``broken off``."""
    (event,) = struct.unpack_from("=H", watcher.recv_multipart()[0])
    return _REFUSED[event]


def _bound(socket: Socket, binding: Binding, pair: Pair | None, what: str) -> Socket:
    socket.linger = 0
    socket.ipv6 = binding.host.startswith("[")
    socket.backlog = 1024
    socket.handshake_ivl = _HANDSHAKE_S * 1000
    socket.heartbeat_ivl = _HEARTBEAT_S * 1000
    socket.heartbeat_timeout = _GONE_S * 1000
    socket.zap_domain = DOMAIN  # the doorkeeper is asked about everybody,
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # and nobody comes in while there is none
    if pair is not None:
        socket.curve_server = 1
        socket.curve_publickey, socket.curve_secretkey = pair.public, pair.secret
    try:
        if binding.transport == "ipc" and _answers(binding.host):
            raise zmq.ZMQError(errno.EADDRINUSE)  # ZeroMQ would take the file over
        socket.bind(binding.endpoint)
    except zmq.ZMQError as error:
        socket.close()
        if error.errno == zmq.EADDRINUSE:
            raise _taken(binding, what) from None
        raise BridgeError(
            f"the daemon cannot listen at {binding.endpoint} for {what}: {error.strerror}",
            "give an address of this machine with --bind, and a port that you may use",
        ) from None
    return socket


def _answers(path: str) -> bool:
    with plain_sockets.socket(plain_sockets.AF_UNIX) as probe:
        probe.settimeout(_ASK_S)
        return probe.connect_ex(path) == 0


def _taken(binding: Binding, what: str) -> BridgeError:
    """Says who listens at an address already, when that is a daemon that tells."""
    who = "another program listens there"
    everywhere = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
    there = Binding(binding.transport, everywhere.get(binding.host, binding.host), binding.port).endpoint
    try:
        with Client(there, timeout_s=_ASK_S) as client:
            found = client.ping()
        who = f"foley_bridge {found['version']} runs there already (process {found['pid']})"
    except (FoleyError, KeyError):
        pass
    return BridgeError(
        f"the daemon cannot listen at {binding.endpoint} for {what}: {who}", "use that one, stop it, or give another --bind"
    )
