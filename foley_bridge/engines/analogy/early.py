"""The beginning of a take, to be heard while the rest of it is drawn: a WAV that grows."""

from __future__ import annotations

import logging
import queue
import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

from foley_bridge.engines.analogy.waves import waves
from foley_bridge.errors import FoleyError
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.decode import Codes

log = logging.getLogger(__name__)


class Early:
    """Writes what is drawn of a take as soon as it can sound, in a thread of its own. Nobody needs it: what goes wrong with it
    is logged, and the take goes on.

    Args:
        path: the WAV; 16 bits, mono, at the pack's rate. It says from the beginning how long it will be.
        frames: samples that it will have.
        gain: by which its sound is made as loud as the example.
    """

    def __init__(self, analogy: Analogy, path: Path, *, frames: int, gain: float) -> None:
        self._analogy, self._path, self._frames, self._gain = analogy, path, frames, gain
        self._windows: queue.SimpleQueue[tuple[int, Codes] | None] = queue.SimpleQueue()
        self._stopped = False  # nobody will hear what is not written yet
        self._thread = threading.Thread(target=self._write, name="early", daemon=True)

    def __enter__(self) -> Early:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped = kind is not None
        self._windows.put(None)
        self._thread.join()

    def drawn(self, start: int, codes: Codes) -> None:
        """Take in a window: the column at which it begins, and its codes, int64 (columns, rows)."""
        self._windows.put((start, codes))

    def _write(self) -> None:
        try:
            with self._path.open("wb") as file, wave.open(file, "wb") as written:
                written.setparams((1, 2, self._analogy.task.sound.sample_rate, self._frames, "NONE", ""))
                left = self._frames
                for piece in waves(self._analogy, self._coming()):
                    own = np.clip(piece[:left] * np.float32(self._gain), -1, 1) * 32767
                    written.writeframesraw(own.astype("<i2").tobytes())
                    file.flush()
                    left -= len(own)
        except (OSError, wave.Error, FoleyError) as error:
            log.warning("%s: the beginning of a take cannot be heard: %s", self._path, error)

    def _coming(self) -> Iterator[tuple[int, Codes]]:
        while not self._stopped and (window := self._windows.get()) is not None:
            yield window
