"""The picture under a range of the timeline: which media, and which of its moments, is on screen at any time.

The topmost enabled clip on a video track wins, gaps are transparent, and a dissolve hands over at the middle of its length,
where the second picture begins to outweigh the first. A generator (a title, colour bars) hides what is below it.
All times are exact fractions of seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import opentimelineio as otio

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.layout import Place, available, children_of, place_of, timeline_duration, trimmed
from foley_bridge.timeline.media_paths import is_file, local_path
from foley_bridge.timeline.time import exact_rate

BACKWARDS_NUDGE = Fraction(1, 1_000_000)
"""Seconds by which media time of reversed spans lies early: played backwards, the picture on screen at a boundary between two
pictures is the earlier one, and without the nudge "the last picture at or before" would find the later one."""


@dataclass(frozen=True)
class Media:
    """What a span shows.

    Attributes:
        kind: "movie" (any file of moving or still pictures), "images" (a numbered sequence), "missing" or "generator".
        name: of the reference, else of the clip: what to call it in a message.
        path: the file; the folder of a sequence; where a missing file should be; "" when there is no file.
        prefix, suffix, padding, first, step, count: a sequence's file names: ``prefix + number + suffix``.
        rate: a sequence's pictures per second, as shown (its step is taken into account).
    """

    kind: str
    name: str
    path: str = ""
    prefix: str = ""
    suffix: str = ""
    padding: int = 0
    first: int = 0
    step: int = 1
    count: int = 0
    rate: Fraction | None = None

    def image_path(self, index: int) -> Path:
        """The file of a sequence's picture; ``index`` counts from 0."""
        number = self.first + index * self.step
        return Path(self.path) / f"{self.prefix}{'-' if number < 0 else ''}{abs(number):0{self.padding}d}{self.suffix}"

    def image_paths(self) -> list[Path]:
        """All files of a sequence, in order of showing; whether they exist is not looked at."""
        return [self.image_path(index) for index in range(self.count)]


@dataclass(frozen=True)
class Span:
    """A stretch of timeline showing one piece of media without an edit.

    Attributes:
        start, end: timeline seconds.
        media: what is shown; None is black.
        media_start: media seconds (0 at the media's first picture) at ``start``.
        speed: media seconds per timeline second; 0 is a freeze, below 0 plays backwards.
        name: the clip's.
    """

    start: Fraction
    end: Fraction
    media: Media | None = None
    media_start: Fraction = Fraction(0)
    speed: Fraction = Fraction(1)
    name: str = ""

    def media_time(self, time: Fraction) -> Fraction:
        """Media seconds on screen at a timeline time of this span."""
        return self.media_start + self.speed * (time - self.start)


@dataclass(frozen=True)
class Picture:
    """What is on screen over a range: spans in order, without holes or overlaps, covering it exactly."""

    spans: tuple[Span, ...]

    def at(self, time: Fraction) -> tuple[Span, Fraction]:
        """The span on screen at a timeline time inside the range, and its media time there."""
        if not self.spans or not self.spans[0].start <= time <= self.spans[-1].end:
            raise ValueError(f"{time} s is outside this picture")
        span = self.spans[bisect_right(self.spans, time, key=lambda span: span.start) - 1]
        return span, span.media_time(time)

    @property
    def cuts(self) -> tuple[Fraction, ...]:
        """Timeline seconds at which the picture jumps from one span to the next."""
        return tuple(span.start for span in self.spans[1:])

    @property
    def missing(self) -> tuple[str, ...]:
        """What should be on screen and is not there: file paths, or names where there is no path; each once."""
        lost = (span.media for span in self.spans if span.media is not None and span.media.kind == "missing")
        return tuple(dict.fromkeys(media.path or media.name for media in lost))


def picture_under(
    timeline: otio.schema.Timeline,
    start: Fraction,
    end: Fraction,
    start_of: Callable[[str], Fraction | None],
    *,
    base: Path,
) -> Picture:
    """The picture between two timeline times.

    Args:
        start, end: timeline seconds; past the timeline's end the picture is black.
        start_of: asked with a file's path for the start timecode stored in it, in seconds, when a clip does not state its
            media's range; None means the file has none.
        base: the folder that relative media paths start from (``files.folder_of``).

    Raises:
        TimelineError: an empty range, or a clip whose length is unknown; names it.
    """
    if end <= start:
        raise TimelineError(f"there is no picture between {float(start):g} s and {float(end):g} s: the range is empty")
    finder = _MediaFinder(start_of, base)
    spans: list[Span] = []
    for piece in sorted(_root_pieces(timeline, start, end), key=lambda piece: piece.start):
        _join(spans, Span(spans[-1].end if spans else start, piece.start))
        _join(spans, finder.span(piece))
    _join(spans, Span(spans[-1].end if spans else start, end))
    return Picture(tuple(spans))


def _join(spans: list[Span], span: Span) -> None:
    """Append a span; one that runs on where the last one stops (a cut through a take, or black after black) lengthens it."""
    if span.end <= span.start:
        return
    if spans:
        last = spans[-1]
        same = span.media == last.media and (span.media is None or span.speed == last.speed)
        if same and (span.media is None or last.media_time(last.end) == span.media_start):
            spans[-1] = replace(last, end=span.end)
            return
    spans.append(span)


# --- the visible pieces of clips ---


@dataclass(frozen=True)
class _Piece:
    """A visible piece of a clip: ``start``, ``end`` in the asker's time; ``source`` is the clip's own time at start."""

    start: Fraction
    end: Fraction
    clip: Any
    source: Fraction
    speed: Fraction


