"""OTIO as DaVinci Resolve takes it, and what Resolve writes into its own.

Resolve imports an .otio of the shape that it exports, and says nothing when it does not: clips and gaps on tracks without
nesting, each clip with its media under the key that is active, a bare path, all times in whole frames and in the media's own
timecode, a start timecode, a name that no timeline in the project has. The free edition runs no scripts that lay clips; there
this file is the way in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from foley_bridge.timeline.exchange import counted
from foley_bridge.timeline.layout import Place, available, place_of, timeline_rate
from foley_bridge.timeline.time import rate_text, rational, seconds_of
from foley_bridge.timeline.unfolded import Shown, by_track

KEY = "Resolve_OTIO"
_OURS = "foley_bridge"
_MEDIA = "DEFAULT_MEDIA"
_VERSION = {"Resolve OTIO Meta Version": "1.0"}
_AUDIO_TYPES = {1: "Mono", 2: "Stereo", 6: "5.1", 8: "7.1"}
_RATES = (16, 18, 24, 25, 30, 48, 50, 60, 72, 90, 96, 100, 120)
_NTSC = Fraction(1000, 1001)


@dataclass(frozen=True)
class Held:
    """A media file as another program sees it.

    Attributes:
        path: bare, as that program's machine names it.
        start, length: the file's own timecode at its beginning and how long it is, seconds; None when nobody could look.
    """

    path: str
    start: Fraction | None = None
    length: Fraction | None = None


def for_resolve(
    timeline: otio.schema.Timeline, name: str, look: Callable[[str], Held]
) -> tuple[otio.schema.Timeline, tuple[str, ...]]:
    """A timeline of the shape that Resolve imports; the one given stays as it is.

    Args:
        timeline: what to say.
        name: what it should be called; letters that stand for its content are added, since Resolve takes no name twice.
        look: what a media reference's address means.

    Returns:
        The timeline, and notes about what Resolve will not see.
    """
    shaper = _Shaper(timeline_rate(timeline), look)
    start = timeline.global_start_time
    made = otio.schema.Timeline(metadata={KEY: _VERSION})
    made.global_start_time = rational(seconds_of(start) if start is not None else Fraction(0), shaper.rate)
    for track, clips in by_track(timeline):
        made.tracks.extend(shaper.tracks(track, clips))
    root = place_of(timeline.tracks, Fraction(0))
    made.tracks.markers.extend(shaper.marker(marker, root) for marker in timeline.tracks.markers)
    content = otio.adapters.write_to_string(made, "otio_json").encode()
    made.name = f"{name} {hashlib.sha256(content).hexdigest()[:6]}"
    return made, shaper.notes()


class _Shaper:
    """Rebuilds tracks, and counts what falls by the way."""

    def __init__(self, rate: Fraction, look: Callable[[str], Held]) -> None:
        self.rate = rate
        self._look = look
        self._without_file = 0
        self._cut = 0
        self._moved = 0
        self._transitions = 0

    def notes(self) -> tuple[str, ...]:
        """What was lost, one sentence each."""
        said = []
        if not any(self.rate in (each, each * _NTSC) for each in _RATES):
            said.append(f"Resolve has no timelines of {rate_text(self.rate)} frames per second and may take none of this")
        if self._without_file:
            said.append(
                f"left as gaps, having no media file (titles, generators, sequences): {counted(self._without_file, 'clip')}"
            )
        if self._cut:
            said.append(f"cut to their media, beyond which they reach: {counted(self._cut, 'clip')}")
        if self._moved:
            said.append(
                f"laid on the nearest frames, since they begin or end between two frames: {counted(self._moved, 'clip')}"
            )
        if self._transitions:
            said.append(f"written as cuts: {counted(self._transitions, 'transition')}")
        return tuple(said)

    def tracks(self, track: Any, clips: Iterable[Shown]) -> list[otio.schema.Track]:
        """A track as one without nesting, or several where what it holds overlaps; a stack's clips by their kinds."""
        kind = track.kind if isinstance(track, otio.schema.Track) else ""
        if kind not in ("", "Video", "Audio"):
            return []
        self._transitions += len(track.find_children(descended_from_type=otio.schema.Transition))
        lanes: dict[str, list[list[tuple[int, otio.schema.Clip]]]] = {kind: [[]]} if kind else {}
        for shown in clips:
            placed = self._clip(shown)
            if placed is not None:
                _lay(lanes.setdefault(kind or shown.kind, []), *placed)
        made = []
        for lane_kind, laid in lanes.items():
            for number, lane in enumerate(laid):
                named = track.name or lane_kind
                made.append(self._track(named if number == 0 else f"{named} ({number + 1})", lane_kind, track.enabled, lane))
        return made

    def _track(self, name: str, kind: str, enabled: bool, lane: list[tuple[int, otio.schema.Clip]]) -> otio.schema.Track:
        made = otio.schema.Track(name, kind=kind, metadata={KEY: {"Locked": False}})
        made.enabled = enabled
        if kind == otio.schema.TrackKind.Audio:
            channels = max((_channels(clip) for _, clip in lane), default=0)
            sound = {"Audio Type": _AUDIO_TYPES[channels]} if channels in _AUDIO_TYPES else {}
            made.metadata[KEY] = {"Locked": False, "SoloOn": False, **sound}
        at = 0
        for start, clip in lane:
            if start > at:
                made.append(otio.schema.Gap(source_range=TimeRange(self._frames(0), self._frames(start - at))))
            made.append(clip)
            at = start + int(clip.source_range.duration.value)
        return made

    def _clip(self, shown: Shown) -> tuple[int, otio.schema.Clip] | None:
        """A clip and the frame it begins on; None for what has no media file."""
        if not shown.kind or not shown.address:
            self._without_file += 1
            return None
        held = self._look(shown.address)
        stated = available(shown.clip.media_reference)
        start, length = held.start, held.length
        if start is None or length is None:  # as the timeline says, else as much as is shown
            start, length = stated or (shown.first, abs(shown.speed) * shown.length)
        media_start = round(start * self.rate)
        first = shown.first - (stated[0] if stated else start) + Fraction(media_start, 1) / self.rate
        begin, end, first = self._inside(shown, first, Fraction(media_start) / self.rate, length)
        frames = (round(begin * self.rate), round(end * self.rate))
        if (begin * self.rate, end * self.rate) != frames:
            self._moved += 1
        available_frames = max(1, round(length * self.rate))
        source_first = min(max(media_start, round(first * self.rate)), media_start + available_frames - 1)
        count = frames[1] - frames[0]
        if shown.speed:  # on whole frames, too, it must not reach beyond its media
            count = min(count, floor((media_start + available_frames - source_first) / abs(shown.speed)))
        if count <= 0:
            return None
        media = otio.schema.ExternalReference(held.path, TimeRange(self._frames(media_start), self._frames(available_frames)))
        media.name = held.path.replace("\\", "/").rpartition("/")[2]
        source = TimeRange(self._frames(source_first), self._frames(count))
        made = otio.schema.Clip(shown.clip.name or media.name, source_range=source)
        made.set_media_references({_MEDIA: media}, _MEDIA)
        made.enabled = shown.clip.enabled
        for name in (KEY, _OURS):
            if name in shown.clip.metadata:
                made.metadata[name] = shown.clip.metadata[name]
        made.effects.extend(effect.clone() for effect in shown.clip.effects if KEY in effect.metadata)
        if shown.speed != 1:
            made.effects.append(otio.schema.LinearTimeWarp(time_scalar=float(shown.speed)))
        return frames[0], made

    def _inside(self, shown: Shown, first: Fraction, start: Fraction, length: Fraction) -> tuple[Fraction, Fraction, Fraction]:
        """The part of a clip that its media covers: from and to in timeline seconds, and the first moment of the media."""
        begin, end, speed = shown.start, shown.start + shown.length, abs(shown.speed)
        if speed == 0:
            return begin, end, max(start, min(first, start + length - 1 / self.rate))
        half = 1 / (2 * self.rate)
        before, after = start - first, first + speed * shown.length - (start + length)
        if before > half * speed:
            begin, end = (begin + before / speed, end) if shown.speed > 0 else (begin, end - before / speed)
            first = start
        if after > half * speed:
            begin, end = (begin, end - after / speed) if shown.speed > 0 else (begin + after / speed, end)
        self._cut += before > half * speed or after > half * speed
        return begin, end, first

    def marker(self, marker: otio.schema.Marker, root: Place) -> otio.schema.Marker:
        """A marker of the timeline on whole frames, at least one of them."""
        first = seconds_of(marker.marked_range.start_time)
        start = round(root.parent(first) * self.rate)
        end = round(root.parent(first + seconds_of(marker.marked_range.duration)) * self.rate)
        made = otio.schema.Marker(marker.name, TimeRange(self._frames(start), self._frames(max(1, end - start))), marker.color)
        made.metadata[KEY] = {"Keywords": [], "Note": marker.comment or ""}
        if _OURS in marker.metadata:
            made.metadata[_OURS] = marker.metadata[_OURS]
        return made

    def _frames(self, count: int) -> RationalTime:
        return RationalTime(count, float(self.rate))


def _lay(lanes: list[list[tuple[int, otio.schema.Clip]]], start: int, clip: otio.schema.Clip) -> None:
    """Lay a clip into the first lane that is free there."""
    for lane in lanes:
        if not lane or lane[-1][0] + lane[-1][1].source_range.duration.value <= start:
            lane.append((start, clip))
            return
    lanes.append([(start, clip)])


def _channels(clip: otio.schema.Clip) -> int:
    ours = clip.metadata.get(_OURS)
    told = ours.get("channels") if hasattr(ours, "get") else None
    return told if isinstance(told, int) else 0


def adopt_resolve(timeline: otio.schema.Timeline) -> None:
    """Give the notes of Resolve's markers the place where OTIO has comments."""
    for item in [timeline.tracks, *timeline.find_children(descended_from_type=otio.core.Item)]:
        for marker in item.markers:
            told = marker.metadata.get(KEY)
            note = told.get("Note") if hasattr(told, "get") else None
            if isinstance(note, str) and note and not marker.comment:
                marker.comment = note
