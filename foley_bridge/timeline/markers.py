"""Where a timeline's FOLEY and HIT markers are, in timeline time, whatever they are fixed to.

A marker of the timeline or of a track counts in timeline time; one of a clip or a nested timeline counts in that item's own
time and is followed through trims, nesting and speed to where it shows. All times are exact fractions of seconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.layout import Place, available, children_of, place_of, timeline_duration
from foley_bridge.timeline.options import is_region_text
from foley_bridge.timeline.time import seconds_of, timecode

LONGEST_ID = 200
_HIT = re.compile(r"\s*HIT(?=[\s:]|$)", re.IGNORECASE)


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


@dataclass(frozen=True)
class Found:
    """A marker that asks for sound.

    Attributes:
        text: as written.
        start, end: timeline seconds.
        notes: what a person should know about where it was found.
        truth_s, id, marker: as of a region.
    """

    text: str
    start: Fraction
    end: Fraction
    notes: tuple[str, ...] = ()
    truth_s: tuple[float, ...] = ()
    id: str | None = None
    marker: Any = field(default=None, compare=False)


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


class Finder:
    """Walks a timeline and gathers FOLEY and HIT markers, in timeline time."""

    def __init__(self, timeline: otio.schema.Timeline, rate: Fraction) -> None:
        self.timeline = timeline
        self.rate = rate
        self.duration = timeline_duration(timeline)
        start = timeline.global_start_time
        self.record_start = seconds_of(start) if start is not None else Fraction(0)
        self.regions: list[Found] = []
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
                found = Found(text, first, last) if end > start else Found(text, view.at(start), view.at(start))
                try:
                    start, end, notes = within(found, self.rate, self.duration, self.record_start)
                except TimelineError as error:
                    self.refused.append(Refused(text, found.start, found.end, error, _id(marker)))
                else:
                    self.regions.append(Found(text, start, end, notes, _truth(marker), _id(marker), marker))
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
                self.regions.append(Found(text, *shown, tuple(notes), id=_id(marker), marker=marker))
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


def within(
    found: Found, rate: Fraction, duration: Fraction, record_start: Fraction
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
            f"region '{found.text}' at {span_text(start, end, rate, record_start)} is past the end of the timeline at {last}",
            "move or shorten it",
        )
    if end > duration:
        notes.append("its end, less than a frame past the timeline's, is taken as the timeline's end")
        end = duration
    return start, end, tuple(notes)


def span_text(start: Fraction, end: Fraction, rate: Fraction, record_start: Fraction) -> str:
    """A range as record timecode, for messages."""
    return f"{timecode(record_start + start, rate)}-{timecode(record_start + end, rate)}"
