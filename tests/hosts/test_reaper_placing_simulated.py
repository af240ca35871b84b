"""What the adapter lays into a (simulated) REAPER project, to the sample, in one undo step, whole or not at all."""

from __future__ import annotations

import copy
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from job_materials import clicks
from reaper_bench import Bench, all_items, item, plan, region, take
from reaper_model import Item, Project, State, Take, Track, item_dump, item_from

REGION = "{REGION}"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sounds")
    return [clicks(folder / f"take {number}.wav", length_s=6) for number in (1, 2, 3)]


def bench(folder: Path, *tracks: Track, **project: Any) -> Bench:
    made = Project(str(folder / "reel.rpp"), **project)
    made.state = State(list(tracks), [region(1, 2, "FOLEY wood")])
    return Bench(made, folder)


def only_item(made: Bench) -> Item:
    ((_, found),) = all_items(made.project)
    return found


def only_clip(made: Bench) -> dict[str, Any]:
    ((clip,),) = [track["clips"] for track in made.ask("own_tracks")]
    return dict(clip)


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "60000/1001"])
@pytest.mark.parametrize("hours", [0, 1, 23])
def test_an_item_and_its_media_lie_on_exact_samples(tmp_path: Path, sounds: list[Path], rate: str, hours: int) -> None:
    made = bench(tmp_path, rate=float(Fraction(rate)))
    start = hours * 3600 * 24 + 7
    trim = {"start": start + 0.25, "stop": start + 20.5}
    made.ask("place", plan(REGION, start, start + 24, take(sounds[0], offset=12, onset=start + 3.5), trim=trim))
    found = only_item(made)

    def sample(frames: float) -> int:
        return math.floor(Fraction(frames) / Fraction(rate) * 48000 + Fraction(1, 2))

    position, end = (round(at * 48000, 6) for at in (found.values["D_POSITION"], found.end))
    assert (position, end) == (sample(start + 0.25), sample(start + 20.5))
    # the file's first sample lies where the frame does in which the file begins
    assert round(position - found.takes[0].values["D_STARTOFFS"] * 48000, 6) == sample(start - 12)
    assert round(position + found.values["D_SNAPOFFSET"] * 48000, 6) == sample(start + 3.5)
    clip = only_clip(made)
    sample_in_frames = float(Fraction(rate)) / 48000
    assert clip["start"] == pytest.approx(start + 0.25, abs=sample_in_frames)
    assert clip["offset"] == pytest.approx(12.25, abs=sample_in_frames)


