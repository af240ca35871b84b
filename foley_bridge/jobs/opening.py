"""The timeline a job works on: a timeline file, or a video taken as a timeline of one clip."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from foley_bridge.errors import TimelineError
from foley_bridge.media import video
from foley_bridge.timeline import files
from foley_bridge.timeline.layout import timeline_duration, timeline_rate
from foley_bridge.timeline.regions import Region, find_hits, find_regions, parse_region, refuse_overlaps
from foley_bridge.timeline.time import ceil_frame, rational, seconds_of

TIMELINE_SUFFIXES = (".otio", ".otioz", ".otiod", ".xml", ".fcpxml", ".edl", ".aaf")


@dataclass(frozen=True)
class Opened:
    """A timeline, ready to work on.

    Attributes:
        timeline: a copy of our own; the file stays as it is.
        base: the folder that relative paths in it start from.
        rate: its frame rate, exact.
        duration: seconds.
        record_start: the timecode of its first frame, in seconds.
        regions: in timeline order.
        notes: what a person should know.
    """

    timeline: otio.schema.Timeline
    base: Path
    rate: Fraction
    duration: Fraction
    record_start: Fraction
    regions: tuple[Region, ...]
    notes: tuple[str, ...]


def open_request(path: Path, region_texts: tuple[str, ...]) -> Opened:
    """Open a timeline or a video, and find its regions.

    Args:
        path: a file whose suffix is one of ``TIMELINE_SUFFIXES``, or anything with a picture.
        region_texts: further regions, ``"START-END TEXT"``. A video without any is one region over the whole.

    Raises:
        TimelineError: not a readable timeline; a bad region; or no region at all.
        MediaError: not a readable video.
    """
    is_timeline = path.suffix.lower() in TIMELINE_SUFFIXES
    timeline = files.read(path) if is_timeline else _of_video(path)
    rate = timeline_rate(timeline)
    duration = timeline_duration(timeline)
    marked, notes = find_regions(timeline)
    start = seconds_of(timeline.global_start_time) if timeline.global_start_time is not None else Fraction(0)
    if not is_timeline and not region_texts:
        region_texts = (f"0-{ceil_frame(duration, rate)}f",)
    hits = find_hits(timeline)
    given = [parse_region(text, rate, duration, record_start=start, hits=hits) for text in region_texts]
    regions = refuse_overlaps([*marked, *given], rate, record_start=start)
    if not regions:
        raise TimelineError(
            f"{path} marks no region that asks for sound",
            'add a marker with a duration whose name begins with FOLEY, or give --region "START-END TEXT"',
        )
    return Opened(
        timeline=timeline,
        base=files.folder_of(path),
        rate=rate,
        duration=duration,
        record_start=start,
        regions=tuple(regions),
        notes=tuple(notes),
    )


def _of_video(path: Path) -> otio.schema.Timeline:
    info = video.probe(path)
    start = info.start_timecode or Fraction(0)
    first = rational(start, info.rate)
    length = otio.opentime.RationalTime(max(1, ceil_frame(info.duration, info.rate)), first.rate)
    media = otio.schema.ExternalReference(path.resolve().as_uri(), otio.opentime.TimeRange(first, length))
    clip = otio.schema.Clip(path.stem, media, otio.opentime.TimeRange(first, length))
    timeline = otio.schema.Timeline(path.stem, global_start_time=first)
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind=otio.schema.TrackKind.Video))
    return timeline
