"""A peer that answers as a test tells it to: silence, loss and late replies, which no real daemon can be made to give."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import zmq

from foley_bridge.bridge import wire

Answer = Callable[[dict[str, Any]], "list[dict[str, Any]]"]
"""What a peer answers to a request's header: any number of headers."""


class Peer:
    """A ROUTER that answers as told, in a thread, until the test ends; it counts what it was asked."""

    def __init__(self, answer: Answer, endpoint: str = "tcp://127.0.0.1:0", payload: bytes | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.payloads: list[bytes | None] = []
        self._payload = payload
        self._answer = answer
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.bind(endpoint)
        self.endpoint = self._router.getsockopt_string(zmq.LAST_ENDPOINT)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ending.is_set():
            if self._router.poll(20):
                sender, *frames = self._router.recv_multipart()
                header, payload = wire.decode(frames)
                self.asked.append(header)
                self.payloads.append(payload)
                for reply in self._answer(header):
                    self._router.send_multipart([sender, *wire.encode(reply, self._payload)])
        self._context.destroy(linger=0)

    def stop(self) -> None:
        self._ending.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()


def echo(header: dict[str, Any]) -> list[dict[str, Any]]:
    return [wire.reply(header["id"], {"asked": header["method"], "params": header.get("params")})]
