"""The adapter around a (simulated) REAPER project: starting programs, asking people, the window, setting up."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reaper_bench import SCRIPTS, Bench
from reaper_model import Project
from reaper_program import split
from serving import PATIENCE_S

ACTIONS = sorted((SCRIPTS / "reaper").glob("Foley - *.lua"))
_LINES: dict[str, Any] = {}


def line(folder: Path, system: str, command: list[str]) -> str | None:
    """The command line that the adapter makes; None when it refuses."""
    if system not in _LINES:
        made = Bench(Project(), folder, system=system)
        _LINES[system] = (
            made,
            made.script.lua.execute(
                """return function(text)
              local good, found = pcall(require("foley_reaper.process").line, require("foley.json").decode(text))
              return good and found or nil
            end"""
            ),
        )
    made: str | None = _LINES[system][1](json.dumps(command))
    return made


arguments = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)


@settings(max_examples=300, deadline=None)
@given(st.lists(arguments, min_size=1, max_size=5))
def test_arguments_arrive_as_they_are_or_are_refused(tmp_path_factory: pytest.TempPathFactory, command: list[str]) -> None:
    made = line(tmp_path_factory.getbasetemp(), "Other", command)
    if made is None:
        assert any({'"', "'", "`"} <= set(argument) for argument in command)
    else:
        assert split(made) == command


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["C:\\Program Files\\foley\\foley-call.exe", "--follow"], '"C:\\Program Files\\foley\\foley-call.exe" --follow'),
        (["foley-call", "D:\\My Film\\"], 'foley-call "D:\\My Film\\\\"'),  # or the backslash would keep the quote
        (["foley-call", ""], 'foley-call ""'),
    ],
)
def test_windows_gets_the_quotes_that_its_programs_know(tmp_path: Path, command: list[str], expected: str) -> None:
    assert line(tmp_path, "Win64", command) == expected


def test_a_program_is_started_without_a_shell_and_not_waited_for(tmp_path: Path) -> None:
    made = Bench(Project(), tmp_path)
    told = tmp_path / "it's; $HOME & told"
    write = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"
    made.ask("launch", [sys.executable, "-c", write, str(told), "a  b"])
    assert made.reaper.processes[0].wait(PATIENCE_S) == 0
    assert told.read_text() == "a  b"


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"/no/such/foley-call could not be started\nRun this in a terminal: foley-bridge install-host reaper"
    ):
        Bench(Project(), tmp_path).ask("launch", ["/no/such/foley-call", "--follow", "x"])


@pytest.mark.parametrize(
    ("system", "command"),
    [
        ("Other", ["xdg-open", "/films/a b.html"]),
        ("macOS-arm64", ["/usr/bin/open", "/films/a b.html"]),
        ("OSX64", ["/usr/bin/open", "/films/a b.html"]),
        ("Win64", ["explorer.exe", "\\films\\a b.html"]),
    ],
)
def test_a_page_is_opened_as_each_system_does(tmp_path: Path, system: str, command: list[str]) -> None:
    made = Bench(Project(), tmp_path, system=system)
    made.reaper.starts = False
    made.ask("open", "/films/a b.html")
    assert made.reaper.launched == [command]


# --- people ---


def test_questions_with_commas_and_answers_with_commas_come_through(tmp_path: Path) -> None:
    made = Bench(Project(), tmp_path)
    made.reaper.answers.extend(["glass, breaking", None])
    assert made.ask("ask_text", "What should it sound like, in words?", "glass") == "glass, breaking"
    assert made.ask("ask_text", "And?", "") is None
    assert made.reaper.dialogs[0] == "Foley: What should it sound like in words? [glass]"


def test_yes_is_yes_and_no_is_no(tmp_path: Path) -> None:
    made = Bench(Project(), tmp_path)
    made.reaper.answers.extend([True, False])
    assert (made.ask("ask", "Start it?"), made.ask("ask", "Start it?")) == (True, False)


def test_the_window_shows_how_far_it_is_and_its_button_cancels_once(tmp_path: Path) -> None:
    made = Bench(Project(), tmp_path)
    assert made.ask("show", 0.25, "looking at region 1 of 2") is False
    window = made.reaper.window()
    assert window is not None and "looking at region 1 of 2" in window.shown
    assert any("cancels nothing" in text for text in window.shown)
    window.mouse = (330.0, 80.0, 1.0)
    assert [made.ask("show", 0.5, "x") for _ in range(4)].count(True) == 1  # held down, it is pressed once
    made.ask("show", None)
    assert made.reaper.window() is None


def test_the_button_is_where_it_is_drawn_and_nowhere_else(tmp_path: Path) -> None:
    made = Bench(Project(), tmp_path)
    made.ask("show", 0.1, "x")
    window = made.reaper.window()
    assert window is not None
    x, y, width, height = window.rectangles[-1]
    for at, cancels in (((x + 1, y + 1), True), ((x - 2, y + 1), False), ((x + width + 1, y + height - 1), False)):
        window.mouse = (*at, 0.0)
        made.ask("show", 0.1, "x")
        window.mouse = (*at, 1.0)
        assert made.ask("show", 0.1, "x") is cancels


def test_closing_the_window_cancels_nothing_and_it_stays_closed(tmp_path: Path) -> None:
    made = Bench(Project(), tmp_path)
    made.ask("show", 0.1, "x")
    window = made.reaper.window()
    assert window is not None
    window.open = False
    assert [made.ask("show", 0.2, "x") for _ in range(3)] == [False, False, False]
    assert made.reaper.window() is None


def test_a_long_text_is_cut_to_the_window(tmp_path: Path) -> None:
    made = Bench(Project(), tmp_path)
    made.ask("show", 0.1, "é" * 500)
    window = made.reaper.window()
    assert window is not None
    assert 20 < len(window.shown[0]) <= 420 / 7


# --- setting up ---


def set_up(folder: Path, answer: str | None) -> Bench:
    made = Bench(Project(), folder)
    made.reaper.answers.append(answer)
    made.reaper.run(SCRIPTS / "reaper" / "Foley - Set up.lua")
    return made


def test_setting_up_puts_every_action_into_the_list_and_remembers_the_one_to_poke(tmp_path: Path) -> None:
    made = set_up(tmp_path, "8000")
    registered = {Path(path).name for path in made.reaper.actions.values()}
    assert registered == {path.name for path in ACTIONS} - {"Foley - Set up.lua"}
    made.load()
    poke = made.poke()
    assert poke["port"] == 8000
    path = made.reaper.actions[made.reaper._NamedCommandLookup(poke["address"].removeprefix("/action/"))]
    assert Path(path).name == "Foley - Place what is ready.lua"
    assert made.project.labels() == []


@pytest.mark.parametrize("answer", [None, "", "  "])
def test_without_a_port_there_is_no_poke(tmp_path: Path, answer: str | None) -> None:
    made = set_up(tmp_path, answer)
    made.load()
    assert made.poke() is None
    assert "Place what is ready" in made.reaper.dialogs[-1]


@pytest.mark.parametrize("answer", ["0", "65536", "eight", "80.5"])
def test_what_is_no_port_is_said(tmp_path: Path, answer: str) -> None:
    made = set_up(tmp_path, answer)
    assert "1 to 65535" in made.reaper.dialogs[-1]
    made.load()
    assert made.poke() is None


def test_every_action_names_one_that_the_core_has(tmp_path: Path) -> None:
    core = (SCRIPTS / "core" / "lua" / "foley" / "actions.lua").read_text("utf-8")
    for path in ACTIONS:
        text = path.read_text("utf-8")
        if path.name != "Foley - Set up.lua":
            name = text.split('action.lua")("')[1].split('"')[0]
            assert f"function actions.{name}(" in core, path.name
