"""Ports that nobody takes in the meantime: from below those that systems hand out by themselves."""

from __future__ import annotations

import contextlib
import random
import socket

_FIRST, _LAST = 20000, 32000  # Linux hands out from 32768 on, macOS and Windows from 49152


def free_ports(count: int = 1) -> int:
    """The first of so many that follow one another, free on loopback for TCP and UDP; a daemon takes up to four: requests,
    events, OSC, the page."""
    for _ in range(1000):
        first = random.randrange(_FIRST, _LAST - count)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    held.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", port))
            return first
    raise AssertionError("no ports are free")
