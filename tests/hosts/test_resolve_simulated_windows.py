"""Messages, questions and progress for people at a simulated Resolve."""

from __future__ import annotations

from typing import Any

import pytest
from resolve_scripts import windows
from resolve_ui_simulated import Bmd, Fusion


def at(*user: Any) -> tuple[Any, Bmd]:
    bmd = Bmd(*user)
    return windows.of(True, Fusion(), bmd), bmd


def test_a_message_stays_until_it_was_read() -> None:
    window, bmd = at("OK")
    window.say("one\ntwo")
    assert bmd.read == ["one\ntwo"] and bmd.open() == []


@pytest.mark.parametrize(("clicked", "answer"), [("Yes", True), ("No", False)])
def test_a_question_gets_its_answer(clicked: str, answer: bool) -> None:
    window, bmd = at(clicked)
    assert window.ask("Start it?") is answer
    assert bmd.open() == []


@pytest.mark.parametrize(("clicked", "answer"), [("OK", "gravel"), ("Cancel", None)])
def test_a_line_of_text_is_typed_or_not(clicked: str, answer: str | None) -> None:
    window, bmd = at(("Line", "gravel", clicked))
    assert window.ask_text("What should it sound like?", "metal") == answer
    assert bmd.windows[0].GetItems()["Line"].Text == "gravel"


def test_progress_is_shown_until_it_is_put_away_and_a_cancel_is_told() -> None:
    ticks: list[tuple[float, bool]] = []

    def wish(open_windows: list[Any]) -> str | None:
        return "Cancel" if len(ticks) == 2 else None

    window, bmd = at(wish)

    def tick() -> bool:
        ticks.append((len(ticks) / 10, window.show(len(ticks) / 10, f"step {len(ticks)}")))
        items = bmd.open()[-1].GetItems()
        assert (items["Bar"].Value, items["Text"].Text) == (10 * (len(ticks) - 1), f"step {len(ticks) - 1}")
        return len(ticks) < 4

    window.later(tick)
    window.show(None)
    assert [cancelled for _, cancelled in ticks] == [False, False, True, True]
    assert bmd.open() == []
    assert window.show(0, "another run") is False


def test_a_question_can_be_asked_in_the_middle_of_a_run() -> None:
    window, _ = at("Yes", "OK")
    answers = []

    def tick() -> bool:
        window.show(0.5, "half")
        answers.append(window.ask("Go on?"))
        window.say("done")
        return False

    window.later(tick)
    assert answers == [True]


def test_without_studio_uimanager_is_not_even_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    class Selling:
        @property
        def UIManager(self) -> Any:
            raise AssertionError("Resolve offers to sell Studio now")

    window = windows.of(False, Selling(), Bmd())
    window.say("hello")
    assert window.ask("Start it?") is False
    assert window.ask_text("Words?", "") is None
    ticks = iter([True, True, False])
    window.later(lambda: next(ticks))
    assert capsys.readouterr().out.startswith("Foley: hello\nFoley: Start it? (")
