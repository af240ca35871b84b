"""OTIO in the shape that DaVinci Resolve imports, field by field, and Resolve's own markers read."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_materials import clicks, generate, marker, movie, save, timeline_of
from opentimelineio.opentime import RationalTime, TimeRange
from timeline_worlds import timelines

from foley_bridge.media.broadcast_wav import read_bext
from foley_bridge.timeline import files
from foley_bridge.timeline.layout import timeline_duration, timeline_rate
from foley_bridge.timeline.regions import find_regions
from foley_bridge.timeline.resolve import Held, adopt_resolve, for_resolve
from foley_bridge.timeline.unfolded import by_track

F = Fraction
RATE = 24000 / 1001
FRAME = F(1001, 24000)
HOUR = 86400


def span(start: float, length: float, rate: float = RATE) -> TimeRange:
    return TimeRange(RationalTime(start, rate), RationalTime(length, rate))


def clip(name: str, start: float, length: float, *effects: Any, held: TimeRange | None = None) -> otio.schema.Clip:
    return otio.schema.Clip(
        name, otio.schema.ExternalReference(f"/m/{name}.mov", held), span(start, length), effects=list(effects)
    )


def gap(length: float) -> otio.schema.Gap:
    return otio.schema.Gap(source_range=span(0, length))


def timeline_with(*tracks: Any, start: float | None = HOUR) -> otio.schema.Timeline:
    timeline = otio.schema.Timeline("cut", global_start_time=None if start is None else RationalTime(start, RATE))
    timeline.tracks.extend(tracks)
    return timeline


def look(start: Fraction | None = HOUR * FRAME, length: Fraction | None = 240 * FRAME) -> Callable[[str], Held]:
    return lambda address: Held(address.removeprefix("file://"), start, length)


def said(
    timeline: otio.schema.Timeline, name: str = "reel", at: Callable[[str], Held] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """The JSON that is written, and the notes."""
    made, notes = for_resolve(timeline, name, at or look())
    return json.loads(otio.adapters.write_to_string(made, "otio_json")), list(notes)


def frames(range_: dict[str, Any]) -> tuple[float, float]:
    assert range_["start_time"]["rate"] == range_["duration"]["rate"] == RATE
    return range_["start_time"]["value"], range_["duration"]["value"]


def clips_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [child for each in document["tracks"]["children"] for child in each["children"] if child["OTIO_SCHEMA"] == "Clip.2"]


# --- the shape ---


def test_a_clip_has_its_media_under_the_active_key_by_a_bare_path_in_the_medias_own_timecode() -> None:
    timeline = timeline_with(otio.schema.Track("V1", [clip("a", HOUR + 24, 48)], kind="Video"))
    timeline.tracks[0][0].media_reference.target_url = "file:///m/a%20b.mov"
    (told,) = clips_of(said(timeline, at=lambda address: Held("/m/a b.mov", HOUR * FRAME, 240 * FRAME))[0])
    assert told["OTIO_SCHEMA"] == "Clip.2" and "media_reference" not in told
    assert told["active_media_reference_key"] == "DEFAULT_MEDIA" and list(told["media_references"]) == ["DEFAULT_MEDIA"]
    media = told["media_references"]["DEFAULT_MEDIA"]
    assert (media["OTIO_SCHEMA"], media["target_url"], media["name"]) == ("ExternalReference.1", "/m/a b.mov", "a b.mov")
    assert frames(media["available_range"]) == (HOUR, 240)
    assert frames(told["source_range"]) == (HOUR + 24, 48)
    assert told["enabled"] is True and told["effects"] == [] and told["markers"] == []


@pytest.mark.parametrize(
    ("stated", "first"),
    [
        (span(HOUR, 240), HOUR + 24),  # the file's own timecode, as it should be
        (span(0, 240), 24),  # media that counts from nothing
        (span(1000, 240), 1024),  # another timecode than the file's
        (None, HOUR + 24),  # not stated: the file's own
    ],
)
def test_times_move_to_the_files_own_timecode(stated: TimeRange | None, first: float) -> None:
    timeline = timeline_with(otio.schema.Track("V1", [clip("a", first, 48, held=stated)], kind="Video"))
    (told,) = clips_of(said(timeline)[0])
    assert frames(told["source_range"]) == (HOUR + 24, 48)
    assert frames(told["media_references"]["DEFAULT_MEDIA"]["available_range"]) == (HOUR, 240)


def test_a_file_that_cannot_be_looked_at_keeps_what_the_timeline_states() -> None:
    track = otio.schema.Track("V1", [clip("a", 1024, 48, held=span(1000, 240)), clip("b", 7, 48)], kind="Video")
    one, other = clips_of(said(timeline_with(track), at=look(None, None))[0])
    assert frames(one["source_range"]) == (1024, 48)
    assert frames(one["media_references"]["DEFAULT_MEDIA"]["available_range"]) == (1000, 240)
    assert frames(other["source_range"]) == frames(other["media_references"]["DEFAULT_MEDIA"]["available_range"]) == (7, 48)


def test_the_timeline_has_its_start_and_a_name_of_its_own() -> None:
    timeline = timeline_with(otio.schema.Track("V1", [clip("a", HOUR, 48)], kind="Video"))
    document, notes = said(timeline, "reel 1")
    assert document["OTIO_SCHEMA"] == "Timeline.1" and document["global_start_time"]["value"] == HOUR and notes == []
    assert document["metadata"] == {"Resolve_OTIO": {"Resolve OTIO Meta Version": "1.0"}}
    assert document["name"].startswith("reel 1 ") and document["name"] == said(timeline, "reel 1")[0]["name"]
    timeline.tracks[0][0].source_range = span(HOUR, 47)
    assert said(timeline, "reel 1")[0]["name"] != document["name"]
    assert said(timeline_with(timeline.tracks[0].clone(), start=None))[0]["global_start_time"] == {
        "OTIO_SCHEMA": "RationalTime.1",
        "rate": RATE,
        "value": 0.0,
    }


def test_tracks_keep_their_order_names_and_whether_they_play() -> None:
    low, high = otio.schema.Track("V1", [clip("a", HOUR, 48)], kind="Video"), otio.schema.Track("V2", [gap(24)], kind="Video")
    sound = otio.schema.Track("A1", [gap(12), clip("s", HOUR + 1, 5)], kind="Audio")
    high.enabled, sound[1].enabled = False, False
    document, _ = said(timeline_with(low, high, sound))
    told = [(each["name"], each["kind"], each["enabled"]) for each in document["tracks"]["children"]]
    assert told == [("V1", "Video", True), ("V2", "Video", False), ("A1", "Audio", True)]
    first, second = document["tracks"]["children"][2]["children"]
    assert first["OTIO_SCHEMA"] == "Gap.1" and frames(first["source_range"]) == (0, 12) and second["enabled"] is False
    assert document["tracks"]["children"][0]["metadata"] == {"Resolve_OTIO": {"Locked": False}}


def test_nothing_is_nested_and_nothing_of_what_shows_is_lost() -> None:
    inner = otio.schema.Stack(
        "scene",
        children=[
            otio.schema.Track("V1", [clip("low", HOUR, 96)], kind="Video"),
            otio.schema.Track("V2", [gap(24), clip("high", HOUR + 10, 24)], kind="Video"),
            otio.schema.Track("A1", [clip("sound", HOUR, 96)], kind="Audio"),
        ],
        source_range=span(12, 48),
        effects=[otio.schema.LinearTimeWarp(time_scalar=2.0)],
    )
    before = clip("before", HOUR, 24)
    sound = otio.schema.Track("A1", [gap(24), inner.clone()], kind="Audio")
    document, _ = said(timeline_with(otio.schema.Track("V1", [before, inner], kind="Video"), sound, inner.clone()))
    schemas = {child["OTIO_SCHEMA"] for each in document["tracks"]["children"] for child in each["children"]}
    assert schemas == {"Clip.2", "Gap.1"}
    found = [
        (each["name"], child["name"], *frames(child["source_range"]), [effect["time_scalar"] for effect in child["effects"]])
        for each in document["tracks"]["children"]
        for child in each["children"]
        if child["OTIO_SCHEMA"] == "Clip.2"
    ]
    assert found == [
        ("V1", "before", HOUR, 24, []),
        ("V1", "low", HOUR + 12, 42, [2.0]),
        ("V1 (2)", "high", HOUR + 10, 12, [2.0]),
        ("A1", "sound", HOUR + 12, 42, [2.0]),
        ("scene", "low", HOUR + 12, 42, [2.0]),
        ("scene (2)", "high", HOUR + 10, 12, [2.0]),
        ("scene", "sound", HOUR + 12, 42, [2.0]),
    ]


def test_speeds_are_one_time_warp() -> None:
    warps = [otio.schema.LinearTimeWarp(time_scalar=2.0), otio.schema.LinearTimeWarp(time_scalar=-0.5)]
    frozen = clip("c", HOUR, 24, otio.schema.FreezeFrame())
    track = otio.schema.Track("V1", [clip("a", HOUR + 10, 24, *warps), clip("b", HOUR, 24), frozen], kind="Video")
    told = clips_of(said(timeline_with(track))[0])
    assert [[(e["OTIO_SCHEMA"], e["time_scalar"]) for e in each["effects"]] for each in told] == [
        [("LinearTimeWarp.1", -1.0)],
        [],
        [("LinearTimeWarp.1", 0.0)],
    ]


def test_what_resolve_wrote_into_a_clip_stays() -> None:
    faders = otio.schema.Effect("", "Resolve Effect", {"Resolve_OTIO": {"Effect Name": "Video Faders", "Type": 36}})
    other = otio.schema.Effect("blur", "blur")
    source = clip("a", HOUR, 24, faders, other)
    source.metadata.update({"Resolve_OTIO": {"Link Group ID": 2}, "rpp": {"track": 0}})
    (told,) = clips_of(said(timeline_with(otio.schema.Track("V1", [source], kind="Video")))[0])
    assert told["metadata"] == {"Resolve_OTIO": {"Link Group ID": 2}}
    assert [effect["effect_name"] for effect in told["effects"]] == ["Resolve Effect"]


def test_what_resolve_will_not_see_is_told() -> None:
    title = otio.schema.Clip("title", otio.schema.GeneratorReference("title", "Text"), span(0, 24))
    cut_in = otio.schema.Transition("x", "SMPTE_Dissolve", RationalTime(5, RATE), RationalTime(5, RATE))
    beyond = clip("late", HOUR + 230, 48)
    between = clip("odd", HOUR, 24.5)
    track = otio.schema.Track("V1", [title, clip("a", HOUR, 24), cut_in, beyond, between], kind="Video")
    document, notes = said(timeline_with(track))
    assert [(each["name"], *frames(each["source_range"])) for each in clips_of(document)] == [
        ("a", HOUR, 24),
        ("late", HOUR + 230, 10),
        ("odd", HOUR, 24),
    ]
    assert frames(document["tracks"]["children"][0]["children"][3]["source_range"]) == (0, 38)  # the cut clip leaves its place
    assert [note.rpartition(": ")[2] for note in notes] == ["1 clip"] * 3 + ["1 transition"]
    assert all(any(words in note for note in notes) for words in ("media file", "beyond", "between two frames", "transition"))
    odd = otio.schema.Timeline("odd", global_start_time=RationalTime(0, 21.5))
    assert "43/2" in said(odd)[1][0]


def test_a_clip_between_frames_stays_inside_its_media() -> None:
    whole = clip("whole", 0, 10.2, held=span(0, 10.2))
    track = otio.schema.Track("A1", [gap(0.4), whole], kind="Audio")
    (told,) = clips_of(said(timeline_with(track), at=look(F(0), F(102, 10) * FRAME))[0])
    assert frames(told["source_range"]) == (0, 10)
    assert frames(told["media_references"]["DEFAULT_MEDIA"]["available_range"]) == (0, 10)


def test_a_clip_that_begins_before_its_media_begins_with_it() -> None:
    early = clip("early", -12, 48, held=span(0, 240))
    track = otio.schema.Track("A1", [early, clip("next", 0, 10, held=span(0, 240))], kind="Audio")
    document, notes = said(timeline_with(track))
    told = document["tracks"]["children"][0]["children"]
    assert [each["OTIO_SCHEMA"] for each in told] == ["Gap.1", "Clip.2", "Clip.2"]
    assert [frames(each["source_range"]) for each in told] == [(0, 12), (HOUR, 36), (HOUR, 10)] and "beyond" in notes[0]


def test_markers_are_whole_frames_and_carry_their_notes_and_ids() -> None:
    timeline = timeline_with(otio.schema.Track("V1", [clip("a", HOUR, 240)], kind="Video"))
    region = otio.schema.Marker("FOLEY x", span(23.6, 24), "GREEN", metadata={"foley_bridge": {"id": "one"}})
    hit = otio.schema.Marker("HIT", span(30.4, 0), comment="here")
    timeline.tracks.markers.extend([region, hit])
    one, other = said(timeline)[0]["tracks"]["markers"]
    assert (one["name"], one["color"], *frames(one["marked_range"])) == ("FOLEY x", "GREEN", 24, 24)
    assert one["metadata"] == {"Resolve_OTIO": {"Keywords": [], "Note": ""}, "foley_bridge": {"id": "one"}}
    assert frames(other["marked_range"]) == (30, 1) and other["metadata"]["Resolve_OTIO"]["Note"] == "here"


@given(timelines(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_timeline_takes_the_shape_and_everything_lies_inside_its_media(
    timeline: otio.schema.Timeline, looked: bool
) -> None:
    rate = timeline_rate(timeline)
    made, _ = for_resolve(timeline, "x", look(F(3600), F(40)) if looked else look(None, None))
    assert made.global_start_time is not None
    kinds = {type(child).__name__ for each in made.tracks for child in each}
    assert kinds <= {"Clip", "Gap"} and all(isinstance(each, otio.schema.Track) for each in made.tracks)
    for told in made.find_clips():
        held, used = told.media_reference.available_range, told.source_range
        times = (held.start_time, held.duration, used.start_time, used.duration)
        assert all(time.value == int(time.value) and time.rate == float(rate) for time in times)
        speed = next((abs(effect.time_scalar) for effect in told.effects), 1.0)
        assert used.start_time.value >= held.start_time.value and used.duration.value > 0
        end = used.start_time.value + speed * used.duration.value
        assert end <= held.start_time.value + held.duration.value + 1e-6
    assert timeline_duration(made) <= timeline_duration(timeline) + 1 / rate
    shown = sum(bool(each.address) for _, clips in by_track(timeline) for each in clips)
    assert len(made.find_clips()) <= shown


# --- read ---


def test_the_note_of_a_resolve_marker_is_its_comment_and_may_ask_for_sound() -> None:
    timeline = timeline_with(otio.schema.Track("V1", [clip("a", HOUR, 240)], kind="Video"))
    asks = otio.schema.Marker(
        "Marker 1", span(24, 24), "BLUE", metadata={"Resolve_OTIO": {"Keywords": [], "Note": "FOLEY door"}}
    )
    told = otio.schema.Marker("x", span(60, 24), metadata={"Resolve_OTIO": {"Note": "not this"}}, comment="this")
    odd = otio.schema.Marker("y", span(90, 24), metadata={"Resolve_OTIO": {"Note": 7}})
    timeline.tracks.markers.extend([asks, told, odd])
    adopt_resolve(timeline)
    assert [each.comment for each in timeline.tracks.markers] == ["FOLEY door", "this", ""]
    (region,), _ = find_regions(timeline)
    assert (region.words, region.first_frame, region.last_frame) == ("door", 24, 48)


def test_a_file_that_resolve_wrote_is_read_with_its_notes(tmp_path: Path) -> None:
    timeline = timeline_with(otio.schema.Track("V1", [clip("a", HOUR, 240)], kind="Video"))
    note = {"Resolve_OTIO": {"Keywords": [], "Note": "FOLEY door"}}
    timeline.tracks[0][0].markers.append(otio.schema.Marker("Marker 1", span(HOUR + 24, 24), metadata=note))
    (region,), _ = find_regions(files.read(save(timeline, tmp_path / "cut.otio")))
    assert (region.words, region.first_frame) == ("door", 24)


# --- the whole way ---


def test_takes_for_resolve_have_their_bext_timecode_as_available_start(tmp_path: Path) -> None:
    shot = movie(tmp_path / "shot with space.mp4", seconds=4, rate=F(24000, 1001))
    marks = [marker("FOLEY kettle handles=12f", 24, 48, RATE), marker("HIT", 40, 1, RATE)]
    cut = save(timeline_of(shot, 96, RATE, *marks, start=HOUR), tmp_path / "cut.otio")
    done = generate(tmp_path, cut, "--exemplar", clicks(tmp_path / "hit.wav"), "--takes", 2, "--for", "resolve")
    assert (done.status, done.err) == (0, "")
    document = json.loads(Path(done.json["out"]).read_text("utf-8"))
    picture, take = clips_of(document)
    assert picture["media_references"]["DEFAULT_MEDIA"]["target_url"] == str(shot)
    assert frames(picture["media_references"]["DEFAULT_MEDIA"]["available_range"]) == (0, 96)
    media = take["media_references"]["DEFAULT_MEDIA"]
    bext = read_bext(media["target_url"])
    assert bext is not None and F(bext.time_reference, 48000) / FRAME == HOUR + 12
    assert frames(media["available_range"]) == (HOUR + 12, 72)
    assert frames(take["source_range"]) == (HOUR + 24, 48)
    sound = document["tracks"]["children"][1]
    assert (sound["name"], sound["metadata"]["Resolve_OTIO"]) == (
        "FOLEY",
        {"Audio Type": "Mono", "Locked": False, "SoloOn": False},
    )
    assert document["name"].startswith("foley ")
    assert files.read(done.json["out"]).name == document["name"]


def test_only_otio_has_this_shape_and_only_known_programs_have_one(tmp_path: Path) -> None:
    shot = movie(tmp_path / "shot.mp4", seconds=1)
    cut = save(timeline_of(shot, 25, 25, marker("FOLEY x", 0, 25, 25)), tmp_path / "cut.otio")
    asked = ("--exemplar", clicks(tmp_path / "hit.wav"), "--out", tmp_path / "o" / "cut.xml", "--for", "resolve")
    wrong = generate(tmp_path, cut, *asked)
    assert wrong.status == 2 and ".otio" in wrong.json["error"]["message"]
    unknown = generate(tmp_path, cut, "--for", "premiere")
    assert unknown.status == 2 and unknown.json["error"]["kind"] == "UsageError"
    assert "--for" in unknown.json["error"]["message"] and not (tmp_path / "o").exists()
