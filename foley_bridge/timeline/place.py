"""Takes into the timeline: on audio tracks of their own, on whole frames, with everything else about them as metadata.

What was in the timeline stays untouched: new tracks are named FOLEY, FOLEY 2, ... as far as the names are free, and only
tracks, clips and markers that carry our metadata are ever replaced or removed. docs/timeline.md lists the metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.layout import children_of, place_of, timeline_rate
from foley_bridge.timeline.regions import Region
from foley_bridge.timeline.time import rational, samples_of, seconds_of, time_json

METADATA = "foley_bridge"
SCHEMA = 1
TRACK_NAME = "FOLEY"


@dataclass(frozen=True)
class PlacedTake:
    """A take's file and where it goes.

    Attributes:
        path: the sound file.
        start, duration: of the clip, timeline seconds, whole frames of the timeline's rate.
        handle: seconds of the file that lie before the clip's start, whole frames.
        sample_rate, frames, channels: of the file.
        onsets_s: where its hits are, timeline seconds.
        score: 0-1.
        seed: the take was made from.
        source: what it was made from.
        media_start: the file's own timecode at its first sample as other programs read it, seconds; 0 counts from the file.
        fade_in_s, fade_out_s: seconds over which the file's own ends fade.
        edit: what was done to the file after it was made (docs/timeline.md); None for nothing.
    """

    path: Path
    start: Fraction
    duration: Fraction
    handle: Fraction
    sample_rate: int
    frames: int
    channels: int
    onsets_s: tuple[float, ...]
    score: float
    seed: int
    source: Mapping[str, str] = field(default_factory=dict)
    media_start: Fraction = Fraction(0)
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    edit: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Placement:
    """A region's takes.

    Attributes:
        region: what was asked.
        takes: at least one, best first.
        engine: what made them.
        key: the request's idempotency key.
        chosen: index of the take to be heard.
        choice: what an editor said of the region (``told_choice``); None where nobody was asked.
    """

    region: Region
    takes: tuple[PlacedTake, ...]
    engine: str
    key: str = ""
    chosen: int = 0
    choice: Mapping[str, Any] | None = None


# --- takes ---


def place_takes(
    timeline: otio.schema.Timeline, placements: Iterable[Placement], *, takes_as_tracks: bool = False
) -> list[otio.schema.Clip]:
    """Put each region's chosen take on a new FOLEY track; the others are kept in its clip's metadata.

    A take that begins before the end of the one before it on a track (a long tail) goes to the next track.

    Args:
        takes_as_tracks: lay the other takes down too, take by take on further tracks, disabled.

    Returns:
        The new clips, track by track.

    Raises:
        TimelineError: a take whose clip or handle is not on whole frames; names it. The timeline is then unchanged.
    """
    rate = timeline_rate(timeline)
    ordered = sorted(placements, key=lambda placement: (placement.takes[placement.chosen].start, placement.region.start))
    most = max((len(placement.takes) for placement in ordered), default=0)
    tracks: list[list[tuple[Placement, int]]] = []
    for rank in range(most if takes_as_tracks else min(1, most)):
        lanes: list[list[tuple[Placement, int]]] = []
        for placement in ordered:
            order = [placement.chosen, *(index for index in range(len(placement.takes)) if index != placement.chosen)]
            if rank < len(order):
                _into_lane(lanes, placement, order[rank])
        tracks += lanes
    made = [_track(lane, rate) for lane in tracks]
    for track, name in zip(made, _free_names(timeline, len(made)), strict=True):
        track.name = name
        timeline.tracks.append(track)
    return [clip for track in made for clip in track.find_clips()]


def sounding_already(timeline: otio.schema.Timeline, regions: Iterable[Region]) -> list[str]:
    """The names of tracks on which takes of an earlier run sound in one of the regions."""
    spans = [(region.start, region.end) for region in regions]
    return [
        track.name
        for track in timeline.tracks
        if isinstance(track, otio.schema.Track)
        and track.enabled
        and _kind(track) == "track"
        and any(
            isinstance(place.item, otio.schema.Clip)
            and place.item.enabled
            and any(start < place.end and place.start < end for start, end in spans)
            for place in children_of(track)
        )
    ]


def _into_lane(lanes: list[list[tuple[Placement, int]]], placement: Placement, index: int) -> None:
    start = placement.takes[index].start
    for lane in lanes:
        last, last_index = lane[-1]
        if start >= last.takes[last_index].start + last.takes[last_index].duration:
            lane.append((placement, index))
            return
    lanes.append([(placement, index)])


def _free_names(timeline: otio.schema.Timeline, count: int) -> list[str]:
    used = {track.name.strip().upper() for track in timeline.tracks}
    names = (TRACK_NAME if number == 1 else f"{TRACK_NAME} {number}" for number in range(1, len(used) + count + 1))
    return [name for name in names if name not in used][:count]


def _track(lane: Sequence[tuple[Placement, int]], rate: Fraction) -> otio.schema.Track:
    track = otio.schema.Track(kind=otio.schema.TrackKind.Audio, metadata={METADATA: {"schema": SCHEMA, "kind": "track"}})
    at = 0
    for placement, index in lane:
        take = placement.takes[index]
        start = _whole_frames(take.start, rate, take, "start")
        if start > at:
            track.append(_gap(RationalTime(start - at, float(rate))))
        clip = _clip(placement, index, rate)
        track.append(clip)
        at = start + int(clip.source_range.duration.value)
    return track


def _gap(duration: RationalTime) -> otio.schema.Gap:
    return otio.schema.Gap(source_range=TimeRange(RationalTime(0, duration.rate), duration))


def _clip(placement: Placement, index: int, rate: Fraction) -> otio.schema.Clip:
    take = placement.takes[index]
    _whole_frames(take.handle, rate, take, "handle")
    duration = _whole_frames(take.duration, rate, take, "duration")
    if duration <= 0 or take.start < 0:
        raise TimelineError(f"take {take.path.name} cannot be placed: it is empty or starts before the timeline")
    media = otio.schema.ExternalReference(
        target_url=str(take.path.absolute()),
        available_range=TimeRange(rational(take.media_start, rate), rational(Fraction(take.frames, take.sample_rate), rate)),
    )
    media.name = take.path.name
    first = rational(take.media_start, rate) + rational(take.handle, rate)
    clip = otio.schema.Clip(take.path.stem, media, TimeRange(first, RationalTime(duration, float(rate))))
    clip.enabled = index == placement.chosen
    clip.metadata[METADATA] = _take_metadata(placement, index, rate)
    return clip


def _whole_frames(seconds: Fraction, rate: Fraction, take: PlacedTake, what: str) -> int:
    frames = seconds * rate
    if frames.denominator != 1:
        raise TimelineError(f"take {take.path.name} cannot be placed: its {what} is not on a whole frame ({float(frames):g})")
    return int(frames)


def _take_metadata(placement: Placement, index: int, rate: Fraction) -> dict[str, Any]:
    others = [number for number in range(len(placement.takes)) if number != index]
    choice = {} if placement.choice is None else {"choice": told_choice(placement.choice)}
    return {
        "schema": SCHEMA,
        "kind": "take",
        "region": placement.region.name,
        "region_id": placement.region.id,
        "text": placement.region.text,
        "engine": placement.engine,
        "key": placement.key,
        "chosen": index == placement.chosen,
        **choice,
        **_told(placement.takes[index], index, rate),
        "alternatives": [_told(placement.takes[number], number, rate) for number in others],
    }


def _told(take: PlacedTake, index: int, rate: Fraction) -> dict[str, Any]:
    start = samples_of(take.start, take.sample_rate)
    return {
        "take": index + 1,
        "path": str(take.path.absolute()),
        "start": time_json(take.start, rate),
        "duration": time_json(take.duration, rate),
        "start_samples": start,
        "duration_samples": samples_of(take.start + take.duration, take.sample_rate) - start,
        "handle_samples": start - samples_of(take.start - take.handle, take.sample_rate),
        "sample_rate": take.sample_rate,
        "channels": take.channels,
        "fade_in_s": float(take.fade_in_s),
        "fade_out_s": float(take.fade_out_s),
        "onsets_s": [float(onset) for onset in take.onsets_s],
        "score": float(take.score),
        "seed": take.seed,
        "source": dict(take.source),
        **({} if take.edit is None else {"edit": dict(take.edit)}),
    }


def clear_foley(timeline: otio.schema.Timeline) -> int:
    """Take every clip that ``place_takes`` put here out again, and its tracks where nothing else is on them.

    Returns:
        How many clips went.
    """
    gone = 0
    for index in reversed(range(len(timeline.tracks))):
        track = timeline.tracks[index]
        if not isinstance(track, otio.schema.Track):
            continue
        for number, clip in enumerate(track):
            if isinstance(clip, otio.schema.Clip) and _kind(clip) == "take":
                track[number] = _gap(clip.source_range.duration)
                gone += 1
        if _kind(track) == "track" and not track.markers and all(isinstance(child, otio.schema.Gap) for child in track):
            del timeline.tracks[index]
    return gone


def _kind(thing: Any) -> str | None:
    ours = thing.metadata.get(METADATA)
    return ours.get("kind") if hasattr(ours, "get") else None


# --- choices ---


def told_choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    """What metadata say of an editor's choice (docs/audition.md): its state, and the words that came with it."""
    return {"state": choice["state"], **{name: choice.get(name) or "" for name in ("reason", "note")}}


