"""The ZeroMQ server: one thread that reads requests, hands them to lanes, sends replies and events, and waits for nobody.

Whatever may take time (a disk, a library that is loaded) is done in a lane, one thread for each kind of work, so that a search
does not hold up a cancel; what comes of it is handed back to the loop. Only the loop touches sockets. What is read but not
answered yet is bounded: what takes long is refused when there is too much of it, so that what is quick is read in any case.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import zmq

from foley_bridge.bridge import sockets, wire
from foley_bridge.bridge.binding import Binding
from foley_bridge.bridge.doorkeeper import Doorkeeper
from foley_bridge.bridge.keys import Pair, Seats
from foley_bridge.bridge.lane import ALL_LANES, LANES, MOST_IN_LANE, Lane, lane_of
from foley_bridge.bridge.logs import Seldom
from foley_bridge.bridge.mailbox import Mailbox
from foley_bridge.bridge.methods import Answer, Methods
from foley_bridge.bridge.metrics import Unmeasured
from foley_bridge.bridge.newsroom import Newsroom
from foley_bridge.bridge.outbox import Outbox
from foley_bridge.bridge.params import Wait
from foley_bridge.bridge.protocol import Request, read_request, request_id
from foley_bridge.bridge.reel_methods import Written
from foley_bridge.bridge.reel_params import Choices
from foley_bridge.bridge.waiters import Waiters, awaited, news_of
from foley_bridge.errors import BusyError, FoleyError, InternalError, RequestError
from foley_bridge.jobs.events import Event
from foley_bridge.jobs.names import ENDED

log = logging.getLogger(__name__)
_seldom = Seldom(log)

MOST_IN_HAND = 2000
MOST_BYTES_IN_HAND = 256 * wire.MB
"""Of jobs that are being accepted, with their timelines; other requests are small once they are read."""
MOST_WAITERS = 10_000
AT_ONCE = 50  # messages that are read before events and waiters have their turn
GRACE_S = 2.0  # for what is in hand, when the server is told to stop
LINGER_MS = 500


@dataclass(eq=False)
class _Ask:
    """A request on its way.

    Attributes:
        peer: ZeroMQ's name of the connection.
        delimited: it came with a REQ socket's empty frame, and so does its reply.
        client: the seat that asks, or ``local``.
        came_s: time.monotonic().
        size: bytes.
        request: None while it is not read.
        waits_until_s: of ``wait`` and ``choices``.
        waiting: it was told to wait for its job's end, or for news of its reel.
    """

    peer: bytes
    delimited: bool
    client: str
    came_s: float
    size: int
    request: Request | None = None
    waits_until_s: float = 0.0
    waiting: bool = False
    answered: bool = False


class Server:
    """Listens at a binding (and publishes at the next) from the moment it is made; answers while ``run`` runs.

    Args:
        binding: for requests. Events go out at the next port.
        pair: the server's keys; None listens without, for loopback only.
        seats: who is let in when there are keys.

    Raises:
        BridgeError: an address is taken or is not one of this machine.
    """

    def __init__(self, binding: Binding, *, pair: Pair | None = None, seats: Seats | None = None) -> None:
        self._context: sockets.Context = zmq.Context()
        self._doorkeeper = Doorkeeper(self._context, seats)
        try:
            self._router = sockets.open_router(self._context, binding, pair)
            self._publisher = sockets.open_publisher(self._context, binding.next(1), pair)
        except BaseException:
            self._context.destroy(linger=0)
            raise
        named = {"requests": self._router, "events": self._publisher}
        self.endpoints = {name: sockets.endpoint(each) for name, each in named.items()}
        self._watchers = {name: sockets.watch(self._context, each) for name, each in named.items()}
        self._seats = seats if pair is not None else None
        self._mailbox = Mailbox()
        self.waker = self._mailbox.waker
        """A byte sent here wakes the loop."""
        self._newsroom = Newsroom(self._publisher, self._mailbox, self._happened)
        self._waiters: Waiters[_Ask] = Waiters(MOST_WAITERS)
        self._in_hand = self._bytes_in_hand = 0
        self._reading = True
        self._stop_at_s: float | None = None

    # --- for other threads ---

    def publish(self, event: Event) -> None:
        """Tell subscribers and waiters of something that happened to a job."""
        self._newsroom.publish(event)

    def stop(self) -> None:
        """End ``run`` soon: what is in hand is answered first, and who waits is told how things stand."""
        self._mailbox.post(self._begin_to_stop)

    # --- the loop ---

    def run(self, methods: Methods, metrics: Unmeasured) -> None:
        """Answer until ``stop``."""
        self._methods, self._metrics = methods, metrics
        self._lanes = {name: Lane(name) for name in ALL_LANES}
        self._outbox = Outbox(self._router, metrics)
        handlers: dict[Any, Callable[[], None]] = {
            self._router: self._read,
            self._doorkeeper.socket: self._doorkeeper.answer,
            self._mailbox.fileno(): self._mailbox.empty,
        }
        handlers |= {watcher: partial(self._refused, watcher, name) for name, watcher in self._watchers.items()}
        self._poller = zmq.Poller()
        for source in handlers:
            self._poller.register(source, zmq.POLLIN)
        while not self._is_over():
            for source, _ in self._poller.poll(self._sleep_ms()):
                try:
                    handlers[source]()
                except Exception:  # our fault: one message may be lost, the others are not
                    log.exception("the server's loop met a fault")
                    time.sleep(0.01)  # one that comes again and again must not fill the disk with its log
            for ask in self._waiters.overdue(time.monotonic()):
                self._look_again(ask)

    def close(self) -> None:
        """Let go of the sockets, when ``run`` has ended or never began; replies on their way get half a second."""
        for each in (self._router, self._publisher):
            each.disable_monitor()
        self._context.destroy(linger=LINGER_MS)
        self._mailbox.close()

    def _sleep_ms(self) -> int | None:
        times_s = [at_s for at_s in (self._waiters.next_s(), self._stop_at_s) if at_s is not None]
        return max(0, int((min(times_s) - time.monotonic()) * 1000) + 1) if times_s else None

    def _refused(self, watcher: sockets.Socket, name: str) -> None:
        why = sockets.why_refused(watcher)
        self._metrics.connection_refused(name, why)
        _seldom.warning("a connection was refused", socket=name, why=why)

    def _begin_to_stop(self) -> None:
        if self._stop_at_s is None:
            self._stop_at_s = time.monotonic() + GRACE_S
            self._mind_the_load()
            for ask in self._waiters.overdue(float("inf")):
                self._look_again(ask)

    def _is_over(self) -> bool:
        return self._stop_at_s is not None and (self._in_hand == 0 or time.monotonic() >= self._stop_at_s)

    # --- reading ---

    def _read(self) -> None:
        for _ in range(AT_ONCE):
            try:
                peer = self._router.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._take(peer)
            if not self._reading:
                return

    def _take(self, peer: zmq.Frame) -> None:
        """Read the rest of a message, and see to it."""
        frames: list[zmq.Frame] = []
        count = size = 0
        frame = peer
        while frame.more:
            frame = self._router.recv(copy=False)
            count, size = count + 1, size + len(frame)
            if len(frames) < 3:  # more are not kept, however many come
                frames.append(frame)
        client = self._seats.still(str(frame.get("User-Id"))) if self._seats is not None else "local"
        delimited = count > 1 and len(frames[0]) == 0
        ask = _Ask(peer.bytes, delimited, client or "nobody", time.monotonic(), size)
        self._metrics.traffic(received=size)
        frames, count = frames[delimited:], count - delimited
        header = bytes(frames[0].buffer[: wire.HEADER_LIMIT + 1])
        try:
            if client is None:  # ZeroMQ asked the doorkeeper only when the connection began
                raise RequestError("this seat is not let in any more", "ask for new keys where the daemon runs")
            if size > wire.CLIENT_LIMIT:
                raise RequestError(
                    f"request: {size / wire.MB:.1f} MB, more than {wire.CLIENT_LIMIT // wire.MB} MB", wire.TOO_LARGE_HINT
                )
            if count > 2:
                raise RequestError(f"request: {count} frames", "send a JSON header and at most one payload frame")
            ask.request = read_request(header, payload=count == 2)
            self._begin(ask, ask.request, frames[1] if count == 2 else None)
        except FoleyError as error:
            self._reply(ask, wire.refusal(request_id(header), error))
        except Exception:
            log.exception("a request met a fault", extra={"client": client})
            self._reply(ask, wire.refusal(request_id(header), InternalError("the request met a fault of the daemon's own")))

    def _begin(self, ask: _Ask, request: Request, payload: zmq.Frame | None) -> None:
        """Answer a request, or hand it to its lane.

        Raises:
            BusyError: the lane has too much to do.
        """
        if isinstance(request.params, Wait | Choices):
            ask.waits_until_s = ask.came_s + request.params.timeout_s
        lane = lane_of(request)
        if lane is None:
            self._done(ask, request, self._outcome(request, None, ask.client))
            return
        size = ask.size if lane == "submit" else 0
        if self._lanes[lane].waiting >= MOST_IN_LANE.get(lane, MOST_IN_HAND) or self._bytes_in_hand + size > MOST_BYTES_IN_HAND:
            raise BusyError(f"the daemon has too much to do for {request.method}", "send it again in a moment")
        self._give(ask, request, lane, payload, size)

    # --- working, beside the loop ---

    def _give(self, ask: _Ask, request: Request, lane: str, payload: zmq.Frame | None, size: int) -> None:
        """Let a lane work for a request. size: bytes that are held meanwhile."""

        def work() -> None:
            outcome = self._outcome(request, payload, ask.client)
            self._mailbox.post(partial(self._came_back, ask, request, size, outcome))

        self._in_hand += 1
        self._bytes_in_hand += size
        self._mind_the_load()
        self._lanes[lane].do(work)

    def _outcome(self, request: Request, payload: zmq.Frame | None, client: str) -> Answer | FoleyError:
        try:
            return self._methods.answer(request, None if payload is None else payload.bytes, client)
        except FoleyError as error:
            return error
        except Exception:
            log.exception("%s met a fault", request.method, extra={"client": client})
            return InternalError(f"{request.method} met a fault of the daemon's own", "the daemon's log has more")

    def _came_back(self, ask: _Ask, request: Request, size: int, outcome: Answer | FoleyError) -> None:
        self._in_hand -= 1
        self._bytes_in_hand -= size
        self._mind_the_load()
        self._done(ask, request, outcome)

    def _mind_the_load(self) -> None:
        """Read on, or let clients wait until there is less in hand."""
        room = self._in_hand < MOST_IN_HAND and self._stop_at_s is None
        if room != self._reading:
            self._reading = room
            self._poller.modify(self._router, zmq.POLLIN if room else 0)

    # --- answering ---

    def _done(self, ask: _Ask, request: Request, outcome: Answer | FoleyError) -> None:
        """Reply; but what waits for something that has not happened waits."""
        if isinstance(outcome, FoleyError):
            self._reply(ask, wire.refusal(request.id, outcome))
            return
        result, payload = outcome
        if isinstance(result, Written):
            self._reply(ask, wire.reply(request.id, None), payload, result)
            return
        has_time = self._stop_at_s is None and time.monotonic() < ask.waits_until_s
        what = awaited(request, result) if has_time and not ask.answered else None
        if what is not None:
            if not ask.waiting:
                ask.waiting = True
                for longest in self._waiters.add(what, ask.waits_until_s, ask):
                    self._look_again(longest)
                self._give(ask, request, LANES[request.method], None, 0)  # it may have happened just before anybody waited
            return
        self._reply(ask, wire.reply(request.id, result), payload)
        if request.method == "choose":
            self._newsroom.chosen(result)
            self._news_of(result["job"])

    def _look_again(self, ask: _Ask) -> None:
        """A waiter is told how things stand now."""
        if not ask.answered and ask.request is not None:
            ask.waits_until_s = 0.0
            self._give(ask, ask.request, LANES[ask.request.method], None, 0)

    def _news_of(self, reel: str) -> None:
        """Something was chosen or applied: those who wait for a reel look whether it is what they wait for."""
        for ask in self._waiters.happened(news_of(reel)):
            if not ask.answered and ask.request is not None:
                ask.waiting = False
                self._give(ask, ask.request, LANES[ask.request.method], None, 0)

    def _reply(self, ask: _Ask, header: dict[str, Any], payload: bytes | None = None, result: bytes | None = None) -> None:
        if ask.answered:
            return
        ask.answered = True
        self._outbox.send(ask.peer, ask.delimited, header, payload, result)
        method = ask.request.method if ask.request else "unreadable"
        kind = "ok" if header["ok"] else header["error"]["kind"]
        took_s = time.monotonic() - ask.came_s
        self._metrics.request(method, kind, took_s)
        log.debug(
            "answered", extra={"method": method, "outcome": kind, "client": ask.client, "took_ms": round(took_s * 1000, 2)}
        )

    def _happened(self, job: dict[str, Any]) -> None:
        """Something happened to a job: those who waited for its end, or that of an ``apply`` of a reel, are answered."""
        if job["state"] in ENDED:
            for ask in self._waiters.happened(job["job"]):
                if ask.request is not None:
                    self._reply(ask, wire.reply(ask.request.id, job))
            if job["kind"] == "apply":
                self._news_of(job["reel"])
