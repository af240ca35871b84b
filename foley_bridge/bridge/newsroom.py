"""What is told to subscribers: every state and step of a job in order, of its progress what is newest, and every choice."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import zmq

from foley_bridge.bridge import wire
from foley_bridge.bridge.mailbox import Mailbox
from foley_bridge.jobs.events import Event


class Newsroom:
    """Publishes events of jobs and reels through a PUB socket.

    Args:
        socket: used by the loop only.
        mailbox: the loop's.
        happened: is called by the loop with the job object after each state and step.
    """

    def __init__(self, socket: zmq.Socket[bytes], mailbox: Mailbox, happened: Callable[[dict[str, Any]], None]) -> None:
        self._socket, self._mailbox, self._happened = socket, mailbox, happened
        self._newest: dict[str, Event] = {}  # progress that was not told yet, by job
        self._lock = threading.Lock()

    def publish(self, event: Event) -> None:
        """From any thread; returns at once. Nobody waits for a subscriber that does not read."""
        if event.kind != "progress":
            self._mailbox.post(partial(self._tell_and_say, event))
            return
        with self._lock:
            first = not self._newest
            self._newest[event.view.record.id] = event
        if first:
            self._mailbox.post(self._tell_newest)

    def chosen(self, said: Mapping[str, Any]) -> None:
        """By the loop: a choice was written. ``said``: what ``choose`` answers."""
        self._publish(wire.reel_topic(said["job"]), wire.choice_event(said))

    def _tell_and_say(self, event: Event) -> None:
        self._happened(self._tell(event))

    def _tell_newest(self) -> None:
        with self._lock:
            newest, self._newest = self._newest, {}
        for event in newest.values():
            self._tell(event)

    def _tell(self, event: Event) -> dict[str, Any]:
        job = event.view.to_json()
        self._publish(wire.topic(job["job"]), wire.event(event.kind, job))
        return job

    def _publish(self, topic: bytes, header: Mapping[str, Any]) -> None:
        with contextlib.suppress(zmq.Again):
            self._socket.send_multipart([topic, *wire.encode(header)], zmq.NOBLOCK)
