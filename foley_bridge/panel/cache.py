"""What was made, kept on disk: whole files that may be deleted at any time; there are not too many, the least used go first."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from foley_bridge.errors import MediaError

LIMIT_BYTES = 2 << 30
MISSING_FOR_S = 60.0
"""What was made with something missing, such as a picture whose disk is not there, is good for so long."""


class Cache:
    """A folder of our own.

    A file's time of use is its access time; its time of change, which its ETag is made of, stays.

    Args:
        folder: made if it is not there; MediaError when it cannot be.
        limit: bytes that it may hold, the newest file aside.
    """

    def __init__(self, folder: Path, limit: int = LIMIT_BYTES) -> None:
        self.folder, self._limit = folder, limit
        self._make()
        with contextlib.suppress(OSError):
            folder.chmod(0o700)  # it shows the picture: for its owner only, however it came to be
        for path in folder.glob(".*.part.*"):  # of a process that was killed
            _forget(path)
        self._held = sum(size for _, size, _ in self._files())  # bytes; more than there are when somebody tidied up

    def place(self, suffix: str, *depends: object) -> Path:
        """Where something lies that depends on all of these; raises MediaError when there is no place."""
        self._make()  # somebody may have tidied up
        digest = hashlib.blake2b("\n".join(map(repr, depends)).encode("utf-8", "surrogateescape"), digest_size=20)
        return self.folder / (digest.hexdigest() + suffix)

    def _make(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise MediaError(
                f"{self.folder} cannot be made: {error.strerror}", "make room, or choose another --home"
            ) from error

    def has(self, place: Path) -> bool:
        """Whether it is there; it counts as used now."""
        try:
            state = place.lstat()
            if not stat.S_ISREG(state.st_mode):  # not made here
                return False
            os.utime(place, ns=(time.time_ns(), state.st_mtime_ns))
        except OSError:
            return False
        try:
            return time.time() < _mark(place).stat().st_mtime + MISSING_FOR_S
        except OSError:
            return True

    def missing(self, place: Path) -> list[str]:
        """What was missing when it was made, in words."""
        try:
            return _mark(place).read_text("utf-8").splitlines()
        except OSError:
            return []

    def made(self, place: Path, *, missing: Sequence[str] = ()) -> None:
        """Something was made; ``missing``: what was not there for it. What was used longest ago goes when there is too much."""
        with contextlib.suppress(OSError):
            self._held += place.stat().st_size
        if not missing:
            _forget(_mark(place))
        else:
            with contextlib.suppress(OSError):
                _mark(place).write_text("\n".join(" ".join(words.split()) for words in missing), "utf-8", "backslashreplace")
        if self._held > self._limit:
            self._trim()

    def _trim(self) -> None:
        """Remove what was used longest ago until a tenth is free, so that this is seldom; the newest stays in any case."""
        self._held = 0
        for number, (_, size, path) in enumerate(sorted(self._files(), reverse=True)):
            if number and self._held + size > 0.9 * self._limit:
                _forget(path)
            else:
                self._held += size

    def _files(self) -> Iterator[tuple[int, int, Path]]:
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                state = path.stat()
                yield state.st_atime_ns, state.st_size, path


def _mark(place: Path) -> Path:
    """A mark beside what was made with something missing."""
    return place.with_name(place.name + ".missing")


def _forget(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
