"""What networks made of pictures and sounds, kept by content: no bytes are looked at twice, in whatever region or job."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 128 << 20
Array = NDArray[Any]


class Remembered:
    """Arrays by what they were made from, as long as they take no more than so many bytes. May be used by several threads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._kept: OrderedDict[str, Array] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, maker: str, given: Array, make: Callable[[], Array]) -> Array:
        """What ``make`` gives for this content, or gave before. Not to be changed by whoever gets it.

        Args:
            maker: who makes it: the SHA-256 of a graph.
            given: what it is made from.
            make: makes it.
        """
        said = f"{maker} {given.dtype} {given.shape} {hashlib.sha256(np.ascontiguousarray(given).data).hexdigest()}"
        with self._lock:
            if said in self._kept:
                self._kept.move_to_end(said)
                return self._kept[said]
        made = make()
        made.flags.writeable = False
        with self._lock:
            if said not in self._kept and made.nbytes <= self._most_bytes:
                self._kept[said] = made
                self._bytes += made.nbytes
                while self._bytes > self._most_bytes:
                    _, gone = self._kept.popitem(last=False)
                    self._bytes -= gone.nbytes
        return made
