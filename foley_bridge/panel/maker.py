"""The process that makes what takes long, for one panel (``workshop.py``), and ends with it.

``python -P -m foley_bridge.panel.maker PART ...``: it makes the KINDS of those modules beside this one. Lines of JSON on
standard input, one thing after another:

    {"make": FILE, "kind": KIND, ...}, the rest being that kind's own
    {"drop": FILE}      nobody wants it any more

and for each "make" one line on standard output, after any number of {"say": "working"}:

    {"say": "made", "missing": [TEXT, ...]}, {"say": "dropped"} or {"say": "failed", "error": {...}}
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from foley_bridge.errors import FoleyError, MediaError

NICE = 10
EVERY_S = 1.0
"""How often it says that it is working."""
PACKAGE = "foley_bridge.panel"
SLOW = "sounds"
"""The part that loads much when first used, which it does while the first thing is made."""


class Dropped(Exception):
    """Nobody wants what is being made."""


class Maker:
    """Makes things.

    Args:
        parts: modules beside this one.
        orders: lines from the panel.
        words: lines to it.
    """

    def __init__(self, parts: Sequence[str], orders: IO[bytes], words: IO[bytes]) -> None:
        self._parts = parts
        self._orders, self._words = orders, words
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._dropped: str | None = None
        self._made = ""
        self._said_s = 0.0

    def listen(self) -> None:
        """Read orders until the panel is gone, then die."""
        with contextlib.suppress(OSError, ValueError):
            for line in self._orders:
                order = json.loads(line)
                if "drop" in order:
                    self._dropped = order["drop"]
                else:
                    self._waiting.put(order)
        os._exit(0)

    def work(self) -> None:
        """Make things for ever."""
        modules = [importlib.import_module(f"{PACKAGE}.{part}") for part in self._parts]
        kinds = {name: make for module in modules for name, make in module.KINDS.items()}
        if SLOW in self._parts:
            threading.Thread(target=importlib.import_module(f"{PACKAGE}.{SLOW}").warm, daemon=True).start()
        while True:
            order = self._waiting.get()
            self._made = order.pop("make")
            try:
                missing = kinds[order.pop("kind")](Path(self._made), order, self._look)
                self._say({"say": "made", "missing": missing})
            except Dropped:
                self._dropped = None  # it may be asked for again
                self._say({"say": "dropped"})
            except FoleyError as error:
                self._say({"say": "failed", "error": error.to_json()})
            except Exception as error:
                traceback.print_exc()
                why = MediaError(f"the picture or sound cannot be made: {type(error).__name__}: {error}", "the log says more")
                self._say({"say": "failed", "error": why.to_json()})

    def _look(self) -> None:
        if self._dropped == self._made:
            raise Dropped
        if time.monotonic() > self._said_s + EVERY_S:
            self._say({"say": "working"})

    def _say(self, said: Mapping[str, Any]) -> None:
        self._said_s = time.monotonic()
        try:
            self._words.write(json.dumps(said).encode() + b"\n")
            self._words.flush()
        except OSError:
            os._exit(0)


def main() -> None:
    """Work until standard input ends."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    orders, words = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    maker = Maker(sys.argv[1:], orders, words)
    threading.Thread(target=maker.listen, daemon=True).start()
    maker.work()


if __name__ == "__main__":
    main()
