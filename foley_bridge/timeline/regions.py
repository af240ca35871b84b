"""Which ranges of a timeline ask for sound: markers whose name begins with FOLEY, wherever in the timeline they are.

``markers.py`` finds them; here they become regions, with their words and options and the HIT markers inside them, none
overlapping another. All times are exact fractions of seconds.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.layout import timeline_rate
from foley_bridge.timeline.markers import Finder, Found, Refused, span_text, within
from foley_bridge.timeline.options import Options, parse_region_text
from foley_bridge.timeline.time import ceil_frame, floor_frame, parse_time, snapped, timecode


@dataclass(frozen=True)
class Region:
    """A marked range that asks for sound.

    Attributes:
        name: its free words; "region at TIMECODE" when it has none.
        text: the marker's text as written.
        words: the free words.
        options: what the text names.
        start, end: timeline seconds, exact.
        rate: the timeline's frames per second.
        hits: where HIT markers inside it are, timeline seconds, in order, each once.
        notes: what a person should know about how it was read.
        truth_s: true onsets, timeline seconds, where the marker's metadata knows them (``foley_bridge.truth_s``), as that of a
            made-up picture does.
        id: what whoever marked it calls it (``foley_bridge.id`` in the marker's metadata), so that a host finds it again.
        marker: the marker in the timeline; None for a region that was given otherwise.
    """

    name: str
    text: str
    words: str
    options: Options
    start: Fraction
    end: Fraction
    rate: Fraction
    hits: tuple[Fraction, ...] = ()
    notes: tuple[str, ...] = ()
    truth_s: tuple[float, ...] = ()
    id: str | None = None
    marker: Any = field(default=None, compare=False, repr=False)

    @property
    def first_frame(self) -> int:
        """The frame that holds the region's start."""
        return floor_frame(self.start, self.rate)

    @property
    def last_frame(self) -> int:
        """The frame after the region's last: the region expanded outward to whole frames ends where it starts."""
        return ceil_frame(self.end, self.rate)


def find_regions(timeline: otio.schema.Timeline, *, refused: list[Refused] | None = None) -> tuple[list[Region], list[str]]:
    """All regions that a timeline marks, in time order, and notes about markers that were left out.

    Args:
        timeline: where to look.
        refused: takes the regions that cannot be used, so that the others can; without it, the first of them is raised.

    Raises:
        TimelineError: a region without length, outside the timeline, overlapping another, or with a bad option; or a
            timeline without a frame rate. Names the region and its timecode.
    """
    rate = timeline_rate(timeline)
    finder = Finder(timeline, rate)
    finder.search()
    faults = finder.refused
    regions: dict[tuple[Fraction, Fraction, str], Region] = {}
    for found in finder.regions:
        try:
            region = _region(found.text, found.start, found.end, rate, finder.record_start)
        except TimelineError as error:
            faults.append(Refused(found.text, found.start, found.end, error, found.id))
            continue
        region = replace(region, notes=(*region.notes, *found.notes), truth_s=found.truth_s, id=found.id, marker=found.marker)
        if (region.start, region.end, region.text) in regions:
            finder.notes.append(f"region '{region.name}' is marked twice at the same place; it is used once")
        else:
            regions[region.start, region.end, region.text] = region
    marked = refuse_overlaps(regions.values(), rate, record_start=finder.record_start, refused=faults)
    if refused is None and faults:
        raise faults[0].error
    if refused is not None:
        refused += faults
    start = timeline.global_start_time
    if start is not None and (note := snapped(float(start.rate))):
        finder.notes.append(f"frame rate {note}")
    hits = sorted(set(finder.hits))
    return [replace(region, hits=_between(hits, region.start, region.end)) for region in marked], finder.notes


def find_hits(timeline: otio.schema.Timeline) -> list[Fraction]:
    """Where all visible HIT markers of a timeline are, timeline seconds, in order."""
    finder = Finder(timeline, timeline_rate(timeline))
    finder.search()
    return sorted(set(finder.hits))


def hits_inside(hits: Iterable[Fraction], start: Fraction, end: Fraction) -> tuple[Fraction, ...]:
    """Those hits at or after ``start`` and before ``end``, in order, each once."""
    return _between(sorted(set(hits)), start, end)


def _between(hits: Sequence[Fraction], start: Fraction, end: Fraction) -> tuple[Fraction, ...]:
    """The same of hits in order, each once: a long reel has as many as it has regions."""
    return tuple(hits[bisect_left(hits, start) : bisect_left(hits, end)])


def parse_region(
    text: str,
    rate: Fraction,
    duration: Fraction,
    *,
    record_start: Fraction = Fraction(0),
    hits: Iterable[Fraction] = (),
) -> Region:
    """A region as the command line gives it: "START-END TEXT", START and END in seconds, frames or timecode.

    Args:
        text: TEXT may be empty, and may begin with FOLEY.
        rate: the timeline's frames per second.
        duration: the timeline's length, seconds.
        record_start: the timecode of the timeline's first frame, seconds; record timecode is understood where the plain
            reading would lie past the end.
        hits: timeline seconds of HIT markers.

    Raises:
        TimelineError: not a range, or a range that is empty or outside the timeline, or a bad option.
    """
    start, end, rest = _range_and_text(text.strip(), rate)
    start, end, notes = within(Found(rest, start, end), rate, duration, record_start)
    region = _region(rest, start, end, rate, record_start)
    return replace(region, notes=notes, hits=hits_inside(hits, start, end))


def _range_and_text(text: str, rate: Fraction) -> tuple[Fraction, Fraction, str]:
    fault = TimelineError(f"region {text!r} does not begin with START-END", 'write for example "2.5-4 footsteps gravel"')
    for dash in re.finditer(r"[-\N{EN DASH}]", text):
        after = re.match(r"\s*(\S+)(?:\s+(.*))?$", text[dash.end() :], re.DOTALL)
        if dash.start() == 0 or after is None:
            continue
        try:
            return parse_time(text[: dash.start()], rate), parse_time(after[1], rate), (after[2] or "").strip()
        except TimelineError as error:
            if "timecode" in error.message:  # a label that does not exist is the better explanation
                fault = error
    raise fault


def refuse_overlaps(
    regions: Iterable[Region],
    rate: Fraction,
    *,
    record_start: Fraction = Fraction(0),
    refused: list[Refused] | None = None,
) -> list[Region]:
    """The regions in time order; of two that overlap the later one is refused, or raised without ``refused``.

    Raises:
        TimelineError: two of them overlap; names both, and where they are.
    """
    kept: list[Region] = []
    for region in sorted(regions, key=lambda region: (region.start, region.end)):
        if kept and region.start < kept[-1].end:
            before = kept[-1]
            error = TimelineError(
                f"region '{region.name}' at {span_text(region.start, region.end, rate, record_start)} overlaps "
                f"region '{before.name}' at {span_text(before.start, before.end, rate, record_start)}",
                "move or shorten one of them",
            )
            if refused is None:
                raise error
            refused.append(Refused(region.text, region.start, region.end, error, region.id))
        else:
            kept.append(region)
    return kept


def _region(text: str, start: Fraction, end: Fraction, rate: Fraction, record_start: Fraction) -> Region:
    at = timecode(record_start + start, rate)
    try:
        words, options = parse_region_text(text, rate)
    except TimelineError as error:
        raise TimelineError(f"region '{text.strip()}' at {at}: {error.message}", error.hint) from error
    return Region(words or f"region at {at}", text, words, options, start, end, rate)
