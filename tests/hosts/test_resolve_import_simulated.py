"""Files for DaVinci Resolve's import (the free edition has no other way in), against a simulated import that is as strict."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from job_materials import clicks, marker, movie, run, save, span
from opentimelineio.opentime import RationalTime, TimeRange
from resolve_bench import world
from resolve_import_simulated import imported, places
from resolve_simulated import simulated
from resolve_world import Timeline, read_media, time_reference

RATE = 24000 / 1001


@pytest.fixture(scope="module", autouse=True)
def own_endpoint() -> None:
    """``generate`` is to run a daemon of its own, as it does where no endpoint is named."""


def time(value: float, rate: float = RATE) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "value": value, "rate": rate}


def spanned(start: float, duration: float, rate: float = RATE) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(start, rate), "duration": time(duration, rate)}


@pytest.fixture
def good(tmp_path: Path) -> dict[str, Any]:
    """A file of the shape that Resolve exports itself: a movie whose timecode starts at 10:00:00:00, from its 12th frame on."""
    made = movie(tmp_path / "a b.mp4", seconds=4, rate=Fraction(24000, 1001), metadata={"timecode": "10:00:00:00"})
    common = {"metadata": {}, "enabled": True, "effects": [], "markers": []}
    media = {"OTIO_SCHEMA": "ExternalReference.1", "target_url": str(made), "available_range": spanned(864000, 96)}
    clip = {"OTIO_SCHEMA": "Clip.2", "name": "a", **common, "source_range": spanned(864012, 48)}
    clip |= {"media_references": {"DEFAULT_MEDIA": media}, "active_media_reference_key": "DEFAULT_MEDIA"}
    gap = {"OTIO_SCHEMA": "Gap.1", "name": "", **common, "source_range": spanned(0, 10)}
    track = {"OTIO_SCHEMA": "Track.1", "name": "Video 1", "kind": "Video", **common, "source_range": None}
    track["children"] = [gap, clip]
    stack = {"OTIO_SCHEMA": "Stack.1", "name": "", **common, "source_range": None, "children": [track]}
    return {"OTIO_SCHEMA": "Timeline.1", "name": "cut", "global_start_time": time(86400), "tracks": stack, "metadata": {}}


def taken(tmp_path: Path, document: dict[str, Any]) -> tuple[Timeline | None, str]:
    (tmp_path / "cut.otio").write_text(json.dumps(document), "utf-8")
    there = world("23.976", 86400)
    there.project.timelines[0].name = "an earlier cut"
    made, why = imported(there, str(tmp_path / "cut.otio"), {})
    pool = simulated(there).GetProjectManager().GetCurrentProject().GetMediaPool()
    there.project.timelines[1:] = []
    again = pool.ImportTimelineFromFile(str(tmp_path / "cut.otio"), {})
    assert (again is None) == (made is None)
    return made, why


def test_a_file_of_the_right_shape_is_imported_frame_for_frame(tmp_path: Path, good: dict[str, Any]) -> None:
    made, why = taken(tmp_path, good)
    assert made is not None, why
    assert (made.start, made.rate_name) == (86400, "23.976")
    assert list(places(made)) == [("video", "Video 1", str(tmp_path / "a b.mp4"), 10, 48, 12)]


def of_clip(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    return lambda document: change(document["tracks"]["children"][0]["children"][1])


def media_of(clip: dict[str, Any]) -> dict[str, Any]:
    media: dict[str, Any] = clip["media_references"]["DEFAULT_MEDIA"]
    return media


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda document: document.update(global_start_time=None), "global_start_time"),
        (lambda document: document.update(name=""), "no name"),
        (lambda document: document.update(name="an earlier cut"), "already"),
        (lambda document: document.update(OTIO_SCHEMA="SerializableCollection.1"), "SerializableCollection"),
        (of_clip(lambda clip: clip.update(OTIO_SCHEMA="Clip.1")), "Clip.1"),
        (of_clip(lambda clip: clip.update(media_reference=clip.pop("media_references")["DEFAULT_MEDIA"])), "media_references"),
        (of_clip(lambda clip: clip.update(active_media_reference_key="other")), "other"),
        (of_clip(lambda clip: clip.pop("enabled")), "enabled"),
        (of_clip(lambda clip: media_of(clip).update(target_url="file://" + media_of(clip)["target_url"])), "bare path"),
        (of_clip(lambda clip: media_of(clip).update(target_url="a b.mp4")), "bare path"),
        (of_clip(lambda clip: media_of(clip).update(target_url=media_of(clip)["target_url"].replace(" ", "%20"))), "bare path"),
        (of_clip(lambda clip: media_of(clip).update(target_url="/gone/a.mp4")), "cannot be read"),
        (of_clip(lambda clip: media_of(clip).update(available_range=None)), "available_range"),
        (of_clip(lambda clip: media_of(clip).update(available_range=spanned(0, 96))), "its media at 864000"),
        (of_clip(lambda clip: clip.update(source_range=spanned(12, 48))), "outside its media"),
        (of_clip(lambda clip: clip.update(source_range=spanned(864060, 48))), "outside its media"),
        (of_clip(lambda clip: clip.update(source_range=None)), "source_range"),
    ],
)  # fmt: skip
def test_a_file_of_another_shape_makes_nothing(
    tmp_path: Path, good: dict[str, Any], spoil: Callable[[dict[str, Any]], None], why: str
) -> None:
    spoil(good)
    made, said = taken(tmp_path, good)
    assert made is None
    assert why in said


def test_a_nested_stack_makes_nothing(tmp_path: Path, good: dict[str, Any]) -> None:
    inner = copy.deepcopy(good["tracks"])
    good["tracks"]["children"][0]["children"].append(inner)
    made, said = taken(tmp_path, good)
    assert made is None and "Stack.1" in said


def cut(folder: Path, rate: Fraction, start: int) -> otio.schema.Timeline:
    """Two shots of a movie with a timecode of its own, a nested clip, a retimed one, a region with hits, and music."""
    shot = movie(folder / "shot ä.mp4", seconds=8, rate=rate, metadata={"timecode": "10:00:00:00"})
    fps = float(rate)
    first = Fraction(36000 * round(rate)) / rate  # seconds of its timecode
    held = span(float(first * rate), 8 * round(fps) - 4, fps)

    def of_shot(at: int, length: int) -> otio.schema.Clip:
        media = otio.schema.ExternalReference(shot.as_uri(), held)
        return otio.schema.Clip(
            "shot", media, TimeRange(RationalTime(held.start_time.value + at, fps), RationalTime(length, fps))
        )

    timeline = otio.schema.Timeline("reel", global_start_time=RationalTime(start, fps))
    nested = otio.schema.Stack("nest", [otio.schema.Track("inner", [of_shot(20, 30)], kind="Video")])
    warped = of_shot(50, 20)
    warped.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    picture = otio.schema.Track("V1", [of_shot(0, 60), nested, of_shot(90, 40), warped], kind="Video")
    clicks(folder / "music.wav", length_s=6.0)
    music = otio.schema.ExternalReference(str(folder / "music.wav"), span(0, round(6 * fps) - 1, fps))
    gap = otio.schema.Gap(source_range=span(0, 12, fps))
    sound = otio.schema.Track("A1", [gap, otio.schema.Clip("music", music, span(24, 60, fps))], kind="Audio")
    timeline.tracks.extend([picture, sound])
    knock = clicks(folder / "knock.wav")
    timeline.tracks.markers.extend([marker(f'FOLEY knocks like="{knock}" takes=2', 30, 97, fps), marker("HIT", 45, 0, fps)])
    timeline.tracks.markers.append(marker("HIT", 100, 0, fps))
    return timeline


def test_regions_named_on_the_command_line_and_takes_as_tracks_are_the_free_editions_way(tmp_path: Path) -> None:
    timeline = cut(tmp_path, Fraction(25), 90000)
    del timeline.tracks.markers[:]
    asked = save(timeline, tmp_path / "cut.otio")
    told = f'01:00:02:00-01:00:03:10 FOLEY knocks like="{tmp_path / "knock.wav"}"'
    out = tmp_path / "cut_foley.otio"
    options = ("--for", "resolve", "--takes-as-tracks", "--region", told, "--json")
    done = run("generate", asked, "--out", out, "--media-dir", tmp_path / "takes", *options)
    assert done.status == 0, done.err
    made, why = imported(world("25", 90000), str(out), {})
    assert made is not None, why
    takes = [(track.enabled, places_of(made, track.name)) for track in made.of("audio") if track.name.startswith("FOLEY")]
    assert len(takes) == len(done.json["regions"][0]["takes"]) == 3
    assert sum(enabled for enabled, _ in takes) + sum(clip.enabled for track in made.of("audio") for clip in track.items) >= 1
    assert all([each[3:5] for each in clips] == [(50, 35)] for _, clips in takes)


def places_of(timeline: Timeline, name: str) -> list[tuple[str, str, str, int, int, int]]:
    return [each for each in places(timeline) if each[1] == name]


@pytest.mark.parametrize(
    ("rate", "start", "name"),
    [(Fraction(24000, 1001), 86400, "23.976"), (Fraction(30000, 1001), 107892, "29.97"), (Fraction(25), 90000, "25")],
)
def test_what_generate_writes_for_resolve_is_imported_and_everything_lies_where_it_did(
    tmp_path: Path, rate: Fraction, start: int, name: str
) -> None:
    timeline = cut(tmp_path, rate, start)
    asked = save(timeline, tmp_path / "reel.otio")
    out = tmp_path / "out" / "reel_foley.otio"
    done = run("generate", asked, "--out", out, "--media-dir", tmp_path / "out" / "takes", "--for", "resolve", "--json")
    assert done.status == 0, done.err
    (one,) = done.json["regions"]
    there = world(name, start)
    made, why = imported(there, str(out), {})
    assert made is not None, why
    assert (made.start, made.rate_name) == (start, name)
    assert made.name != timeline.name and made.name.startswith("reel_foley ")
    laid = list(places(made))
    shot, music = str(tmp_path / "shot ä.mp4"), str(tmp_path / "music.wav")
    assert [each[2:] for each in laid if each[0] == "video"] == [
        (shot, 0, 60, 0),
        (shot, 60, 30, 20),
        (shot, 90, 40, 90),
        (shot, 130, 20, 50),
    ]
    assert [item.speed for item in made.of("video")[0].items] == [1, 1, 1, 2]
    assert [each[2:] for each in laid if each[2] == music] == [(music, 12, 60, 24)]
    take = one["takes"][0]
    handle = take["handle"]["value"]
    assert [each[2:] for each in laid if each[2] == take["path"]] == [(take["path"], 30, 97, handle)]
    expected = Fraction(start + 30 - handle) / rate
    assert time_reference(take["path"]) == round(expected * 48000)
    media = read_media(take["path"], name)
    assert media is not None and media.start == start + 30 - handle
    regions = [
        (frame, marker.duration, marker.name) for frame, marker in made.markers.items() if marker.name.startswith("FOLEY")
    ]
    assert [each[:2] for each in regions] == [(30.0, 97.0)]
    assert imported(there, str(out), {})[0] is None  # the same name a second time
    again = run("generate", asked, "--out", out, "--media-dir", tmp_path / "out" / "takes", "--for", "resolve", "--json")
    assert again.status == 0 and out.read_bytes()
