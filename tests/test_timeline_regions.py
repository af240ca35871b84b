"""Regions and hits from markers, held against a slow reference on random nested timelines, and known cases by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime, TimeRange
from timeline_worlds import exact, length_of, own_time_on_path, paths, source_of, timelines, warp_of

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.layout import timeline_duration, timeline_rate
from foley_bridge.timeline.markers import Refused
from foley_bridge.timeline.regions import find_hits, find_regions, parse_region, refuse_overlaps

F = Fraction
NEAR = F(1, 10**9)


def _at(timeline: Any, path: list[int]) -> Any:
    item = timeline.tracks
    for index in path:
        item = item[index]
    return item


def _compare(timeline: otio.schema.Timeline, data: Any) -> None:
    below = [path for path in paths(timeline.tracks) if len(path) > 1]  # a track's own markers count in timeline time
    path = data.draw(st.sampled_from(below))
    item = _at(timeline, path)
    rate = data.draw(st.sampled_from([24.0, 24000 / 1001, 48000.0]))
    unit = 2000 if rate == 48000.0 else 1
    start = source_of(item) * 24 + data.draw(st.integers(-10, 40))
    marked = TimeRange(RationalTime(round(start) * unit, rate), RationalTime(data.draw(st.integers(1, 40)) * unit, rate))
    item.markers.append(otio.schema.Marker("FOLEY x", marked))
    first, last = exact(marked.start_time), exact(marked.start_time) + exact(marked.duration)
    if isinstance(item, otio.schema.Clip):
        available = exact(item.media_reference.available_range.start_time)
        if available > 0 and first >= 0 and last <= available:
            first, last = first + available, last + available  # counted from the media's start

    def inside(time: Fraction) -> bool:
        seen = own_time_on_path(timeline, path, time)
        return seen is not None and first <= seen[1] < last

    found, notes = find_regions(timeline)
    whole = length_of(timeline.tracks)
    times = [whole * F(2 * k + 1, 20_011) for k in range(0, 10_000, 97)]
    if found:
        (region,) = found
        assert 0 <= region.start < region.end <= whole
        middle = (region.start + region.end) / 2
        for time in (region.start + NEAR, middle, region.end - NEAR):
            assert inside(time)
        for time in (region.start - NEAR, region.end + NEAR):
            assert not inside(time)
        for time in times:
            if min(abs(time - region.start), abs(time - region.end)) > NEAR:
                assert inside(time) == (region.start < time < region.end)
    else:
        assert not any(inside(time) for time in times)
        assert any("'FOLEY x'" in note and "left out" in note for note in notes)


@given(timelines(), st.data())
def test_a_marker_inside_is_where_the_slow_reference_sees_it(timeline: otio.schema.Timeline, data: Any) -> None:
    if any(len(path) > 1 for path in paths(timeline.tracks)):
        _compare(timeline, data)


@pytest.mark.nightly
@settings.get_profile("thorough")
@given(timelines(), st.data())
def test_a_marker_inside_is_where_the_slow_reference_sees_it_2000_times(timeline: otio.schema.Timeline, data: Any) -> None:
    if any(len(path) > 1 for path in paths(timeline.tracks)):
        _compare(timeline, data)


def _range(start: float, length: float, rate: float = 24) -> TimeRange:
    return TimeRange(RationalTime(start, rate), RationalTime(length, rate))


def _marker(name: str, start: float, length: float, rate: float = 24, comment: str = "") -> otio.schema.Marker:
    marker = otio.schema.Marker(name, _range(start, length, rate))
    marker.comment = comment
    return marker


def _timeline(*markers: otio.schema.Marker, record_start: float = 0, seconds: int = 10) -> otio.schema.Timeline:
    timeline = otio.schema.Timeline(global_start_time=RationalTime(record_start, 24))
    media = otio.schema.ExternalReference("a.mov", _range(86400, 24 * 60))
    clip = otio.schema.Clip("shot", media, _range(86424, 24 * seconds))
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind="Video"))
    timeline.tracks.markers.extend(markers)
    return timeline


def _clip(timeline: otio.schema.Timeline) -> otio.schema.Clip:
    return timeline.tracks[0][0]


def test_markers_of_timeline_track_and_clip_are_regions() -> None:
    timeline = _timeline(_marker("FOLEY steps takes=2", 24, 24))
    timeline.tracks[0].markers.append(_marker("foley door", 72, 24))
    _clip(timeline).markers.append(_marker("Marker 3", 86424 + 120, 12, comment="FOLEY cloth"))
    regions, notes = find_regions(timeline)
    assert [(region.name, region.start, region.end) for region in regions] == [
        ("steps", 1, 2),
        ("door", 3, 4),
        ("cloth", 5, F(11, 2)),
    ]
    assert regions[0].options.takes == 2 and regions[0].text == "FOLEY steps takes=2" and notes == []


@pytest.mark.parametrize(
    ("metadata", "id_"),
    [
        ({"foley_bridge": {"id": "{B2C9-ü}"}}, "{B2C9-ü}"),
        ({"foley_bridge": {"id": "x" * 200}}, "x" * 200),
        ({"foley_bridge": {"id": "x" * 201}}, None),
        ({"foley_bridge": {"id": ""}}, None),
        ({"foley_bridge": {"id": 7}}, None),
        ({"foley_bridge": "id"}, None),
        ({"id": "elsewhere"}, None),
    ],
)
def test_a_region_keeps_the_id_in_its_markers_metadata(metadata: dict[str, Any], id_: str | None) -> None:
    timeline = _timeline(_marker("FOLEY on the timeline", 24, 24))
    _clip(timeline).markers.append(_marker("FOLEY on a clip", 86424 + 120, 12))
    for marker in (*timeline.tracks.markers, *_clip(timeline).markers):
        marker.metadata.update(metadata)
    regions, _ = find_regions(timeline)
    assert [region.id for region in regions] == [id_, id_]


def test_a_refused_region_keeps_its_id_too() -> None:
    first, overlapping, outside = _marker("FOLEY a", 24, 24), _marker("FOLEY b", 36, 24), _marker("FOLEY c", 9999, 24)
    without, bad = _marker("FOLEY d", 100, 0), _marker("FOLEY e takes=0", 120, 10)
    for number, marker in enumerate((first, overlapping, outside, without, bad)):
        marker.metadata["foley_bridge"] = {"id": f"M{number}"}
    refused: list[Refused] = []
    find_regions(_timeline(first, overlapping, outside, without, bad), refused=refused)
    assert {each.text[6]: each.id for each in refused} == {"b": "M1", "c": "M2", "d": "M3", "e": "M4"}


def test_a_region_covers_whole_frames_outward() -> None:
    (region,), _ = find_regions(_timeline(_marker("FOLEY", 48_100, 47_900, 48_000)))
    assert (region.start, region.end) == (F(48_100, 48_000), F(2))
    assert (region.first_frame, region.last_frame) == (24, 48)
    assert region.name == "region at 00:00:01:00"


def test_a_markers_time_at_another_rate_is_exact() -> None:
    (region,), _ = find_regions(_timeline(_marker("FOLEY", 30, 30, 29.97)))
    assert (region.start, region.end) == (F(1001, 1000), F(1001, 500))


def test_a_clip_played_at_double_speed_shows_its_marker_in_half_the_time() -> None:
    timeline = _timeline()
    _clip(timeline).markers.append(_marker("FOLEY fast", 86424 + 48, 48))
    _clip(timeline).effects.append(otio.schema.LinearTimeWarp(time_scalar=2))
    (region,), _ = find_regions(timeline)
    assert (region.start, region.end) == (1, 2)


def test_a_clip_marker_is_cut_to_what_the_clip_shows_and_says_so() -> None:
    timeline = _timeline()
    _clip(timeline).markers.append(_marker("FOLEY long", 86412, 24))
    (region,), _ = find_regions(timeline)
    assert (region.start, region.end) == (0, F(1, 2)) and any("only the part" in note for note in region.notes)


def test_what_is_trimmed_away_or_disabled_is_left_out_and_told() -> None:
    timeline = _timeline()
    _clip(timeline).markers.append(_marker("FOLEY trimmed", 86400, 24))
    off = otio.schema.Clip("off", source_range=_range(0, 24), markers=[_marker("FOLEY off takes=999", 0, 12)])
    off.enabled = False
    timeline.tracks.append(otio.schema.Track("V2", [off], kind="Video"))
    regions, notes = find_regions(timeline)
    assert regions == []
    assert ["trimmed away" in notes[0], "disabled" in notes[1]] == [True, True]


def test_a_clip_marker_counted_from_the_start_of_timecoded_media_is_understood() -> None:
    timeline = _timeline()
    _clip(timeline).markers.append(_marker("FOLEY fcp", 48, 24))
    (region,), _ = find_regions(timeline)
    assert (region.start, region.end) == (1, 2) and region.notes


def test_a_marker_in_record_timecode_is_understood_with_a_note() -> None:
    (region,), _ = find_regions(
        _timeline(_marker("FOLEY late", 86400 + 48, 24), _marker("HIT", 86400 + 60, 0), record_start=86400)
    )
    assert (region.start, region.end, region.hits) == (2, 3, (F(5, 2),))
    assert "record timecode" in region.notes[0]


def test_hits_inside_a_region_are_sorted_and_each_counted_once() -> None:
    timeline = _timeline(
        _marker("FOLEY knock", 24, 24),
        _marker("HIT", 30.5, 0),
        _marker("hit 2", 24, 5),
        _marker("HIT", 30.5, 1),
        _marker("HIT", 48, 0),
        _marker("HITS", 40, 0),
    )
    _clip(timeline).markers.append(_marker("Hit", 86424 + 36, 1))
    (region,), _ = find_regions(timeline)
    assert region.hits == (F(1), F(61, 48), F(3, 2))
    assert find_hits(timeline) == [F(1), F(61, 48), F(3, 2), F(2)]


def test_a_hit_on_a_reversed_clip_falls_where_its_picture_appears() -> None:
    timeline = _timeline(_marker("FOLEY knock", 0, 240))
    _clip(timeline).effects.append(otio.schema.LinearTimeWarp(time_scalar=-1))
    _clip(timeline).markers.append(_marker("HIT", 86424 + 239, 1))
    (region,), _ = find_regions(timeline)
    assert region.hits == (0,)


def test_the_same_region_marked_twice_is_used_once() -> None:
    regions, notes = find_regions(_timeline(_marker("FOLEY a", 0, 24), _marker("FOLEY a", 0, 24)))
    assert len(regions) == 1 and "twice" in notes[0]


def test_a_region_may_end_less_than_a_frame_past_the_timeline() -> None:
    (region,), _ = find_regions(_timeline(_marker("FOLEY end", 216, 24.5)))
    assert region.end == 10 and region.notes


@pytest.mark.parametrize(
    ("markers", "said"),
    [
        ([_marker("FOLEY door", 24, 0)], "'FOLEY door' at 01:00:01:00 has no length"),
        ([_marker("FOLEY door", 24, -5)], "'FOLEY door' at 01:00:01:00 has no length"),
        (
            [_marker("FOLEY door", 216, 25)],
            "'FOLEY door' at 01:00:09:00-01:00:10:01 is past the end of the timeline at 01:00:10:00",
        ),
        ([_marker("FOLEY door", 300, 5)], "past the end"),
        ([_marker("FOLEY door", -5, 10)], "begins before"),
        (
            [_marker("FOLEY a", 24, 24), _marker("FOLEY b", 47, 24)],
            "'b' at 01:00:01:23-01:00:02:23 overlaps region 'a' at 01:00:01:00",
        ),
        ([_marker("FOLEY door colour=red", 24, 24)], "'FOLEY door colour=red' at 01:00:01:00: unknown option 'colour'"),
    ],
)
def test_a_bad_region_is_refused_by_name_and_place(markers: list[otio.schema.Marker], said: str) -> None:
    with pytest.raises(TimelineError, match=said):
        find_regions(_timeline(*markers, record_start=86400))


def test_a_clip_marker_without_length_is_refused_too() -> None:
    timeline = _timeline()
    _clip(timeline).markers.append(_marker("FOLEY door", 86424 + 24, 0))
    with pytest.raises(TimelineError, match="'FOLEY door' at 00:00:01:00 has no length"):
        find_regions(timeline)


def test_regions_that_touch_do_not_overlap() -> None:
    assert len(find_regions(_timeline(_marker("FOLEY a", 24, 24), _marker("FOLEY b", 48, 24)))[0]) == 2


@pytest.mark.parametrize(
    ("text", "start", "end", "words"),
    [
        ("2.5-4 footsteps gravel", F(5, 2), F(4), "footsteps gravel"),
        ("0-240f", F(0), F(10), ""),
        ("00:00:01:00-00:00:02:12 FOLEY well-worn shoes", F(1), F(5, 2), "well-worn shoes"),
        (" 1 - 2  door", F(1), F(2), "door"),
        ("01:00:01:00-01:00:02:00 door", F(1), F(2), "door"),
    ],
)
def test_regions_given_by_hand(text: str, start: Fraction, end: Fraction, words: str) -> None:
    region = parse_region(text, F(24), F(10), record_start=F(3600), hits=[F(3), F(1)])
    assert (region.start, region.end, region.words) == (start, end, words)
    assert region.hits == tuple(hit for hit in (F(1), F(3)) if start <= hit < end)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("door", "does not begin with START-END"),
        ("5 door", "does not begin with START-END"),
        ("3-2 door", "no length"),
        ("2-2 door", "no length"),
        ("-1-2 door", "begins before"),
        ("9-11 door", "past the end"),
        ("1-2 takes=0", "takes="),
        ("00:00:01:24-00:00:02:00 door", "frames go from 0 to 23"),
    ],
)
def test_a_bad_region_given_by_hand_is_refused(text: str, said: str) -> None:
    with pytest.raises(TimelineError, match=said):
        parse_region(text, F(24), F(10))


def test_regions_from_markers_and_by_hand_are_held_against_each_other() -> None:
    marked, _ = find_regions(_timeline(_marker("FOLEY a", 24, 24)))
    with pytest.raises(TimelineError, match=r"'b'.* overlaps region 'a'"):
        refuse_overlaps([*marked, parse_region("1.5-3 b", F(24), F(10))], F(24))


def test_the_rate_is_the_global_starts_else_the_pictures() -> None:
    timeline = _timeline()
    assert timeline_rate(timeline) == 24 and timeline_duration(timeline) == 10
    timeline.global_start_time = RationalTime(0, 29.97)
    assert timeline_rate(timeline) == F(30000, 1001)
    timeline.global_start_time = None
    timeline.tracks.insert(0, otio.schema.Track("A", [otio.schema.Gap(source_range=_range(0, 9, 25))], kind="Audio"))
    assert timeline_rate(timeline) == 24
    with pytest.raises(TimelineError, match="does not say its frame rate"):
        timeline_rate(otio.schema.Timeline("empty"))


def test_a_rate_written_as_a_decimal_is_read_exactly_and_told() -> None:
    timeline = _timeline()
    timeline.global_start_time = RationalTime(0, 23.976)
    assert timeline_rate(timeline) == F(24000, 1001)
    assert find_regions(timeline)[1] == ["frame rate 23.976 read as 24000/1001"]


def test_speed_of_an_item_is_the_product_of_its_enabled_warps() -> None:
    timeline = _timeline()
    clip = _clip(timeline)
    clip.effects.extend([otio.schema.LinearTimeWarp(time_scalar=2), otio.schema.LinearTimeWarp(time_scalar=-1.5)])
    assert warp_of(clip) == -3
    clip.markers.append(_marker("FOLEY back", 86424 + 720 - 72, 72))
    (region,), _ = find_regions(timeline)
    assert (region.start, region.end) == (0, 1)
    clip.effects[1].enabled = False
    clip.markers[0].marked_range = _range(86424, 48)
    assert [(region.start, region.end) for region in find_regions(timeline)[0]] == [(0, 1)]
