"""What people see: a progress bar on stderr, tables and lists on stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from foley_bridge import command

if TYPE_CHECKING:
    from rich.table import Table

    from foley_bridge.jobs.request import Progress

_SOME = 20


class Bar:
    """A progress bar on stderr, where it does not disturb what is printed; none when hidden or not on a terminal."""

    def __init__(self, *, hidden: bool) -> None:
        self._hidden = hidden or not sys.stderr.isatty()
        self._progress: Any = None
        self._task: Any = None
        self._early: str | None = None

    def __enter__(self) -> Bar:
        if not self._hidden:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.percentage:3.0f} %"),
                TextColumn("{task.fields[left]}"),
            )
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.start()
            self._task = self._progress.add_task("starting", total=1.0, left="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, words: str, fraction: float, left_s: float | None = None) -> None:
        """Say what is being done and how far it is, 0-1."""
        if self._progress is not None:
            left = f"about {duration(left_s)} left" if left_s is not None and left_s >= 1 else ""
            self._progress.update(self._task, description=words, completed=fraction, left=left)

    def _say_early(self, path: str | None) -> None:
        if self._progress is not None and path not in (None, self._early):
            self._early = path
            self._progress.console.print(f"hear its beginning: {path}", markup=False, highlight=False, soft_wrap=True)

    def show(self, progress: Progress) -> None:
        """A watcher for work in this process."""
        self.update(progress.step, progress.fraction)

    def show_job(self, view: dict[str, Any]) -> None:
        """A watcher for a daemon's job objects."""
        progress = view["progress"]
        if progress:
            where = f"region {progress['region']} of {progress['regions']}: " if progress["region"] else ""
            self.update(where + progress["step"], progress["fraction"], progress["left_s"])
            self._say_early(progress.get("early"))
        elif view["state"] == "queued":
            ahead = (view["position"] or 1) - 1
            self.update("starting" if not ahead else f"waiting for {ahead} other job{'s' if ahead > 1 else ''}", 0.0)


def duration(seconds: float) -> str:
    """A length of time as people say it: 40 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print a table; ``right`` are the headings of columns of numbers."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made: Table = Table(title=None, show_edge=False, pad_edge=False)
    for heading in headings:
        made.add_column(heading, justify="right" if heading in right else "left")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))  # Text: a region's words are no markup
    Console(width=None if sys.stdout.isatty() else 120).print(made)


def regions(result: dict[str, Any]) -> None:
    """Print a result's regions as a table, with what was chosen where that is known, and the sync where it was measured; notes
    below, and what failed on stderr."""
    done = result["regions"]
    chosen = any("choice" in region for region in done)
    measured = any("sync_error_ms" in region for region in done)
    headings = ["region", "at", "engine", *(["choice"] if chosen else []), "takes", "onsets"]
    headings += ["sync median", "worst"] if measured else []
    rows = []
    for region in done:
        row = [region["name"], _timecode(region, result["timeline"]), region["engine"]]
        row += [region["choice"]["state"]] if chosen else []
        row += _found(region)
        if measured:
            error = region["sync_error_ms"]
            row += ["-" if error[key] is None else f"{error[key]:.1f} ms" for key in ("median", "worst")]
        rows.append(row)
    table(headings, rows, right=("takes", "onsets", "sync median", "worst"))
    for note in [f"{region['name']}: {note}" for region in done for note in region["notes"]] + result["notes"]:
        print(f"note: {note}")
    for region in done:
        if region["error"] is not None:
            fault(f"{region['name']} could not be done: {region['error']['message']}", region["error"]["hint"])


def _found(region: dict[str, Any]) -> tuple[str, str]:
    if region["error"] is not None:
        return "failed", ""
    how = "tapped" if region["tapped"] else "seen"
    return str(len(region["takes"])), f"{len(region['onsets'])} {how}" if region["reliable"] else "none reliable"


def _timecode(region: dict[str, Any], timeline: dict[str, Any]) -> str:
    from foley_bridge.timeline.time import timecode

    rate = Fraction(timeline["rate"])
    first = Fraction(timeline["global_start_time"]["value"]) / rate
    return timecode(first + Fraction(region["start"]["seconds"]).limit_denominator(10**6), rate)


def files(named: dict[str, str | None]) -> None:
    """Print what was written where."""
    for what, path in named.items():
        if path is not None:
            print(f"{what + ':':9}{path}")


def fault(message: str, hint: str) -> None:
    """Say what is wrong, and what to do."""
    command.fault("foley-bridge", message, hint)


def some(heading: str, lines: Sequence[str]) -> None:
    """The first of many lines, on stderr; nothing when there are none."""
    if lines:
        print(heading, file=sys.stderr)
        for line in lines[:_SOME]:
            print(f"  {line}", file=sys.stderr)
        if len(lines) > _SOME:
            print(f"  and {len(lines) - _SOME} more; --json lists them all", file=sys.stderr)
