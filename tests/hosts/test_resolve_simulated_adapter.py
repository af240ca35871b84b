"""The adapter for DaVinci Resolve, in the simulated one: what it reads."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from job_materials import movie
from resolve_bench import add, host_in, picture, plan, region, take, world
from resolve_scripts import SCRIPTS, HostError, session
from resolve_simulated import simulated
from resolve_world import Item, Marker, Media, Track, read_media


@pytest.mark.parametrize(
    ("told", "rate"),
    [
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        (23.976, Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("29.97 DF", Fraction(30000, 1001)),
        ("59.94 DF", Fraction(60000, 1001)),
        ("119.88", Fraction(120000, 1001)),
        ("47.952", Fraction(48000, 1001)),
        ("95.904", Fraction(96000, 1001)),
        ("24.0", Fraction(24)),
        (25.0, Fraction(25)),
        ("60", Fraction(60)),
        ("12.5", Fraction(25, 2)),
        ("16", Fraction(16)),
    ],
)
def test_rates_are_exact(told: Any, rate: Fraction) -> None:
    assert session.rate_of(told) == rate


def test_a_rate_that_is_none_is_named() -> None:
    with pytest.raises(HostError, match="'fast'"):
        session.rate_of("fast")


def test_the_project_is_told_in_whole_frames_of_the_timelines_own_rate(tmp_path: Path) -> None:
    there = world("29.97 DF", 107892, movie(tmp_path / "a.mp4"))
    there.project.rate_name = "24"  # a timeline may have a rate of its own
    host, _ = host_in(there, tmp_path)
    told = host.project()
    assert (told["rate"], told["start"], told["length"]) == ("30000/1001", 107892, 240)
    assert told["folder"] == str(tmp_path)


def test_ids_of_regions_outlive_moves_and_renames_and_saving(tmp_path: Path) -> None:
    there = world()
    region(there, 48, 96)
    region(there, 100, 120, "FOLEY steps")
    host, _ = host_in(there, tmp_path)
    first = host.ranges()
    there.save()
    there.reopen()
    timeline = there.project.timelines[0]
    moved = timeline.markers.pop(48.0)
    moved.name = "FOLEY other"
    timeline.markers[200.0] = moved
    now = host.ranges()
    assert [each["id"] for each in now] == [first[1]["id"], first[0]["id"]]
    assert now[1] == {**first[0], "text": "FOLEY other", "start": 200, "stop": 248}


def test_a_copied_marker_gets_an_id_of_its_own_and_another_programs_data_stay(tmp_path: Path) -> None:
    there = world()
    region(there, 48, 96)
    host, _ = host_in(there, tmp_path)
    host.ranges()
    markers = there.project.timelines[0].markers
    markers[100.0] = Marker(**vars(markers[48.0]))
    markers[200.0] = Marker("Red", 20.0, "", "FOLEY", "theirs")
    ids = [each["id"] for each in host.ranges()]
    assert len(set(ids)) == 3 and ids[2] == "theirs"
    assert markers[200.0].customData == "theirs"
    assert ids == [each["id"] for each in host.ranges()]


def test_a_marker_without_length_is_a_point_and_a_note_may_say_foley(tmp_path: Path) -> None:
    there = world()
    markers = there.project.timelines[0].markers
    markers[10.0] = Marker("Blue", 1.0, "", "HIT", "")
    markers[20.0] = Marker("Blue", 30.0, "FOLEY gravel", "Marker 2", "")
    host, _ = host_in(there, tmp_path)
    assert host.points() == [{"text": "HIT", "at": 10}]
    assert [each["text"] for each in host.ranges()] == ["FOLEY gravel"]


@pytest.mark.parametrize(
    ("rate", "start"), [("23.976", 86400), ("29.97 DF", 107892), ("25", 90000), ("24", 0), ("59.94 DF", 3596)]
)
def test_selected_is_the_region_under_the_playhead(tmp_path: Path, rate: str, start: int) -> None:
    there = world(rate, start)
    region(there, 1790, 1801)
    region(there, 1801, 1850)
    host, _ = host_in(there, tmp_path)
    for playhead, selected in ((1789, [False, False]), (1790, [True, False]), (1800, [True, False]), (1801, [False, True])):
        there.project.timelines[0].playhead = playhead
        assert [each["selected"] for each in host.ranges()] == selected


def test_on_a_page_that_has_no_playhead_regions_are_read_all_the_same(tmp_path: Path) -> None:
    there = world()
    there.page = "fusion"
    region(there, 0, 50)
    host, _ = host_in(there, tmp_path)
    assert [each["selected"] for each in host.ranges()] == [False]
    with pytest.raises(HostError, match="does not tell where the playhead is"):
        host.chosen_takes()


def test_selected_are_the_regions_between_the_marks_which_older_versions_do_not_tell(tmp_path: Path) -> None:
    for version, selected in (((19, 1), [True, True, False]), ((19, 0), [False, False, False])):
        there = world(version=version)
        for start in (10, 50, 90):
            region(there, start, start + 20)
        timeline = there.project.timelines[0]
        timeline.playhead = 200
        timeline.marks = {"video": {"in": 29, "out": 50}}
        host, _ = host_in(there, tmp_path)
        assert [each["selected"] for each in host.ranges()] == selected


def test_a_regions_text_is_changed_and_all_else_stays(tmp_path: Path) -> None:
    there = world()
    there.project.timelines[0].markers[48.0] = Marker("Red", 30.0, "a note", "FOLEY", "")
    host, _ = host_in(there, tmp_path)
    name = host.ranges()[0]["id"]
    host.write_text(name, "FOLEY metal")
    assert vars(there.project.timelines[0].markers[48.0]) == {
        "color": "Red",
        "duration": 30.0,
        "note": "a note",
        "name": "FOLEY metal",
        "customData": name,
    }
    there.faults["a dialog is open"] = range(there.occasions["a dialog is open"] + 1, there.occasions["a dialog is open"] + 2)
    with pytest.raises(HostError, match="did not change the marker 'FOLEY metal'"):
        host.write_text(name, "FOLEY wood")  # taken away, and not made again at first
    assert host.ranges()[0]["text"] == "FOLEY metal"


def test_tracks_come_bottom_first_with_media_time_from_the_first_picture(tmp_path: Path) -> None:
    made = movie(tmp_path / "a.mp4", metadata={"timecode": "10:00:00:00"})
    there = world("25", 90000, made, frames=20)
    timeline = there.project.timelines[0]
    shot = there.project.root.clips[0]
    assert shot.start_timecode == "10:00:00:00"
    timeline.tracks[0].items[0].left = 10
    timeline.tracks.insert(1, Track("video", "Video 2", enabled=False))
    timeline.tracks[1].items.append(Item(None, "Text+", 90000, 10))  # a title has no media
    sound = read_media(take(tmp_path / "b.wav", 100, "25")["path"], "24")
    assert sound
    there.project.root.clips.append(sound)
    timeline.of("audio")[0].items.append(Item(sound, "b.wav", 90010, 30, left=25, enabled=False))
    timeline.tracks.append(Track("audio", "Foley"))
    host, _ = host_in(there, tmp_path)
    video, titles, audio = host.tracks()
    assert video["clips"] == [
        {
            "name": "a.mp4",
            "path": str(made),
            "start": 0,
            "duration": 20,
            "source_start_s": 0.4,
            "media_duration_s": 2.0,
            "speed": 1.0,
            "enabled": True,
        }
    ]
    assert (titles["enabled"], titles["clips"]) == (False, [])
    assert audio["clips"][0]["source_start_s"] == 1.0  # 25 timeline frames, though the file counts 24
    assert audio["clips"][0]["enabled"] is False


@pytest.mark.parametrize(("speed", "start_s"), [(Fraction(2), 2.0), (Fraction(1, 2), 0.5), (Fraction(-1), 1.0)])
def test_a_retimed_clips_speed_and_source_are_told(tmp_path: Path, speed: Fraction, start_s: float) -> None:
    there = world("25", 90000, movie(tmp_path / "a.mp4", seconds=8, metadata={"timecode": "01:00:00:00"}), frames=48)
    item = there.project.timelines[0].tracks[0].items[0]
    item.speed, item.left = speed, 25
    host, _ = host_in(there, tmp_path)
    clip = host.tracks()[0]["clips"][0]
    assert (clip["speed"], clip["source_start_s"]) == (float(speed), start_s)


def test_a_compound_clip_has_no_file(tmp_path: Path) -> None:
    there = world()
    there.project.root.clips[0].path = ""
    there.project.root.clips[0].kind = "Compound"
    host, _ = host_in(there, tmp_path)
    assert host.tracks()[0]["clips"][0]["path"] is None


def test_takes_go_beside_the_first_clip_that_is_there_unless_the_user_said_where(tmp_path: Path) -> None:
    (tmp_path / "rushes").mkdir()
    made = movie(tmp_path / "rushes" / "a.mp4")
    there = world(movie=made)
    timeline = there.project.timelines[0]
    timeline.tracks[0].items[0].start += 100
    offline = Media("/gone/b.mov", "b.mov", "24", 100, "Video")
    there.project.root.clips.append(offline)
    timeline.tracks[0].items.append(Item(offline, "b.mov", 86400, 50))
    host, _ = host_in(there, tmp_path)
    assert host.project()["folder"] == str(tmp_path / "rushes")
    (tmp_path / "takes").mkdir()
    host.memory.keep_folder(str(tmp_path / "takes"))
    again, _ = host_in(there, tmp_path)
    assert again.project()["folder"] == str(tmp_path / "takes")
    again.folder_first()


def test_a_project_that_was_never_saved_has_no_folder_and_is_not_saved(tmp_path: Path) -> None:
    there = world(movie=movie(tmp_path / "a.mp4"))
    there.project.name = "Untitled Project"
    host, _ = host_in(there, tmp_path)
    assert host.project()["folder"] is None
    with pytest.raises(HostError, match="did not save"):
        host.settle()


def test_a_folder_that_takes_cannot_be_written_into_is_named_before_anybody_waits(tmp_path: Path) -> None:
    there = world()
    (tmp_path / "no folder").write_text("")
    host, _ = host_in(there, tmp_path)
    host.memory.keep_folder(str(tmp_path / "no folder"))
    with pytest.raises(HostError, match="no folder") as caught:
        host.folder_first()
    assert "Choose the folder for takes" in caught.value.hint


def test_the_example_is_the_sound_selected_in_the_media_pool_else_what_lies_under_the_playhead(tmp_path: Path) -> None:
    there = world("25", 90000)
    timeline = there.project.timelines[0]
    sound = read_media(take(tmp_path / "b.wav", 100, "25")["path"], "25")
    other = read_media(take(tmp_path / "c.wav", 50, "25")["path"], "25")
    assert sound and other
    there.project.root.clips += [sound, other]
    timeline.of("audio")[0].items.append(Item(sound, "b.wav", 90010, 30, left=25))
    host, _ = host_in(there, tmp_path)
    assert host.chosen_clip() is None
    timeline.playhead = 12
    assert host.chosen_clip() == {"name": "b.wav", "path": sound.path, "start": 10, "duration": 30, "source_start_s": 1.0}
    there.project.selected = [other]
    assert host.chosen_clip() == {"name": "c.wav", "path": other.path, "start": 0, "duration": 50.0, "source_start_s": 0.0}


def test_without_a_project_or_timeline_or_with_an_old_version_one_message_says_so(tmp_path: Path) -> None:
    there = world()
    there.project.current = None
    host, _ = host_in(there, tmp_path)
    with pytest.raises(HostError, match="No timeline is open"):
        host.project()
    with pytest.raises(HostError, match=r"18\.1"):
        session.Session(simulated(world(version=(18, 1, 4))))


def test_reading_changes_nothing_but_the_names_of_regions(tmp_path: Path) -> None:
    there = world(movie=movie(tmp_path / "a.mp4"))
    region(there, 48, 96)
    host, _ = host_in(there, tmp_path)
    host.place(plan(add(there, tmp_path, host.ranges()[0]["id"], 48, 48)))
    before = picture(there)
    del there.journal[:]
    host.project(), host.ranges(), host.points(), host.tracks(), host.own_tracks(), host.chosen_clip(), host.chosen_takes()
    assert picture(there) == before
    assert there.journal == []


def test_the_scripts_load_in_python_3_8() -> None:
    python = shutil.which("python3.8")
    if python is None or subprocess.run([python, "-V"], capture_output=True, check=False).returncode:
        pytest.skip("there is no python3.8 here")
    path = os.pathsep.join(str(SCRIPTS / folder) for folder in ("resolve", "core/python"))
    names = sorted(file.stem for file in (SCRIPTS / "resolve" / "foley_resolve").glob("*.py"))
    code = "".join(f"import foley_resolve.{name}\n" for name in names)
    done = subprocess.run([python, "-B", "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_scripts_are_python_3_8_and_import_only_its_library() -> None:
    allowed = {
        "__future__",
        "contextlib",
        "foley_host",
        "foley_resolve",
        "fractions",
        "hashlib",
        "importlib",
        "json",
        "math",
        "pathlib",
    }
    allowed |= {"re", "sys", "tempfile", "time", "typing", "uuid", "webbrowser"}
    files = sorted((SCRIPTS / "resolve").rglob("*.py"))
    assert len(files) > 20
    for file in files:
        tree = ast.parse(file.read_text("utf-8"), feature_version=(3, 8))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} <= allowed, file
            elif isinstance(node, ast.ImportFrom) and not node.level:
                assert (node.module or "").split(".")[0] in allowed, file
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "hasattr", file  # it is always true there
