"""The timeline that the host scripts write shows foley_bridge the regions and the picture that the host has."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from cores import LUAS, LuaCore, PythonCore

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.layout import timeline_duration, timeline_rate
from foley_bridge.timeline.picture import picture_under
from foley_bridge.timeline.regions import find_regions

CORES: list[Any] = [PythonCore(), *map(LuaCore, LUAS)]
RATES = ("24/1", "25/1", "24000/1001", "30000/1001", "60000/1001")
HOUR_IN = Fraction(3600)  # a file's own start timecode, which must not be taken off


def project(rate: str = "25/1", **changes: Any) -> dict[str, Any]:
    return {"id": "p", "name": "reel", "folder": "/p", "rate": rate, "start": 0, "length": None, "sample_rate": 48000} | changes


def clip(path: Path | None, start: float, duration: float, **changes: Any) -> dict[str, Any]:
    told = {"name": "shot", "path": str(path) if path else None, "start": start, "duration": duration}
    return told | {"source_start_s": 0, "media_duration_s": 100.0, "speed": 1, "enabled": True} | changes


def track(*clips: dict[str, Any], kind: str = "video", **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "name": kind, "enabled": True, "clips": list(clips)} | changes


def marked(start: float, stop: float, text: str = "FOLEY wood", number: str = "R1") -> dict[str, Any]:
    return {"id": number, "text": text, "start": start, "stop": stop, "selected": False}


def built(
    project: dict[str, Any], tracks: list[Any], ranges: list[Any], points: list[Any] | None = None
) -> otio.schema.Timeline:
    """The timeline as OpenTimelineIO reads it; all cores write the same."""
    told = [core.call("timeline", "build", project, tracks, ranges, points or []) for core in CORES]
    plain = json.loads(json.dumps(told[0]))
    assert all(_same(plain, other) for other in told[1:])
    return otio.adapters.read_from_string(json.dumps(told[0]), "otio_json")


def _same(one: Any, other: Any) -> bool:
    """The same JSON, where null and nothing are the same, as in Lua."""
    if isinstance(one, dict):
        names = {name for name, value in one.items() if value is not None} | {
            name for name, value in other.items() if value is not None
        }
        return all(_same(one.get(name), other.get(name)) for name in names)
    if isinstance(one, list):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    path = tmp_path / "a shot #1, é.mov"
    path.touch()
    return path


def media_time(timeline: otio.schema.Timeline, at: Fraction) -> tuple[str, Fraction]:
    """What is on screen: the media's file name ("" for black), and its time."""
    picture = picture_under(timeline, at, at + Fraction(1, 1000), lambda path: HOUR_IN, base=Path("/"))
    span, time = picture.at(at)
    return ("", Fraction(0)) if span.media is None else (Path(span.media.path).name, time)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hour", [0, 1, 10])
def test_regions_are_where_the_host_has_them(rate: str, hour: int, movie: Path) -> None:
    start = hour * 3600 * round(float(Fraction(rate)))
    ranges = [marked(10, 34), marked(100000, 100001, "FOLEY Tür takes=2", "R2")]
    timeline = built(project(rate, start=start), [track(clip(movie, 0, 110000))], ranges)
    assert timeline_rate(timeline) == Fraction(rate)
    regions, notes = find_regions(timeline)
    assert [(region.start, region.end) for region in regions] == [
        (Fraction(each["start"]) / Fraction(rate), Fraction(each["stop"]) / Fraction(rate)) for each in ranges
    ]
    assert [region.text for region in regions] == [each["text"] for each in ranges]
    assert notes == []
    assert timeline.global_start_time.value == start
    told = [marker.metadata["foley_bridge"]["id"] for marker in timeline.tracks.markers]
    assert told == ["R1", "R2"]


def test_a_region_between_frames_stays_there(movie: Path) -> None:
    (region,), _ = find_regions(built(project("24000/1001"), [track(clip(movie, 0, 200))], [marked(10.25, 20.75)]))
    assert float(region.start) == pytest.approx(10.25 * 1001 / 24000, abs=1e-9)
    assert (region.first_frame, region.last_frame) == (10, 21)


