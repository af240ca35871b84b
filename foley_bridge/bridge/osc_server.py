"""The OSC server of docs/protocol.md: triggers and status over UDP, for control surfaces and hosts that speak nothing else.

One thread reads the socket and asks the processor; answers about a job's progress are sent by whoever reports it. UDP promises
nothing, so a datagram that cannot be sent or that comes too often is dropped: asking again with the same key is always safe.
Nobody is answered anywhere but at the address that they sent from (at a port of their choice).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import selectors
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

from foley_bridge.bridge import osc_messages
from foley_bridge.bridge.binding import host_and_port
from foley_bridge.bridge.osc_listeners import Address, Listeners, answer
from foley_bridge.bridge.osc_messages import Asked
from foley_bridge.bridge.params import LONGEST_KEY
from foley_bridge.errors import BridgeError, FoleyError, InternalError, JobError, RequestError
from foley_bridge.jobs.events import Event
from foley_bridge.jobs.processor import Processor
from foley_bridge.jobs.roots import ANYWHERE, Roots
from foley_bridge.timeline.region_text import split_region_text

log = logging.getLogger(__name__)

MOST_SENDERS = 1024
"""Whose pace is remembered."""


class _Pace:
    """So many in a second, twice as many at once."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._left = 2 * per_s
        self._at_s = time.monotonic()

    def take(self) -> bool:
        """True when one more is within the pace."""
        now = time.monotonic()
        self._left = min(2 * self._per_s, self._left + (now - self._at_s) * self._per_s)
        self._at_s = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class OscServer:
    """Answers OSC messages, and tells those who asked for a job how it goes.

    Args:
        bind: ``HOST:PORT``, ``[HOST]:PORT`` for IPv6; port 0 takes a free one. OSC has no keys: whoever reaches it may use it.
        processor: does the jobs; its events must be handed to ``on_event``.
        out: takes and timelines are written here, in a folder for each job.
        roots: of the daemon; paths that go out are as this machine names them.
        per_s: datagrams answered of one sender in a second, and broken ones of all senders together; what comes beyond it
            is dropped unread.
    """

    def __init__(self, bind: str, processor: Processor, *, out: Path, roots: Roots = ANYWHERE, per_s: float = 100) -> None:
        self._family, self._bind = _resolved(bind)
        self._processor = processor
        self._out = out
        self._roots = roots
        self._per_s = per_s
        self._broken = _Pace(per_s)
        self._senders: OrderedDict[Address, _Pace] = OrderedDict()
        self._listeners = Listeners(self._send, roots)
        self._socket: socket.socket | None = None
        self._waker: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._commands: dict[str, Callable[[Asked, Address], None]] = {
            "/foley/generate": self._generate,
            "/foley/spot": self._spot,
            "/foley/status": self._status,
            "/foley/cancel": self._cancel,
        }

    @property
    def address(self) -> str:
        """``HOST:PORT`` that it listens at, once started."""
        assert self._socket is not None, "not started"
        host, port = self._socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> None:
        """Open the socket and answer.

        Raises:
            BridgeError: the address is taken, or is not one of this machine.
        """
        listening = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows would let another program take the port over
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            listening.bind(self._bind)
        except OSError as error:
            listening.close()
            host, port = self._bind[:2]
            raise BridgeError(
                f"OSC cannot listen at {host}:{port}: {error.strerror or error}", "give another address with --osc-bind"
            ) from error
        listening.setblocking(False)
        self._socket = listening
        sleeper, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, args=(listening, sleeper), name="osc", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the socket; nobody is told. Stopping twice is allowed."""
        if self._thread is None or self._waker is None or self._socket is None:
            return
        self._waker.close()  # which the thread sees
        self._thread.join()
        self._listeners.clear()
        self._socket.close()
        self._thread = self._waker = None

    @property
    def listening(self) -> int:
        """How many jobs somebody is told of."""
        return len(self._listeners)

    def on_event(self, event: Event) -> None:
        """Tell those who asked for a job; for the processor's events, from any thread. Returns at once."""
        self._listeners.on_event(event)

    # --- reading ---

    def _serve(self, listening: socket.socket, sleeper: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, sleeper:
            selector.register(listening, selectors.EVENT_READ)
            selector.register(sleeper, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if sleeper in ready:
                    return
                try:
                    datagram, sender = listening.recvfrom(65536)
                except BlockingIOError:
                    continue
                except OSError:  # Windows says here that an earlier answer found nobody
                    continue
                try:
                    self._answer(datagram, sender)
                except Exception:  # nothing that comes in a datagram may end the thread
                    log.exception("OSC: a datagram from %s:%s could not be answered", *sender[:2])

    def _answer(self, datagram: bytes, sender: Address) -> None:
        if osc_messages.is_answer(datagram) or not self._pace_of(sender).take():
            return
        try:
            asked = osc_messages.read(datagram)
        except RequestError as error:
            if self._broken.take():
                self._send(osc_messages.error("", "", error.to_json()), sender)
            return
        to = (sender[0], asked.reply_port or sender[1], *sender[2:])
        try:
            self._commands[asked.address](asked, to)
        except FoleyError as error:
            self._send(osc_messages.error("", asked.texts[0], error.to_json()), to)
        except Exception:
            log.exception("OSC: %s from %s:%s failed", asked.address, *sender[:2])
            fault = InternalError(f"{asked.address} could not be answered", "the daemon's log says more")
            self._send(osc_messages.error("", asked.texts[0], fault.to_json()), to)

    def _pace_of(self, sender: Address) -> _Pace:
        pace = self._senders.pop(sender, None) or _Pace(self._per_s)
        self._senders[sender] = pace  # now the last: the one unheard of for longest is forgotten first
        if len(self._senders) > MOST_SENDERS:
            self._senders.popitem(last=False)
        return pace

    # --- what can be asked ---

    def _generate(self, asked: Asked, to: Address) -> None:
        key, path, text = asked.texts
        if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
            raise RequestError(
                f"the key {key[:40]!r} is not 1 to {LONGEST_KEY} printable characters", "choose one for each job"
            )
        if not path:
            raise RequestError("the path of the timeline is empty", "give an absolute path")
        words, options = split_region_text(text)
        if words:
            raise RequestError(f"{words[0]!r} is not an option", "write options as name=value; words belong in a region's text")
        folder = self._out / _folder_name(path, key)
        params = {
            "kind": "generate",
            "key": key,
            "timeline": {"path": path},
            "out": str(folder / f"{_stem(path)}.otio"),
            "media_dir": str(folder / "takes"),
            "options": options,
        }
        first = self._listeners.add(key, to)
        try:
            view = self._processor.submit(params, payload=None, client=f"osc {to[0]}")
        except BaseException:
            if first:
                self._listeners.remove(key, to)
            raise
        self._listeners.greet(view, to)

    def _spot(self, asked: Asked, to: Address) -> None:
        raise JobError("this version does not spot", "mark regions and send /foley/generate")

    def _status(self, asked: Asked, to: Address) -> None:
        self._send(answer(self._processor.job(asked.texts[0]), self._roots), to)

    def _cancel(self, asked: Asked, to: Address) -> None:
        self._send(answer(self._processor.cancel(asked.texts[0]), self._roots), to)

    def _send(self, datagram: bytes, to: Address) -> None:
        if self._socket is None or not to[1]:
            return
        with contextlib.suppress(OSError):  # nobody there, no room just now, or closed: UDP promises nothing
            self._socket.sendto(datagram, to)


def _stem(path: str) -> str:
    """A timeline's name, as any file system takes it; the path may be another system's."""
    name = PureWindowsPath(path).name.rpartition(".")[0] or PureWindowsPath(path).name
    return re.sub(r"[^\w.-]+", "_", name)[:40].strip("._") or "timeline"


def _folder_name(path: str, key: str) -> str:
    """The same for the same key, and no other key's."""
    return f"{_stem(path)}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _resolved(bind: str) -> tuple[int, Address]:
    host, port = host_and_port(bind, "OSC")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:
        raise BridgeError(f"OSC cannot listen at {bind}: there is no such host", "give an address of this machine") from error
    return family, address
