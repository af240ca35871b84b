"""Which ranges of a timeline ask for sound: markers whose name begins with FOLEY, wherever in the timeline they are.

A marker of the timeline or of a track counts in timeline time; one of a clip or a nested timeline counts in that item's own
time and is followed through trims, nesting and speed to where it shows. Markers whose name begins with HIT inside a region
say where the action is. All times are exact fractions of seconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.layout import Place, available, children_of, place_of, timeline_duration, timeline_rate
from foley_bridge.timeline.options import Options, is_region_text, parse_region_text
from foley_bridge.timeline.time import ceil_frame, floor_frame, parse_time, seconds_of, snapped, timecode

LONGEST_ID = 200
_HIT = re.compile(r"\s*HIT(?=[\s:]|$)", re.IGNORECASE)


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

    @property
    def first_frame(self) -> int:
        """The frame that holds the region's start."""
        return floor_frame(self.start, self.rate)

    @property
    def last_frame(self) -> int:
        """The frame after the region's last: the region expanded outward to whole frames ends where it starts."""
        return ceil_frame(self.end, self.rate)


@dataclass(frozen=True)
class Refused:
    """A marked region that cannot be used.

    Attributes:
        text: as written.
        start, end: timeline seconds, as far as they can be told.
        error: why; names the region and its timecode.
        id: as of a region.
    """

    text: str
    start: Fraction
    end: Fraction
    error: TimelineError
    id: str | None = None


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
    finder = _Finder(timeline, rate)
    finder.search()
    faults = finder.refused
    regions: dict[tuple[Fraction, Fraction, str], Region] = {}
    for found in finder.regions:
        try:
            region = _region(found.text, found.start, found.end, rate, finder.record_start)
        except TimelineError as error:
            faults.append(Refused(found.text, found.start, found.end, error, found.id))
            continue
        region = replace(region, notes=(*region.notes, *found.notes), truth_s=found.truth_s, id=found.id)
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
    return [replace(region, hits=hits_inside(finder.hits, region.start, region.end)) for region in marked], finder.notes


def find_hits(timeline: otio.schema.Timeline) -> list[Fraction]:
    """Where all visible HIT markers of a timeline are, timeline seconds, in order."""
    finder = _Finder(timeline, timeline_rate(timeline))
    finder.search()
    return sorted(set(finder.hits))


def hits_inside(hits: Iterable[Fraction], start: Fraction, end: Fraction) -> tuple[Fraction, ...]:
    """Those hits at or after ``start`` and before ``end``, in order, each once."""
    return tuple(sorted({hit for hit in hits if start <= hit < end}))


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
    start, end, notes = _within(_Found(rest, start, end), rate, duration, record_start)
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
                f"region '{region.name}' at {_span_text(region.start, region.end, rate, record_start)} overlaps "
                f"region '{before.name}' at {_span_text(before.start, before.end, rate, record_start)}",
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


def _span_text(start: Fraction, end: Fraction, rate: Fraction, record_start: Fraction) -> str:
    return f"{timecode(record_start + start, rate)}-{timecode(record_start + end, rate)}"


# --- finding markers ---


@dataclass(frozen=True)
class _Found:
    text: str
    start: Fraction
    end: Fraction
    notes: tuple[str, ...] = ()
    truth_s: tuple[float, ...] = ()
    id: str | None = None


