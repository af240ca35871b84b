"""REAPER projects as timelines, field by field, and written back: nothing lost, and nothing changed but what was changed."""

from __future__ import annotations

import difflib
import json
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime, TimeRange

from foley_bridge.errors import TimelineError
from foley_bridge.timeline import files
from foley_bridge.timeline.adapters.rpp_file import decimal, parse
from foley_bridge.timeline.adapters.rpp_items import item_of, marks_in, marks_of, our_mark, track_of
from foley_bridge.timeline.layout import children_of, speed_of, timeline_duration, timeline_rate
from foley_bridge.timeline.picture import picture_under
from foley_bridge.timeline.place import PlacedTake, Placement, clear_foley, mark_hits, place_takes
from foley_bridge.timeline.regions import find_hits, find_regions
from foley_bridge.timeline.time import seconds_of

F = Fraction
SHOT = 'FILE "media/shot.mp4"'
REGION = "{C8D5E1E8-8D40-442C-8BB1-D00A8BA03ADE}"
POINT = "{3856C760-FB6D-4634-AAE2-D035EC3D6A94}"
SECTION = """LENGTH 4
        MODE {}
        STARTPOS 10
        OVERLAP 0.01
        <SOURCE WAVE
          FILE a.wav
        >"""


def project(*inside: str, end: str = "\n", head: str = '<REAPER_PROJECT 0.1 "7.09/win64" 1708000000') -> bytes:
    """A project; each piece may be several lines."""
    return end.join([head, *"\n".join(inside).split("\n"), ">", ""]).encode()


def track(*inside: str, name: str = "Sound") -> str:
    return "\n".join([f'  <TRACK {{1}}\n    NAME "{name}"', *inside, "  >"])


def item(start: str, length: str, *inside: str, source: str = "WAVE", file: str = "FILE a.wav") -> str:
    lines = [f"      POSITION {start}\n      LENGTH {length}", *(f"      {line}" for line in inside)]
    return "\n".join(["    <ITEM", *lines, f"      <SOURCE {source}", f"        {file}", "      >", "    >"])


def read(data: bytes) -> otio.schema.Timeline:
    return otio.adapters.read_from_string(data, "rpp")


def written(timeline: otio.schema.Timeline) -> bytes:
    """Through JSON, as the child process has it."""
    json_text = otio.adapters.write_to_string(timeline, "otio_json")
    again = otio.adapters.read_from_string(json_text, "otio_json")
    return otio.adapters.write_to_string(again, "rpp").encode("utf-8", "surrogateescape")


def changes(before: bytes, after: bytes) -> list[str]:
    """The lines that went and came, without their blanks."""
    lines = difflib.unified_diff(before.decode().splitlines(), after.decode().splitlines(), n=0, lineterm="")
    return [line[0] + line[1:].strip() for line in lines if not line.startswith(("---", "+++", "@@"))]


def spans(track: otio.schema.Track) -> list[tuple[str, Fraction, Fraction]]:
    return [(p.item.name, p.start, p.end) for p in children_of(track) if isinstance(p.item, otio.schema.Clip)]


def test_opentimelineio_finds_the_adapter() -> None:
    assert otio.adapters.from_filepath("/a/cut.RPP").name == "rpp"


# --- the project ---


@pytest.mark.parametrize(
    ("line", "rate"),
    [
        ("TIMEMODE 1 5 -1 30 0 0 -1", F(30)),
        ("TIMEMODE 1 5 -1 30 1 0 -1", F(30000, 1001)),
        ("TIMEMODE 1 5 -1 30 2 0 -1", F(30000, 1001)),
        ("TIMEMODE 1 0 -1 24 2 0 -1 0", F(24000, 1001)),
        ("TIMEMODE 1 5 -1 25 0 0 -1", F(25)),
        ("TIMEMODE 1 5 -1 60 2 0 -1", F(60000, 1001)),
        ("RIPPLE 0", F(30)),
        ("TIMEMODE 1 5", F(30)),
    ],
)
def test_the_frame_rate_is_exact(line: str, rate: Fraction) -> None:
    assert timeline_rate(read(project(f"  {line}"))) == rate


def test_the_project_offset_is_the_timecode_of_its_first_frame() -> None:
    timeline = read(project("  PROJOFFS 3603.6 0 0\n  TIMEMODE 1 5 -1 24 2 0 -1\n  TITLE 'Reel \"1\"'"))
    assert timeline.global_start_time.value == 86400 and seconds_of(timeline.global_start_time) == F(36036, 10)
    assert timeline.name == 'Reel "1"'


# --- markers and regions ---


