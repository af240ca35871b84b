"""A timeline made ready for formats other than OTIO, which count whole frames and say less; and FCP7 XML taken back."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from foley_bridge.timeline import layout
from foley_bridge.timeline.media_paths import as_url, references
from foley_bridge.timeline.time import exact_rate, nominal_rate, rate_text, rational, seconds_of


def lost_in(suffix: str, timeline: otio.schema.Timeline, rate: Fraction) -> tuple[str, ...]:
    """What a format, or its adapter, cannot say of this timeline."""
    notes = []
    items = [timeline.tracks, *timeline.find_children(descended_from_type=otio.core.Item)]
    if suffix == ".xml":
        base = nominal_rate(rate)
        if rate not in (base, base * Fraction(1000, 1001)):
            told = f"other programs will read {base * 1000}/1001; frame numbers are right"
            notes.append(f"FCP7 XML has no {rate_text(rate)} frames per second: {told}")
        return tuple(notes)
    if suffix == ".rpp":
        if any(item.markers for item in items[1:]):
            notes.append("a REAPER project holds markers of the timeline only; those of tracks and clips are left out")
        if count := len(timeline.find_children(descended_from_type=otio.schema.Transition)):
            notes.append(f"written as cuts: {counted(count, 'transition')}")
        return tuple(notes)
    if any(item.markers for item in items):
        notes.append(f"markers do not all survive in {suffix}")
    if disabled := sum(not item.enabled for item in items):
        notes.append(
            f"{suffix} cannot say that something is disabled: {counted(disabled, 'clip or track', 'clips or tracks')} will play"
        )
    return tuple(notes)


def counted(number: int, one: str, many: str = "") -> str:
    """As in "1 clip" and "2 clips"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def for_exchange(timeline: otio.schema.Timeline, rate: Fraction, suffix: str) -> None:
    """Give a copy the shape that the adapters can write: every range named, times of sound in frames, files as URLs."""
    if timeline.global_start_time is None:
        timeline.global_start_time = rational(Fraction(0), rate)
    for track in timeline.tracks.find_children(descended_from_type=otio.schema.Track):
        _frame_grid(track, rate)
    for item in [timeline.tracks, *timeline.find_children(descended_from_type=otio.core.Item)]:
        for marker in item.markers:
            marker.marked_range = _in_frames(marker.marked_range, _picture_rate(marker.marked_range.start_time, rate))
    for reference in references(timeline):
        if isinstance(reference, otio.schema.ExternalReference) and suffix in (".xml", ".fcpxml", ".aaf"):
            reference.target_url = as_url(reference.target_url)
    if suffix == ".xml":
        _tell_fcp7(timeline)


def _frame_grid(track: otio.schema.Track, rate: Fraction) -> None:
    """Name every child's range; where times count samples, round positions (not lengths, which would add up) to frames."""
    sound = track.kind == otio.schema.TrackKind.Audio
    for place in layout.children_of(track):
        child = place.item
        if child.source_range is not None and not sound and _counts_pictures(child.source_range):
            continue
        source, _ = layout.trimmed(child)
        start, end = round(place.start * rate), round(place.end * rate)
        child.source_range = otio.opentime.TimeRange(rational(source, rate), rational((end - start) / rate, rate))
    for clip in track:
        if not isinstance(clip, otio.schema.Clip):
            continue
        reference = clip.media_reference
        if reference is None or isinstance(reference, otio.schema.MissingReference):
            continue
        if reference.available_range is None:
            reference.available_range = clip.source_range
        elif sound or not _is_picture_rate(reference.available_range.start_time):
            reference.available_range = _in_frames(reference.available_range, rate)


def _counts_pictures(span: otio.opentime.TimeRange) -> bool:
    """Whether a range is whole frames of a rate of pictures."""
    return _is_picture_rate(span.duration) and all(time.value % 1 == 0 for time in (span.start_time, span.duration))


def _is_picture_rate(time: otio.opentime.RationalTime) -> bool:
    return 1 < time.rate < 1000


def _picture_rate(time: otio.opentime.RationalTime, rate: Fraction) -> Fraction:
    return exact_rate(time.rate) if _is_picture_rate(time) else rate


def _in_frames(span: otio.opentime.TimeRange, rate: Fraction) -> otio.opentime.TimeRange:
    start = seconds_of(span.start_time)
    end = round((start + seconds_of(span.duration)) * rate)
    first = round(start * rate)
    return otio.opentime.TimeRange(rational(first / rate, rate), rational((end - first) / rate, rate))


# --- what FCP7 XML can say and its adapter leaves out: disabled items, track names, comments, our metadata ---

_FCP7 = "fcp_xml"
_OURS = "foley_bridge"


def _tell_fcp7(timeline: otio.schema.Timeline) -> None:
    for item in timeline.find_children(descended_from_type=otio.core.Item):
        told: dict[str, Any] = {}
        if not item.enabled:
            told["enabled"] = "FALSE"
        if isinstance(item, otio.schema.Track) and item.name:
            told["name"] = item.name
        if isinstance(item, otio.schema.Clip) and _OURS in item.metadata:
            told["comments"] = {"mastercomment4": json.dumps({_OURS: _plain(item.metadata[_OURS])})}
        if told:
            item.metadata[_FCP7] = {**_plain(item.metadata.get(_FCP7, {})), **told}


def adopt_fcp7(timeline: otio.schema.Timeline) -> None:
    """Give what ``for_exchange`` told FCP7 XML its own place again."""
    items = [timeline.tracks, *timeline.find_children(descended_from_type=otio.core.Item)]
    for item in items:
        told = _plain(item.metadata.get(_FCP7, {}))
        if isinstance(told, dict):
            if str(told.get("enabled", "")).upper() == "FALSE":
                item.enabled = False
            comments = told.get("comments")
            if isinstance(comments, dict) and _OURS not in item.metadata:
                ours = _ours_in(comments.get("mastercomment4"))
                if ours is not None:
                    item.metadata[_OURS] = ours
        for marker in item.markers:
            told = _plain(marker.metadata.get(_FCP7, {}))
            if not marker.comment and isinstance(told, dict) and isinstance(told.get("comment"), str):
                marker.comment = told["comment"]


def _ours_in(comment: object) -> dict[str, Any] | None:
    if not isinstance(comment, str) or not comment.startswith(f'{{"{_OURS}"'):
        return None
    try:
        ours = json.loads(comment)[_OURS]
    except (ValueError, RecursionError):
        return None
    return ours if isinstance(ours, dict) else None


def _plain(value: Any) -> Any:
    """OTIO's dictionaries and vectors as plain ones."""
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return value
    return [_plain(item) for item in value]