@dataclass(frozen=True)
class _View:
    """How an item's own time is seen on the timeline: its own times from ``start`` to ``end`` show, at ``at(time)``.

    Attributes:
        start, end: the visible part, own time. A frozen item shows only the moment ``start``.
        scale, offset: timeline = offset + scale * own.
        frozen: for a frozen item, the timeline range over which its one moment shows.
    """

    start: Fraction
    end: Fraction
    scale: Fraction
    offset: Fraction
    frozen: tuple[Fraction, Fraction] | None = None

    def at(self, own: Fraction) -> Fraction:
        return self.offset + self.scale * own

    def shows(self, start: Fraction, end: Fraction) -> tuple[Fraction, Fraction] | None:
        """The timeline range over which a range of own time shows; None where nothing of it does."""
        if self.frozen is not None:
            return self.frozen if start <= self.start < end else None
        start, end = max(start, self.start), min(end, self.end)
        if end <= start:
            return None
        first, last = sorted((self.at(start), self.at(end)))
        return first, last

    def inside(self, place: Place) -> _View | None:
        """The view of an item placed in this one; None when nothing of it shows."""
        if self.frozen is not None:
            if not place.start <= self.start < place.end:
                return None
            return _View(place.own(self.start), place.own(self.start), Fraction(0), Fraction(0), self.frozen)
        first, last = max(self.start, place.start), min(self.end, place.end)
        if last <= first:
            return None
        if place.speed == 0:
            on_screen = sorted((self.at(first), self.at(last)))
            return _View(place.own_start, place.own_start, Fraction(0), Fraction(0), (on_screen[0], on_screen[1]))
        start, end = sorted((place.own(first), place.own(last)))
        scale = self.scale / place.speed
        return _View(start, end, scale, self.at(place.start) - scale * place.own_start)


class _Finder:
    """Walks a timeline and gathers FOLEY and HIT markers, in timeline time."""

    def __init__(self, timeline: otio.schema.Timeline, rate: Fraction) -> None:
        self.timeline = timeline
        self.rate = rate
        self.duration = timeline_duration(timeline)
        start = timeline.global_start_time
        self.record_start = seconds_of(start) if start is not None else Fraction(0)
        self.regions: list[_Found] = []
        self.refused: list[Refused] = []
        self.hits: list[Fraction] = []
        self.notes: list[str] = []

    def search(self) -> None:
        stack = self.timeline.tracks
        root = place_of(stack, Fraction(0))
        whole = _View(Fraction(0), self.duration, Fraction(1), Fraction(0)).inside(root)
        if not stack.enabled or whole is None:
            self._leave_out(stack, "the timeline is empty or disabled")
            return
        self._markers_of_timeline(stack, whole)
        for place in children_of(stack):
            view = whole.inside(place) or (whole if place.start == place.end else None)  # an empty track may carry markers
            if isinstance(place.item, otio.schema.Track) and place.item.enabled and view is not None and view.frozen is None:
                self._markers_of_timeline(place.item, view)
                self._children(place.item, view)
            else:
                self._item(place, view)

    def _item(self, place: Place, view: _View | None) -> None:
        item = place.item
        if not item.enabled:
            self._leave_out(item, "it is disabled")
        elif view is None:
            self._leave_out(item, "it is trimmed away")
        else:
            self._markers_of_item(item, view)
            self._children(item, view)

    def _children(self, item: Any, view: _View) -> None:
        if isinstance(item, otio.core.Composition):
            for place in children_of(item):
                self._item(place, view.inside(place))

    def _leave_out(self, item: Any, reason: str) -> None:
        inner = item.find_children(descended_from_type=otio.core.Item) if isinstance(item, otio.core.Composition) else []
        for owner in [item, *inner]:
            for marker in owner.markers:
                if text := _region_text(marker):
                    self.notes.append(f"region '{text}' on '{owner.name}' is left out: {reason}")

    def _markers_of_timeline(self, owner: Any, view: _View) -> None:
        """Markers that a person placed in timeline time: never trimmed in silence, but refused when they do not fit."""
        for marker in owner.markers:
            start, end = _marked(marker)
            first, last = sorted((view.at(start), view.at(end)))
            if text := _region_text(marker):
                found = _Found(text, first, last) if end > start else _Found(text, view.at(start), view.at(start))
                try:
                    start, end, notes = _within(found, self.rate, self.duration, self.record_start)
                except TimelineError as error:
                    self.refused.append(Refused(text, found.start, found.end, error, _id(marker)))
                else:
                    self.regions.append(_Found(text, start, end, notes, _truth(marker), _id(marker)))
            elif _HIT.match(marker.name):
                if first >= self.duration and 0 <= first - self.record_start < self.duration:
                    first -= self.record_start
                self.hits.append(first)

    def _markers_of_item(self, item: Any, view: _View) -> None:
        """Markers in an item's own time: seen where the item shows them."""
        for marker in item.markers:
            start, end = _marked(marker)
            text = _region_text(marker)
            if not text and not _HIT.match(marker.name):
                continue
            notes: list[str] = []
            if isinstance(item, otio.schema.Clip):
                stated = available(item.media_reference)
                # A time before the media begins can only be counted from the media's start, as FCP7 XML does.
                if stated and stated[0] > 0 and start >= 0 and end <= stated[0]:
                    start, end = start + stated[0], end + stated[0]
                    notes.append("its time counts from the start of the clip's media")
            if text:
                if end <= start:
                    at = view.shows(start, start + Fraction(1, 1000))
                    where = timecode(self.record_start + at[0], self.rate) if at else f"in clip '{item.name}'"
                    begins = at[0] if at else Fraction(0)
                    self.refused.append(Refused(text, begins, begins, _no_length(text, where), _id(marker)))
                    continue
                shown = view.shows(start, end)
                if shown is None:
                    self.notes.append(f"region '{text}' on '{item.name}' is left out: it is trimmed away")
                    continue
                if view.frozen is None and (start < view.start or end > view.end):
                    notes.append("only the part that its clip shows is used")
                self.regions.append(_Found(text, *shown, tuple(notes), id=_id(marker)))
            else:
                self._hit(view, start, end)

    def _hit(self, view: _View, start: Fraction, end: Fraction) -> None:
        """A hit shows when its moment does; played backwards, that is the end of its range."""
        moment = max(start, end) if view.scale < 0 else start
        if view.frozen is not None:
            if moment == view.start:
                self.hits.append(view.frozen[0])
        elif view.start <= moment < view.end or (view.scale < 0 and moment == view.end):
            self.hits.append(view.at(moment))


