"""From the menu of the simulated Resolve to takes on its timeline, by a real daemon, and back out again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import soundfile
from job_materials import clicks, hits_in, movie
from resolve_bench import picture, region, world
from resolve_menu import Menu
from resolve_world import Item, Marker, Media, Track, World, rate_of

pytest_plugins = ["resolve_fixtures"]


def reel(folder: Path, rate: str, start: int, **options: Any) -> World:
    """A movie on V1 and an example sound in its folder."""
    folder.mkdir(exist_ok=True)
    clicks(folder / "knock.wav")
    made = movie(folder / "shot.mp4", seconds=8, rate=rate_of(rate))
    return world(rate, start, made, frames=round(8 * float(rate_of(rate))), **options)


def marked(there: World, folder: Path, *hits: int, start: int = 48, stop: int = 144, more: str = "") -> None:
    region(there, start, stop, f'FOLEY knocks like="{folder / "knock.wav"}" {more}'.strip())
    for hit in hits:
        there.project.timelines[0].markers[float(hit)] = Marker("Red", 1.0, "", "HIT", "")


def heard(item: Item, there: World) -> list[float]:
    """Where a clip's file really sounds, in seconds of the timeline."""
    assert item.media
    timeline = there.project.timelines[0]
    samples, rate = soundfile.read(item.media.path)
    before = Fraction(item.start - timeline.start - item.left) / timeline.rate
    return [float(before) + at for at in hits_in(samples, rate)]


def foley(there: World) -> list[Item]:
    tracks = [track for track in there.project.timelines[0].of("audio") if track.name == "Foley"]
    return sorted(tracks[0].items, key=lambda item: item.start) if tracks else []


@pytest.mark.parametrize(
    ("rate", "start", "version"), [("23.976", 86400, (21, 0, 2)), ("29.97 DF", 107892, (18, 6, 6)), ("25", 90000, (19, 0))]
)
def test_one_action_lays_the_takes_in_sync_and_one_takes_them_out_again(
    tmp_path: Path, menu: Menu, rate: str, start: int, version: tuple[int, ...]
) -> None:
    there = reel(tmp_path / "rushes", rate, start, version=version)
    marked(there, tmp_path / "rushes", 60, 84, 110, more="takes=3")
    there.page = "fairlight"
    before = picture(there)

    said = menu.choose("Generate into regions", there)

    assert said.startswith("1 region done, 3 takes laid on track Foley."), said
    assert "Undo last Foley placement" in said and "Edit page" in said
    (item,) = foley(there)
    assert (item.start, item.duration) == (start + 48, 96)
    expected = [float(hit / rate_of(rate)) for hit in (60, 84, 110)]
    assert heard(item, there) == pytest.approx(expected, abs=0.001)
    assert there.saved is not None and there.saved.timelines[0].of("audio")[-1].items[0].start == start + 48
    assert len({media.path for media in there.project.root.folders[1].clips}) == 3
    assert all(Path(media.path).parent.parent == tmp_path / "rushes" / "Foley" for media in there.project.root.folders[1].clips)

    there.project.timelines[0].playhead = 50
    menu.choose("Next take", there)
    assert foley(there)[0].name != item.name
    assert heard(foley(there)[0], there) == pytest.approx(expected, abs=0.001)
    menu.choose("Previous take", there)
    assert foley(there)[0].name == item.name

    for _ in range(3):
        assert menu.choose("Undo last Foley placement", there).startswith("Undone: Foley: ")
    tracks, markers, bins, current = before
    assert (picture(there)[0], picture(there)[1], picture(there)[3]) == (tracks, markers, current)
    assert [name for name, _ in picture(there)[2]] == [*(name for name, _ in bins), "Foley"]
    assert there.page == "edit"