def test_regions_are_pairs_of_lines_and_markers_single_ones() -> None:
    timeline = read(
        project(
            "  TIMEMODE 1 5 -1 25 0 0 -1",
            f'  MARKER 1 0.52 "FOLEY kettle takes=2" 1 0 1 R {REGION} 0\n  MARKER 1 2.5 "" 1',
            f"  MARKER 1 1.25 HIT 0 0 1 R {POINT} 0",
            '  MARKER 2 3 "FOLEY `door`" 1 33489152 1 R {0167C27A-2C26-4153-B023-923843E1F974} 0',
            "  MARKER 3 3.5 HIT 0 16777471 1 B\n  MARKER 2 4 '' 1",
            track(item("0", "10")),
        )
    )
    regions, notes = find_regions(timeline)
    assert [(r.name, r.start, r.end, r.id) for r in regions] == [
        ("kettle", F(52, 100), F(5, 2), REGION),
        ("`door`", F(3), F(4), "{0167C27A-2C26-4153-B023-923843E1F974}"),
    ]
    assert regions[0].options.takes == 2 and notes == []
    assert find_hits(timeline) == [F(5, 4), F(7, 2)]
    colors = [marker.color for marker in timeline.tracks.markers]
    assert colors == ["RED", "RED", "BLUE", "BLUE"]  # R: red is the lowest byte, B: blue is


def test_markers_without_identifiers_are_read_too() -> None:
    timeline = read(project('  MARKER 1 1 "FOLEY old" 1 0\n  MARKER 1 2 "" 1', track(item("0", "9"))))
    regions, _ = find_regions(timeline)
    assert [(r.start, r.end, r.id) for r in regions] == [(1, 2, None)]


# --- items ---


def test_an_item_plays_its_source_from_its_offset_at_its_rate() -> None:
    (sound,) = read(project(track(item("1.5", "2", "NAME hit", "SOFFS 0.25", "PLAYRATE 2 1 0 -1 0 0.0025")))).tracks
    clip = sound[1]
    assert spans(sound) == [("hit", F(3, 2), F(7, 2))]
    assert seconds_of(clip.source_range.start_time) == F(1, 4) and speed_of(clip) == 2
    assert clip.media_reference.target_url == "a.wav" and clip.media_reference.available_range.start_time.value == 0
    assert clip.enabled and sound.kind == "Audio"


def test_mutes_disable_items_and_tracks() -> None:
    timeline = read(project(track("    MUTESOLO 1 0 0", item("0", "1", "MUTE 1 0"), item("1", "1", "MUTE 0 0"))))
    assert [clip.enabled for clip in timeline.tracks[0]] == [False, True]
    assert not timeline.tracks[0].enabled


def test_the_chosen_take_is_the_clip() -> None:
    takes = "\n".join(
        [
            "      NAME one\n      SOFFS 1\n      <SOURCE WAVE\n        FILE 1.wav\n      >",
            "      TAKE NULL",
            "      TAKE SEL\n      NAME three\n      SOFFS 3\n      <SOURCE FLAC\n        FILE 3.flac\n      >",
            "      TAKE\n      NAME four\n      <SOURCE MP3\n        FILE 4.mp3\n      >",
        ]
    )
    clip = read(project(track(f"    <ITEM\n      POSITION 0\n      LENGTH 2\n{takes}\n    >"))).tracks[0][0]
    assert (clip.name, clip.media_reference.target_url, seconds_of(clip.source_range.start_time)) == ("three", "3.flac", 3)
    assert list(clip.metadata["rpp"]["takes"]) == ["one", "", "three", "four"]


def test_a_section_counts_from_its_start() -> None:
    clip = read(project(track(item("0", "2", "SOFFS 0.5", source="SECTION", file=SECTION.format(0))))).tracks[0][0]
    assert seconds_of(clip.source_range.start_time) == F(21, 2) and speed_of(clip) == 1


def test_a_reversed_section_is_played_from_its_end() -> None:
    clip = read(project(track(item("0", "2", "SOFFS 0.5", source="SECTION", file=SECTION.format(2))))).tracks[0][0]
    (place,) = children_of(otio.schema.Track(children=[clip.clone()]))
    assert place.own(F(0)) == F(27, 2) and place.own(F(2)) == F(23, 2)  # 10 + 4 - 0.5, and two seconds before that


def test_a_section_of_a_reversed_section_counts_from_its_end() -> None:
    inner = "LENGTH 1\n        STARTPOS 0.5\n        <SOURCE SECTION\n        " + SECTION.format(2) + "\n        >"
    clip = read(project(track(item("0", "1", source="SECTION", file=inner)))).tracks[0][0]
    (place,) = children_of(otio.schema.Track(children=[clip.clone()]))
    assert place.own(F(0)) == F(27, 2) and place.own(F(1)) == F(25, 2)


