"""Makes the features of all clips beforehand, by several processes, and so finds out which clips cannot be used."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence, Sized
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol

from foley_bridge.errors import FoleyError
from foley_models.data.clips import Skipped
from foley_models.errors import ModelError

FEW = 16  # clips that no process is started for
Said = Callable[[int, int], None]


class Made(Sized, Protocol):
    """Something whose parts are made once and kept."""

    @property
    def names(self) -> Sequence[str]:
        """Of its parts."""

    def kept(self, index: int) -> bool:
        """Is a part made already?"""

    def make(self, index: int) -> object:
        """Make and keep it."""


def fill(data: Made, *, workers: int | None = None, on_progress: Said | None = None) -> list[Skipped]:
    """Make what is not kept yet.

    Args:
        workers: processes; 0: it is done here; None: as many as there are cores, where there is much to do.
        on_progress: is told how many clips are done, of how many.

    Returns:
        The clips that cannot be used. A file that ends the process that reads it is one of them.

    Raises:
        ModelError: the cache's disk is full, or it may not be written to.
    """
    todo = [index for index in range(len(data)) if not data.kept(index)]
    if workers is None:
        workers = min(os.cpu_count() or 1, len(todo) // FEW)
    done = len(data) - len(todo)
    faults: dict[int, str] = {}
    for index, why in _made(data, todo, workers) if workers else ((index, _try(data, index)) for index in todo):
        done += 1
        if why:
            faults[index] = why
        if on_progress is not None:
            on_progress(done, len(data))
    return [Skipped(data.names[index], faults[index]) for index in sorted(faults)]


def _try(data: Made, index: int) -> str:
    """Make a clip's features. Returns why that cannot be done, "" when it was."""
    try:
        data.make(index)
    except ModelError:  # nothing can be kept: that is not the clip's fault
        raise
    except FoleyError as error:
        return str(error)
    except Exception as error:  # whatever else decoders make of a broken file
        return f"{type(error).__name__}: {error}"
    return ""


def _made(data: Made, todo: list[int], workers: int) -> Iterator[tuple[int, str]]:
    """The same of many by processes. When one of them dies, what is left is read by a single one, to see what it dies of."""
    left, alone = todo, False
    while left:
        done = 0
        try:
            for index, why in zip(left, _by_processes(data, left, 1 if alone else workers), strict=True):
                done += 1
                yield index, why
        except BrokenProcessPool:
            left = left[done:]
            if alone:
                yield left[0], "the process that reads it dies of it"
                left = left[1:]
            alone = not alone
        else:
            return


def _by_processes(data: Made, todo: list[int], workers: int) -> Iterator[str]:
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawning, initializer=_begin, initargs=(data,)) as pool:
        yield from pool.map(_try_mine, todo)


_mine: Made


def _begin(data: Made) -> None:
    global _mine
    _mine = data
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ended by the process that started it


def _try_mine(index: int) -> str:
    return _try(_mine, index)
