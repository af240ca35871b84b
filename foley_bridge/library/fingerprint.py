"""Telling contents apart without reading all of them: a hash over a file's size and its two ends, and one over the whole.

Equal fingerprints are a strong hint, no proof: files with the same header and the same silence at the end have one too. The
whole is read only then. Up to twice ``EDGE`` the ends are the whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

EDGE = 64 * 1024  # bytes looked at, at either end
_BLOCK = 4 << 20


@dataclass(frozen=True)
class Print:
    """A file's content at a glance.

    Attributes:
        base: hexadecimal; the same for the same content.
        size: bytes. mtime_ns: nanoseconds since 1970, taken before the content was read.
    """

    base: str
    size: int
    mtime_ns: int

    @property
    def whole(self) -> bool:
        """The ends are all there is: equal prints are equal contents."""
        return self.size <= 2 * EDGE


def fingerprint(path: str) -> Print:
    """A file's print.

    Raises:
        OSError: it is gone, or cannot be read.
    """
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (opened for every file of a library)
        stat = os.fstat(file.fileno())
        digest = hashlib.blake2b(stat.st_size.to_bytes(8, "little"), digest_size=20)
        digest.update(file.read(EDGE))
        if stat.st_size > EDGE:
            file.seek(max(EDGE, stat.st_size - EDGE))
            digest.update(file.read(EDGE))
    return Print(digest.hexdigest(), stat.st_size, stat.st_mtime_ns)


def whole_hash(path: str, tick: Callable[[], None]) -> str:
    """A hash of the whole content, hexadecimal.

    Args:
        tick: called between blocks of a few megabytes; may raise to stop.

    Raises:
        OSError: it is gone, or cannot be read.
    """
    digest = hashlib.blake2b(digest_size=20)
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        while block := file.read(_BLOCK):
            digest.update(block)
            tick()
    return digest.hexdigest()
