"""The timeline a job works on: a timeline file, or a video taken as a timeline of one clip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from foley_bridge.errors import TimelineError
from foley_bridge.jobs.roots import ANYWHERE, Roots
from foley_bridge.media import video
from foley_bridge.timeline import files
from foley_bridge.timeline.layout import timeline_duration, timeline_rate
from foley_bridge.timeline.markers import Refused
from foley_bridge.timeline.place import METADATA
from foley_bridge.timeline.regions import Region, find_hits, find_regions, parse_region, refuse_overlaps
from foley_bridge.timeline.time import ceil_frame, rational, seconds_of

TIMELINE_SUFFIXES = (".otio", ".otioz", ".otiod", ".rpp", ".xml", ".fcpxml", ".edl", ".aaf")


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
        refused: marked regions that cannot be used.
        seats_names: media references and the address each had in the request, where a map changed it.
        notes: what a person should know.
    """

    timeline: otio.schema.Timeline
    base: Path
    rate: Fraction
    duration: Fraction
    record_start: Fraction
    regions: tuple[Region, ...]
    refused: tuple[Refused, ...]
    seats_names: tuple[tuple[Any, str], ...]
    notes: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many regions the timeline marks, those that cannot be used among them."""
        return len(self.regions) + len(self.refused)

    def under_seats_names(self, taken: Iterable[otio.schema.Clip], roots: Roots) -> None:
        """Give every address in the timeline the form that the seat knows it by.

        Args:
            taken: the clips that the job placed.
            roots: with the maps.
        """
        for reference, address in self.seats_names:
            _set_address(reference, address)
        if not roots.maps:
            return
        for clip in taken:
            clip.media_reference.target_url = roots.to_remote(clip.media_reference.target_url)
            ours = clip.metadata[METADATA]
            for told in (ours, *ours["alternatives"]):
                told["path"] = roots.to_remote(told["path"])


def open_request(path: Path, region_texts: tuple[str, ...], *, base: Path | None = None, roots: Roots = ANYWHERE) -> Opened:
    """Open a timeline or a video, and find its regions.

    Args:
        path: a file whose suffix is one of ``TIMELINE_SUFFIXES``, or anything with a picture.
        region_texts: further regions, ``"START-END TEXT"``. A video without any is one region over the whole.
        base: the folder that relative paths start from, when it is not the timeline's own.
        roots: how seats name the media.

    Raises:
        TimelineError: not a readable timeline; a further region that cannot be read; no region at all, or none that can be used
            (the first one's fault then).
        MediaError: not a readable video.
    """
    timeline = files.read(path) if _is_timeline(path) else _of_video(path)
    seats_names = localise(timeline, roots)
    return _opened(timeline, path, region_texts, base or files.folder_of(path), seats_names)


def open_again(
    timeline: otio.schema.Timeline, path: Path, region_texts: tuple[str, ...], *, base: Path, roots: Roots = ANYWHERE
) -> Opened:
    """What ``open_request`` gave, from its timeline, in which media are named as this machine does.

    Args:
        timeline: of an ``Opened``.
        path, region_texts, base, roots: as they were given then.

    Raises:
        TimelineError: as ``open_request``.
    """
    seats_names = []
    for clip in timeline.find_clips() if roots.maps else ():
        for reference in clip.media_references().values():
            address = _address(reference)
            if address and (there := roots.to_remote(address)) != address:
                seats_names.append((reference, there))
    return _opened(timeline, path, region_texts, base, tuple(seats_names))


def _is_timeline(path: Path) -> bool:
    return path.suffix.lower() in TIMELINE_SUFFIXES


def _opened(
    timeline: otio.schema.Timeline,
    path: Path,
    region_texts: tuple[str, ...],
    base: Path,
    seats_names: tuple[tuple[Any, str], ...],
) -> Opened:
    rate = timeline_rate(timeline)
    duration = timeline_duration(timeline)
    refused: list[Refused] = []
    marked, notes = find_regions(timeline, refused=refused)
    start = seconds_of(timeline.global_start_time) if timeline.global_start_time is not None else Fraction(0)
    if not _is_timeline(path) and not region_texts:
        region_texts = (f"0-{ceil_frame(duration, rate)}f",)
    hits = find_hits(timeline)
    given = [parse_region(text, rate, duration, record_start=start, hits=hits) for text in region_texts]
    regions = refuse_overlaps([*marked, *given], rate, record_start=start, refused=refused)
    if not regions:
        raise refused[0].error if refused else _marks_nothing(path)
    return Opened(
        timeline=timeline,
        base=base,
        rate=rate,
        duration=duration,
        record_start=start,
        regions=tuple(regions),
        refused=tuple(refused),
        seats_names=seats_names,
        notes=tuple(notes),
    )


def _marks_nothing(path: Path) -> TimelineError:
    return TimelineError(
        f"{path} marks no region that asks for sound",
        'add a marker with a duration whose name begins with FOLEY, or give --region "START-END TEXT"',
    )


def localise(timeline: otio.schema.Timeline, roots: Roots) -> tuple[tuple[Any, str], ...]:
    """Name media as this machine does; returns what was changed, with the addresses as they were."""
    changed = []
    for clip in timeline.find_clips() if roots.maps else ():
        for reference in clip.media_references().values():
            address = _address(reference)
            if address and (here := roots.to_local(address)) != address:
                _set_address(reference, here)
                changed.append((reference, address))
    return tuple(changed)


def _address(reference: Any) -> str | None:
    if isinstance(reference, otio.schema.ExternalReference):
        return str(reference.target_url)
    return str(reference.target_url_base) if isinstance(reference, otio.schema.ImageSequenceReference) else None


def _set_address(reference: Any, address: str) -> None:
    if isinstance(reference, otio.schema.ExternalReference):
        reference.target_url = address
    else:
        reference.target_url_base = address


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
