"""The sound of codes as a ``Sound``: made once, as it is asked for, and kept in a file without a name."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator

import numpy as np

from foley_bridge.engines.analogy.waves import waves, windows_of
from foley_bridge.errors import EngineError
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.clips import Floats
from foley_bridge.inference.decode import Codes
from foley_bridge.media.sound import BLOCK

IN_MEMORY = 1 << 20
"""Bytes that are kept without a file."""
_BYTES = np.dtype(np.float32).itemsize


class CodedSound:
    """What codes sound like, mono. May be read by several threads.

    Nothing is made before it is asked for, and nothing twice: who reads it again, reads the file. That is gone with this.

    Args:
        analogy: of the pack that the codes are of.
        codes: int64 (columns, rows).
        start: sample of the coded sound at which this one begins.
        frames: samples from there on.
        told: called with the share that is done, 0-1, as pieces are made. What it raises comes out of ``blocks``; then nothing
            is left of what was made, and who asks again has it made anew.

    Raises:
        ValueError: codes do not sound that long.
    """

    channels = 1

    def __init__(
        self,
        analogy: Analogy,
        codes: Codes,
        *,
        start: int,
        frames: int,
        told: Callable[[float], None] = lambda share: None,
    ) -> None:
        sound = analogy.task.sound
        length = len(codes) * (sound.frames // analogy.task.columns) * sound.hop
        if start < 0 or frames < 0 or start + frames > length:
            raise ValueError(f"samples {start} to {start + frames} of a sound that has {length}")
        self.sample_rate, self.frames = sound.sample_rate, frames
        self._analogy, self._codes, self._start, self._told = analogy, codes, start, told
        self._lock = threading.Lock()
        self._made: _Made | None = None

    def blocks(self, size: int = BLOCK) -> Iterator[Floats]:
        """float32 (n, 1), in order; the first come before the last are made.

        Raises:
            EngineError: there is no room to keep them in. PackError: a graph runs nowhere. And what ``told`` raises.
        """
        for first in range(0, self.frames, size):
            yield self._samples(first, min(size, self.frames - first))[:, None]

    def _samples(self, first: int, count: int) -> Floats:
        with self._lock:
            if self._made is None:
                self._made = _Made(waves(self._analogy, windows_of(self._analogy, self._codes)), self._start, self.frames)
            try:
                while self._made.frames < first + count:
                    self._made.go_on()
                    self._told(self._made.frames / self.frames)
                return self._made.read(first, count)
            except BaseException:
                with contextlib.suppress(OSError):  # what could not be written cannot be written now, either
                    self._made.file.close()
                self._made = None
                raise


class _Made:
    """What there is of a sound, and the rest of its pieces.

    Attributes:
        file: float32, as they lie in memory.
        frames: how many samples are in it.
    """

    def __init__(self, pieces: Iterator[Floats], start: int, frames: int) -> None:
        self.file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (closed, and so gone, with this)
        self.frames = 0
        self._pieces, self._ahead, self._wanted = pieces, start, frames

    def go_on(self) -> None:
        """Make a piece; raises EngineError."""
        piece = next(self._pieces)
        own = piece[self._ahead : self._ahead + self._wanted - self.frames]
        self._ahead -= min(self._ahead, len(piece))
        try:
            self.file.seek(self.frames * _BYTES)
            self.file.write(own.tobytes())
            self.file.flush()
        except OSError as error:
            room = f"make room in {tempfile.gettempdir()}, or let TMPDIR name another folder"
            raise EngineError(f"a sound that is being made cannot be kept: {error.strerror or error}", room) from None
        self.frames += len(own)

    def read(self, first: int, count: int) -> Floats:
        """Samples that are there."""
        self.file.seek(first * _BYTES)
        return np.frombuffer(self.file.read(count * _BYTES), np.float32).copy()
