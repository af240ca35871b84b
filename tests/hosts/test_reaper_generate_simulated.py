"""From an action in the simulated REAPER to takes in its project, by a real daemon, and back out again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from job_materials import clicks
from pythonosc.osc_message import OscMessage
from reaper_bench import item
from reaper_menu import Menu, daemon, foley, heard, marked, reel
from serving import PATIENCE_S, command

HITS = [2.4, 3.36, 4.4]


@pytest.fixture
def menu(tmp_path: Path) -> Iterator[Menu]:
    made = Menu(reel(tmp_path / "my film"), tmp_path / "REAPER", tmp_path / "home", daemon().endpoint)
    yield made
    made.reaper.end_processes()


@pytest.mark.parametrize(
    ("fps", "start"), [(25.0, 3600.0), (23.976, 3603.6), pytest.param(29.97, 0.0, marks=pytest.mark.nightly)]
)
def test_one_action_lays_the_takes_in_sync_and_one_undo_takes_them_out(
    tmp_path: Path, menu: Menu, fps: float, start: float
) -> None:
    menu.open(reel(tmp_path / "another film", fps, start=start))
    project = menu.project
    marked(project, 2.003, 5.517, "FOLEY knocks like=knock takes=3", *HITS)
    before = project.dump()

    said = menu.choose("Generate into regions")

    assert said.startswith("1 region done, 3 takes laid on track Foley. Undo: Edit > Undo"), said
    assert heard(project) == pytest.approx(HITS, abs=0.001)
    (made,) = foley(project)
    assert (made.values["D_POSITION"], made.end) == pytest.approx((2.003, 5.517), abs=1 / 48000)  # cut to the region as marked
    assert made.values["D_POSITION"] + made.values["D_SNAPOFFSET"] == pytest.approx(HITS[0], abs=0.001)
    assert len(made.takes) == 3
    assert all((take.values["D_STARTOFFS"]) >= 0.5 for take in made.takes)  # there is more to drag out
    assert all(Path(take.source.path).is_relative_to(tmp_path / "another film" / "Foley") for take in made.takes if take.source)
    assert menu.reaper.most_calls <= 50
    assert project.labels() == ["Foley: generate into 1 region"]

    after = project.dump()
    project.travel(-1)
    assert project.dump() == before
    project.travel(1)
    assert project.dump() == after
    assert heard(project) == pytest.approx(HITS, abs=0.001)
    assert list(menu.work.glob("*.reply.json")) == [] and list(menu.work.glob("pending-*")) == []


def test_next_and_previous_take_need_no_daemon_and_stay_in_sync(menu: Menu) -> None:
    project = menu.project
    marked(project, 2, 5.5, "FOLEY knocks like=knock takes=3", *HITS)
    menu.choose("Generate into regions")
    launched = len(menu.reaper.launched)
    project.cursor = 3.0
    chosen = []
    for name in ("Next take", "Next take", "Next take", "Previous take"):
        assert menu.choose(name) == ""
        (made,) = foley(project)
        chosen.append(int(made.values["I_CURTAKE"]))
        assert heard(project) == pytest.approx(HITS, abs=0.001)
    assert chosen == [1, 2, 0, 2]
    assert len(menu.reaper.launched) == launched
    assert project.labels()[1:] == ["Foley: take 2", "Foley: take 3", "Foley: take 1", "Foley: take 3"]


def test_only_the_selected_region_is_filled_and_generating_again_replaces(menu: Menu) -> None:
    project = menu.project
    marked(project, 0.5, 1.5, "FOLEY one like=knock", 1.0)
    marked(project, 2, 3, "FOLEY two like=knock", 2.4)
    project.cursor = 2.5
    assert menu.choose("Generate into selected region").startswith("1 region done")
    assert heard(project) == pytest.approx([2.4], abs=0.001)
    assert menu.choose("Generate into regions").startswith("2 regions done")
    assert heard(project) == pytest.approx([1.0, 2.4], abs=0.001)
    assert menu.choose("Clear foley in region").startswith("Foley: clear 1 region: 1 clip taken out.")
    assert heard(project) == pytest.approx([1.0], abs=0.001)
    for _ in range(3):
        project.travel(-1)
    assert project.labels() == [] and foley(project) == []


def test_an_item_becomes_the_example_of_a_region(tmp_path: Path, menu: Menu) -> None:
    project = menu.project
    marked(project, 2, 5, "FOLEY", *HITS)
    sound = item(tmp_path / "my film" / "knock.wav", 6, 0.5, name="my own knock", B_UISEL=1.0)
    project.state.tracks[1].items.append(sound)
    project.begin()
    project.cursor = 2.0
    assert "'my own knock' is now the example of 1 region" in menu.choose("Use selected item as example")
    assert project.state.markers[0].name == 'FOLEY like="my own knock"'
    assert project.labels() == ["Foley: name region"]
    assert menu.choose("Generate into selected region").startswith("1 region done")
    assert heard(project) == pytest.approx(HITS, abs=0.001)


def test_words_find_a_sound_in_the_library(tmp_path: Path, menu: Menu) -> None:
    (tmp_path / "library").mkdir()
    clicks(tmp_path / "library" / "METLImpt_Anvil Strike_FB_LIB.wav")
    clicks(tmp_path / "library" / "GLASBrk_Bottle Smash_FB_LIB.wav")
    assert command("library", "add", tmp_path / "library", home=daemon().home).returncode == 0
    project = menu.project
    marked(project, 2, 5, "FOLEY like=knock takes=1", *HITS)
    project.cursor = 2.5
    before = project.dump()
    assert menu.choose("Recommend by words", None) == menu.reaper.dialogs[0]  # thought better of it
    assert project.dump() == before
    assert menu.choose("Recommend by words", "bottle, smash").startswith("1 region done, 1 take laid")
    assert project.state.markers[0].name == "FOLEY bottle, smash like=knock takes=1 engine=recommend"
    (made,) = foley(project)
    assert made.active is not None and made.active.source is not None and "GLASBrk" in made.active.source.path
    assert heard(project) == pytest.approx(HITS, abs=0.001)
    assert project.labels() == ["Foley: name region", "Foley: generate into 1 region"]


def test_a_region_without_hits_marked_is_filled_from_the_picture(menu: Menu) -> None:
    marked(menu.project, 2, 5, "FOLEY like=knock takes=1")
    assert menu.choose("Generate into regions").startswith("1 region done, 1 take laid")
    (made,) = foley(menu.project)
    assert (made.values["D_POSITION"], made.end) == pytest.approx((2, 5))


def test_the_report_is_opened(menu: Menu) -> None:
    marked(menu.project, 2, 5, "FOLEY like=knock", *HITS)
    menu.choose("Generate into regions")
    menu.reaper.starts = False
    assert menu.choose("Open the report") == ""
    program, page = menu.reaper.launched[-1]
    assert program == "xdg-open" and Path(page).name == "report.html" and Path(page).is_file()


def test_the_daemon_pokes_reaper_and_the_takes_come_in(tmp_path: Path, menu: Menu) -> None:
    """REAPER is closed while the job runs; its OSC port, opened again with it, hears that the takes are ready."""
    project = menu.project
    marked(project, 2, 5.5, "FOLEY knocks like=knock takes=2", *HITS)
    project.save()
    before = project.dump()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind(("127.0.0.1", 0))
        port.settimeout(PATIENCE_S)
        menu.choose("Set up", str(port.getsockname()[1]))
        registered, kept = menu.reaper.actions, menu.reaper.ext
        menu.start("Generate into regions")
        while not menu.reaper.launched:
            menu.reaper.tick()
        menu.reaper.close()  # in the middle, without saving
        assert project.dump() == before
        project.reload()
        menu.open(project)
        menu.reaper.actions, menu.reaper.ext = registered, kept
        message = OscMessage(port.recv(8192))
        assert list(message.params) == []
        pretend_that_time_went_by(menu)
        menu.reaper.osc(message.address)
        assert menu.finish().startswith("1 region done, 2 takes laid")
    assert heard(project) == pytest.approx(HITS, abs=0.001)


def pretend_that_time_went_by(menu: Menu) -> None:
    """Who looked after the run has not been heard of for a minute."""
    (note,) = menu.work.glob("pending-*.json")
    note.write_text(note.read_text("utf-8").replace('"alive":', '"alive":1,"was":'), "utf-8")


def test_the_self_test_says_that_all_is_well_and_leaves_nothing(menu: Menu) -> None:
    before = menu.project.dump()
    said = menu.choose("Self-test")
    report = next(menu.work.glob("selftest-*.txt")).read_text("utf-8")
    assert "All is well" in said, report
    assert "REAPER 7.60/linux-x86_64, Other" in report and "NOT ok" not in report
    assert menu.project.dump() == before
    assert menu.reaper.most_calls <= 50


def test_check_the_bridge_tells_what_the_doctor_found(menu: Menu) -> None:
    said = menu.choose("Check the bridge")
    assert said.startswith(("Everything that is needed is there", "Not ready yet")) and "Python" in said


def test_rates_are_exact_from_the_project_to_the_file(menu: Menu, tmp_path: Path) -> None:
    """An hour in at 23.976, where a rate of 23.976 would be 173 samples off."""
    menu.open(reel(tmp_path / "long", 23.976))
    project = menu.project
    late = float(Fraction(86400 * 1001, 24000))
    project.state.tracks[0].items[0].values["D_POSITION"] = late
    marked(project, late + 2, late + 5.5, "FOLEY knocks like=knock", *(late + hit for hit in HITS))
    assert menu.choose("Generate into regions").startswith("1 region done")
    assert heard(project) == pytest.approx([late + hit for hit in HITS], abs=0.001)
