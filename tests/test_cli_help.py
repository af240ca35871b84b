"""``--help`` of every command: whole sentences, every option explained, and no names of Python's types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from foley_bridge import cli


def commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, *path, name)


COMMANDS = dict(commands(typer.main.get_command(cli.app)))


@pytest.fixture(params=COMMANDS, ids=" ".join)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.setenv("COLUMNS", "80")
    found: tuple[str, ...] = request.param
    return found


def test_help_is_whole_and_names_what_it_asks_for(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*path, "--help"]) == 0
    said, said_wrong = capsys.readouterr()
    assert said_wrong == ""
    assert "..." not in said.replace("COMMAND [ARGS]...", "").replace("}...", "").replace("]...", "")
    assert "[[" not in said and "{{" not in said
    assert re.findall(r"--[a-z-]+ <(?:list\[|int|float|path|str)", said) == []


def test_every_option_says_what_it_is(path: tuple[str, ...]) -> None:
    silent = [each.name for each in COMMANDS[path].params if not getattr(each, "hidden", False) and not each.help]
    assert silent == []


def test_commands_below_commands_are_looked_at_too() -> None:
    assert ("audition",) in COMMANDS and ("jobs", "list") in COMMANDS and ("library", "add") in COMMANDS
