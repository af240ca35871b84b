"""Where things lie in a timeline: trims, nesting and speed, as exact fractions of seconds.

Follows OpenTimelineIO's model: an item's ``source_range`` (or all of it) is shown over as much time of its parent; children
of a stack all start at its zero, children of a track follow each other; time effects change what is shown, not how long.

Two kinds of time meet at each item: its parent's, and its own (media time for a clip, time from zero for a track or stack).
``Place`` converts between them: own = ``own_start + speed * (parent - start)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.time import exact_rate, seconds_of

FASTEST = 1e6
"""A time warp's speed, either way."""


@dataclass(frozen=True)
class Place:
    """An item in its parent.

    Attributes:
        item: the clip, gap, track or stack.
        start, end: its nominal range in the parent's time, transitions left aside.
        shown_start, shown_end: the range in which its picture outweighs its neighbours', parent's time: a transition hands
            over at the middle of its length.
        own_start: the item's own time at ``start``.
        speed: own seconds per parent second; 0 is a freeze, below 0 plays backwards from the end.
    """

    item: Any
    start: Fraction
    end: Fraction
    shown_start: Fraction
    shown_end: Fraction
    own_start: Fraction
    speed: Fraction

    def own(self, time: Fraction) -> Fraction:
        """The item's own time at a time of its parent."""
        return self.own_start + self.speed * (time - self.start)

    def parent(self, own: Fraction) -> Fraction:
        """The parent's time at a time of the item; not for freezes."""
        return self.start + (own - self.own_start) / self.speed


def place_of(item: Any, start: Fraction, shown: tuple[Fraction, Fraction] | None = None) -> Place:
    """An item that begins at ``start`` of its parent's time."""
    source, length = trimmed(item)
    speed = speed_of(item)
    # Backwards, the stretch that forward playing would show is shown from its end, so the last picture comes first.
    own_start = source + abs(speed) * length if speed < 0 else source
    shown_start, shown_end = shown or (start, start + length)
    return Place(item, start, start + length, shown_start, shown_end, own_start, speed)


def children_of(parent: Any) -> list[Place]:
    """A track's or stack's clips, gaps and nested compositions, in order; transitions are taken into account, not listed."""
    if not isinstance(parent, otio.schema.Track):
        return [place_of(child, Fraction(0)) for child in parent if isinstance(child, otio.core.Item)]
    starts = [Fraction(0)]  # of each item, and the end of the last
    hand_over = [Fraction(0)]  # how far past each cut the picture changes, because of a transition there
    items = []
    for child in parent:
        if isinstance(child, otio.schema.Transition):
            hand_over[-1] = (seconds_of(child.out_offset) - seconds_of(child.in_offset)) / 2
        elif isinstance(child, otio.core.Item):
            items.append(child)
            starts.append(starts[-1] + trimmed(child)[1])
            hand_over.append(Fraction(0))
    places = []
    shown_end = starts[0] + hand_over[0]
    for index, item in enumerate(items):
        shown_start, shown_end = shown_end, max(shown_end, starts[index + 1] + hand_over[index + 1])
        places.append(place_of(item, starts[index], (shown_start, shown_end)))
    return places


def trimmed(item: Any) -> tuple[Fraction, Fraction]:
    """An item's first own time and its length, seconds: its ``source_range``, or all there is of it.

    Raises:
        TimelineError: a clip of unknown length, or a length below zero; names the item.
    """
    if item.source_range is not None:
        start, length = seconds_of(item.source_range.start_time), seconds_of(item.source_range.duration)
    elif isinstance(item, otio.schema.Track):
        start, length = Fraction(0), sum(_lengths(item), Fraction(0))
    elif isinstance(item, otio.core.Composition):
        start, length = Fraction(0), max(_lengths(item), default=Fraction(0))
    elif isinstance(item, otio.schema.Clip):
        start, length = available(item.media_reference) or _no_length(item)
    else:
        start, length = Fraction(0), Fraction(0)
    if length < 0:
        raise TimelineError(f"{_called(item)} has a length below zero ({float(length):g} s)")
    return start, length


def _lengths(parent: Any) -> list[Fraction]:
    return [trimmed(child)[1] for child in parent if isinstance(child, otio.core.Item)]


def available(reference: Any) -> tuple[Fraction, Fraction] | None:
    """The first time and the length of a clip's media, seconds, as the timeline states them; None when it does not."""
    if reference is None:
        return None
    if reference.available_range is not None:
        return seconds_of(reference.available_range.start_time), seconds_of(reference.available_range.duration)
    return None


def _no_length(clip: Any) -> tuple[Fraction, Fraction]:
    hint = "trim it, or state its available range"
    raise TimelineError(f"{_called(clip)} has neither a source range nor media of known length", hint)


def _called(item: Any) -> str:
    return f"{type(item).__name__.lower()} {item.name!r}"


def speed_of(item: Any) -> Fraction:
    """All enabled time warps of an item multiplied: own seconds per parent second."""
    speed = Fraction(1)
    for effect in item.effects:
        if isinstance(effect, otio.schema.LinearTimeWarp) and getattr(effect, "enabled", True):
            scalar = float(effect.time_scalar)
            if not abs(scalar) <= FASTEST:
                raise TimelineError(f"{_called(item)} has a speed of {scalar:g}", f"speeds up to {FASTEST:g} are understood")
            simple = Fraction(scalar).limit_denominator(1_000_000)
            speed *= simple if float(simple) == scalar else Fraction(scalar)
    return speed


def timeline_duration(timeline: otio.schema.Timeline) -> Fraction:
    """How long a timeline is, seconds."""
    return trimmed(timeline.tracks)[1]


def timeline_rate(timeline: otio.schema.Timeline) -> Fraction:
    """A timeline's frames per second: of its global start time, else of its first video clip, any item, any marker.

    Raises:
        TimelineError: nothing in the timeline has a rate of pictures (between 1 and 1000).
    """
    for time in _times(timeline):
        if time is not None and 1 < time.rate < 1000:
            return exact_rate(float(time.rate))
    hint = "give it a global start time, or a clip with a source range"
    raise TimelineError(f"timeline {timeline.name!r} does not say its frame rate", hint)


def _times(timeline: otio.schema.Timeline) -> Iterator[otio.opentime.RationalTime | None]:
    yield timeline.global_start_time
    video = timeline.video_tracks()
    clips = [clip for track in video for clip in track.find_children(descended_from_type=otio.schema.Clip)]
    items = [item for track in video for item in track.find_children(descended_from_type=otio.core.Item)]
    for item in [*clips, *items, *timeline.find_children(descended_from_type=otio.core.Item)]:
        if item.source_range is not None:
            yield item.source_range.duration
        elif isinstance(item, otio.schema.Clip) and item.media_reference and item.media_reference.available_range is not None:
            yield item.media_reference.available_range.duration
    for item in [timeline.tracks, *timeline.tracks]:
        for marker in item.markers:
            yield marker.marked_range.start_time