def _marked(marker: Any) -> tuple[Fraction, Fraction]:
    start = seconds_of(marker.marked_range.start_time)
    return start, start + seconds_of(marker.marked_range.duration)


def _region_text(marker: Any) -> str | None:
    """The text of a marker that asks for sound: its name, or its comment when the name does not ask."""
    return next((text.strip() for text in (marker.name, marker.comment) if is_region_text(text or "")), None)


def _told(marker: Any, name: str) -> Any:
    ours = marker.metadata.get("foley_bridge")
    return ours.get(name) if hasattr(ours, "get") else None


def _id(marker: Any) -> str | None:
    told = _told(marker, "id")
    return told if isinstance(told, str) and 0 < len(told) <= LONGEST_ID else None


def _truth(marker: Any) -> tuple[float, ...]:
    told = _told(marker, "truth_s")
    if isinstance(told, str) or not isinstance(told, Sequence):
        return ()
    return tuple(float(at) for at in told if isinstance(at, int | float) and math.isfinite(at))


def _no_length(text: str, at: str) -> TimelineError:
    return TimelineError(f"region '{text}' at {at} has no length", "give the marker a duration above zero")


def _within(
    found: _Found, rate: Fraction, duration: Fraction, record_start: Fraction
) -> tuple[Fraction, Fraction, tuple[str, ...]]:
    """A region's start and end in timeline time, and notes; record timecode is taken off where only that fits.

    Raises:
        TimelineError: without length, or outside the timeline by a frame or more.
    """
    start, end, notes = found.start, found.end, []
    at = timecode(record_start + start, rate)
    if end <= start:
        raise _no_length(found.text, at)
    if start >= duration and record_start > 0 and start - record_start >= 0 and end - record_start < duration + 1 / rate:
        start, end = start - record_start, end - record_start
        notes.append(f"its time is read as record timecode, which starts at {timecode(record_start, rate)}")
        at = timecode(record_start + start, rate)
    if start < 0:
        raise TimelineError(f"region '{found.text}' at {at} begins before the timeline", "move it inside")
    if start >= duration or end - duration >= 1 / rate:
        last = timecode(record_start + duration, rate)
        raise TimelineError(
            f"region '{found.text}' at {_span_text(start, end, rate, record_start)} is past the end of the timeline at {last}",
            "move or shorten it",
        )
    if end > duration:
        notes.append("its end, less than a frame past the timeline's, is taken as the timeline's end")
        end = duration
    return start, end, tuple(notes)