def test_offline_media_and_items_without_files_have_their_place() -> None:
    timeline = read(
        project(
            track(
                item("0", "1", source="_OFFLINE_WAVE", file="FILE gone.wav"),
                item("2", "1", source="MIDI", file="HASDATA 1 960 QN"),
                "    <ITEM\n      POSITION 4\n      LENGTH 1\n    >",
            )
        )
    )
    clips = list(timeline.find_clips())
    assert clips[0].media_reference.target_url == "gone.wav"
    assert [type(clip.media_reference).__name__ for clip in clips[1:]] == ["MissingReference"] * 2
    assert [span[1] for span in spans(timeline.tracks[0])] == [0, 2, 4]


def test_items_before_the_projects_beginning_are_cut_there() -> None:
    clip = read(project(track(item("-1", "3", "SOFFS 0.5", "PLAYRATE 2")))).tracks[0][0]
    assert (seconds_of(clip.source_range.start_time), seconds_of(clip.source_range.duration)) == (F(5, 2), 2)


def test_overlapping_items_lie_on_several_tracks_and_all_of_them_are_there() -> None:
    timeline = read(project(track(item("0", "2"), item("1.9", "2"), item("3.8", "1"), item("1", "5", "NAME long"))))
    assert [each.name for each in timeline.tracks] == ["Sound", "Sound (2)", "Sound (3)"]
    assert [span[1:] for each in timeline.tracks for span in spans(each)] == [
        (0, 2),
        (F(38, 10), F(48, 10)),
        (1, 6),
        (F(19, 10), F(39, 10)),
    ]


def test_fixed_lanes_that_do_not_play_are_disabled() -> None:
    lanes = [item("0", "1", f"NAME lane{n}", f"YPOS {n / 4} 0.25 2") for n in range(4)]
    solo = read(project(track("    FREEMODE 2\n    LANESOLO 6 0 0 0 0 0 0 0", *lanes)))
    assert [clip.enabled for clip in solo.find_clips()] == [False, True, True, False]
    every = read(project(track("    FREEMODE 2\n    FIXEDLANES 9 0 0 0 0", *lanes)))
    assert all(clip.enabled for clip in every.find_clips())


def test_a_track_without_items_is_there() -> None:
    timeline = read(project(track(name="Bus"), "  <TRACK\n  >"))
    assert [each.name for each in timeline.tracks] == ["Bus", "Track 2"]


# --- the picture ---


def test_reapers_first_track_is_on_top_and_a_later_item_covers_an_earlier_one(tmp_path: Path) -> None:
    def video(start: str, length: str, name: str) -> str:
        return item(start, length, f"NAME {name}", source="VIDEO", file=f"FILE {name}.mp4")

    timeline = read(
        project(
            "  TIMEMODE 1 5 -1 25 0 0 -1",
            track(video("2", "1", "top"), name="one"),
            track(video("0", "3", "a"), video("1", "1.5", "b"), item("0", "9"), name="two"),
        )
    )
    assert [(each.name, each.kind) for each in timeline.tracks] == [
        ("two", "Video"),
        ("two (2)", "Video"),
        ("one", "Video"),
        ("two", "Audio"),
    ]
    seen = picture_under(timeline, F(0), F(4), lambda path: F(3600), base=tmp_path)
    assert [(span.start, span.end, span.name) for span in seen.spans if span.media] == [
        (0, 1, "a"),
        (1, 2, "b"),
        (2, 3, "top"),
    ]
    assert seen.spans[0].media_time(F(1, 2)) == F(1, 2)  # REAPER counts from the file's start, whatever its timecode


@pytest.mark.parametrize("file", ["FILE a.M4A", 'FILE "a.mp4"\n        VIDEO_DISABLED', "FILE a.mp4"])
def test_only_what_shows_a_picture_is_a_picture(file: str) -> None:
    (one,) = read(project(track(item("0", "1", source="VIDEO", file=file)))).tracks
    assert one.kind == ("Video" if file == "FILE a.mp4" else "Audio")


# --- written back ---

FULL = project(
    '  <NOTES 0 2\n    |It\'s a "test" <of> `all`\n  >',
    "  PROJOFFS 3600 0 0\n  TIMEMODE 1 5 -1 25 0 0 -1\n  TEMPO 120 4 4",
    f'  MARKER 1 0.5 "FOLEY steps" 1 0 1 R {REGION} 0\n  MARKER 1 2.50 "" 1',
    f"  MARKER 2 1.25 HIT 0 0 1 R {POINT} 0",
    track("    ISBUS 1 1", item("0.00000000000000", "8", "NAME shot", source="VIDEO", file=SHOT), name="Picture"),
    track(
        "    PEAKCOL 16576\n    ISBUS 2 -1",
        item("1", "3", "MUTE 0 0", "NAME a", "SOFFS 0.5\n      PLAYRATE 1.5 1 0 -1 0 0.0025\n      CHANMODE 0"),
        item("3.50", "2", "NAME b", "SOFFS 0", source="SECTION", file=SECTION.format(2)),
        '    <FXCHAIN\n      <VST "VST: x (y)" x.dll 0 "" 1\n        ZXZhdw==\n      >\n    >',
        name="Dia",
    ),
    end="\r\n",
)


