"""Graphs that run long, and somebody who may want them to stop meanwhile.

ONNX Runtime ends a run soon after its ``RunOptions.terminate`` is set, which some other thread has to do: one that asks ten
times a second, for as long as somebody has said that he may stop it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

EVERY_S = 0.1
_watching: ContextVar[_Watch | None] = ContextVar("watching", default=None)


@contextmanager
def stoppable(alive: Callable[[], None]) -> Iterator[None]:
    """Graphs that this thread runs inside stop soon after ``alive`` raises, and what it raised is raised here.

    Args:
        alive: called from another thread, about ten times a second; raises a ``FoleyError`` to stop.
    """
    watch = _Watch(alive)
    token = _watching.set(watch)
    watch.start()
    try:
        yield
    finally:
        _watching.reset(token)
        watch.end()


@contextmanager
def running(options: onnxruntime.RunOptions) -> Iterator[None]:
    """What runs inside with ``options`` is stopped where somebody wants it.

    Raises:
        FoleyError: what ``alive`` raised.
    """
    watch = _watching.get()
    if watch is None:
        yield
        return
    watch.begin(options)
    try:
        yield
    except Exception:
        if watch.wanted is not None:  # what ONNX Runtime says of it is of no use to anybody
            raise watch.wanted from None
        raise
    finally:
        watch.done()
    if watch.wanted is not None:
        raise watch.wanted


class _Watch:
    """Asks whether to go on, and stops the graph that runs when not."""

    def __init__(self, alive: Callable[[], None]) -> None:
        self._alive = alive
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._options: onnxruntime.RunOptions | None = None
        self._thread = threading.Thread(target=self._ask, name="stopping", daemon=True)
        self.wanted: BaseException | None = None  # what was raised

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def begin(self, options: onnxruntime.RunOptions) -> None:
        with self._lock:
            if self.wanted is not None:
                raise self.wanted
            self._options = options

    def done(self) -> None:
        with self._lock:
            self._options = None

    def _ask(self) -> None:
        while not self._over.wait(EVERY_S):
            try:
                self._alive()
            except BaseException as error:  # of whatever kind: it is raised where the graph runs
                with self._lock:
                    self.wanted = error
                    if self._options is not None:
                        self._options.terminate = True
                return
