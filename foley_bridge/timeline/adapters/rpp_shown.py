"""Where a timeline's clips show, and what of them a REAPER item says: nested timelines unfolded, speeds multiplied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from foley_bridge.timeline.adapters.rpp_read import KEY
from foley_bridge.timeline.layout import available, children_of, place_of

SAME = Fraction(1, 10**8)
"""Seconds: what float arithmetic and JSON leave of a time that nobody changed."""


@dataclass(frozen=True)
class Shown:
    """A clip on the timeline.

    Attributes:
        clip: it.
        start, length: timeline seconds.
        first: the earliest moment of the clip's own time that it shows.
        speed: own seconds per second; below 0 it plays backwards.
    """

    clip: otio.schema.Clip
    start: Fraction
    length: Fraction
    first: Fraction
    speed: Fraction

    @property
    def times(self) -> tuple[Fraction, ...]:
        """Everything about when and how fast."""
        return self.start, self.length, self.first, self.speed

    def moved(self, was: Shown) -> bool:
        """Whether its times are others than those of ``was``, by more than what float arithmetic leaves."""
        return any(abs(one - other) > SAME for one, other in zip(self.times, was.times, strict=True))

    @property
    def address(self) -> str | None:
        """Of its media; None when that is no file."""
        reference = self.clip.media_reference
        return reference.target_url if isinstance(reference, otio.schema.ExternalReference) else None

    @property
    def offset(self) -> Fraction:
        """Seconds from its media's start to ``first``."""
        held = available(self.clip.media_reference)
        return self.first - (held[0] if held else Fraction(0))


def by_track(timeline: otio.schema.Timeline) -> list[tuple[Any, list[Shown]]]:
    """The timeline's top-level tracks and stacks, disabled ones too, each with the clips that show in it."""
    root = place_of(timeline.tracks, Fraction(0))
    window = (root.own_start, root.own(root.end))
    return [(place.item, list(_placed(place, *window, Fraction(0), Fraction(1)))) for place in children_of(timeline.tracks)]


def _inside(parent: Any, first: Fraction, last: Fraction, at: Fraction, scale: Fraction) -> Iterator[Shown]:
    """What a composition shows from ``first`` to ``last`` of its own time; that lies at ``at``, ``scale`` seconds for each."""
    for place in children_of(parent):
        if place.item.enabled or isinstance(place.item, otio.schema.Clip):
            yield from _placed(place, first, last, at, scale)


def _placed(place: Any, first: Fraction, last: Fraction, at: Fraction, scale: Fraction) -> Iterator[Shown]:
    start, end = max(place.start, first), min(place.end, last)
    if end < start or (end == start and place.end > place.start):
        return
    here = at + (start - first) * scale
    if isinstance(place.item, otio.schema.Clip):
        earliest = min(place.own(start), place.own(end))
        yield Shown(place.item, here, (end - start) * scale, earliest, place.speed / scale)
    elif isinstance(place.item, otio.core.Composition) and place.speed > 0:
        yield from _inside(place.item, place.own(start), place.own(end), here, scale / place.speed)


def told(thing: Any, name: str) -> Any:
    """What reading a project wrote into the metadata of a clip, track or marker; None when it did not."""
    said = thing.metadata.get(KEY)
    return said.get(name) if hasattr(said, "get") else None


def origin(clip: otio.schema.Clip) -> tuple[int, int] | None:
    """Which item of the project a clip came from: the numbers of its track and its own."""
    track, item = told(clip, "track"), told(clip, "item")
    return (track, item) if isinstance(track, int) and isinstance(item, int) else None
