"""What a job answers, in Python and as JSON (docs/json.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from foley_bridge.conform import Take
from foley_bridge.engines.candidate import Curve, Moment, Onset
from foley_bridge.errors import FoleyError
from foley_bridge.timeline.time import rate_text, time_json

MOTION_STEPS = 240
NO_MOTION = Curve(np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class RegionResult:
    """One region, done.

    Attributes:
        number: 1-based, in timeline order.
        name, text: as the editor wrote them.
        id: what the host calls it; None when it gave none.
        start, end: timeline seconds, as marked.
        timecode: record timecode of the start.
        engine: which engine answered.
        onsets: what was seen (or tapped), in time order.
        seen: every moment that could be an onset.
        motion: how much moves.
        tapped: the onsets are HIT markers.
        reliable, reason: whether the picture showed onsets that can be trusted, and why not.
        takes: best first; the first one lies on the timeline.
        scores, seeds, sources: of the takes, in the same order.
        notes: what a person should know.
        error: why the region could not be done; it has no takes then.
    """

    number: int
    name: str
    text: str
    start: Fraction
    end: Fraction
    timecode: str
    engine: str
    onsets: tuple[Onset, ...]
    tapped: bool
    reliable: bool
    reason: str
    takes: tuple[Take, ...]
    notes: tuple[str, ...] = ()
    error: FoleyError | None = None
    id: str | None = None
    seen: tuple[Moment, ...] = ()
    motion: Curve = NO_MOTION


@dataclass(frozen=True)
class Result:
    """A job, done: what was read (None when it came with the request), what was written, and each region.

    ``out`` is None when no timeline was written; ``out_sha256`` is that file's. ``name`` is the timeline's own, which may be
    empty."""

    timeline: Path | None
    out: Path | None
    rate: Fraction
    duration: Fraction
    record_start: Fraction
    regions: tuple[RegionResult, ...]
    notes: tuple[str, ...]
    preview: Path | None
    report: Path | None
    out_sha256: str | None = None
    name: str = ""

    @property
    def failed_regions(self) -> int:
        """How many regions could not be done."""
        return sum(region.error is not None for region in self.regions)

    def to_json(self, named: Callable[[str], str] = str) -> dict[str, Any]:
        """One object (docs/json.md); times as ``time.time_json``.

        named: how whoever asked names a path of this machine.
        """

        def path_of(path: Path | None) -> str | None:
            return None if path is None else named(str(path))

        return {
            "timeline": {
                "path": path_of(self.timeline),
                "name": self.name,
                "rate": rate_text(self.rate),
                "duration": time_json(self.duration, self.rate),
                "global_start_time": time_json(self.record_start, self.rate),
            },
            "regions": [_region_json(region, self.rate, named) for region in self.regions],
            "out": path_of(self.out),
            "out_sha256": self.out_sha256,
            "preview": path_of(self.preview),
            "report": path_of(self.report),
            "notes": list(self.notes),
        }


def _region_json(region: RegionResult, rate: Fraction, named: Callable[[str], str]) -> dict[str, Any]:
    return {
        "number": region.number,
        "id": region.id,
        "name": region.name,
        "text": region.text,
        "start": time_json(region.start, rate),
        "end": time_json(region.end, rate),
        "engine": region.engine,
        "tapped": region.tapped,
        "reliable": region.reliable,
        "reason": region.reason,
        "onsets": [
            {"time_s": onset.time_s, "confidence": onset.confidence, "strength": onset.strength} for onset in region.onsets
        ],
        "seen": [
            {
                "time_s": moment.time_s,
                "confidence": moment.confidence,
                "strength": moment.strength,
                "sensitivity": moment.sensitivity,
            }
            for moment in region.seen
        ],
        "motion": _motion_json(region.motion, float(region.start), float(region.end)),
        "takes": [_take_json(take, rate, named) for take in region.takes],
        "notes": list(region.notes),
        "error": region.error.to_json() if region.error is not None else None,
    }


def _motion_json(motion: Curve, start_s: float, end_s: float) -> dict[str, Any]:
    """How much moves, 0-100, in steps of a picture or more: the most in each, so that a blow is seen in an hour, too."""
    steps = min(MOTION_STEPS, len(motion.time_s))
    if not steps:
        return {"start_s": start_s, "step_s": 0.0, "values": []}
    step_s = (end_s - start_s) / steps
    most = motion.at(start_s + step_s * (np.arange(steps) + 0.5))  # for steps in which no picture appears
    at = np.clip(((motion.time_s - start_s) / step_s).astype(int), 0, steps - 1)
    most[np.unique(at)] = 0.0
    np.maximum.at(most, at, motion.value)
    return {"start_s": start_s, "step_s": step_s, "values": np.rint(100 * most).astype(int).tolist()}


def _take_json(take: Take, rate: Fraction, named: Callable[[str], str]) -> dict[str, Any]:
    return {
        "path": named(str(take.path)),
        "start": time_json(take.start, rate),
        "duration": time_json(take.duration, rate),
        "handle": time_json(take.handle, rate),
        "score": take.score,
        "onsets_s": list(take.onsets_s),
        "seed": take.seed,
        "source": take.source,
        "sample_rate": take.sample_rate,
        "channels": take.channels,
        "fade_in_s": take.fade_in_s,
        "fade_out_s": take.fade_out_s,
        "lufs": take.lufs,
        "peak_dbfs": take.peak_dbfs,
        "sha256": take.sha256,
    }