def test_only_the_region_under_the_playhead_and_generating_again_replaces(tmp_path: Path, menu: Menu) -> None:
    folder = tmp_path / "rushes"
    there = reel(folder, "24", 0)
    marked(there, folder, 12, start=10, stop=30)
    marked(there, folder, 60, start=50, stop=90)
    there.project.timelines[0].playhead = 60
    assert menu.choose("Generate into selected region", there).startswith("1 region done")
    assert [(item.start, item.duration) for item in foley(there)] == [(50, 40)]
    assert menu.choose("Generate into regions", there).startswith("2 regions done")
    assert [(item.start, item.duration) for item in foley(there)] == [(10, 20), (50, 40)]
    assert menu.choose("Clear foley in region", there).startswith("Foley: clear 1 region: 1 clip taken out.")
    assert [item.start for item in foley(there)] == [10]


def test_a_sound_of_the_timeline_becomes_the_example(tmp_path: Path, menu: Menu) -> None:
    folder = tmp_path / "rushes"
    there = reel(folder, "25", 90000)
    region(there, 48, 100, "FOLEY")
    for hit in (60, 80):
        there.project.timelines[0].markers[float(hit)] = Marker("Red", 1.0, "", "HIT", "")
    sound = Media(str(folder / "knock.wav"), "knock.wav", "25", 12, "Audio", channels=1)
    there.project.root.clips.append(sound)
    there.project.selected = [sound]
    there.project.timelines[0].playhead = 50
    said = menu.choose("Use selected clip as example for region", there)
    assert "is now the example of 1 region" in said
    assert menu.choose("Generate into selected region", there).startswith("1 region done")
    assert heard(foley(there)[0], there) == pytest.approx([60 / 25, 80 / 25], abs=0.001)


def test_words_are_asked_for_and_written_into_the_region(tmp_path: Path, menu: Menu) -> None:
    there = reel(tmp_path / "rushes", "25", 90000)
    region(there, 48, 100, "FOLEY old words takes=2")
    there.project.timelines[0].playhead = 60
    menu.choose("Recommend by words", there, ("Line", "", "Cancel"))
    assert there.project.timelines[0].markers[48.0].name == "FOLEY old words takes=2"
    said = menu.choose("Recommend by words", there, ("Line", "glass breaking", "OK"))
    assert there.project.timelines[0].markers[48.0].name == "FOLEY glass breaking takes=2"
    assert "library" in said  # this daemon has none; what it would lay is the business of others' tests
    assert foley(there) == []


def test_a_compound_clip_under_a_region_is_named_as_missing(tmp_path: Path, menu: Menu) -> None:
    folder = tmp_path / "rushes"
    there = reel(folder, "25", 90000)
    nest = Media("", "Compound Clip 1", "25", 200, "Compound")
    there.project.root.clips.append(nest)
    there.project.timelines[0].tracks.insert(1, Track("video", "Video 2", items=[Item(nest, nest.name, 90000 + 60, 20)]))
    marked(there, folder, 65)
    said = menu.choose("Generate into regions", there)
    assert "Compound Clip 1" in said, said
    assert foley(there) == []


def test_the_self_test_says_that_all_is_well_and_leaves_nothing(tmp_path: Path, menu: Menu) -> None:
    there = reel(tmp_path / "rushes", "23.976", 86400)
    before = picture(there)
    said = menu.choose("Self-test", there)
    assert "All is well" in said, (menu.work / sorted(menu.work.glob("selftest*.txt"))[-1]).read_text("utf-8")
    report = sorted(menu.work.glob("selftest-resolve-*.txt"))[-1].read_text("utf-8")
    assert "DaVinci Resolve Studio 21.0.0" in report and "NOT ok" not in report
    facts = (menu.work / "selftest-resolve-facts.txt").read_text("utf-8")
    assert "stopped" not in facts and "97 frames, 194194 samples" in facts and "read [4000] of 4000 letters" in facts
    assert str(menu.work / "selftest-resolve-facts.txt") in said
    assert picture(there) == before
    assert there.saved is not None and picture(there)[0] == before[0]
    assert not list(menu.work.glob("selftest-9*.wav"))
    assert menu.choose("Undo last Foley placement", there) == "There is no Foley placement to undo on this timeline."


def test_check_the_bridge_tells_what_the_doctor_found(tmp_path: Path, menu: Menu) -> None:
    said = menu.choose("Check the bridge", reel(tmp_path / "rushes", "24", 0))
    assert said.startswith(("Everything that is needed is there", "Not ready yet")) and "Python" in said
