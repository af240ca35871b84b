"""A job as clients see it: what the journal says, its place in the queue, how far it is and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foley_bridge.jobs.record import JobRecord

LEFT_AFTER_S = 2.0
LEFT_AFTER_WHOLE = 0.03
"""Before this much time has passed and this much is done, an estimate of the time left would only jump about."""


@dataclass(frozen=True)
class JobView:
    """A job as clients see it.

    Attributes:
        record: what the journal says.
        position: in the queue, 1 is next; None when it does not wait.
        progress: as in docs/protocol.md; None when it is not being worked on.
    """

    record: JobRecord
    position: int | None = None
    progress: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The job object of docs/protocol.md."""
        record = self.record
        return {
            "job": record.id,
            "kind": record.kind,
            "key": record.key,
            "reel": record.reel,
            "state": record.state,
            "step": record.step,
            "position": self.position,
            "progress": self.progress,
            "error": record.error,
            "failed_regions": record.failed_regions,
            "created": record.created_s,
            "started": record.started_s,
            "finished": record.finished_s,
            "attempts": record.attempts,
        }


class Meter:
    """How far one attempt at a job is; one thread writes it, any may read it."""

    def __init__(self) -> None:
        self._begun_s = time.monotonic()
        self._first: float | None = None  # 0-1: an attempt that takes up earlier work does not begin at 0
        self._said: dict[str, Any] | None = None

    def note(self, said: Mapping[str, Any]) -> None:
        """Take in what a worker says: ``step``, ``region``, ``regions``, ``frames``, ``early``, ``whole``."""
        whole = min(1.0, max(0.0, float(said["whole"])))
        if self._first is None:
            self._first = whole
        self._said = {name: said[name] for name in ("step", "region", "regions", "frames", "early")}
        self._said |= {"fraction": whole, "left_s": self._left_s(whole, self._first)}

    def wait(self, why: str) -> None:
        """The job stands still."""
        empty = {"region": 0, "regions": 0, "frames": 0, "early": None, "fraction": 0.0}
        self._said = {**empty, **(self._said or {}), "step": why, "left_s": None}

    def progress(self) -> dict[str, Any] | None:
        """As in docs/protocol.md; None before the first word."""
        return self._said

    def _left_s(self, whole: float, first: float) -> float | None:
        took_s = time.monotonic() - self._begun_s
        if took_s < LEFT_AFTER_S or whole < LEFT_AFTER_WHOLE or whole <= first:
            return None
        return round(took_s * (1.0 - whole) / (whole - first), 1)