def _root_pieces(timeline: otio.schema.Timeline, start: Fraction, end: Fraction) -> list[_Piece]:
    if not timeline.tracks.enabled:
        return []
    root = place_of(timeline.tracks, Fraction(0))
    return _placed_pieces(root, max(start, Fraction(0)), min(end, timeline_duration(timeline)))


def _pieces(item: Any, start: Fraction, end: Fraction) -> list[_Piece]:
    """What an item shows between two of its own times, where it shows anything."""
    if end <= start or not item.enabled:
        return []
    if isinstance(item, otio.schema.Clip):
        return [_Piece(start, end, item, start, Fraction(1))]
    if isinstance(item, otio.schema.Track):
        if item.kind != otio.schema.TrackKind.Video:
            return []
        return [piece for place in children_of(item) for piece in _placed_pieces(place, start, end)]
    if not isinstance(item, otio.core.Composition):
        return []
    shown: list[_Piece] = []
    open_ranges = [(start, end)]
    for place in reversed(children_of(item)):  # from the top down, each child only where nothing above it shows
        layer = [piece for first, last in open_ranges for piece in _placed_pieces(place, first, last)]
        shown += layer
        open_ranges = _without(open_ranges, sorted((piece.start, piece.end) for piece in layer))
    return shown


_Range = tuple[Fraction, Fraction]


def _without(ranges: list[_Range], taken: list[_Range]) -> list[_Range]:
    """What is left of some ranges; ``taken`` in order."""
    left = []
    for start, end in ranges:
        at = start
        for first, last in taken:
            if first < end and last > at:
                if first > at:
                    left.append((at, first))
                at = max(at, last)
        if at < end:
            left.append((at, end))
    return left


def _placed_pieces(place: Place, start: Fraction, end: Fraction) -> list[_Piece]:
    """What a placed item shows between two times of its parent, in the parent's time."""
    start, end = max(start, place.shown_start), min(end, place.shown_end)
    if end <= start:
        return []
    if place.speed == 0:
        still = [piece for piece in _pieces(place.item, place.own_start, place.own_start + 1) if piece.start == place.own_start]
        return [replace(piece, start=start, end=end, speed=Fraction(0)) for piece in still]
    inner = _pieces(place.item, *sorted((place.own(start), place.own(end))))
    placed = []
    for piece in inner:
        first, last = sorted((place.parent(piece.start), place.parent(piece.end)))
        source = piece.source + piece.speed * (place.own(first) - piece.start)
        placed.append(_Piece(first, last, piece.clip, source, piece.speed * place.speed))
    return placed


# --- from clips to media ---


class _MediaFinder:
    """Turns clips into media; looks at each file once."""

    def __init__(self, start_of: Callable[[str], Fraction | None], base: Path) -> None:
        self._start_of = start_of
        self._base = base
        self._found: dict[str, tuple[bool, Path]] = {}

    def span(self, piece: _Piece) -> Span:
        media, media_first = self._media(piece)
        start = piece.source - media_first
        if piece.speed < 0:
            start -= BACKWARDS_NUDGE
        return Span(piece.start, piece.end, media, start, piece.speed, piece.clip.name or media.name)

    def _media(self, piece: _Piece) -> tuple[Media, Fraction]:
        """The clip's media, and the clip's own time at the media's first picture."""
        reference = piece.clip.media_reference
        stated = available(reference)
        first = stated[0] if stated else Fraction(0)
        name = (reference.name if reference is not None else "") or piece.clip.name
        if isinstance(reference, otio.schema.GeneratorReference):
            return Media("generator", name or reference.generator_kind), first
        if isinstance(reference, otio.schema.ImageSequenceReference):
            # A sequence that does not state its range is taken to reach as far as its clip.
            length = stated[1] if stated else sum(trimmed(piece.clip))
            return self._images(reference, name, length, piece.source - first), first
        if not isinstance(reference, otio.schema.ExternalReference):
            return Media("missing", name or "media without a name"), first
        there, path = self._look(reference.target_url or "")
        if not there:
            return Media("missing", name or path.name, str(path) if reference.target_url else ""), first
        if stated is None:
            first = self._start_of(str(path)) or Fraction(0)
        return Media("movie", name or path.name, str(path)), first

    def _look(self, url: str) -> tuple[bool, Path]:
        if url not in self._found:
            path = local_path(url, self._base)
            self._found[url] = (path is not None and is_file(path), path if path is not None else Path(url))
        return self._found[url]

    def _images(self, reference: Any, name: str, length: Fraction | int, time: Fraction) -> Media:
        folder = local_path(reference.target_url_base or ".", self._base) or Path(reference.target_url_base)
        step = max(1, reference.frame_step)
        rate = exact_rate(float(reference.rate)) / step
        media = Media(
            "images",
            name or f"{reference.name_prefix}{reference.start_frame}{reference.name_suffix}",
            str(folder),
            prefix=reference.name_prefix,
            suffix=reference.name_suffix,
            padding=max(0, reference.frame_zero_padding),
            first=reference.start_frame,
            step=step,
            count=max(1, ceil(length * rate)),
            rate=rate,
        )
        shown = min(max(0, int(time * rate // 1)), media.count - 1)
        if any(is_file(media.image_path(index)) for index in (0, shown)):
            return media
        return Media("missing", media.name, str(media.image_path(shown)))