def shown_range() -> TimeRange:
    return TimeRange(RationalTime(0, 25), RationalTime(25, 25))


def clip_named(timeline: otio.schema.Timeline, name: str) -> otio.schema.Clip:
    return next(clip for clip in timeline.find_clips() if clip.name == name)


def media_of(timeline: otio.schema.Timeline, name: str) -> Any:
    return clip_named(timeline, name).media_reference


def shift(clip: otio.schema.Clip, frames: float) -> None:
    span = clip.source_range
    clip.source_range = TimeRange(span.start_time + RationalTime(frames, span.start_time.rate), span.duration)


def drop(timeline: otio.schema.Timeline, name: str) -> None:
    for each in timeline.tracks:
        for index, child in enumerate(each):
            if child.name == name:
                each[index] = otio.schema.Gap(source_range=TimeRange(RationalTime(0, 25), child.source_range.duration))


def later(timeline: otio.schema.Timeline, name: str, frames: int) -> None:
    for each in timeline.tracks:
        if any(child.name == name for child in each):
            each.insert(0, otio.schema.Gap(source_range=TimeRange(RationalTime(0, 25), RationalTime(frames, 25))))


def mark(timeline: otio.schema.Timeline, index: int, start: float, length: float) -> None:
    timeline.tracks.markers[index].marked_range = TimeRange(RationalTime(start, 25), RationalTime(length, 25))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: None, []),
        (lambda t: setattr(clip_named(t, "a"), "name", "it's"), ["-NAME a", '+NAME "it\'s"']),
        (lambda t: setattr(clip_named(t, "a"), "enabled", False), ["-MUTE 0 0", "+MUTE 1 0"]),
        (lambda t: setattr(clip_named(t, "b"), "enabled", False), ["+MUTE 1"]),
        (lambda t: shift(clip_named(t, "a"), 25), ["-SOFFS 0.5", "+SOFFS 1.5"]),
        (lambda t: shift(clip_named(t, "b"), -25), ["-SOFFS 0", "+SOFFS 1"]),
        (lambda t: later(t, "a", 50), ["-POSITION 1", "+POSITION 3"]),
        (
            lambda t: setattr(clip_named(t, "a").effects[0], "time_scalar", 3.0),
            ["-PLAYRATE 1.5 1 0 -1 0 0.0025", "+PLAYRATE 3 1 0 -1 0 0.0025"],
        ),
        (lambda t: setattr(media_of(t, "a"), "target_url", "file:///x/y%20z.wav"), ["-FILE a.wav", '+FILE "/x/y z.wav"']),
        (lambda t: setattr(media_of(t, "b"), "target_url", "c.wav"), ["-FILE a.wav", "+FILE c.wav"]),
        (lambda t: setattr(t.tracks[1], "name", "Dialogue"), ['-NAME "Dia"', "+NAME Dialogue"]),
        (lambda t: setattr(t.tracks[0], "enabled", False), ["+MUTESOLO 1"]),
        (
            lambda t: mark(t, 0, 50, 25),
            [
                f'-MARKER 1 0.5 "FOLEY steps" 1 0 1 R {REGION} 0',
                '-MARKER 1 2.50 "" 1',
                f'+MARKER 1 2 "FOLEY steps" 1 0 1 R {REGION} 0',
                '+MARKER 1 3 "" 1',
            ],
        ),
        (lambda t: t.tracks.markers.pop(1), [f"-MARKER 2 1.25 HIT 0 0 1 R {POINT} 0"]),
        (
            lambda t: setattr(t.tracks.markers[1], "color", "GREEN"),
            [f"-MARKER 2 1.25 HIT 0 0 1 R {POINT} 0", f"+MARKER 2 1.25 HIT 0 16842496 1 B {POINT} 0"],
        ),
    ],
)
def test_only_what_was_changed_changes(change: Callable[[otio.schema.Timeline], Any], said: list[str]) -> None:
    timeline = read(FULL)
    change(timeline)
    data = written(timeline)
    assert changes(FULL, data) == said
    assert data.count(b"\n") == data.count(b"\r\n")


