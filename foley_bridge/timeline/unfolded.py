"""Where a timeline's clips show: nested timelines unfolded, trims cut off, speeds multiplied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from foley_bridge.timeline.layout import available, children_of, place_of


@dataclass(frozen=True)
class Shown:
    """A clip on the timeline.

    Attributes:
        clip: it.
        start, length: timeline seconds.
        first: the earliest moment of the clip's own time that it shows.
        speed: own seconds per second; below 0 it plays backwards.
        kind: of the track that it lies on, "Video" or "Audio"; "" when it lies on none.
    """

    clip: otio.schema.Clip
    start: Fraction
    length: Fraction
    first: Fraction
    speed: Fraction
    kind: str

    @property
    def times(self) -> tuple[Fraction, ...]:
        """Everything about when and how fast."""
        return self.start, self.length, self.first, self.speed

    @property
    def address(self) -> str | None:
        """Of its media; None when that is no file."""
        reference = self.clip.media_reference
        return reference.target_url if isinstance(reference, otio.schema.ExternalReference) else None

    @property
    def offset(self) -> Fraction:
        """Seconds from its media's start, as the timeline states it, to ``first``."""
        held = available(self.clip.media_reference)
        return self.first - (held[0] if held else Fraction(0))


def by_track(timeline: otio.schema.Timeline) -> list[tuple[Any, list[Shown]]]:
    """The timeline's top-level tracks and stacks, disabled ones too, each with the clips that show in it, in order.

    Of a timeline nested in a track of pictures only the pictures count, and of one in a track of sound only the sound: programs
    that nest lay the other half into a track of its own.
    """
    root = place_of(timeline.tracks, Fraction(0))
    window = (root.own_start, root.own(root.end))
    tracks = []
    for place in children_of(timeline.tracks):
        shown = _placed(place, *window, Fraction(0), Fraction(1), "")
        kind = place.item.kind if isinstance(place.item, otio.schema.Track) else None
        tracks.append((place.item, [each for each in shown if kind is None or each.kind == kind]))
    return tracks


def _placed(place: Any, first: Fraction, last: Fraction, at: Fraction, scale: Fraction, kind: str) -> Iterator[Shown]:
    """What an item shows from ``first`` to ``last`` of its parent's time; that lies at ``at``, ``scale`` seconds for each."""
    start, end = max(place.start, first), min(place.end, last)
    if end < start or (end == start and place.end > place.start):
        return
    here = at + (start - first) * scale
    if isinstance(place.item, otio.schema.Clip):
        earliest = min(place.own(start), place.own(end))
        yield Shown(place.item, here, (end - start) * scale, earliest, place.speed / scale, kind)
    elif isinstance(place.item, otio.core.Composition) and place.speed > 0:
        own_kind = place.item.kind if isinstance(place.item, otio.schema.Track) else kind
        for child in children_of(place.item):
            if child.item.enabled or isinstance(child.item, otio.schema.Clip):
                yield from _placed(child, place.own(start), place.own(end), here, scale / place.speed, own_kind)
