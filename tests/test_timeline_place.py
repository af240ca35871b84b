"""Takes placed on tracks of their own, to the frame in every format and to the sample in the metadata."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime, TimeRange

from foley_bridge.errors import TimelineError
from foley_bridge.timeline import files
from foley_bridge.timeline.layout import children_of, timeline_rate
from foley_bridge.timeline.place import PlacedTake, Placement, clear_foley, mark_hits, place_takes, sounding_already
from foley_bridge.timeline.regions import find_regions, parse_region
from foley_bridge.timeline.time import samples_of

F = Fraction
RATES = [F(374, 25), F(15), F(43, 2), F(24000, 1001), F(24), F(25), F(30000, 1001), F(30), F(50), F(60000, 1001)]
DAY = 86400


def _timeline(rate: Fraction, frames: int = 2000) -> otio.schema.Timeline:
    timeline = otio.schema.Timeline("reel", global_start_time=RationalTime(0, float(rate)))
    span = TimeRange(RationalTime(0, float(rate)), RationalTime(frames, float(rate)))
    clip = otio.schema.Clip("shot", otio.schema.ExternalReference("/media/a.mov", span), span)
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind="Video"))
    return timeline


def _take(
    rate: Fraction, start: int, length: int, *, name: str = "t", handle: int = 0, seed: int = 0, sample_rate: int = 48000
) -> PlacedTake:
    first, last = F(start - handle) / rate, F(start + length + handle) / rate
    frames = samples_of(last, sample_rate) - samples_of(first, sample_rate)
    return PlacedTake(
        Path(f"/takes/{name}.wav"),
        F(start) / rate,
        F(length) / rate,
        F(handle) / rate,
        sample_rate,
        frames,
        1,
        (float(F(start) / rate),),
        0.5,
        seed,
        {"file": "door.wav"},
    )


def _placement(rate: Fraction, *takes: PlacedTake, name: str = "door") -> Placement:
    first = takes[0]
    text = f"{round(first.start * rate)}f-{round((first.start + first.duration) * rate)}f {name}"
    return Placement(parse_region(text, rate, F(10 * DAY)), takes, "transfer", "key-1")


def _where(timeline: otio.schema.Timeline) -> list[tuple[str, str, Fraction, Fraction, Fraction]]:
    """(track, clip, first frame, frames, first frame of the file) of every take."""
    rate = timeline_rate(timeline)
    return [
        (track.name, place.item.name, place.start * rate, (place.end - place.start) * rate, place.own_start * rate)
        for track in timeline.tracks
        if track.kind == "Audio"
        for place in children_of(track)
        if isinstance(place.item, otio.schema.Clip)
    ]


def _told(timeline: otio.schema.Timeline) -> list[Any]:
    """The foley_bridge metadata of every clip; floats to the picosecond, as OTIO's reader loses their last bit."""
    texts = [otio.core.serialize_json_to_string(clip.metadata) for clip in timeline.find_clips()]
    told = [json.loads(text, parse_float=lambda digits: round(float(digits), 12)) for text in texts]
    return [metadata.get("foley_bridge") for metadata in told]


def test_takes_lie_on_a_new_track_with_gaps_between_and_their_handles_before() -> None:
    timeline = _timeline(F(24))
    before = timeline.tracks[0].clone()
    place_takes(
        timeline,
        [_placement(F(24), _take(F(24), 96, 24, name="b", handle=6)), _placement(F(24), _take(F(24), 24, 48, name="a"))],
    )
    assert _where(timeline) == [("FOLEY", "a", 24, 48, 0), ("FOLEY", "b", 96, 24, 6)]
    assert [type(item).__name__ for item in timeline.tracks[1]] == ["Gap", "Clip", "Gap", "Clip"]
    assert timeline.tracks[0].is_equivalent_to(before)
    b = timeline.tracks[1][3]
    assert b.media_reference.available_range.duration == RationalTime(36, 24) and b.media_reference.target_url == "/takes/b.wav"


def test_names_already_taken_are_left_alone() -> None:
    timeline = _timeline(F(24))
    for name in ("FOLEY", "foley 3"):
        timeline.tracks.append(otio.schema.Track(name, kind="Audio"))
    long = _placement(F(24), _take(F(24), 0, 100))
    place_takes(timeline, [long, _placement(F(24), _take(F(24), 50, 100)), _placement(F(24), _take(F(24), 100, 100))])
    assert [(row[0], row[2]) for row in _where(timeline)] == [("FOLEY 2", 0), ("FOLEY 2", 100), ("FOLEY 4", 50)]


