"""What the user sees of a run, and what he answers: messages, questions, progress. Dialogs of Blender do not wait."""

from __future__ import annotations

import textwrap
from typing import Any, Callable

import bpy

from .foley_host.fault import readable

TICK_S = 0.25
BUSY = ("TRANSFORM_OT_", "SEQUENCER_OT_", "MARKER_OT_", "ANIM_OT_")
"""Operators in whose middle the project must not be changed."""


class Asked(BaseException):
    """A question is on its way to the user; whoever asked is called again when there is an answer."""

    def __init__(self, question: str, text: str | None) -> None:
        super().__init__(question)
        self.question = question
        self.text = text


class State:
    """What the panel shows. One for the whole program, as there is one window manager."""

    message = ""
    fraction: float | None = None
    doing = ""
    cancel = False
    asked: Asked | None = None
    waiting: tuple[Callable[[], Any], tuple[Any, ...]] | None = None
    answers: list[Any] = []  # noqa: RUF012
    ticks: list[Callable[[], bool]] = []  # noqa: RUF012


state = State()


def perform(call: Callable[[], Any], answers: tuple[Any, ...] = ()) -> None:
    """Do what a menu entry or a tick does. A question in it becomes a dialog, and an error one message.

    Args:
        answers: to the questions that it asks, in order, as far as they were answered when it was called before.
    """
    state.answers = list(answers)
    try:
        call()
    except Asked as asked:
        state.asked, state.waiting = asked, (call, answers)
        bpy.app.timers.register(_open_dialog, first_interval=0.0)
    except Exception as error:
        say(readable(error))
    finally:
        state.answers = []


def answered(answer: Any) -> None:
    """The user answered (None: closed the dialog): on with what waited for it."""
    waiting, state.asked, state.waiting = state.waiting, None, None
    if waiting:
        call, answers = waiting
        perform(call, (*answers, answer))


def ask(question: str) -> bool:
    """Yes or no."""
    if state.answers:
        return bool(state.answers.pop(0))
    raise Asked(question, None)


def ask_text(question: str, text: str) -> str | None:
    """A line of text, or nothing."""
    if state.answers:
        return state.answers.pop(0) or None
    raise Asked(question, text)


def say(message: str) -> None:
    """Show a message: in the panel, until the next one, and in a window."""
    state.message = message
    print(f"foley_bridge: {message}")
    redraw()
    if not bpy.app.background:
        with _in_window():
            bpy.context.window_manager.popup_menu(_draw_message, title="Foley", icon="INFO")


def show(fraction: float | None, text: str = "") -> bool:
    """Progress in the panel; True when the user wants it cancelled."""
    state.fraction, state.doing = fraction, text
    cancel = state.cancel
    if fraction is None:
        state.cancel = False
    redraw()
    return cancel


def later(tick: Callable[[], bool]) -> None:
    """Call ``tick`` from Blender's timer until it gives False.

    Timers end when another project is opened, and so does the run here: the next action finds what became of it.
    """
    state.ticks.append(tick)
    if not bpy.app.timers.is_registered(beat):
        bpy.app.timers.register(beat, first_interval=TICK_S)


def beat() -> float | None:
    """One round of all that ticks; gives the seconds until the next one."""
    if state.asked or busy():
        return TICK_S
    for tick in list(state.ticks):
        perform(lambda tick=tick: _once(tick))
    return TICK_S if state.ticks else None


def _once(tick: Callable[[], bool]) -> None:
    more = False
    try:
        more = tick()
    except Asked:
        more = True
        raise
    finally:
        if not more and tick in state.ticks:
            state.ticks.remove(tick)


def busy() -> bool:
    """Whether the user drags something, or Blender renders: the project must not be changed now."""
    if bpy.app.is_job_running("RENDER"):
        return True
    windows = bpy.context.window_manager.windows
    modal = (operator for window in windows for operator in getattr(window, "modal_operators", ()))
    return any(operator.bl_idname.startswith(BUSY) for operator in modal)


def forget() -> None:
    """Another project was opened, or the add-on goes: nothing ticks any more."""
    state.ticks.clear()
    state.fraction, state.doing, state.cancel = None, "", False
    state.asked = state.waiting = None


def redraw() -> None:
    """Have the Sequencer drawn again soon."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()


def _open_dialog() -> None:
    if state.asked and not bpy.app.background:
        with _in_window():
            bpy.ops.foley_bridge.answer("INVOKE_DEFAULT", text=state.asked.text or "")


def _in_window() -> Any:
    """A timer has no window of its own."""
    return bpy.context.temp_override(window=bpy.context.window or bpy.context.window_manager.windows[0])


def _draw_message(menu: Any, context: Any) -> None:
    draw_text(menu.layout, state.message, 110)


def draw_text(layout: Any, text: str, width: int) -> None:
    """Text in lines of so many letters: Blender wraps none."""
    for line in text.split("\n"):
        for part in textwrap.wrap(line, width, break_on_hyphens=False) or [""]:
            layout.label(text=part)
