"""What the adapter reads in a (simulated) REAPER project: its clock, its regions, its tracks, how many calls that takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from job_materials import clicks, movie
from reaper_bench import Bench, item, region
from reaper_model import Item, Marker, Project, Source, State, Take, Track


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of picture at 25 frames per second."""
    return movie(tmp_path_factory.mktemp("media") / "shot.mp4", seconds=4)


@pytest.fixture(scope="module")
def hit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of sound."""
    return clicks(tmp_path_factory.mktemp("media") / "hit.wav", length_s=1)


def bench(folder: Path, *tracks: Track, markers: tuple[Marker, ...] = (), **project: Any) -> Bench:
    made = Project(str(folder / "reel 1.rpp"), **project)
    made.state = State(list(tracks), list(markers))
    return Bench(made, folder)


def clips(folder: Path, *items: Item, **project: Any) -> list[dict[str, Any]]:
    """The clips of the only track that is read."""
    (track,) = bench(folder, Track("V", items=list(items)), **project).ask("tracks")
    return list(track["clips"])


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (23.976, "24000/1001"),
        (24000 / 1001, "24000/1001"),
        (29.97, "30000/1001"),
        (30000 / 1001, "30000/1001"),
        (47.952, "48000/1001"),
        (59.94, "60000/1001"),
        (119.88, "120000/1001"),
        (24.0, "24"),
        (25.0, "25"),
        (12.5, "25/2"),
    ],
)
def test_a_frame_rate_is_an_exact_fraction(tmp_path: Path, fps: float, rate: str) -> None:
    assert bench(tmp_path, rate=fps).ask("project")["rate"] == rate


def test_the_project_start_is_timecode_and_moves_no_clip(tmp_path: Path, shot: Path) -> None:
    made = bench(tmp_path, Track("V", items=[item(shot, 2, 1)]), rate=24000 / 1001, start=3603.6)
    project = made.ask("project")
    assert (project["start"], project["name"], project["folder"]) == (86400, "reel 1", str(tmp_path))
    assert made.ask("tracks")[0]["clips"][0]["start"] == pytest.approx(2 * 24000 / 1001)


def test_an_unsaved_project_has_no_folder(tmp_path: Path) -> None:
    project = Bench(Project(), tmp_path).ask("project")
    assert "folder" not in project and project["id"] == ""


def test_regions_are_known_by_guid_when_their_index_changes(tmp_path: Path) -> None:
    first, last = region(1, 2, "FOLEY one"), region(5, 6, "FOLEY two", 2)
    made = bench(tmp_path, markers=(last, Marker(1.5, None, "HIT", 1), first))
    assert [each["id"] for each in made.ask("ranges")] == [first.guid, last.guid]
    first.position, first.end = 8.0, 9.0
    made.ask("write_text", first.guid, "FOLEY moved, and named")
    assert (first.name, last.name) == ("FOLEY moved, and named", "FOLEY two")
    assert (first.position, first.end, first.number) == (8.0, 9.0, 1)
    assert made.project.labels() == ["Foley: name region"]
    assert made.ask("points") == [{"text": "HIT", "at": 37.5}]


def test_a_region_that_is_gone_is_not_named(tmp_path: Path) -> None:
    made = bench(tmp_path, markers=(region(1, 2, "FOLEY"),))
    with pytest.raises(ValueError, match="is not there"):
        made.ask("write_text", "{GONE}", "FOLEY x")
    assert made.project.labels() == []


@pytest.mark.parametrize(
    ("selection", "cursor", "picked"),
    [
        ((2.0, 3.0), 0.0, ["two"]),  # regions that touch do not overlap
        ((1.5, 2.5), 0.0, ["one", "two"]),
        ((0.0, 0.0), 1.0, ["one"]),
        ((0.0, 0.0), 2.0, ["two"]),
        ((0.0, 0.0), 4.0, []),
    ],
)
def test_the_time_selection_or_else_the_cursor_selects(
    tmp_path: Path, selection: tuple[float, float], cursor: float, picked: list[str]
) -> None:
    made = bench(tmp_path, markers=(region(1, 2, "one"), region(2, 3, "two", 2)))
    made.project.selection, made.project.cursor = selection, cursor
    assert [each["text"] for each in made.ask("ranges") if each["selected"]] == picked


def test_the_first_track_hides_the_others(tmp_path: Path, shot: Path, hit: Path) -> None:
    tracks = [
        Track("Top", items=[item(shot, 0, 1)]),
        Track("Music", items=[item(hit, 0, 1)]),
        Track("", items=[item(shot, 0, 1)]),
    ]
    read = bench(tmp_path, *tracks).ask("tracks")
    assert [(each["name"], each["kind"]) for each in read] == [("Track 3", "video"), ("Music", "audio"), ("Top", "video")]


def test_what_is_muted_is_disabled_on_a_track_in_a_folder_in_an_item(tmp_path: Path, shot: Path) -> None:
    folder, inside, outside = (Track(name, items=[item(shot, 0, 1), item(shot, 1, 1, B_MUTE=1.0)]) for name in "abc")
    folder.values |= {"B_MUTE": 1.0, "I_FOLDERDEPTH": 1.0}
    inside.values["I_FOLDERDEPTH"] = -1.0
    read = {each["name"]: each for each in bench(tmp_path, folder, inside, outside).ask("tracks")}
    assert {name: each["enabled"] for name, each in read.items()} == {"a": False, "b": False, "c": True}
    assert [clip["enabled"] for clip in read["c"]["clips"]] == [True, False]


def test_a_lane_that_does_not_play_is_disabled(tmp_path: Path, shot: Path) -> None:
    track = Track("V", items=[item(shot, 0, 1, C_LANEPLAYS=1.0), item(shot, 1, 1, C_LANEPLAYS=0.0)])
    track.values["I_FREEMODE"] = 2.0
    assert [clip["enabled"] for clip in bench(tmp_path, track).ask("tracks")[0]["clips"]] == [True, False]


def test_items_that_overlap_become_tracks_the_later_above(tmp_path: Path, shot: Path) -> None:
    track = Track("V", items=[item(shot, 0, 2, name="a"), item(shot, 1, 2, name="b"), item(shot, 2, 1, name="c")])
    read = bench(tmp_path, track).ask("tracks")
    assert [[clip["name"] for clip in each["clips"]] for each in read] == [["a", "c"], ["b"]]


def test_speed_and_offset_say_which_media_time_is_shown(tmp_path: Path, shot: Path) -> None:
    (clip,) = clips(tmp_path, item(shot, 2, 1, D_STARTOFFS=1.5, D_PLAYRATE=2.0))
    assert (clip["start"], clip["duration"], clip["source_start_s"], clip["speed"]) == (50, 25, 1.5, 2.0)
    assert clip["media_duration_s"] == 4.0


def test_an_item_shows_nothing_beyond_its_media(tmp_path: Path, shot: Path) -> None:
    early, late = clips(tmp_path, item(shot, 0, 2, D_STARTOFFS=-1.0), item(shot, 2, 3, D_STARTOFFS=3.0))
    assert (early["start"], early["duration"], early["source_start_s"]) == (25, 25, 0.0)
    assert (late["start"], late["duration"], late["source_start_s"]) == (50, 25, 3.0)


def test_a_looped_item_repeats_its_media(tmp_path: Path, shot: Path) -> None:
    read = clips(tmp_path, item(shot, 0, 10, B_LOOPSRC=1.0, D_STARTOFFS=3.0))
    assert [(clip["start"], clip["duration"], clip["source_start_s"]) for clip in read] == [
        (0, 25, 3),
        (25, 100, 0),
        (125, 100, 0),
        (225, 25, 0),
    ]


def section(path: Path, offset: float, length: float, *, backwards: bool = False) -> Item:
    source = Source(str(path), Source(str(path)), offset, length, backwards)
    made = item(path, 1, 0.5, D_STARTOFFS=0.25)
    made.takes = [Take(source, "section", values=made.takes[0].values)]
    return made


def test_a_section_counts_from_where_it_begins_in_its_file(tmp_path: Path, shot: Path) -> None:
    (clip,) = clips(tmp_path, section(shot, 1.0, 2.0))
    assert (clip["path"], clip["source_start_s"], clip["speed"], clip["media_duration_s"]) == (str(shot), 1.25, 1.0, 4.0)


def test_a_reversed_section_plays_the_same_stretch_backwards(tmp_path: Path, shot: Path) -> None:
    (clip,) = clips(tmp_path, section(shot, 1.0, 2.0, backwards=True))  # from 2.75 down to 2.25
    assert (clip["source_start_s"], clip["speed"]) == (2.25, -1.0)


def test_media_that_are_offline_keep_their_path_and_kind(tmp_path: Path) -> None:
    gone = tmp_path / "gone.mov"
    (track,) = bench(tmp_path, Track("V", items=[item(gone, 0, 2)])).ask("tracks")
    assert (track["kind"], track["clips"][0]["path"], track["clips"][0]["duration"]) == ("video", str(gone), 50)
    assert "media_duration_s" not in track["clips"][0]


def test_midi_and_empty_items_are_no_clips(tmp_path: Path) -> None:
    empty = Item(takes=[Take()])
    assert not bench(tmp_path, Track("K", items=[item("notes.mid", 0, 1), empty, Item()])).ask("tracks")


# --- fifty calls a tick ---

READ = """
local json = require("foley.json")
local work = coroutine.wrap(function() return json.encode(host.%s()) end)
host.later(function()
  read = work()
  return read == nil
end)
"""


def read_by_ticks(made: Bench, name: str) -> Any:
    made.script.lua.execute(READ % name)
    ticks = 0
    while made.reaper.tick():
        ticks += 1
        assert ticks < 5000
    return json.loads(made.script.lua.globals().read)


def large(shot: Path) -> Track:
    return Track("V", items=[item(shot, number / 5, 0.2, name=f"shot {number}") for number in range(200)])


def test_a_large_project_is_read_with_at_most_fifty_calls_a_tick(tmp_path: Path, shot: Path) -> None:
    made = bench(tmp_path, large(shot), markers=tuple(region(n, n + 0.5, f"FOLEY {n}", n) for n in range(100)))
    at_once = made.ask("tracks"), made.ask("ranges")
    made.reaper.most_calls = 0
    assert (read_by_ticks(made, "tracks"), read_by_ticks(made, "ranges")) == at_once
    assert 40 <= made.reaper.most_calls <= 50
    assert made.reaper.dialogs == []


def test_a_project_that_changes_while_it_is_read_is_read_anew(tmp_path: Path, shot: Path) -> None:
    track = large(shot)
    made = bench(tmp_path, track)

    def delete() -> None:
        made.project.edit("Delete items", lambda state: state.tracks[0].items.pop(0))

    def undo() -> None:
        made.project.travel(-1)

    made.reaper.between.extend([lambda: None, delete, lambda: None, delete, lambda: None, undo])
    names = [clip["name"] for clip in read_by_ticks(made, "tracks")[0]["clips"]]
    assert names == [f"shot {number}" for number in range(1, 200)]
    assert made.reaper.dialogs == []


def test_a_project_that_never_holds_still_is_given_up_with_a_word(tmp_path: Path, shot: Path) -> None:
    made = bench(tmp_path, large(shot))
    made.reaper.between.extend([made.project.changed] * 3000)
    made.script.lua.execute(READ % "tracks")
    while made.reaper.tick():
        pass
    assert "keeps changing" in made.reaper.dialogs[0]


def test_a_project_that_was_closed_is_given_up_with_a_word(tmp_path: Path, shot: Path) -> None:
    made = bench(tmp_path, large(shot))

    def close() -> None:
        other = Project()
        made.reaper.projects, made.reaper.front = [other], other

    made.reaper.between.extend([lambda: None, close])
    made.script.lua.execute(READ % "tracks")
    while made.reaper.tick():
        pass
    assert "project was closed" in made.reaper.dialogs[0]