def test_other_takes_are_kept_as_metadata_and_as_disabled_tracks_when_asked() -> None:
    takes = [_take(F(24), 24, 24, name=f"t{seed}", seed=seed) for seed in range(3)]
    for as_tracks in (False, True):
        timeline = _timeline(F(24))
        clips = place_takes(
            timeline,
            [Placement(_placement(F(24), *takes).region, tuple(takes), "transfer", "k", chosen=1)],
            takes_as_tracks=as_tracks,
        )
        ours = clips[0].metadata["foley_bridge"]
        assert (ours["take"], ours["seed"], ours["chosen"], [other["take"] for other in ours["alternatives"]]) == (
            2,
            1,
            True,
            [1, 3],
        )
        assert [(clip.name, clip.enabled) for clip in clips] == [("t1", True), ("t0", False), ("t2", False)][
            : 3 if as_tracks else 1
        ]


def _sample_exact(rate: Fraction, starts: list[int], lengths: list[int], handle: int, sample_rate: int) -> None:
    timeline = _timeline(rate, int(DAY * rate))
    takes = [
        _take(rate, start % int(DAY * rate), length, name=f"t{k}", handle=handle, sample_rate=sample_rate)
        for k, (start, length) in enumerate(zip(starts, lengths, strict=True))
    ]
    place_takes(timeline, [_placement(rate, take) for take in takes])
    text = otio.adapters.write_to_string(timeline, "otio_json")
    back = otio.adapters.read_from_string(text, "otio_json")
    placed = {row[1]: row for row in _where(back)}
    ours = {clip.name: clip.metadata["foley_bridge"] for clip in back.find_clips() if "foley_bridge" in clip.metadata}
    for take in takes:
        start = take.start * rate
        assert placed[take.path.stem][2:] == (start, take.duration * rate, handle)
        told = ours[take.path.stem]
        # the sample by whole numbers alone, and the end of one take is the start of what follows
        n, d = int(start) * rate.denominator * sample_rate, rate.numerator
        assert abs(told["start_samples"] * d - n) * 2 <= d
        assert told["start_samples"] + told["duration_samples"] == samples_of(take.start + take.duration, sample_rate)
        assert told["start"]["rate"] == f"{rate.numerator}/{rate.denominator}" and told["start"]["value"] == start
        assert told["start_samples"] - told["handle_samples"] == samples_of(take.start - take.handle, sample_rate)
    rows = sorted((row[0], row[2], row[3]) for row in placed.values())
    for before, after in pairwise(rows):
        assert before[0] != after[0] or before[1] + before[2] <= after[1]


_PLACES: Any = given(
    st.sampled_from(RATES),
    st.lists(st.tuples(st.integers(0, DAY * 60), st.integers(1, 500)), min_size=1, max_size=6),
    st.integers(0, 24),
    st.sampled_from([44100, 48000, 96000]),
)


@_PLACES
def test_placing_is_sample_exact_over_a_whole_day(
    rate: Fraction, spans: list[tuple[int, int]], handle: int, sample_rate: int
) -> None:
    _sample_exact(rate, [start for start, _ in spans], [length for _, length in spans], handle, sample_rate)


@pytest.mark.nightly
@settings.get_profile("thorough")
@_PLACES
def test_placing_is_sample_exact_over_a_whole_day_2000_times(
    rate: Fraction, spans: list[tuple[int, int]], handle: int, sample_rate: int
) -> None:
    _sample_exact(rate, [start for start, _ in spans], [length for _, length in spans], handle, sample_rate)


@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("suffix", [".otio", ".xml", ".aaf"])
def test_every_format_agrees_on_every_takes_place_to_the_frame(rate: Fraction, suffix: str, tmp_path: Path) -> None:
    timeline = _timeline(rate)
    places = [(17, 40), (300, 1), (301, 77), (1500, 400)]
    place_takes(
        timeline,
        [
            _placement(rate, *(_take(rate, start, length, name=f"r{start}.{k}", handle=5, seed=k) for k in range(2)))
            for start, length in places
        ],
        takes_as_tracks=True,
    )
    files.write(timeline, tmp_path / f"a{suffix}")
    back = files.read(tmp_path / f"a{suffix}")
    assert [row[1:] for row in _where(back)] == [row[1:] for row in _where(timeline)]
    if suffix != ".aaf":
        assert _where(back) == _where(timeline)
        assert _told(back) == _told(timeline)
        assert [clip.enabled for clip in back.find_clips()] == [clip.enabled for clip in timeline.find_clips()]


