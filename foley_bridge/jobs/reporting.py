"""A job's result as the report page, and how far placed onsets lie from true ones where the truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from foley_bridge.engines.candidate import Curve
from foley_bridge.jobs.preview import frame_size, shown
from foley_bridge.jobs.result import RegionResult, Result
from foley_bridge.report import ReportRegion, ReportTake, write_report
from foley_bridge.timeline.picture import Picture

THUMBNAILS = 24
THUMBNAIL_WIDTH = 240


def write_job_report(
    path: Path,
    result: Result,
    pictures: Sequence[Picture],
    motion: Sequence[Curve],
    truth: Mapping[int, Sequence[float]],
) -> None:
    """Write the page of a finished job.

    Args:
        path: an .html to write, whole or not at all.
        result: the job's.
        pictures: under each region, in the same order.
        motion: seen in each region.
        truth: true onsets by region number (from 1), timeline seconds.
    """
    regions = []
    for number, (region, picture, curve) in enumerate(zip(result.regions, pictures, motion, strict=True), start=1):
        error = sync_error_ms(region.takes[0].onsets_s, truth[number]) if number in truth else None
        regions.append(_region(region, picture, curve, error))
    takes = sum(len(region.takes) for region in result.regions)
    write_report(
        path,
        title=result.timeline.stem,
        rate=result.rate,
        regions=regions,
        start_timecode_s=result.record_start,
        summary=[("timeline", result.timeline.name), ("regions", str(len(regions))), ("takes", str(takes))],
        notes=result.notes,
    )


def sync_error_ms(placed_s: Sequence[float], true_s: Sequence[float]) -> dict[str, float]:
    """Median and worst distance in ms from each true onset to the nearest placed one, and from each placed one to the nearest
    true one, so that a missed action and an invented one both count. Infinite when one side is empty."""
    if not placed_s or not true_s:
        return {"median": float("inf"), "worst": float("inf")}
    apart = np.abs(np.subtract.outer(np.array(placed_s), np.array(true_s))) * 1000
    errors = np.concatenate([apart.min(axis=0), apart.min(axis=1)])
    return {"median": float(np.median(errors)), "worst": float(errors.max())}


def _region(region: RegionResult, picture: Picture, curve: Curve, error: dict[str, float] | None) -> ReportRegion:
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
        thumbnails=list(_thumbnails(picture, region.start, region.end)),
        motion=(curve.time_s, curve.value) if len(curve.time_s) else None,
        takes=[
            ReportTake(
                path=take.path,
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
            )
            for number, take in enumerate(region.takes)
        ],
        sync_error_ms=error,
    )


def _thumbnails(picture: Picture, start: Fraction, end: Fraction) -> Iterator[tuple[float, np.ndarray]]:
    size = frame_size(picture, THUMBNAIL_WIDTH)
    times = [start + (end - start) * k / THUMBNAILS for k in range(THUMBNAILS)]
    for span in picture.spans:
        inside = [time for time in times if span.start <= time < span.end]
        for time, image in zip(inside, shown(span, inside, size), strict=True):
            yield float(time), image
