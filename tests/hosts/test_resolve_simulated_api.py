"""The simulated Resolve itself: it has the published API and nothing else, and misbehaves as docs/hosts.md says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from resolve_api import functions, palette
from resolve_bench import add, region, take, world
from resolve_remote import Simulation
from resolve_simulated import simulated
from resolve_world import World, label_of, rate_of


def timeline_of(world: World) -> Any:
    return simulated(world).GetProjectManager().GetCurrentProject().GetCurrentTimeline()


def pool_of(world: World) -> Any:
    return simulated(world).GetProjectManager().GetCurrentProject().GetMediaPool()


def appended(there: World, folder: Path, record: int, frames: int = 24, track: int = 1) -> Any:
    rate = there.project.timelines[0].rate_name
    media = pool_of(there).ImportMedia([take(folder / f"{record}.wav", frames, rate)["path"]])[0]
    info = {"mediaPoolItem": media, "startFrame": 0, "endFrame": frames, "mediaType": 2}
    return pool_of(there).AppendToTimeline([{**info, "trackIndex": track, "recordFrame": record}])


def test_a_function_that_the_api_does_not_have_raises_though_it_seems_to_be_there() -> None:
    timeline = timeline_of(world())
    assert hasattr(timeline, "SetClipGain")
    assert "SetClipGain" not in dir(timeline)
    with pytest.raises(Simulation, match="no function SetClipGain"):
        timeline.SetClipGain(1)


@pytest.mark.parametrize("given", [(), ("audio",), ("audio", 1, 2)])
def test_a_function_with_another_number_of_arguments_raises(given: tuple[Any, ...]) -> None:
    with pytest.raises(Simulation, match="arguments"):
        timeline_of(world()).GetTrackName(*given)


def test_a_function_of_a_newer_version_is_not_there() -> None:
    assert "GetMarkInOut" in dir(timeline_of(world(version=(19, 1))))
    older = timeline_of(world(version=(19, 0)))
    assert "GetMarkInOut" not in dir(older)
    with pytest.raises(Simulation, match=r"GetMarkInOut in version 19\.0"):
        older.GetMarkInOut()


def test_every_name_said_to_be_newer_is_in_the_published_api() -> None:
    from resolve_api import NEWER

    for kinds in NEWER.values():
        for kind, names in kinds.items():
            assert set(names.split()) <= set(functions(kind, (99,)))


def test_the_two_palettes_differ_and_a_colour_of_the_other_one_gives_a_bare_false(tmp_path: Path) -> None:
    assert "Teal" in palette("ClipColor") - palette("MarkerColor")
    assert "Mint" in palette("MarkerColor") - palette("ClipColor")
    there = world()
    timeline = timeline_of(there)
    assert timeline.AddMarker(5, "Teal", "", "", 1) is False
    item = appended(there, tmp_path, 86400)[0]
    assert item.SetClipColor("Mint") is False
    assert item.SetClipColor("Teal") is True


def test_objects_are_new_each_time_and_cannot_be_set() -> None:
    resolve = simulated(world())
    assert resolve.GetProjectManager() is not resolve.GetProjectManager()
    with pytest.raises(Simulation):
        resolve.page = "edit"


def test_what_overlaps_is_dropped_silently_and_the_answer_looks_well(tmp_path: Path) -> None:
    there = world()
    assert appended(there, tmp_path, 86400)[0].GetUniqueId()
    given = appended(there, tmp_path, 86423)
    assert len(given) == 1 and given[0].GetUniqueId() is None
    assert [item.start for item in there.project.timelines[0].of("audio")[0].items] == [86400]


def test_the_end_is_exclusive_since_19_and_inclusive_before(tmp_path: Path) -> None:
    for version, frames in (((19, 0), 12), ((18, 6), 13)):
        there = world(version=version)
        media = pool_of(there).ImportMedia([take(tmp_path / "a.wav", 24, "24")["path"]])[0]
        info = {"mediaPoolItem": media, "startFrame": 0, "endFrame": 12, "mediaType": 2, "trackIndex": 1, "recordFrame": 86400}
        pool_of(there).AppendToTimeline([info])
        assert there.project.timelines[0].of("audio")[0].items[0].duration == frames


def test_clips_are_deleted_on_the_edit_page_only(tmp_path: Path) -> None:
    there = world()
    item = appended(there, tmp_path, 86400)[0]
    there.page = "fairlight"
    assert timeline_of(there).DeleteClips([item], False) is False
    there.page = "edit"
    assert timeline_of(there).DeleteClips([item], False) is True
    assert item.GetName() is None  # a handle of what is gone


def test_media_is_imported_into_the_current_bin_at_the_rate_that_the_project_has_then(tmp_path: Path) -> None:
    there = world("25")
    there.project.rate_name = "24"
    pool_of(there).ImportMedia([take(tmp_path / "a.wav", 25, "25")["path"]])
    media = there.project.root.folders[0].clips[0]
    assert (media.rate_name, media.frames) == ("24", 24)


def test_saving_drops_what_does_not_last(tmp_path: Path) -> None:
    there = world()
    there.faults["append is lost on saving"] = None
    appended(there, tmp_path, 86400)
    assert len(there.project.timelines[0].of("audio")[0].items) == 1
    assert simulated(there).GetProjectManager().SaveProject() is True
    assert there.project.timelines[0].of("audio")[0].items == []


def test_markers_count_from_the_timelines_start_clips_from_zero() -> None:
    there = world()
    region(there, 48, 96)
    timeline = timeline_of(there)
    assert list(timeline.GetMarkers()) == [48.0]
    assert timeline.GetItemListInTrack("video", 1)[0].GetStart() == 86400


@pytest.mark.parametrize(
    ("rate", "frame", "label"),
    [
        ("29.97 DF", 107892, "01:00:00;00"),
        ("29.97 DF", 1799, "00:00:59;29"),
        ("29.97 DF", 1800, "00:01:00;02"),
        ("29.97 DF", 17982, "00:10:00;00"),
        ("59.94 DF", 3600, "00:01:00;04"),
        ("23.976", 86400, "01:00:00:00"),
    ],
)
def test_its_timecode_is_that_of_the_standard(rate: str, frame: int, label: str) -> None:
    assert label_of(frame, rate_of(rate), rate.endswith("DF")) == label


def test_a_tracks_number_that_is_not_there_raises() -> None:
    with pytest.raises(Simulation, match="no audio track 2"):
        timeline_of(world()).GetTrackName("audio", 2)


def test_the_bench_makes_takes_of_whole_frames(tmp_path: Path) -> None:
    there = world("29.97 DF", 107892)
    for number in range(1, 40):
        add(there, tmp_path, "R1", 0, number)
        media = pool_of(there).ImportMedia([str(tmp_path / "R1 0 take 1.wav")])[0]
        assert media.GetClipProperty("Frames") == str(number)
