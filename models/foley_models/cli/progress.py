"""What people see of a run: on stderr a bar (where that is a terminal) and a line per validation, on stdout its outcome."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foley_models.trainer import Outcome


class Progress:
    """A trainer's ``Watcher``.

    Args:
        hidden: say nothing.
    """

    def __init__(self, *, hidden: bool) -> None:
        self._hidden = hidden
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if not self._hidden and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("starting", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def reading(self, split: str, done: int, count: int) -> None:
        """A part of the data is read."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=count, description=f"reading {split}")

    def stepped(self, step: int, steps: int | None, loss: float, accuracy: float) -> None:
        """A step was taken."""
        if self._bar is not None:
            self._bar.update(self._task, completed=step, total=steps, description=f"loss {loss:.4f}, right {accuracy:.0%}")

    def validated(self, step: int, epoch: int, loss: float, accuracy: float, lr: float, best: bool) -> None:
        """The network was validated."""
        mark = ", the best so far" if best else ""
        self.note(f"step {step}, epoch {epoch}: validation loss {loss:.4f}, right {accuracy:.1%}, learning rate {lr:.3g}{mark}")

    def note(self, text: str) -> None:
        """Something else that the user should know."""
        if self._hidden:
            return
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)


def say(outcome: Outcome, as_json: bool) -> None:
    """What came of a run."""
    if as_json:
        print(json.dumps(outcome.to_json()))
        return
    why = "the budget is used up" if outcome.ended == "budget" else "nothing more was gained"
    print(f"{outcome.steps} steps, {outcome.epochs} epochs, {outcome.took_s:.0f} s: {why}")
    print(f"best: step {outcome.step}, validation loss {outcome.loss:.4f}, right {outcome.accuracy:.1%}")
    print(f"run:    {outcome.run}\ncurves: {outcome.run / 'curves.png'}\nbest:   {outcome.run / 'best.pt'}")
