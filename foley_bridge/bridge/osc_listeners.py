"""Who is told over OSC how a job goes: those who asked for it, from its first event to its last.

Listeners are known by the job's key, so that they can be noted before the job is submitted and miss nothing of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from foley_bridge.bridge import osc_messages
from foley_bridge.errors import Cancelled, JobError
from foley_bridge.jobs.events import Event
from foley_bridge.jobs.names import ENDED
from foley_bridge.jobs.roots import Roots
from foley_bridge.jobs.view import JobView

PROGRESS_EVERY_S = 0.25
MOST_JOBS = 4096
MOST_LISTENERS = 8
"""Of one job; the one that asked first is forgotten when another comes."""

Address = tuple[Any, ...]
"""``(host, port)``, and for IPv6 ``(host, port, flow, scope)``."""


def answer(view: JobView, roots: Roots) -> bytes:
    """The one message that says how a job stands, with paths as this machine names them."""
    job = view.to_json()
    state = view.record.state
    if state == "done":
        result = view.record.result or {}
        out = roots.to_local(result["out"] or "")  # the journal has the seats' names; a retake writes no timeline
        return osc_messages.done(job, {**result, "out": out})
    if state in ENDED:
        fault = job["error"] or Cancelled("the job was cancelled").to_json()
        return osc_messages.error(job["job"], job["key"] or "", fault)
    return osc_messages.progress(job)


@dataclass
class _Listening:
    """Those who asked for one job.

    Attributes:
        addresses: in the order in which they asked.
        told: those of them that were told something since they last asked.
        told_s: when they were last told (``time.monotonic``).
    """

    addresses: list[Address] = field(default_factory=list)
    told: set[Address] = field(default_factory=set)
    told_s: float = 0.0


class Listeners:
    """Those who asked, by the key of their job. May be used from any thread.

    Args:
        send: sends a datagram to an address, without waiting. It is called with a lock held, so that nothing is told of a job
            after its end, and its end only once.
        roots: of the daemon.
    """

    def __init__(self, send: Callable[[bytes, Address], None], roots: Roots) -> None:
        self._send, self._roots = send, roots
        self._lock = threading.Lock()
        self._jobs: dict[str, _Listening] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, key: str, to: Address) -> bool:
        """Have somebody told of a job; False when they are already.

        Raises:
            JobError: as many jobs as can be are listened to.
        """
        with self._lock:
            if key not in self._jobs and len(self._jobs) >= MOST_JOBS:
                raise JobError("too many jobs are being listened to", "wait until some have ended")
            job = self._jobs.setdefault(key, _Listening())
            job.told.discard(to)
            if to in job.addresses:
                return False
            job.addresses.append(to)
            for oldest in job.addresses[:-MOST_LISTENERS]:
                job.addresses.remove(oldest)
                job.told.discard(oldest)
            return True

    def remove(self, key: str, to: Address) -> None:
        """Have somebody told no more."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and to in job.addresses:
                job.addresses.remove(to)
                if not job.addresses:
                    del self._jobs[key]

    def greet(self, view: JobView, to: Address) -> None:
        """Tell somebody who just asked how the job stands, unless an event has told them already."""
        with self._lock:
            job = self._jobs.get(view.record.key or "")
            if job is not None and to not in job.told:
                self._tell(view, job, [to])

    def on_event(self, event: Event) -> None:
        """Tell those who asked for a job: of each state and step, and of progress between them at a bounded rate."""
        with self._lock:
            job = self._jobs.get(event.view.record.key or "")
            now = time.monotonic()
            if job is not None and (event.kind != "progress" or now - job.told_s >= PROGRESS_EVERY_S):
                job.told_s = now
                self._tell(event.view, job, job.addresses)

    def clear(self) -> None:
        """Forget everybody."""
        with self._lock:
            self._jobs.clear()

    def _tell(self, view: JobView, job: _Listening, some: list[Address]) -> None:
        if view.record.state in ENDED:
            del self._jobs[view.record.key or ""]
            some = job.addresses
        datagram = answer(view, self._roots)
        for address in some:
            job.told.add(address)
            self._send(datagram, address)
