"""A process that belongs to the daemon, seen from inside: it is spoken to through its standard streams, and ends with them."""

from __future__ import annotations

import os
import signal
import sys
from typing import IO


def own_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Standard input and output, put out of the way of libraries that print and children that read."""
    orders, words = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return orders, words


def die() -> None:
    """At once, in the middle of whatever it is, and with the children: the daemon that this belongs to is gone."""
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
