"""The client: asks a daemon one thing at a time. Every wait has a bound, and every failure is an error that says what to do.

Beyond the standard library it needs only ZeroMQ, so that ``foley-call`` starts at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import Any, NamedTuple

import zmq

from foley_bridge.bridge import wire
from foley_bridge.bridge.connection import CONNECT_S, Connection, Lost, read_keys
from foley_bridge.errors import BridgeError, BusyError, RequestError
from foley_bridge.jobs.names import ENDED

TIMEOUT_S = 10.0
LONG_TIMEOUT_S = 60.0
SLOW = frozenset({"submit", "result", "capabilities", "library.search", "audition", "reels", "reel"})
"""Methods that may take long: those that carry much, and those that load or start something when first asked."""
WAITING = {"wait": 60.0, "choices": 0.0}
"""How long those methods wait that do when they are not told."""
PATIENCE_S = 30.0
BUSY_S = (0.2, 3.0)
"""How long it waits before it asks a busy daemon again: at first, at most."""
POLL_S = 2.0


class Reply(NamedTuple):
    """What a method gave: its ``result``, and the payload frame when there was one."""

    result: dict[str, Any]
    payload: bytes | None


class Client:
    """A connection to a daemon, opened when first used. Not to be shared between threads.

    Args:
        endpoint: of the daemon's requests; by default ``FOLEY_BRIDGE_ENDPOINT``, or this machine's usual one.
        keys: a folder of CURVE keys, for a daemon that was started with keys (docs/protocol.md, "Many seats").
        seat: whose keys in that folder.
        timeout_s: how long a reply may take, where a method has no longer time by its nature (``patience_s``).
        meanwhile: called a few times a second while it waits for anything; what it raises ends the wait and passes through.

    Raises:
        BridgeError: the keys cannot be used.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        keys: Path | None = None,
        seat: str | None = None,
        timeout_s: float = TIMEOUT_S,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        self.endpoint = endpoint or os.environ.get("FOLEY_BRIDGE_ENDPOINT") or wire.DEFAULT_ENDPOINT
        self._timeout_s = timeout_s
        self._connection = Connection(self.endpoint, None if keys is None else read_keys(keys, seat), meanwhile)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    # --- asking ---

    def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        payload: bytes | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """Ask, and give what was answered.

        Raises:
            RequestError: the request is no JSON, or larger than 64 MB: nothing was sent.
            BridgeError: nobody answered in time.
            FoleyError: what the daemon answered when it refused, of the class that its ``kind`` names.
        """
        header, found = self.exchange(wire.request(os.urandom(8).hex(), method, params), payload, timeout_s)
        result = header.get("result")
        if header.get("ok") is True and isinstance(result, dict):
            return Reply(result, found)
        raise wire.error_from(header.get("error"))

    def exchange(
        self, header: Mapping[str, Any], payload: bytes | None = None, timeout_s: float | None = None
    ) -> tuple[dict[str, Any], bytes | None]:
        """Send a request's header as it stands; returns the reply's header, which may hold an error, and its payload or None.

        A ``submit`` with a ``key`` is sent again when the daemon goes away before it answers: the key makes that safe. What the
        daemon refused only because it had too much to do is sent again while there is time. Nothing else is sent twice.

        Raises:
            RequestError: the request is no JSON, or larger than 64 MB: nothing was sent.
            BridgeError: nobody answered in time, or in another version of the protocol.
        """
        deadline = time.monotonic() + (max(self._timeout_s, patience_s(header)) if timeout_s is None else timeout_s)
        lost = False
        pause_s, longest_s = BUSY_S
        while True:
            try:
                answer = self._understood(self._connection.exchange(header, payload, deadline))
            except Lost:
                lost = True
            except BridgeError:
                if not lost:
                    raise
            else:
                if not _is_busy(answer[0]) or time.monotonic() + pause_s > deadline:
                    return answer
                lost = True  # it may be busy going down
                self._connection.sleep(pause_s)
                pause_s = min(2 * pause_s, longest_s)
                continue
            if not _has_key(header) or time.monotonic() > deadline - CONNECT_S:
                raise BridgeError(
                    f"the daemon at {self.endpoint} went away before it answered",
                    "ask again when it is back; foley-bridge jobs list then says what became of a job",
                )
            self._connection.sleep(0.2)

    def _understood(self, answer: tuple[dict[str, Any], bytes | None]) -> tuple[dict[str, Any], bytes | None]:
        """An answer in this version of the protocol; BridgeError when it is in another."""
        version = answer[0].get("foley_bridge")
        if version != wire.VERSION:
            raise BridgeError(
                f"the daemon at {self.endpoint} is of another version: it speaks protocol {version}, this is {wire.VERSION}",
                "bring foley-bridge up to date here and there, and start the daemon again",
            )
        return answer

    # --- the methods ---

    def ping(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Version, protocols and process of the daemon."""
        return self.request("ping", timeout_s=timeout_s).result

    def capabilities(self) -> dict[str, Any]:
        """What the daemon can do, and where it listens."""
        return self.request("capabilities").result

    def submit(self, params: Mapping[str, Any], payload: bytes | None = None) -> dict[str, Any]:
        """Queue a job of any kind; returns the job object. With a ``key`` the request is sent again when its reply is lost.

        Raises:
            FoleyError: see ``request``.
        """
        return self.request("submit", params, payload).result

    def status(self, job: str) -> dict[str, Any]:
        """The job object."""
        return self.request("status", {"job": job}).result

    def cancel(self, job: str) -> dict[str, Any]:
        """Ask for an end; returns the job object at once, which may not have ended yet."""
        return self.request("cancel", {"job": job}).result

    def wait(self, job: str, timeout_s: float) -> dict[str, Any]:
        """The job object, when the job has ended or the time is up."""
        return self.request("wait", {"job": job, "timeout_s": timeout_s}).result

    def result(self, job: str, *, timeline: bool = False) -> Reply:
        """What a job that is done gave; the bytes of its timeline as the payload when asked for."""
        return self.request("result", {"job": job, "timeline": timeline})

    def jobs(self, *, states: list[str] | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Job objects, newest first."""
        params: dict[str, Any] = {"limit": limit} | ({} if states is None else {"states": states})
        found: list[dict[str, Any]] = self.request("jobs", params).result["jobs"]
        return found

    def audition(self, job: str | None = None) -> dict[str, Any]:
        """A link to the page of a reel, the newest one when none is named: ``url``, and ``job``, null when there is no reel."""
        return self.request("audition", {"job": job}).result

    def reels(self, limit: int = 100) -> list[dict[str, Any]]:
        """The reels, newest first: ``job``, ``title``, ``finished``, and how many ``regions``, of these ``chosen``,
        ``rejected`` and ``failed``."""
        found: list[dict[str, Any]] = self.request("reels", {"limit": limit}).result["reels"]
        return found

    def reel(self, job: str) -> dict[str, Any]:
        """A reel whole (docs/audition.md)."""
        return self.request("reel", {"job": job}).result

    def choose(self, job: str, region: int, base: int, choice: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Write one choice; gives ``job``, ``region``, the ``choice`` as it is now, and the reel's ``revision``.

        Args:
            job, region: the reel, and the region's number.
            base: the revision of the region's choice that was seen.
            choice: as in docs/audition.md, without ``revision``, ``at_s`` and ``by``.
            by: who chooses.

        Raises:
            ConflictError: there is a newer choice; ``choices`` says which.
        """
        params = {"job": job, "region": region, "base": base, "choice": dict(choice), "by": by}
        return self.request("choose", params).result

    def choices(
        self, job: str, *, after: int | None = None, applied: str | EllipsisType | None = ..., timeout_s: float = 0.0
    ) -> dict[str, Any]:
        """What changed in a reel: ``job``, ``revision``, ``choices`` (the newest of each region), ``applied``.

        Args:
            job: the reel.
            after: the reel's revision that is known: choices that are newer are told, all of them when left out.
            applied: the job of kind ``apply`` that is known, None when none is; left out: nobody waits for one.
            timeout_s: how long to wait for something newer than ``after`` or ``applied``, those of them that are given.
        """
        params: dict[str, Any] = {"job": job, "timeout_s": timeout_s}
        params |= {} if after is None else {"after": after}
        params |= {} if applied is ... else {"applied": applied}
        return self.request("choices", params).result

    def follow(self, job: str, seen: Callable[[dict[str, Any]], None], *, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until a job has ended, told of its progress; returns the job object.

        Progress comes from the daemon's PUB socket; since that may lose messages, ``status`` is asked now and then as well.

        Args:
            job: its id.
            seen: is called with the job object, often; what it raises passes through.
            patience_s: how long the daemon may be away: it takes its jobs up again when it comes back.

        Raises:
            FoleyError: there is no such job, or the daemon stays away.
        """
        view: dict[str, Any] | None = None
        listener = None
        poll_s, heard_at = 0.1, time.monotonic()
        try:
            while True:
                wait_s, poll_s = poll_s, min(2 * poll_s, POLL_S)
                try:
                    if view is None:
                        view = self.status(job)
                        listener = self._listen(job)
                    else:
                        view = self._newest_event(listener, wait_s) or self.status(job)
                    heard_at = time.monotonic()
                except BridgeError:
                    if time.monotonic() > heard_at + patience_s:
                        raise
                    self._connection.sleep(wait_s)
                    continue
                seen(view)
                if view["state"] in ENDED:
                    return view
        finally:
            if listener is not None:
                listener.close(linger=0)

    def _listen(self, job: str) -> zmq.Socket[bytes] | None:
        published = (self.ping().get("endpoints") or {}).get("events")
        return self._connection.listen(published.rpartition(":")[2], job) if published else None

    def _newest_event(self, listener: zmq.Socket[bytes] | None, timeout_s: float) -> dict[str, Any] | None:
        """The newest job object published, waiting ``timeout_s`` for the first; None when there was none."""
        if listener is None:
            self._connection.sleep(timeout_s)
            return None
        newest = None
        while self._connection.poll(listener, timeout_s if newest is None else 0.0):
            try:
                header, _ = wire.decode(listener.recv_multipart()[1:], header_limit=wire.SERVER_LIMIT)
            except RequestError:
                return None  # not one of ours; ``status`` is the truth
            newest = header.get("job")
        return newest


def patience_s(header: Mapping[str, Any]) -> float:
    """How long the reply to a request may take when nobody says."""
    method = header.get("method")
    if method not in WAITING:
        return LONG_TIMEOUT_S if method in SLOW else 0.0
    params = header.get("params")
    waits_s = params.get("timeout_s") if isinstance(params, Mapping) else None
    return TIMEOUT_S + (min(waits_s, wire.LONGEST_WAIT_S) if isinstance(waits_s, (int, float)) else WAITING[method])


def _is_busy(header: Mapping[str, Any]) -> bool:
    error = header.get("error")
    return isinstance(error, Mapping) and error.get("kind") == BusyError.__name__


def _has_key(header: Mapping[str, Any]) -> bool:
    params = header.get("params")
    return header.get("method") == "submit" and isinstance(params, Mapping) and params.get("key") is not None