def test_a_name_with_all_three_quotes_has_a_chunk_of_its_own() -> None:
    every = 'it\'s `so` "x"'
    timeline = read(FULL)
    timeline.tracks[1].name = clip_named(timeline, "a").name = every
    data = written(timeline)
    assert changes(FULL, data) == [
        '-NAME "Dia"',
        "+NAME `it's 'so' \"x\"`",
        "+<NAME",
        f"+|{every}",
        "+>",
        "-NAME a",
        "+NAME `it's 'so' \"x\"`",
        "+<NAME",
        f"+|{every}",
        "+>",
    ]
    again = read(data)
    assert again.tracks[1].name == every and written(again) == data
    clip_named(again, every).name, again.tracks[1].name = "a", "Dia"
    assert written(again) == FULL.replace(b'NAME "Dia"', b"NAME Dia")
    again.tracks.append(otio.schema.Track(every, [otio.schema.Clip(every, source_range=shown_range())], kind="Audio"))
    new = list(parse(written(again)).root.chunks("TRACK"))[-1]
    assert track_of(new).name == track_of(new).items[0].take.name == every


def test_an_item_taken_out_goes_alone() -> None:
    timeline = read(FULL)
    drop(timeline, "a")
    data = written(timeline)
    first = FULL.index(b"    <ITEM\r\n      POSITION 1\r\n")
    assert data == FULL[:first] + FULL[FULL.index(b"    <ITEM\r\n", first + 1) :]


def test_tracks_outside_folders_go_with_their_clips_and_those_of_folders_stay() -> None:
    data = project(track(item("0", "1"), name="one"), track("    ISBUS 1 1", item("0", "1"), name="two"))
    timeline = read(data)
    del timeline.tracks[:]
    assert [track_of(chunk).name for chunk in parse(written(timeline)).root.chunks("TRACK")] == ["two"]


def test_a_copy_of_a_clip_becomes_an_item_of_its_own() -> None:
    timeline = read(FULL)
    timeline.tracks[1].append(clip_named(timeline, "a").clone())
    items = [item_of(chunk) for chunk in list(parse(written(timeline)).root.chunks("TRACK"))[1].chunks("ITEM")]
    assert [(each.take.name, each.start, each.length, each.take.offset, each.take.speed) for each in items] == [
        ("a", 1, 3, F(1, 2), F(3, 2)),
        ("b", F(7, 2), 2, 0, 1),
        ("a", 4, 3, F(1, 2), F(3, 2)),
    ]


def test_a_clip_moved_to_another_track_takes_its_item_along() -> None:
    timeline = read(FULL)
    clip = clip_named(timeline, "a")
    place = timeline.tracks[0]
    drop(timeline, "a")
    place.append(clip.clone())
    tracks = [track_of(chunk) for chunk in parse(written(timeline)).root.chunks("TRACK")]
    assert [[each.take.name for each in each_track.items] for each_track in tracks] == [["shot", "a"], ["b"]]
    assert tracks[0].items[1].start == 8


def test_stray_bytes_survive_a_change_elsewhere() -> None:
    data = FULL.replace(b"NAME b", b"NAME caf\xe9").replace(b"|It's", b"|\xff\xfe It's")
    timeline = read(data)
    clip_named(timeline, "a").name = "z"
    assert written(timeline) == data.replace(b"NAME a\r", b"NAME z\r")


# --- random projects ---


def _number(low: int, high: int) -> st.SearchStrategy[Fraction]:
    return st.integers(low * 1000, high * 1000).map(lambda n: F(n, 1000))


