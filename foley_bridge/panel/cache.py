"""What was made, kept on disk: whole files that may be deleted at any time; there are not too many, the least used go first."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

LIMIT_BYTES = 2 << 30
MISSING_FOR_S = 60.0
"""What was made with something missing, such as a picture whose disk is not there, is good for so long."""


class Cache:
    """A folder of our own.

    A file's time of use is its access time; its time of change, which its ETag is made of, stays.

    Args:
        folder: made if it is not there.
        limit: bytes that it may hold, the newest file aside.
    """

    def __init__(self, folder: Path, limit: int = LIMIT_BYTES) -> None:
        self.folder, self._limit = folder, limit
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in folder.glob(".*.part.*"):  # of a process that was killed
            _forget(path)

    def place(self, suffix: str, *depends: object) -> Path:
        """Where something lies that depends on all of these."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # somebody may have tidied up
        digest = hashlib.blake2b("\n".join(map(repr, depends)).encode("utf-8", "surrogateescape"), digest_size=20)
        return self.folder / (digest.hexdigest() + suffix)

    def has(self, place: Path) -> bool:
        """Whether it is there; it counts as used now."""
        try:
            state = place.stat()
            os.utime(place, ns=(time.time_ns(), state.st_mtime_ns))
        except OSError:
            return False
        try:
            return time.time() < _missing(place).stat().st_mtime + MISSING_FOR_S
        except OSError:
            return True

    def made(self, place: Path, *, whole: bool) -> None:
        """Something was made; ``whole``: nothing was missing. What was used longest ago goes when there is too much."""
        if whole:
            _forget(_missing(place))
        else:
            with contextlib.suppress(OSError):
                _missing(place).touch()
        self._trim()

    def _trim(self) -> None:
        files = sorted(self._files(), reverse=True)
        held = 0
        for number, (_, size, path) in enumerate(files):
            held += size
            if number and held > self._limit:
                held -= size
                _forget(path)

    def _files(self) -> Iterator[tuple[int, int, Path]]:
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                state = path.stat()
                yield state.st_atime_ns, state.st_size, path


def _missing(place: Path) -> Path:
    """A mark beside what was made with something missing."""
    return place.with_name(place.name + ".missing")


def _forget(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
