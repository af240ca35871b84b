"""Messages, questions and progress, in windows of Resolve's UIManager (Studio has it); in its console where there is none.

Scripts run beside Resolve, not inside it: a loop here keeps nothing there from being used. The dispatcher's loop is left at
each event, so that nothing runs inside it, and a question can be asked at any time.
"""

from __future__ import annotations

import time
from typing import Any, Callable

TITLE = "Foley"
TICK_S = 0.25
Tick = Callable[[], bool]


class Console:
    """Where there are no windows: messages are printed, questions get no answer."""

    lives_on = False  # nobody would see that a script still runs

    def say(self, message: str) -> None:
        print(f"{TITLE}: {message}")

    def ask(self, question: str) -> bool:
        print(f"{TITLE}: {question} (This Resolve gives its scripts no windows to ask in: taken as no.)")
        return False

    def ask_text(self, question: str, text: str) -> str | None:
        self.ask(question)
        return None

    def show(self, fraction: float | None, text: str = "") -> bool:
        if fraction is not None:
            print(f"{TITLE}: {round(100 * fraction)} % {text}")
        return False

    def later(self, tick: Tick) -> None:
        while tick():
            time.sleep(TICK_S)


class Windows:
    """UIManager's windows."""

    lives_on = True

    def __init__(self, ui: Any, dispatcher: Any) -> None:
        self._ui = ui
        self._dispatcher = dispatcher
        self._progress: Any = None
        self._cancelled = False
        self._answer: str | None = None

    def say(self, message: str) -> None:
        self._asked(message, ["OK"])

    def ask(self, question: str) -> bool:
        return self._asked(question, ["Yes", "No"]) == "Yes"

    def ask_text(self, question: str, text: str) -> str | None:
        ui = self._ui
        window = self._window(
            "FoleyQuestion",
            [ui.Label({"Text": question, "WordWrap": True, "Weight": 0}), ui.LineEdit({"ID": "Line", "Text": text})],
            ["OK", "Cancel"],
        )
        answer = self._shown(window)
        typed = str(window.GetItems()["Line"].Text)
        window.Hide()
        return typed if answer == "OK" else None

    def show(self, fraction: float | None, text: str = "") -> bool:
        """True once the user wants it cancelled."""
        if fraction is None:
            if self._progress is not None:
                self._progress.Hide()
            self._progress, cancelled = None, self._cancelled
            self._cancelled = False
            return cancelled
        if self._progress is None:
            self._cancelled = False
            self._progress = self._progress_window()
        items = self._progress.GetItems()
        items["Bar"].Value = round(100 * fraction)
        items["Text"].Text = text
        return self._cancelled

    def later(self, tick: Tick) -> None:
        timer = self._ui.Timer({"ID": "FoleyTick", "Interval": round(1000 * TICK_S), "Events": {"Timeout": True}})
        self._dispatcher.On.Timeout = lambda event: self._leave("tick")
        while tick():
            timer.Start()
            self._dispatcher.RunLoop()
            timer.Stop()

    def _progress_window(self) -> Any:
        ui = self._ui
        bar = {"ID": "Bar", "Minimum": 0, "Maximum": 100, "Value": 0, "Enabled": False, "Orientation": "Horizontal"}
        content = [ui.Slider(bar), ui.Label({"ID": "Text", "Text": "", "WordWrap": True})]
        window = self._window("FoleyProgress", content, ["Cancel"], self._cancel)
        window.Show()
        return window

    def _cancel(self, _: str) -> None:
        self._cancelled = True
        self._leave("cancel")

    def _asked(self, text: str, answers: list[str]) -> str | None:
        label = self._ui.Label({"Text": text, "WordWrap": True})
        window = self._window("FoleyMessage", [label], answers)
        answer = self._shown(window)
        window.Hide()
        return answer

    def _window(self, name: str, content: list[Any], answers: list[str], clicked: Callable[[str], None] | None = None) -> Any:
        """A window with buttons under its content; closing it is the last button."""
        ui = self._ui
        clicked = clicked or self._leave
        buttons = [ui.Button({"ID": answer, "Text": answer}) for answer in answers]
        rows = ui.VGroup([*content, ui.HGroup({"Weight": 0}, buttons)])
        window = self._dispatcher.AddWindow({"ID": name, "WindowTitle": TITLE, "Geometry": [400, 300, 480, 180]}, rows)
        for answer in answers:
            window.On[answer].Clicked = lambda event, said=answer: clicked(said)
        window.On[name].Close = lambda event: clicked(answers[-1])
        return window

    def _shown(self, window: Any) -> str | None:
        self._answer = None
        window.Show()
        while self._answer in (None, "tick"):
            self._dispatcher.RunLoop()
        return self._answer

    def _leave(self, answer: str) -> None:
        self._answer = answer
        self._dispatcher.ExitLoop()


def of(studio: bool, fusion: Any, bmd: Any) -> Any:
    """Windows where they can be had. Without Studio, even asking for UIManager brings up an offer to buy it."""
    manager = fusion.UIManager if studio and fusion is not None and bmd is not None else None
    return Windows(manager, bmd.UIDispatcher(manager)) if manager is not None else Console()
