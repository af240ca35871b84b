"""What the report is told. Every time is timeline time in seconds unless its comment says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, kw_only=True)
class ReportTake:
    """One take of a region.

    Attributes:
        path: the WAV's place; the page links to it relative to itself.
        start_s: where the take's clip starts on the timeline, handle not counted.
        duration_s: the clip's length, handles not counted.
        staged: where the WAV lies while the page is made, when it still waits to be put in its place.
        handle_s: extra sound in the file before the clip: the file's first sample lies at ``start_s - handle_s``.
        onsets_s: where hits were placed.
        score: 0-1, higher is better.
        seed: what the take was made from.
        source: where the sound comes from, as a sentence or as named facts.
        lufs: integrated loudness, None when too short to measure.
        peak_dbfs: sample peak.
        chosen: True for the take that lies on the timeline.
        edit: what an editor did to it, in words.
    """

    path: Path
    start_s: float
    duration_s: float
    staged: Path | None = None
    handle_s: float = 0.0
    onsets_s: Sequence[float] = ()
    score: float = 0.0
    seed: int = 0
    source: str | Mapping[str, str] = ""
    lufs: float | None = None
    peak_dbfs: float | None = None
    chosen: bool = False
    edit: str = ""


@dataclass(frozen=True, kw_only=True)
class ReportRegion:
    """One region with what was seen in its picture and the takes proposed for it.

    Attributes:
        name, text: as the editor wrote them.
        start_s, end_s: the region's range.
        engine: which engine answered.
        tapped: the onsets are HIT markers, not seen in the picture.
        reliable: False when no onset in the picture could be trusted; ``reason`` then says why.
        onsets: (time_s, confidence 0-1) of each onset seen.
        thumbnails: (time_s, uint8 RGB (h, w, 3)), in time order; time_s is the moment that the picture appears.
        motion: (time_s float (n,), value float (n,) 0-1): how much moves, or None.
        takes: in the order in which they are shown.
        sync_error_ms: ``{"median": ms, "worst": ms}`` when the truth is known, else None.
        state: "proposed", "chosen" or "rejected" by an editor; empty where nobody was asked.
        why, note: the editor's reason to reject it, and free words.
    """

    name: str
    text: str
    start_s: float
    end_s: float
    engine: str
    tapped: bool = False
    reliable: bool = True
    reason: str = ""
    onsets: Sequence[tuple[float, float]] = ()
    thumbnails: Sequence[tuple[float, np.ndarray]] = ()
    motion: tuple[np.ndarray, np.ndarray] | None = None
    takes: Sequence[ReportTake] = ()
    sync_error_ms: Mapping[str, float] | None = None
    state: str = ""
    why: str = ""
    note: str = ""