@st.composite
def projects(draw: st.DrawFn) -> bytes:
    names = st.sampled_from(["a", "two words", "it's", 'say "hi"', "Größe", ""])
    tracks = []
    for _ in range(draw(st.integers(1, 3))):
        items = []
        for _ in range(draw(st.integers(0, 4))):
            kind, file = draw(st.sampled_from([("WAVE", "FILE a.wav"), ("VIDEO", SHOT), ("SECTION", SECTION.format(2))]))
            said = [f"NAME `{draw(names)}`", f"SOFFS {decimal(draw(_number(-1, 4)))}"]
            said += draw(st.sampled_from([[], ["PLAYRATE 1.25 1 0 -1 0 0.0025"], ["MUTE 1 0"], ["YPOS 0.5 0.5 2"]]))
            items.append(item(decimal(draw(_number(-1, 9))), decimal(draw(_number(0, 5))), *said, source=kind, file=file))
        mode = draw(st.sampled_from(["    FREEMODE 0", "    FREEMODE 2\n    LANESOLO 1 0", "    MUTESOLO 1 0 0"]))
        tracks.append(track(mode, *items, name=draw(names).replace('"', "")))
    rate = draw(st.sampled_from(["24 2", "25 0", "30 1", "60 0"]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    start, stop = decimal(draw(_number(0, 5))), decimal(draw(_number(5, 9)))
    marks = f'  MARKER 1 {start} "FOLEY x" 1 0 1 R {REGION} 0\n  MARKER 1 {stop} "" 1'
    return project(f"  TIMEMODE 1 5 -1 {rate} 0 -1", marks, *tracks, end=end)


@given(projects())
@settings(max_examples=60, deadline=None)
def test_any_project_read_and_written_is_the_same_byte_for_byte(data: bytes) -> None:
    assert written(read(data)) == data


def facts(timeline: otio.schema.Timeline) -> list[Any]:
    """What every clip says, in an order of its own, times to a microsecond."""
    said = []
    for each in timeline.tracks:
        for place in children_of(each):
            if isinstance(place.item, otio.schema.Clip):
                times = [round(float(time), 6) for time in (place.start, place.end, place.own_start, place.speed)]
                said.append((each.kind, each.enabled, place.item.name, place.item.enabled, *times))
    return sorted(said)


@given(projects(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_timeline_is_what_comes_back(data: bytes, draw: Any) -> None:
    timeline = read(data)
    clips = list(timeline.find_clips())
    for clip in draw.draw(st.lists(st.sampled_from(clips), max_size=3)) if clips else ():
        what = draw.draw(st.sampled_from(["name", "shift", "shorten", "mute"]))
        span = clip.source_range
        if what == "name":
            clip.name = draw.draw(st.sampled_from(["new", "it's", 'a "b"']))
        elif what == "shift":
            shift(clip, draw.draw(st.integers(0, 50)))
        elif what == "shorten" and span.duration.value > 2:
            clip.source_range = TimeRange(span.start_time, RationalTime(span.duration.value / 2, span.duration.rate))
        elif what == "mute":
            clip.enabled = False
    wanted, fixed = facts(timeline), b"LANESOLO" in data
    again = facts(read(written(timeline)))
    if not fixed:  # a lane that does not play keeps its item silent
        assert again == wanted
    assert len(again) == len(wanted)


# --- our takes ---


def placed(timeline: otio.schema.Timeline, folder: Path, handle: Fraction = Fraction(), **options: Any) -> None:
    regions, _ = find_regions(timeline)
    takes = tuple(
        PlacedTake(
            folder / f"take {number}.wav",
            F(12, 25),
            F(2),
            handle,
            48000,
            round((2 + 2 * handle) * 48000),
            1,
            (1.25,),
            0.9 - number / 10,
            number,
            fade_in_s=0.0,
            fade_out_s=0.01,
        )
        for number in range(3)
    )
    place_takes(timeline, [Placement(regions[0], takes, "transfer", "KEY", chosen=1)], **options)


def test_all_takes_of_a_region_are_takes_of_one_item(tmp_path: Path) -> None:
    timeline = read(FULL)
    placed(timeline, tmp_path / "foley", handle=F(1, 5))
    timeline.metadata["rpp"]["to"] = str(tmp_path)
    data = written(timeline)
    assert data.startswith(FULL[: FULL.index(b"ISBUS 2 -1")])
    tracks = [track_of(chunk) for chunk in parse(data).root.chunks("TRACK")]
    assert [each.name for each in tracks] == ["Picture", "Dia", "FOLEY"]
    (made,) = tracks[2].items
    assert (made.start, made.length, made.active, made.muted) == (F(12, 25), 2, 1, False)
    assert [take.source.path for take in made.takes] == [f"foley/take {number}.wav" for number in range(3)]
    assert [take.offset for take in made.takes] == [F(1, 5)] * 3
    assert [take.name for take in made.takes] == [f"steps, take {n + 1}, score 0.{9 - n}0" for n in range(3)]
    chunk = made.chunk
    guid = str(chunk.line("IGUID")).split()[1]
    where = {"item": guid, "start": "0.48", "stop": "2.48"}  # as the script inside REAPER knows an item of its own
    assert made.ours == {"region": REGION, "text": "FOLEY steps", "key": "KEY", **where}
    assert marks_in(chunk, "EXT") == {"score": "0.9", "seed": "0", "fade_in_s": "0.0", "fade_out_s": "0.01", "onset_s": "0.97"}
    assert our_mark(tracks[2].chunk, "EXT") == "Foley" and [each.ours for each in tracks] == [False, False, True]
    assert chunk.line("SNAPOFFS") == "      SNAPOFFS 0.77\r\n"
    assert chunk.line("FADEIN") == "      FADEIN 1 0 0 1 0 0 0\r\n"
    assert chunk.line("FADEOUT") == "      FADEOUT 1 0.01 0 1 0 0 0\r\n"


def test_without_handles_the_file_has_its_own_fades() -> None:
    timeline = read(FULL)
    placed(timeline, Path("/foley"))
    chunk = track_of(list(parse(written(timeline)).root.chunks("TRACK"))[2]).items[0].chunk
    assert chunk.line("FADEOUT") == "      FADEOUT 1 0 0 1 0 0 0\r\n"


def test_takes_as_tracks_are_an_item_each_and_the_others_are_silent() -> None:
    timeline = read(FULL)
    placed(timeline, Path("/foley"), takes_as_tracks=True)
    tracks = [track_of(chunk) for chunk in parse(written(timeline)).root.chunks("TRACK")][2:]
    assert [[take.source.path for each in track.items for take in each.takes] for track in tracks] == [
        [f"/foley/take {number}.wav" for number in (0, 1, 2)],
        ["/foley/take 0.wav"],
        ["/foley/take 2.wav"],
    ]
    assert [track.items[0].muted for track in tracks] == [False, True, True]


def test_takes_written_are_read_as_ours_and_written_again_unchanged() -> None:
    timeline = read(FULL)
    placed(timeline, Path("/foley"))
    data = written(timeline)
    again = read(data)
    ours = next(clip for clip in again.find_clips() if "foley_bridge" in clip.metadata)
    assert ours.metadata["foley_bridge"]["region_id"] == REGION and written(again) == data
    assert clear_foley(again) == 1 and [each.name for each in again.tracks] == ["Picture", "Dia", "Dia (2)"]
    again = read(data)
    placed(again, Path("/foley"))
    text = written(again).decode()
    assert [line.strip() for line in text.splitlines() if "NAME FOLEY" in line or 'NAME "FOLEY 2"' in line] == [
        "NAME FOLEY",
        'NAME "FOLEY 2"',
    ]
    found = [line.split()[-1] for line in text.splitlines() if line.lstrip().startswith(("IGUID", "GUID", "TRACKID"))]
    assert len(found) == len(set(found))


def test_new_tracks_lie_outside_folders_that_were_left_open() -> None:
    data = FULL.replace(b"ISBUS 2 -1", b"ISBUS 1 1")
    timeline = read(data)
    placed(timeline, Path("/foley"))
    tracks = list(parse(written(timeline)).root.chunks("TRACK"))
    assert [str(chunk.line("ISBUS")).split()[1:] for chunk in tracks] == [["1", "1"], ["2", "-1"], ["0", "0"]]


def test_hits_written_are_markers_without_length() -> None:
    timeline = read(FULL)
    regions, _ = find_regions(timeline)
    mark_hits(timeline, regions[0], [(F(3, 4), 0.5)])
    marks = marks_of(parse(written(timeline)).root)
    assert [(mark.name, mark.start, mark.end) for mark in marks] == [
        ("FOLEY steps", F(1, 2), F(5, 2)),
        ("HIT", F(5, 4), None),
        ("HIT", F(3, 4), None),
    ]


# --- a timeline that never was a project ---


def test_a_timeline_from_elsewhere_becomes_a_project_that_says_the_same(tmp_path: Path) -> None:
    rate = 24000 / 1001

    def span(start: float, length: float) -> TimeRange:
        return TimeRange(RationalTime(start, rate), RationalTime(length, rate))

    def clip(name: str, url: str, start: float, length: float, *effects: Any) -> otio.schema.Clip:
        media = otio.schema.ExternalReference(url, span(86400, 2400))
        return otio.schema.Clip(name, media, span(86400 + start, length), effects=list(effects))

    timeline = otio.schema.Timeline("cut", global_start_time=RationalTime(86400, rate))
    nested = otio.schema.Stack("scene", children=[otio.schema.Track(children=[clip("in", "in.wav", 0, 96)], kind="Audio")])
    nested.source_range = span(24, 48)
    back = clip("back", "back.mp4", 24, 48, otio.schema.LinearTimeWarp(time_scalar=-2.0))
    timeline.tracks.append(otio.schema.Track("V1", [clip("low", "low.mp4", 0, 240)], kind="Video"))
    timeline.tracks.append(otio.schema.Track("V2", [back], kind="Video"))
    timeline.tracks.append(otio.schema.Track("A1", [otio.schema.Gap(source_range=span(0, 24)), nested], kind="Audio"))
    timeline.tracks[0][0].enabled = False
    region = otio.schema.Marker("FOLEY x", span(12, 24), metadata={"foley_bridge": {"id": REGION}})
    timeline.tracks.markers.append(region)
    path = tmp_path / "cut.rpp"
    assert files.write(timeline, path) == ()
    again = files.read(path)
    assert timeline_rate(again) == F(24000, 1001) and again.global_start_time.value == 86400
    assert [(each.name, each.kind) for each in again.tracks] == [("V1", "Video"), ("V2", "Video"), ("A1", "Audio")]
    frame = F(1001, 24000)
    assert [(n, round(a / frame, 6), round(b / frame, 6)) for t in again.tracks for n, a, b in spans(t)] == [
        ("low", 0, 240),
        ("back", 0, 48),
        ("in", 24, 72),
    ]
    low, reverse, inside = again.find_clips()
    assert not low.enabled and speed_of(reverse) == -2 and inside.source_range.start_time.value == 24
    (place,) = children_of(otio.schema.Track(children=[reverse.clone()]))
    assert (place.own(F(0)), place.own(48 * frame)) == pytest.approx((float((24 + 96) * frame), float(24 * frame)))
    (found,), _ = find_regions(again)
    assert (found.id, found.first_frame, found.last_frame) == (REGION, 12, 36)


def test_what_a_project_cannot_say_is_told(tmp_path: Path) -> None:
    timeline = read(FULL)
    timeline.tracks[0].markers.append(otio.schema.Marker("x", TimeRange(RationalTime(0, 25), RationalTime(5, 25))))
    (note,) = files.write(timeline, tmp_path / "cut.rpp")
    assert "markers of the timeline only" in note


# --- files ---


def test_a_project_in_a_file_is_read_in_a_child_and_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "reel.RPP"
    path.write_bytes(FULL)
    timeline = files.read(path)
    assert timeline.name == "reel" and timeline_duration(timeline) == 8
    files.write(timeline, tmp_path / "again.rpp", base=tmp_path)
    assert (tmp_path / "again.rpp").read_bytes() == FULL


def test_in_another_folder_relative_media_become_absolute(tmp_path: Path) -> None:
    (tmp_path / "cut.rpp").write_bytes(FULL)
    (tmp_path / "sub").mkdir()
    timeline = files.read(tmp_path / "cut.rpp")
    files.write(timeline, tmp_path / "sub" / "cut.rpp", base=tmp_path)
    said = changes(FULL, (tmp_path / "sub" / "cut.rpp").read_bytes())
    assert sorted(line for line in said if line[0] == "+") == sorted(
        [f"+FILE {tmp_path}/media/shot.mp4", *[f"+FILE {tmp_path}/a.wav"] * 2]
    )


def test_relative_media_of_a_project_from_windows_are_found_everywhere(tmp_path: Path) -> None:
    data = project(track(item("0", "1", file=r"FILE Ton\a.wav"), item("1", "1", file=r"FILE C:\x\b.wav")))
    (tmp_path / "cut.rpp").write_bytes(data)
    timeline = files.read(tmp_path / "cut.rpp")
    assert [clip.media_reference.target_url for clip in timeline.find_clips()] == ["Ton/a.wav", r"C:\x\b.wav"]
    files.write(timeline, tmp_path / "again.rpp", base=tmp_path)
    assert (tmp_path / "again.rpp").read_bytes() == data
    (tmp_path / "sub").mkdir()
    files.write(timeline, tmp_path / "sub" / "cut.rpp", base=tmp_path)
    moved = (tmp_path / "sub" / "cut.rpp").read_bytes()
    assert changes(data, moved) == [r"-FILE Ton\a.wav", f"+FILE {tmp_path}/Ton/a.wav"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<REAPER_PROJECT 0.1\n", "ends in the middle"),
        (project(track(item("NaN", "1"))), "'NaN' stands in the REAPER project where a number belongs"),
        (project(track(item("0", "1e300"))), "too far from zero"),
        (b"RIFF....", "not a REAPER project"),
        (b"<REAPER_PROJECT\n" + b"<A\n" * 5000, "nested deeper"),
    ],
)
def test_a_hostile_project_ends_with_one_error(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "bad.rpp"
    path.write_bytes(data)
    with pytest.raises(TimelineError) as caught:
        files.read(path)
    assert said in caught.value.message and "bad.rpp" in caught.value.message
    assert "TimelineError" not in caught.value.message
    assert caught.value.hint == "save it from REAPER again"


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_to_a_project_it_is_read_or_refused_and_written_back(seed: int) -> None:
    dice = random.Random(seed)
    bits = [
        b"1e308",
        b"-1",
        b"NaN",
        b'""',
        b"<",
        b">\n",
        b"\x00",
        b"\xff",
        b"TAKE SEL\r\n",
        b"<SOURCE SECTION\r\n",
        b"PLAYRATE 1e-9\n",
    ]
    read_ones = 0
    for _ in range(150):
        data = FULL
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(data))
            data = data[:at] + dice.choice([*bits, b""]) + data[at + dice.choice([0, 0, 1, 20]) :]
        try:
            timeline = read(data)
        except TimelineError:
            continue
        read_ones += 1
        assert written(timeline) == data
    assert read_ones > 30


@pytest.mark.parametrize("damage", ["not base64!", "AAAA", 7])
def test_a_damaged_project_in_the_metadata_is_refused(tmp_path: Path, damage: Any) -> None:
    timeline = read(FULL)
    timeline.metadata["rpp"]["project"] = damage
    with pytest.raises(TimelineError, match="damaged"):
        files.write(timeline, tmp_path / "cut.rpp")
    assert not list(tmp_path.iterdir())


def test_a_projects_place_in_the_metadata_survives_json() -> None:
    text = otio.adapters.write_to_string(read(FULL), "otio_json")
    assert json.loads(text)["metadata"]["rpp"]["project"].isascii()
