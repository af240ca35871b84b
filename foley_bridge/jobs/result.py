"""What a job answers, in Python and as JSON (docs/json.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from foley_bridge.conform import Take
from foley_bridge.engines.candidate import Onset
from foley_bridge.errors import FoleyError
from foley_bridge.timeline.time import rate_text, time_json


@dataclass(frozen=True)
class RegionResult:
    """One region, done.

    Attributes:
        name, text: as the editor wrote them.
        id: what the host calls it; None when it gave none.
        start, end: timeline seconds, as marked.
        timecode: record timecode of the start.
        engine: which engine answered.
        onsets: what was seen (or tapped), in time order.
        tapped: the onsets are HIT markers.
        reliable, reason: whether the picture showed onsets that can be trusted, and why not.
        takes: best first; the first one lies on the timeline.
        scores, seeds, sources: of the takes, in the same order.
        notes: what a person should know.
        error: why the region could not be done; it has no takes then.
    """

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


@dataclass(frozen=True)
class Result:
    """A job, done: what was read (None when it came with the request), what was written, and each region."""

    timeline: Path | None
    out: Path
    rate: Fraction
    duration: Fraction
    record_start: Fraction
    regions: tuple[RegionResult, ...]
    notes: tuple[str, ...]
    preview: Path | None
    report: Path | None

    @property
    def failed_regions(self) -> int:
        """How many regions could not be done."""
        return sum(region.error is not None for region in self.regions)

    def to_json(self, named: Callable[[str], str] = str) -> dict[str, Any]:
        """One object: ``timeline``, ``regions[]``, ``out``, ``preview``, ``report``, ``notes``; times as ``time.time_json``.

        named: how whoever asked names a path of this machine.
        """

        def path_of(path: Path | None) -> str | None:
            return None if path is None else named(str(path))

        return {
            "timeline": {
                "path": path_of(self.timeline),
                "rate": rate_text(self.rate),
                "duration": time_json(self.duration, self.rate),
                "global_start_time": time_json(self.record_start, self.rate),
            },
            "regions": [_region_json(region, self.rate, named) for region in self.regions],
            "out": path_of(self.out),
            "preview": path_of(self.preview),
            "report": path_of(self.report),
            "notes": list(self.notes),
        }


def _region_json(region: RegionResult, rate: Fraction, named: Callable[[str], str]) -> dict[str, Any]:
    return {
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
        "takes": [_take_json(take, rate, named) for take in region.takes],
        "notes": list(region.notes),
        "error": region.error.to_json() if region.error is not None else None,
    }


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