def mark_choice(region: Region, choice: Mapping[str, Any]) -> None:
    """Write an editor's choice into the metadata of a region's marker, if it has one; the rest of it stays."""
    if region.marker is not None:
        ours = region.marker.metadata.get(METADATA)
        kept = dict(ours) if hasattr(ours, "items") else {}
        region.marker.metadata[METADATA] = {**kept, "choice": told_choice(choice)}


# --- hits ---


def mark_hits(
    timeline: otio.schema.Timeline, region: Region, hits: Iterable[tuple[Fraction, float]]
) -> list[otio.schema.Marker]:
    """Write hits as HIT markers on the timeline, so that an editor can see, move and use them again.

    Those that this function wrote in the region before are replaced; all other markers stay.

    Args:
        hits: (timeline seconds, confidence 0-1).
    """
    rate = timeline_rate(timeline)
    root = place_of(timeline.tracks, Fraction(0))
    markers = timeline.tracks.markers
    for index in reversed(range(len(markers))):
        at = root.parent(seconds_of(markers[index].marked_range.start_time))
        if _kind(markers[index]) == "hit" and region.start <= at < region.end:
            del markers[index]
    made = []
    for time, confidence in sorted(hits):
        marker = otio.schema.Marker(
            "HIT",
            # Finer than a frame, yet counted in frames: some exchange formats write the bare number.
            TimeRange(RationalTime(float(root.own(time) * rate), float(rate)), RationalTime(1, float(rate))),
            color=otio.schema.Marker.Color.ORANGE,
            metadata={METADATA: {"schema": SCHEMA, "kind": "hit", "region": region.name, "confidence": float(confidence)}},
        )
        made.append(marker)
    markers.extend(made)
    return made