def test_our_otio_goes_through_the_plain_fcp7_adapter_too() -> None:
    timeline = _timeline(F(24000, 1001))
    place_takes(timeline, [_placement(F(24000, 1001), _take(F(24000, 1001), 48, 24, handle=12))])
    mark_hits(timeline, parse_region("1-3 x", F(24000, 1001), F(80)), [(F(25025, 12000), 0.5)])
    back = otio.adapters.read_from_string(otio.adapters.write_to_string(timeline, "fcp_xml"), "fcp_xml")
    assert [row[1:] for row in _where(back)] == [row[1:] for row in _where(timeline)]
    assert back.tracks.markers[0].marked_range.start_time.value == 50


@pytest.mark.parametrize("fault", ["start", "duration", "handle"])
def test_a_take_off_the_frame_grid_is_refused_and_nothing_is_placed(fault: str) -> None:
    timeline = _timeline(F(24))
    good = _take(F(24), 24, 24)
    bad = PlacedTake(**{**good.__dict__, fault: getattr(good, fault) + F(1, 48)})
    with pytest.raises(TimelineError, match=rf"t\.wav .*{fault} is not on a whole frame"):
        place_takes(timeline, [_placement(F(24), good), Placement(_placement(F(24), good).region, (bad,), "transfer")])
    assert len(timeline.tracks) == 1


def test_a_files_own_timecode_shifts_both_ranges() -> None:
    timeline = _timeline(F(24))
    take = PlacedTake(**{**_take(F(24), 48, 24, handle=12).__dict__, "media_start": F(3601, 1) + F(1, 2)})
    (clip,) = place_takes(timeline, [_placement(F(24), take)])
    assert clip.media_reference.available_range.start_time.value == 3601.5 * 24
    assert clip.source_range.start_time.value == 3602 * 24


def test_clearing_takes_out_what_was_placed_and_nothing_else() -> None:
    timeline = _timeline(F(24))
    timeline.tracks.append(
        otio.schema.Track(
            "FOLEY", [otio.schema.Clip("mine", source_range=TimeRange(RationalTime(0, 24), RationalTime(9, 24)))], kind="Audio"
        )
    )
    before = timeline.clone()
    place_takes(timeline, [_placement(F(24), _take(F(24), 0, 100), _take(F(24), 0, 100))], takes_as_tracks=True)
    assert clear_foley(timeline) == 2
    assert timeline.is_equivalent_to(before)
    place_takes(timeline, [_placement(F(24), _take(F(24), 10, 20))])
    timeline.tracks[2].append(before.tracks[1][0].clone())
    assert clear_foley(timeline) == 1
    assert [type(item).__name__ for item in timeline.tracks[2]] == ["Gap", "Gap", "Clip"]


def test_takes_that_sound_already_are_told_where_they_sound_and_while_they_do() -> None:
    timeline = _timeline(F(24))
    place_takes(timeline, [_placement(F(24), _take(F(24), 24, 24), _take(F(24), 24, 24))], takes_as_tracks=True)
    inside, before, after = (parse_region(text, F(24), F(80)) for text in ("1.5-3 a", "0-1 b", "2-3 c"))
    assert sounding_already(timeline, [before, inside]) == ["FOLEY"]  # not the other take's, which is disabled
    assert sounding_already(timeline, [before, after]) == []
    timeline.tracks[1].enabled = False
    assert sounding_already(timeline, [inside]) == []


def test_hits_written_as_markers_are_found_again_exactly_and_replaced_only_where_ours() -> None:
    timeline = _timeline(F(24000, 1001))
    timeline.tracks.markers.append(otio.schema.Marker("FOLEY a", TimeRange(RationalTime(24, 24), RationalTime(24, 24))))
    tapped = otio.schema.Marker("HIT", TimeRange(RationalTime(30, 24), RationalTime(0, 24)))
    timeline.tracks.markers.append(tapped)
    (region,), _ = find_regions(timeline)
    other = parse_region("5-6 b", region.rate, F(80))
    mark_hits(timeline, other, [(F(11, 2), 0.1)])
    mark_hits(timeline, region, [(F(3, 2) + F(1, 7777), 0.9), (F(7, 4), 0.4)])
    mark_hits(timeline, region, [(F(8, 5) + F(1, 9999), 0.7)])
    (again,), _ = find_regions(timeline)
    assert len(again.hits) == 2 and again.hits[0] == F(5, 4)
    assert abs(again.hits[1] - (F(8, 5) + F(1, 9999))) < F(1, 10**9)
    ours = [
        marker.metadata["foley_bridge"]["confidence"] for marker in timeline.tracks.markers if "foley_bridge" in marker.metadata
    ]
    assert ours == [0.1, 0.7]