def test_candidates_are_takes_of_one_item_with_fades_names_and_marks(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    takes = [take(path, number, offset=12, fade_in_s=0.04, fade_out_s=0.1 * number) for number, path in enumerate(sounds, 1)]
    words = "wood \"on\" 'stone' `é`, 50% & more"
    made.ask("place", plan(REGION, 25, 50, *takes, chosen=2, text=words, key="key=1&2"))
    found = only_item(made)
    assert [each.name for each in found.takes] == [f"{words}, take {number}" for number in (1, 2, 3)]
    assert found.active is found.takes[1]
    values = found.values
    assert (values["D_FADEINLEN"], values["D_FADEOUTLEN"], values["B_LOOPSRC"]) == (0.04, 0.2, 0)
    assert values["D_SNAPOFFSET"] == 0
    clip = only_clip(made)
    assert (clip["region"], clip["key"], clip["chosen"], clip["ours"]) == (REGION, "key=1&2", 2, True)
    assert clip["takes"] == [str(path) for path in sounds] and clip["path"] == str(sounds[1])
    assert made.project.state.tracks[-1].values["C_BEATATTACHMODE"] == 0  # a change of tempo moves nothing
    assert made.reaper.commands == [40047]  # peaks of what is new are drawn


def test_without_handles_only_an_edge_that_is_cut_fades(tmp_path: Path, sounds: list[Path]) -> None:
    """The file has its fades at its own ends."""
    made = bench(tmp_path)
    for number, trim in enumerate([(25, 50), (25.5, 50), (25, 49.5)]):
        faded = take(sounds[0], fade_in_s=0.02, fade_out_s=0.03)
        made.ask("place", plan(f"{{{number}}}", 25, 50, faded, trim={"start": trim[0], "stop": trim[1]}))
    found = [(each.values["D_FADEINLEN"], each.values["D_FADEOUTLEN"]) for _, each in all_items(made.project)]
    assert found == [(0, 0), (0.02, 0), (0, 0.03)]


def test_fades_longer_than_the_item_are_cut(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    made.ask("place", plan(REGION, 25, 26, take(sounds[0], offset=12, fade_in_s=0.03, fade_out_s=0.03)))
    values = only_item(made).values
    assert values["D_FADEINLEN"] == 0.03 and values["D_FADEINLEN"] + values["D_FADEOUTLEN"] <= values["D_LENGTH"]


def test_one_undo_takes_back_all_of_it_and_one_redo_brings_it_again(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path, Track("Music", items=[item(sounds[2], 0, 3)]))
    before = made.project.dump()
    made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    after = made.project.dump()
    assert [track["name"] for track in after["tracks"]] == ["Music", "Foley"]
    assert made.project.labels() == ["Foley: generate into 1 region"]
    made.project.travel(-1)
    assert made.project.dump() == before
    made.project.travel(1)
    assert made.project.dump() == after
    assert only_clip(made)["region"] == REGION


def test_saving_and_loading_keeps_what_is_ours(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    made.ask("place", plan(REGION, 25, 50, take(sounds[0]), take(sounds[1], 2)))
    clip = only_clip(made)
    made.project.save()
    made.project.reload()
    assert only_clip(made) == clip


def test_placing_again_replaces(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    first = made.project.dump()
    again = plan(REGION, 25, 50, take(sounds[1]))
    again["remove"] = [only_clip(made)]
    receipt = made.ask("place", again)
    assert only_clip(made)["path"] == str(sounds[1])
    made.ask("take_back", receipt)
    assert made.project.dump() == first


# --- what fails leaves nothing ---

FAULTS = [
    ("InsertTrackAtIndex", 1, ()),
    ("AddMediaItemToTrack", 1, None),
    ("AddMediaItemToTrack", 2, None),
    ("AddTakeToMediaItem", 1, None),
    ("AddTakeToMediaItem", 3, None),
    ("SetMediaItemTake_Source", 1, False),
    ("SetMediaItemTake_Source", 3, False),
    ("PCM_Source_CreateFromFile", 2, None),
    ("DeleteTrackMediaItem", 1, False),
    ("DeleteTrackMediaItem", 2, False),
]


@pytest.mark.parametrize(("name", "which", "given"), FAULTS)
def test_what_fails_in_the_middle_leaves_the_project_and_its_history_as_they_were(
    tmp_path: Path, sounds: list[Path], name: str, which: int, given: Any
) -> None:
    made = bench(tmp_path)
    old = plan("{OLD}", 60, 70, take(sounds[0]), track="Foley")
    old["add"].append(plan("{OLDER}", 80, 90, take(sounds[0]), track="Foley")["add"][0])
    made.ask("place", old)
    made.project.begin()
    before, loose = made.project.dump(), set(made.reaper.loose)
    (track,) = made.ask("own_tracks")
    again = plan(REGION, 25, 50, take(sounds[0]), take(sounds[1]))
    again["add"].append(plan("{TWO}", 25, 50, take(sounds[0]), take(sounds[1]), track="Foley 2")["add"][0])
    again["remove"] = track["clips"]
    made.reaper.counts.clear()
    made.reaper.faults[name, which] = given
    with pytest.raises(ValueError, match="REAPER"):
        made.ask("place", again)
    after = made.project.dump()
    for state in (before, after):
        for each in state["tracks"]:
            each["items"].sort(key=lambda found: found["guid"])
    assert after == before
    assert made.project.labels() == []
    assert made.reaper.loose == loose  # media that no take plays are closed


def test_a_locked_item_stays_and_is_named(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    clip = only_clip(made)
    only_item(made).values["C_LOCK"] = 1.0
    before = made.project.dump()
    with pytest.raises(ValueError, match=r"'wood, take 1' is locked\nUnlock it"):
        made.ask("place", plan(REGION, 25, 50, take(sounds[1])) | {"remove": [clip]})
    with pytest.raises(ValueError, match="is locked"):
        made.ask("choose", clip, 1)
    assert made.project.dump() == before


def test_an_item_that_is_gone_stops_everything(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    clip = only_clip(made)
    made.project.travel(-1)
    with pytest.raises(ValueError, match="is gone"):
        made.ask("place", plan(REGION, 25, 50, take(sounds[1])) | {"remove": [clip]})
    assert list(all_items(made.project)) == []


def test_locked_track_controls_are_read(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    only_item(made).values["C_LOCK"] = 1.0  # a locked item locks no track
    assert made.ask("own_tracks")[0]["locked"] is False
    made.project.state.tracks[0].locked = True
    assert made.ask("own_tracks")[0]["locked"] is True


# --- taking back ---


def test_taking_back_is_reapers_own_undo_when_nothing_came_after(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    before = made.project.dump()
    receipt = made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    made.ask("take_back", receipt)
    assert made.project.dump() == before
    assert made.project.labels() == []


def test_what_the_user_did_meanwhile_is_not_undone(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path, Track("Music", items=[item(sounds[2], 0, 3)]))
    receipt = made.ask("place", plan(REGION, 25, 50, take(sounds[0])))

    def move(state: State) -> None:
        state.tracks[0].items[0].values["D_POSITION"] = 7.0
        state.tracks[1].items[0].values["D_POSITION"] = 9.0

    made.project.edit("Move items", move)
    made.ask("take_back", receipt)
    ((track, left),) = all_items(made.project)
    assert (track.name, left.values["D_POSITION"]) == ("Music", 7.0)
    assert made.project.labels() == ["Foley: generate into 1 region", "Move items", "Foley: take back"]


def test_a_step_of_the_same_name_before_is_not_undone_instead(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    made.ask("place", plan("{FIRST}", 60, 70, take(sounds[0])))
    receipt = made.ask("place", plan(REGION, 25, 50, take(sounds[1])))
    made.ask("take_back", receipt)
    assert only_clip(made)["region"] == "{FIRST}"


def test_a_track_on_which_somebody_put_something_meanwhile_stays(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    receipt = made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    made.project.edit("Insert media", lambda state: state.tracks[0].items.append(item(sounds[1], 9, 1)))
    made.ask("take_back", receipt)
    ((track, left),) = all_items(made.project)
    assert (track.name, left.values["D_POSITION"]) == ("Foley", 9)


# --- takes ---


def test_choosing_a_take_brings_its_fades_and_its_hit(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    first = take(sounds[0], onset=30, offset=12, fade_out_s=0.01)
    takes = [first, take(sounds[1], 2, onset=35, offset=12, fade_in_s=0.04, fade_out_s=0.2)]
    made.ask("place", plan(REGION, 25, 50, *takes))
    assert only_item(made).values["D_SNAPOFFSET"] == pytest.approx(0.2)
    made.project.edit("Move item", lambda state: state.tracks[0].items[0].values.update(D_POSITION=11.0))
    made.ask("choose", only_clip(made), 2)
    values = only_item(made).values
    assert (values["D_FADEINLEN"], values["D_FADEOUTLEN"]) == (0.04, 0.2)
    assert values["D_SNAPOFFSET"] == pytest.approx(0.4)  # it went along with the item
    assert only_clip(made)["chosen"] == 2
    assert made.project.labels()[-1] == "Foley: take 2"
    with pytest.raises(ValueError, match="has no take 3"):
        made.ask("choose", only_clip(made), 3)


SHAPE = ("D_FADEINLEN", "D_FADEOUTLEN", "D_SNAPOFFSET")


@pytest.mark.parametrize("kept", [SHAPE, *((name,) for name in SHAPE)])
def test_choosing_a_take_keeps_the_fades_and_the_snap_point_that_the_user_set(
    tmp_path: Path, sounds: list[Path], kept: tuple[str, ...]
) -> None:
    made = bench(tmp_path)
    first = take(sounds[0], onset=30, offset=12, fade_in_s=0.02, fade_out_s=0.01)
    made.ask("place", plan(REGION, 25, 50, first, take(sounds[1], 2, onset=35, offset=12, fade_in_s=0.04, fade_out_s=0.2)))
    users = {name: value for name, value in zip(SHAPE, (0.3, 0.6, 0.11), strict=True) if name in kept}
    made.project.edit("Fade item", lambda state: state.tracks[0].items[0].values.update(users))
    made.ask("choose", only_clip(made), 2)
    takes = dict(zip(SHAPE, (0.04, 0.2, 0.4), strict=True))
    assert {name: only_item(made).values[name] for name in SHAPE} == pytest.approx(takes | users)
    made.ask("choose", only_clip(made), 1)
    takes = dict(zip(SHAPE, (0.02, 0.01, 0.2), strict=True))
    assert {name: only_item(made).values[name] for name in SHAPE} == pytest.approx(takes | users)


def test_selected_items_or_else_those_under_the_cursor_are_chosen(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    made.ask("place", plan("{TWO}", 50, 75, take(sounds[0])))
    ids = [clip["id"] for clip in made.ask("own_tracks")[0]["clips"]]
    made.project.cursor = 2.0
    assert made.ask("chosen_takes") == [ids[1]]
    made.project.state.tracks[0].items[0].values["B_UISEL"] = 1.0
    assert made.ask("chosen_takes") == [ids[0]]


def test_the_selected_clip_is_its_file_and_where_it_plays(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path, Track("A", items=[item(sounds[0], 2, 1, name="wood", D_STARTOFFS=0.5)]))
    assert made.ask("chosen_clip") is None
    made.project.state.tracks[0].items[0].values["B_UISEL"] = 1.0
    clip = made.ask("chosen_clip")
    assert clip == {"name": "wood", "path": str(sounds[0]), "start": 50, "duration": 25, "source_start_s": 0.5}


# --- whose it is ---


def copied(made: Bench, position: float) -> None:
    """Copy our item elsewhere, as a user does: the copy has all of it but its GUID."""

    def copy_item(state: State) -> None:
        twin = item_from(item_dump(state.tracks[0].items[0]))
        twin.guid = Item().guid
        twin.values["D_POSITION"] = position
        state.tracks[0].items.append(twin)

    made.project.edit("Copy item", copy_item)


@pytest.mark.parametrize("moved", [9.0, 0.5, -0.5, 0.001])
def test_a_copy_is_the_users_however_little_it_was_dragged(tmp_path: Path, sounds: list[Path], moved: float) -> None:
    made = bench(tmp_path)
    made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    copied(made, 1.0 + moved)
    clips = sorted(made.ask("own_tracks")[0]["clips"], key=lambda clip: not clip["ours"])
    assert [(clip["start"], clip["ours"]) for clip in clips] == [(25, True), (pytest.approx(25 * (1 + moved)), False)]


@pytest.mark.parametrize("speed", [1.0, 1.5])
def test_what_was_split_off_is_ours(tmp_path: Path, sounds: list[Path], speed: float) -> None:
    made = bench(tmp_path)
    made.ask("place", plan(REGION, 25, 50, take(sounds[0], offset=12), take(sounds[1], 2, offset=6)))
    for each in only_item(made).takes:
        each.values["D_PLAYRATE"] = speed
    copied(made, 1.4)

    def split(state: State) -> None:
        left, right = state.tracks[0].items
        left.values["D_LENGTH"], right.values["D_LENGTH"] = 0.4, 0.6
        for each in right.takes:
            each.values["D_STARTOFFS"] += 0.4 * each.values["D_PLAYRATE"]

    made.project.edit("Split item", split)
    made.project.state.tracks[0].items[1].takes.insert(0, Take(name="the user's"))
    clips = made.ask("own_tracks")[0]["clips"]
    assert [(clip["start"], clip["ours"]) for clip in clips] == [(25, True), (35, True)]


def test_an_item_that_a_project_file_brought_is_ours_by_its_mark_alone(tmp_path: Path, sounds: list[Path]) -> None:
    theirs = item(sounds[0], 1, 1)
    theirs.ext["P_EXT:foley_bridge"] = "key=key-1&region=%7BREGION%7D&text=wood"
    made = bench(tmp_path, Track("FOLEY", ext={"P_EXT:foley_bridge": "Foley"}, items=[theirs]))
    clip = only_clip(made)
    assert (clip["ours"], clip["region"], clip["key"]) == (True, REGION, "key-1")


def test_a_track_is_ours_by_its_mark_and_not_by_its_name(tmp_path: Path, sounds: list[Path]) -> None:
    users = Track("Foley", items=[item(sounds[2], 1, 1, name="from the library")])
    made = bench(tmp_path, users)
    before = copy.deepcopy(item_dump(users.items[0]))
    made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    assert [track.name for track in made.project.state.tracks] == ["Foley", "Foley"]
    assert item_dump(made.project.state.tracks[0].items[0]) == before
    made.project.state.tracks[1].name = "FX"
    (track,) = made.ask("own_tracks")
    assert track["name"] == "Foley"
    made.ask("place", plan("{TWO}", 50, 75, take(sounds[0])))
    assert len(made.project.state.tracks) == 2
    assert [track["name"] for track in made.ask("tracks")] == ["Foley"]


def test_a_duplicate_of_our_track_gets_a_name_of_its_own(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    twin = Track("Foley", ext=dict(made.project.state.tracks[0].ext))
    made.project.edit("Duplicate track", lambda state: state.tracks.append(twin))
    assert [track["name"] for track in made.ask("own_tracks")] == ["Foley", "Foley 2"]


# --- tabs ---


def test_takes_go_to_the_project_they_were_made_for_when_another_is_in_front(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    other = Project(str(tmp_path / "other.rpp"))
    made.reaper.projects.append(other)
    made.reaper.front = other
    made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    assert made.reaper.front is other and only_clip(made)["region"] == REGION
    assert other.dump() == Project().dump() and other.labels() == []
    assert made.project.labels() == ["Foley: generate into 1 region"]


def test_the_project_in_front_stays_there_when_takes_for_another_cannot_be_laid(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    other = Project(str(tmp_path / "other.rpp"))
    made.reaper.projects.append(other)
    made.reaper.front = other
    for number, name in enumerate(("PCM_Source_CreateFromFile", "AddMediaItemToTrack")):
        made.reaper.counts.clear()
        made.reaper.faults = {(name, 1): None}
        with pytest.raises(ValueError, match="REAPER"):
            made.ask("place", plan(REGION, 25, 50, take(sounds[number])))
        assert made.reaper.front is other and list(all_items(made.project)) == []


def test_a_project_that_was_closed_gets_nothing(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    other = Project()
    made.reaper.projects, made.reaper.front = [other], other
    with pytest.raises(ValueError, match="project was closed"):
        made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    assert other.dump() == Project().dump()


def test_placing_does_not_wait_for_a_tick_however_much_it_reads(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path)
    made.ask("place", plan(REGION, 25, 50, take(sounds[0])))
    for number in range(30):
        copied(made, 10.0 + number)
    made.script.lua.execute(
        """
        local json = require("foley.json")
        local work = coroutine.wrap(function()
          local clip = host.own_tracks()[1].clips[1]
          host.choose(clip, 1)
          return true
        end)
        host.later(function() return not work() end)
        """
    )
    while made.reaper.tick():
        pass
    assert made.reaper.dialogs == [] and made.project.labels()[-1] == "Foley: take 1"


def test_the_plan_bounds_the_calls_of_a_placing(tmp_path: Path, sounds: list[Path]) -> None:
    made = bench(tmp_path, *(Track(f"A{number}") for number in range(20)))
    for each in ("{A}", "{B}"):
        made.ask("place", plan(each, 25, 50, take(sounds[0])))
    clips = made.ask("own_tracks")[0]["clips"]
    work = plan("{A}", 25, 50, *(take(path, number) for number, path in enumerate(sounds, 1)))
    work["add"] += [plan(f"{{{number}}}", 25, 50, take(sounds[0]), track="Foley 2")["add"][0] for number in range(9)]
    made.ask("place", work | {"remove": clips})
    items, takes, removed, tracks = 10, 12, 2, 21
    assert len(made.reaper.calls) <= 17 * items + 7 * takes + 3 * removed + 4 * tracks + 2 * len(clips) + 25
