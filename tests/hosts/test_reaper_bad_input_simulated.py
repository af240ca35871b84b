"""What can go wrong in the simulated REAPER: each ends with the project as it was, and one message that says what to do."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from endpoints import free_endpoint
from reaper_bench import item
from reaper_menu import Menu, daemon, foley, heard, marked, reel
from reaper_model import Project, State, Track
from serving import PATIENCE_S

HITS = [2.4, 3.36, 4.4]
MARK = "P_EXT:foley_bridge"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = reel(tmp_path / "film", start=3600.0)
    marked(made, 2, 5.5, "FOLEY knocks like=knock takes=2", *HITS)
    return made


@pytest.fixture
def menu(tmp_path: Path, project: Project) -> Iterator[Menu]:
    made = Menu(project, tmp_path / "REAPER", tmp_path / "home", daemon().endpoint)
    yield made
    made.reaper.end_processes()


def no_regions(menu: Menu) -> None:
    menu.project.state.markers.clear()


def no_foley_region(menu: Menu) -> None:
    menu.project.state.markers[0].name = "Scene 12"


def outside(menu: Menu) -> None:
    menu.project.state.markers.clear()
    marked(menu.project, 9, 10, "FOLEY outside like=knock")


def offline(menu: Menu) -> None:
    Path(menu.project.path).with_name("shot.mp4").unlink()


def unsaved(menu: Menu) -> None:
    menu.project.path = ""


def unwritable(menu: Menu) -> None:
    Path(menu.project.path).with_name("Foley").write_text("a file where the folder should be")


def locked(menu: Menu) -> None:
    menu.project.state.tracks.append(Track("Foley", ext={MARK: "Foley"}, locked=True))


def in_the_way(menu: Menu) -> None:
    knock = Path(menu.project.path).with_name("knock.wav")
    menu.project.state.tracks.append(Track("Foley", ext={MARK: "Foley"}, items=[item(knock, 4, 1, name="my own door")]))


def not_installed(menu: Menu) -> None:
    (menu.scripts / "foley_bridge.json").unlink()


def another_version(menu: Menu) -> None:
    (menu.scripts / "foley_bridge.json").write_text(json.dumps({"schema": 2}), "utf-8")


def moved_away(menu: Menu) -> None:
    told = menu.scripts / "foley_bridge.json"
    said = json.loads(told.read_text("utf-8")) | {"foley_call": ["/no/such/foley-call"]}
    told.write_text(json.dumps(said), "utf-8")


def an_open_quote(menu: Menu) -> None:
    menu.project.state.markers[0].name = 'FOLEY like="knock'


def old_reaper(menu: Menu) -> None:
    menu.reaper.faults["GetSetProjectInfo_String", 1] = (False, "")


@pytest.mark.parametrize(
    ("spoil", "said", "todo"),
    [
        (no_regions, "no region", "press Shift+R"),
        (no_foley_region, "no region", "FOLEY"),
        (outside, "is past the end of the timeline at 01:00:08:00", "Move or shorten it"),
        (offline, "shot.mp4", ""),
        (unsaved, "not been saved", "Save it"),
        (unwritable, "Foley", ""),
        (locked, "'Foley' is locked", "Unlock it"),
        (in_the_way, "my own door", "Move it"),
        (not_installed, "foley_bridge.json is not there", "foley-bridge install-host reaper"),
        (another_version, "another version", "foley-bridge install-host reaper"),
        (moved_away, "/no/such/foley-call could not be started", "foley-bridge install-host reaper"),
        (an_open_quote, "quote", ""),
        (old_reaper, "GUIDs", "REAPER 6.30 or newer"),
    ],
)
def test_it_ends_with_the_project_as_it_was_and_one_message(
    menu: Menu, spoil: Callable[[Menu], None], said: str, todo: str
) -> None:
    spoil(menu)
    menu.project.begin()
    before = menu.project.dump()
    message = menu.choose("Generate into regions")
    assert said in message and todo in message, message
    assert "traceback" not in message.lower() and "does not know" not in message
    assert len(menu.reaper.dialogs) == 1, menu.reaper.dialogs
    assert menu.project.dump() == before
    assert menu.project.labels() == []


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("Generate into selected region", "no region is selected\nPut the edit cursor into a region"),
        ("Recommend by words", "no region is selected"),
        ("Next take", "no take is selected"),
        ("Previous take", "no take is selected"),
        ("Use selected item as example", "no clip with a sound file is selected"),
        ("Clear foley in region", "no region is selected"),
        ("Progress", "no sound is being made for this project"),
        ("Open the report", "there is no report"),
    ],
)
def test_an_action_without_anything_to_act_on_says_what_it_wants(menu: Menu, action: str, said: str) -> None:
    before = menu.project.dump()
    assert said in menu.choose(action)
    assert len(menu.reaper.dialogs) == 1
    assert menu.project.dump() == before and menu.project.labels() == []


def test_place_what_is_ready_says_nothing_when_nothing_is(menu: Menu) -> None:
    assert menu.choose("Place what is ready") == ""


def test_without_a_daemon_it_offers_to_start_one_and_goes_on(tmp_path: Path, project: Project) -> None:
    home = tmp_path / "home"
    menu = Menu(project, tmp_path / "REAPER", home, free_endpoint())
    before = project.dump()
    try:
        message = menu.choose("Generate into regions", False)
        assert "Start it?" in menu.reaper.dialogs[0] and project.dump() == before, message
        assert not (home / "daemon.json").exists()
        assert menu.choose("Generate into regions", True).startswith("1 region done")
        assert heard(project) == pytest.approx(HITS, abs=0.001)
    finally:
        menu.reaper.end_processes()
        if (home / "daemon.json").exists():
            end(json.loads((home / "daemon.json").read_text("utf-8"))["pid"])


def end(process: int) -> None:
    os.kill(process, signal.SIGTERM)
    for _ in range(PATIENCE_S * 10):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)


# --- in the middle ---


def long_wanted(menu: Menu) -> None:
    """Work that does not end at once."""
    menu.project.state.markers.clear()
    for tenth in range(0, 75, 4):
        marked(menu.project, tenth / 10, tenth / 10 + 0.35, "FOLEY like=knock takes=40")


def ticked_until(menu: Menu, is_so: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert menu.reaper.tick(), menu.reaper.dialogs
        time.sleep(0.005)
        assert time.monotonic() < until


def at_work(menu: Menu) -> bool:
    window = menu.reaper.window()
    return window is not None and any(text.startswith("Region") for text in window.shown)


def test_the_cancel_button_ends_it_with_nothing_laid(menu: Menu) -> None:
    long_wanted(menu)
    before = menu.project.dump()
    menu.start("Generate into regions")
    ticked_until(menu, lambda: at_work(menu))
    window = menu.reaper.window()
    assert window is not None
    x, y, *_ = window.rectangles[-1]
    window.mouse = (x + 2, y + 2, 1.0)
    assert menu.finish() == "Cancelled. Nothing was changed."
    assert menu.project.dump() == before and menu.project.labels() == []
    assert list(Path(menu.project.path).parent.rglob("*.wav")) == [Path(menu.project.path).with_name("knock.wav")]
    assert list(menu.work.glob("pending-*")) == []


def test_progress_cancels_a_run_whose_window_was_closed(menu: Menu) -> None:
    long_wanted(menu)
    menu.start("Generate into regions")
    ticked_until(menu, lambda: at_work(menu))
    window = menu.reaper.window()
    assert window is not None
    window.open = False
    for _ in range(10):
        menu.reaper.tick()
    assert menu.reaper.window() is None  # it works on without a window
    menu.reaper.answers.append(True)
    menu.start("Progress")
    assert menu.finish() == "Cancelled. Nothing was changed."
    assert "Cancel it?" in menu.reaper.dialogs[0]
    assert foley(menu.project) == []


def test_reaper_closed_in_the_middle_finds_its_run_again(menu: Menu, project: Project) -> None:
    project.save()
    before = project.dump()
    menu.start("Generate into regions")
    ticked_until(menu, lambda: menu.reaper.launched)
    menu.reaper.close()
    assert project.dump() == before
    started = menu.reaper.processes
    project.reload()
    menu.open(project)
    (note,) = menu.work.glob("pending-*.json")
    note.write_text(json.dumps(json.loads(note.read_text("utf-8")) | {"alive": 0}), "utf-8")  # some time went by
    assert menu.choose("Place what is ready").startswith("1 region done, 2 takes laid")
    assert heard(project) == pytest.approx(HITS, abs=0.001)
    assert list(menu.work.glob("pending-*")) == []
    for process in started:
        process.wait(PATIENCE_S)


def test_a_tab_closed_in_the_middle_ends_the_run_with_a_word(menu: Menu, project: Project) -> None:
    before = project.dump()
    menu.start("Generate into regions")
    ticked_until(menu, lambda: menu.reaper.launched)
    other = Project()
    menu.reaper.projects, menu.reaper.front = [other], other
    assert "the project was closed" in menu.finish()
    assert project.dump() == before and other.dump() == Project().dump()


def test_a_region_that_is_moved_meanwhile_is_left_out_and_named(menu: Menu, project: Project) -> None:
    marked(project, 6, 7, "FOLEY two like=knock", 6.5)
    menu.start("Generate into regions")
    ticked_until(menu, lambda: menu.reaper.launched)

    def move(state: State) -> None:
        region = next(marker for marker in state.markers if "knocks" in marker.name)
        region.position += 0.5

    project.edit("Move region", move)
    message = menu.finish()
    assert message.startswith("1 region done") and "knocks" in message and "was moved" in message
    assert heard(project) == pytest.approx([6.5], abs=0.001)


def test_what_vanishes_after_placing_is_no_success(menu: Menu, project: Project) -> None:
    before = project.dump()

    def vanish() -> None:
        project.state.tracks[-1].items.clear()
        project.changed()

    menu.reaper.after["Undo_EndBlock2", 1] = vanish
    message = menu.choose("Generate into regions")
    assert "is not on track 'Foley'" in message and "the project is as it was" in message
    assert project.dump() == before


def test_a_user_who_edits_between_two_ticks_of_reading_back_loses_nothing(menu: Menu, project: Project) -> None:
    project.state.markers[0].name = "FOLEY knocks like=knock takes=12"  # more than one tick reads

    def busy() -> None:
        menu.reaper.between.append(lambda: project.edit("Move item", move))

    def move(state: State) -> None:
        state.tracks[0].items[0].values["D_POSITION"] = 0.25
        state.tracks[-1].items[0].values["D_POSITION"] += 0.1  # one that we have just laid

    menu.reaper.after["Undo_EndBlock2", 1] = busy
    message = menu.choose("Generate into regions")
    assert "begins at" in message and "the project is as it was" in message, message
    assert foley(project) == [] and [track.name for track in project.state.tracks] == ["picture", "examples"]
    assert project.state.tracks[0].items[0].values["D_POSITION"] == 0.25
    assert project.labels() == ["Foley: generate into 1 region", "Move item", "Foley: take back"]
