"""A job's result as the report page, and how far placed onsets lie from true ones where the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from foley_bridge.engines.candidate import Curve
from foley_bridge.jobs.preview import frame_size, shown
from foley_bridge.jobs.result import RegionResult, Result
from foley_bridge.jobs.retouch import in_words
from foley_bridge.report import ReportRegion, ReportTake, write_report
from foley_bridge.timeline.picture import Picture

THUMBNAILS = 24
THUMBNAIL_WIDTH = 240


@dataclass(frozen=True)
class Seen:
    """What the page shows of a region beside its result: its picture, how much moves in it, its true onsets (timeline
    seconds) where they are known, and what an editor chose where one was asked."""

    picture: Picture
    motion: Curve
    truth_s: Sequence[float]
    choice: Mapping[str, Any] | None = None


def write_job_report(path: Path, result: Result, title: str, seen: Sequence[Seen], at: Callable[[Path], Path]) -> None:
    """Write the page of a finished job. A region that could not be done stands among the notes.

    Args:
        path: an .html to write, whole or not at all.
        result: the job's.
        title: of the page.
        seen: of each region that was done, in the same order.
        at: where the file for a place lies now.
    """
    regions = []
    done = [region for region in result.regions if region.error is None]
    for region, shown_of in zip(done, seen, strict=True):
        error = sync_error_ms(region.takes[0].onsets_s, shown_of.truth_s) if shown_of.truth_s and region.takes else None
        regions.append(_region(region, shown_of, error, at))
    takes = sum(len(region.takes) for region in result.regions)
    assert result.report is not None  # that is what is written
    write_report(
        path,
        folder=result.report.absolute().parent,
        title=title,
        rate=result.rate,
        regions=regions,
        start_timecode_s=result.record_start,
        summary=[
            ("timeline", result.timeline.name if result.timeline else title),
            ("regions", str(len(regions))),
            ("takes", str(takes)),
        ],
        notes=[*(f"not done: {region.error}" for region in result.regions if region.error is not None), *result.notes],
    )


def sync_error_ms(placed_s: Sequence[float], true_s: Sequence[float]) -> dict[str, float]:
    """Median and worst distance in ms from each true onset to the nearest placed one, and from each placed one to the nearest
    true one, so that a missed action and an invented one both count. Infinite when one side is empty."""
    if not placed_s or not true_s:
        return {"median": float("inf"), "worst": float("inf")}
    apart = np.abs(np.subtract.outer(np.array(placed_s), np.array(true_s))) * 1000
    errors = np.concatenate([apart.min(axis=0), apart.min(axis=1)])
    return {"median": float(np.median(errors)), "worst": float(errors.max())}


def _region(region: RegionResult, seen: Seen, error: dict[str, float] | None, at: Callable[[Path], Path]) -> ReportRegion:
    curve = seen.motion
    return ReportRegion(
        name=region.name,
        text=region.text,
        start_s=float(region.start),
        end_s=float(region.end),
        engine=region.engine,
        tapped=region.tapped,
        reliable=region.reliable,
        reason=region.reason,
        onsets=[(onset.time_s, onset.confidence) for onset in region.onsets],
        thumbnails=list(_thumbnails(seen.picture, region.start, region.end)),
        motion=(curve.time_s, curve.value) if len(curve.time_s) else None,
        takes=[
            ReportTake(
                path=take.path,
                staged=at(take.path),
                start_s=float(take.start),
                duration_s=float(take.duration),
                handle_s=float(take.handle),
                onsets_s=take.onsets_s,
                score=take.score,
                seed=take.seed,
                source=take.source,
                lufs=take.lufs,
                peak_dbfs=take.peak_dbfs,
                chosen=number == 0,
                edit=in_words(take.edit) if take.edit is not None else "",
            )
            for number, take in enumerate(region.takes)
        ],
        sync_error_ms=error,
        state=seen.choice["state"] if seen.choice is not None else "",
        why=(seen.choice.get("reason") or "") if seen.choice is not None else "",
        note=(seen.choice.get("note") or "") if seen.choice is not None else "",
    )


def _thumbnails(picture: Picture, start: Fraction, end: Fraction) -> Iterator[tuple[float, np.ndarray]]:
    size = frame_size(picture, THUMBNAIL_WIDTH)
    times = [start + (end - start) * k / THUMBNAILS for k in range(THUMBNAILS)]
    for span in picture.spans:
        inside = [time for time in times if span.start <= time < span.end]
        for time, image in zip(inside, shown(span, inside, size), strict=True):
            yield float(time), image
