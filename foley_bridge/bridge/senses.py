"""The daemon's eyes and ears: the process that looks and listens for searches (``jobs/senses.py``), started when first needed.

Whatever a file or a pack does to it, the daemon goes on: who asked is told, and the next search gets another process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from foley_bridge.bridge.wire import error_from
from foley_bridge.errors import BusyError, FoleyError, InternalError, LibraryError
from foley_bridge.jobs.worker_process import ChildProcess

log = logging.getLogger(__name__)

LONGEST_S = 55.0
"""A search that looks and listens for longer is ended with its process: clients wait a minute."""
LOADING_S = 900.0
"""So long may what looks and listens take to be ready: TensorRT builds for minutes, once."""


class Senses:
    """``search`` is for one thread at a time; ``stop`` may be called from any.

    Args:
        longest_s: how long a search may take, once the process is ready for it.
    """

    def __init__(self, *, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._lock = threading.Lock()  # guards what follows
        self._process: ChildProcess | None = None
        self._stopped = False

    def search(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What a search gives, as ``library.search`` answers it.

        Raises:
            FoleyError: what the process says is wrong; or it died, or took too long.
        """
        process = self._living()
        limit = _Limit(process, LOADING_S)
        process.tell(order)
        said = process.hear()
        if said is not None and said["say"] == "looks":
            limit.is_now(self._longest_s)
            said = process.hear()
        limit.end()
        if said is None:
            raise self._death_of(process, limit)
        if limit.overdue:  # ended just as it answered: the next search must not be told to it
            process.bury()
        if said["say"] == "failed":
            raise error_from(said["error"])
        return dict(said["result"])

    def stop(self) -> None:
        """End the process, and start no other."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _living(self) -> ChildProcess:
        with self._lock:
            if self._stopped:
                raise BusyError("the daemon is shutting down", "ask again when it is back")
            if self._process is None or not self._process.lives():
                if self._process is not None:
                    self._process.bury()
                try:
                    self._process = ChildProcess("searches", "foley_bridge.jobs.senses")
                except (OSError, RuntimeError, MemoryError) as error:
                    raise InternalError(f"the process that looks and listens cannot be started: {error}", _HINT) from error
            return self._process

    def _death_of(self, process: ChildProcess, limit: _Limit) -> FoleyError:
        if self._stopped:
            return BusyError("the daemon is shutting down", "ask again when it is back")
        log.warning("the process that looks and listens for searches %s", process.fate(), extra={"overdue": limit.overdue})
        if limit.overdue:
            return LibraryError(
                f"the search took longer than {limit.seconds:g} s, and was ended",
                "look at a shorter stretch; or see whether the disk that the file lies on answers",
            )
        return InternalError(f"the process that looks and listens {process.fate()}", _HINT)


_HINT = "ask once more, or with another file; the daemon's log may know more, and foley-bridge doctor"


class _Limit:
    """Ends a process that takes longer than so many seconds from now."""

    def __init__(self, process: ChildProcess, seconds: float) -> None:
        self._process = process
        self.overdue = False
        self._begin(seconds)

    def is_now(self, seconds: float) -> None:
        """So many, beginning again."""
        self.end()
        self._begin(seconds)

    def end(self) -> None:
        """It may take as long as it likes."""
        self._timer.cancel()
        self._timer.join()

    def _begin(self, seconds: float) -> None:
        self.seconds = seconds
        self._timer = threading.Timer(seconds, self._kill)
        self._timer.daemon = True
        self._timer.start()

    def _kill(self) -> None:
        self.overdue = True
        self._process.kill()