def test_only_hits_inside_the_regions_go_along(movie: Path) -> None:
    points = [
        {"text": text, "at": at} for text, at in [("HIT", 9), ("hit: knock", 10), ("HIT", 19.5), ("HIT", 20), ("note", 15)]
    ]
    timeline = built(project(), [track(clip(movie, 0, 200))], [marked(10, 20)], points)
    (region,), _ = find_regions(timeline)
    assert region.hits == (Fraction(10, 25), Fraction(39, 50))
    assert len(timeline.tracks.markers) == 3


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("speed", [1, 2, 0.5, -1, -2, 0])
def test_a_clip_shows_its_media_from_its_source_start_at_its_speed(rate: str, speed: float, movie: Path) -> None:
    fps = Fraction(rate)
    source = float(12 / fps)
    timeline = built(project(rate), [track(clip(movie, 20, 40, source_start_s=source, speed=speed))], [marked(21, 22)])
    for frame in (0, 7, 39):
        name, time = media_time(timeline, (20 + frame) / fps)
        forward = 12 + frame * Fraction(speed)
        backward = 12 + (40 - frame) * -Fraction(speed)
        assert name == movie.name
        assert float(time * fps) == pytest.approx(float(backward if speed < 0 else forward), abs=1e-4)
    assert media_time(timeline, 19 / fps)[0] == ""
    assert media_time(timeline, 60 / fps - Fraction(1, 500))[0] == movie.name


@pytest.mark.parametrize(("speed", "expected"), [(1, 10), (2, 20), (-1, 20)])
def test_what_of_a_clip_lies_before_the_timeline_is_left_out(speed: int, expected: int, movie: Path) -> None:
    timeline = built(project(), [track(clip(movie, -10, 30, speed=speed))], [marked(1, 2)])
    assert float(timeline_duration(timeline)) == 20 / 25
    assert float(media_time(timeline, Fraction(0))[1] * 25) == pytest.approx(expected, abs=1e-4)


def test_the_top_clip_shows_and_what_is_disabled_does_not(movie: Path, tmp_path: Path) -> None:
    top, off = tmp_path / "top.mov", tmp_path / "off.mov"
    top.touch()
    off.touch()
    tracks = [
        track(clip(movie, 0, 100)),
        track(clip(top, 10, 10), clip(off, 30, 10, enabled=False)),
        track(clip(off, 0, 100), enabled=False),
        track(clip(off, 0, 100), kind="audio"),
    ]
    timeline = built(project(), tracks, [marked(1, 2)])
    shown = [media_time(timeline, Fraction(frame, 25))[0] for frame in (5, 15, 25, 35)]
    assert shown == [movie.name, "top.mov", movie.name, movie.name]


def test_missing_media_are_named(tmp_path: Path) -> None:
    tracks = [track(clip(tmp_path / "gone é.mov", 0, 50), clip(None, 50, 50, name="title"))]
    timeline = built(project(), tracks, [marked(1, 2)])
    picture = picture_under(timeline, Fraction(0), Fraction(4), lambda path: None, base=tmp_path)
    assert picture.missing == (str(tmp_path / "gone é.mov"), "title")


@pytest.mark.parametrize("length", [None, 500])
def test_the_project_is_as_long_as_it_says(length: int | None, movie: Path) -> None:
    timeline = built(project(length=length), [track(clip(movie, 0, 100))], [marked(90, 150)])
    assert timeline_duration(timeline) == Fraction(length or 100, 25)
    if length:
        assert len(find_regions(timeline)[0]) == 1
    else:
        with pytest.raises(TimelineError, match="past the end"):
            find_regions(timeline)


def test_overlapping_clips_of_a_track_are_an_error_that_names_them(movie: Path) -> None:
    tracks = [track(clip(movie, 0, 50), clip(movie, 49, 10, name="other"))]
    for core in CORES:
        with pytest.raises(ValueError, match="'shot' and 'other' overlap on track 'video'"):
            core.call("timeline", "build", project(), tracks, [], [])


def test_random_tracks_come_out_to_the_frame(movie: Path) -> None:
    chance = random.Random(3)
    for _ in range(40):
        rate = chance.choice(RATES)
        at, clips, truth = 0.0, [], []
        for number in range(chance.randint(1, 6)):
            start = at + chance.choice([0, chance.randrange(100), chance.random()])
            duration = chance.choice([1, chance.randint(1, 300), chance.uniform(1, 9)])
            clips.append(clip(movie, start, duration, name=f"c{number}", source_start_s=chance.uniform(0, 50)))
            truth.append((start, duration))
            at = start + duration
        timeline = built(project(rate), [track(*clips)], [marked(0, 1)])
        (video,) = timeline.video_tracks()
        there = [(video.range_of_child(child), child) for child in video if isinstance(child, otio.schema.Clip)]
        for (start, duration), (span, child), told in zip(truth, there, clips, strict=True):
            assert span.start_time.value == pytest.approx(start, abs=1e-5)
            assert span.duration.value == pytest.approx(duration, abs=1e-5)
            source = child.source_range.start_time.value / float(Fraction(rate))
            assert source == pytest.approx(told["source_start_s"], abs=1e-6)
