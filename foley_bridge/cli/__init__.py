"""``foley-bridge``: the command line. Each command has ``--json``; heavy libraries load only when a command needs them."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foley_bridge import __version__
from foley_bridge.errors import Cancelled, FoleyError

if TYPE_CHECKING:
    from foley_bridge.jobs.generate import Result
    from foley_bridge.jobs.request import Progress

EXIT_BAD_INPUT = 2
EXIT_CANCELLED = 130

app = typer.Typer(
    name="foley-bridge",
    help="Sound for marked regions of a timeline, in sync with the picture.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 something is not ok, 2 bad input, 130 cancelled."""
    args = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
    as_json = "--json" in args
    try:
        status = app(args or ["--help"], standalone_mode=False)
    except Cancelled as error:
        return _say(as_json, type(error).__name__, error.message, error.hint, EXIT_CANCELLED)
    except FoleyError as error:
        return _say(as_json, type(error).__name__, error.message, error.hint, EXIT_BAD_INPUT)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        hint = "see foley-bridge --help, or foley-bridge COMMAND --help"  # the command line itself is wrong
        return _say(as_json, "UsageError", error.format_message(), hint, EXIT_BAD_INPUT)
    return status if isinstance(status, int) else 0


def _say(as_json: bool, kind: str, message: str, hint: str, status: int) -> int:
    """Say what is wrong, as one JSON object on stdout or as text on stderr; returns the exit status."""
    if as_json:
        print(json.dumps({"error": {"kind": kind, "message": message, "hint": hint}}))
    else:
        print(f"foley-bridge: {message}" + (f"\n  what to do: {hint}" if hint else ""), file=sys.stderr)
    return status


def _stop(number: int, frame: FrameType | None) -> None:
    """A job told to end takes its files away."""
    raise Cancelled("stopped; nothing was kept")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"foley-bridge {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")] = False,
) -> None:
    from foley_bridge.inference.providers import both_runtimes_installed

    if both_runtimes_installed():
        print(
            "foley-bridge: onnxruntime and onnxruntime-gpu are installed over each other; run foley-bridge doctor",
            file=sys.stderr,
        )


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's files; made if it is not there.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another demo.")] = 0,
    as_json: Json = False,
) -> None:
    """Make a 10 s picture with marked regions, put sound into them, and measure the sync against the truth."""
    from foley_bridge.demo import run_demo

    with _Bar(hidden=as_json) as bar:
        shown = run_demo(out, seed=seed, watcher=bar.show)
    if as_json:
        print(json.dumps(shown.to_json(), indent=2))
        return
    _print_regions(shown.result, shown.sync_error_ms)
    _print_files(
        {"listen": shown.result.preview, "look": shown.result.report, "request": shown.request, "result": shown.result.out}
    )


@app.command()
def generate(
    timeline: Annotated[Path, typer.Argument(help="A timeline (.otio .xml .fcpxml .edl .aaf) with FOLEY regions, or a video.")],
    out: Annotated[Path, typer.Option(help="The timeline with the takes; the extension says the format.")],
    media_dir: Annotated[Path, typer.Option(help="Folder for the takes; made if it is not there.")],
    exemplar: Annotated[Path | None, typer.Option(help="Example sound for regions that name none with like=.")] = None,
    engine: Annotated[str | None, typer.Option(help="Engine for regions that name none with engine=.")] = None,
    takes: Annotated[int | None, typer.Option(help="Takes per region [default: 3].")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; the same seed gives the same takes [default: 0].")] = None,
    region: Annotated[
        list[str] | None, typer.Option(help='A region: "START-END TEXT", in seconds or timecode; may be given again and again.')
    ] = None,
    sensitivity: Annotated[float | None, typer.Option(help="0-1: how readily motion counts as action [default: 0.5].")] = None,
    offset: Annotated[str | None, typer.Option(help="Shift of all hits: 20, -40ms, -1f.")] = None,
    level: Annotated[float | None, typer.Option(help="LUFS (peak dBFS under 0.4 s) [default: the example's own].")] = None,
    handles: Annotated[str | None, typer.Option(help="Extra material at both ends: 0.5, 12f [default: none].")] = None,
    sample_rate: Annotated[int, typer.Option(help="Of the takes, Hz.")] = 48000,
    takes_as_tracks: Annotated[bool, typer.Option("--takes-as-tracks", help="Lay every take on a track of its own.")] = False,
    hits_as_markers: Annotated[bool, typer.Option("--hits-as-markers", help="Write found onsets as HIT markers.")] = False,
    preview: Annotated[Path | None, typer.Option(help="Also an MP4 of the whole timeline with the placed sound.")] = None,
    report: Annotated[Path | None, typer.Option(help="Also a self-contained HTML page.")] = None,
    as_json: Json = False,
) -> None:
    """Put sound into the marked regions of a timeline, in sync with the picture."""
    from foley_bridge.jobs.generate import generate as run
    from foley_bridge.jobs.request import GenerateRequest

    named = {
        "engine": engine,
        "takes": takes,
        "seed": seed,
        "sensitivity": sensitivity,
        "offset": offset,
        "level": level,
        "handles": handles,
    }
    request = GenerateRequest(
        timeline=timeline,
        out=out,
        media_dir=media_dir,
        exemplar=exemplar,
        options={name: str(value) for name, value in named.items() if value is not None},
        regions=tuple(region or ()),
        sample_rate=sample_rate,
        takes_as_tracks=takes_as_tracks,
        hits_as_markers=hits_as_markers,
        preview=preview,
        report=report,
    )
    with _Bar(hidden=as_json) as bar:
        result = run(request, bar.show)
    if as_json:
        print(json.dumps(result.to_json(), indent=2))
        return
    _print_regions(result, ())
    _print_files({"result": result.out, "preview": result.preview, "report": result.report})


@app.command()
def doctor(
    folder: Annotated[Path, typer.Option(help="Where takes would be written.")] = Path(),
    as_json: Json = False,
) -> int:
    """Check this machine: Python, ONNX Runtime providers that really load, codecs, disk."""
    from dataclasses import asdict

    from foley_bridge.doctor import examine

    checks = []
    for check in examine(folder):
        checks.append(check)
        if not as_json:
            mark = "ok    " if check.ok else "not ok" if check.needed else "no    "
            print(
                f"{mark}  {check.name}: {check.detail}"
                + (f"\n        what to do: {check.advice}" if not check.ok and check.advice else "")
            )
    well = all(check.ok for check in checks if check.needed)
    if as_json:
        print(json.dumps({"ok": well, "checks": [asdict(check) for check in checks]}, indent=2))
    return 0 if well else 1


class _Bar:
    """A progress bar on stderr, where it does not disturb what is printed; none when hidden or not on a terminal."""

    def __init__(self, *, hidden: bool) -> None:
        self._hidden = hidden or not sys.stderr.isatty()
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> _Bar:
        if not self._hidden:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.percentage:3.0f} %"),
                TimeRemainingColumn(),
            )
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.start()
            self._task = self._progress.add_task("", total=1.0)
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, progress: Progress) -> None:
        """A job's watcher."""
        if self._progress is not None:
            where = f"region {progress.region} of {progress.regions}: " if progress.region else ""
            self._progress.update(self._task, description=where + progress.step, completed=progress.fraction)


def _print_regions(result: Result, sync_error_ms: Sequence[dict[str, float]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=None, show_edge=False, pad_edge=False)
    headings = ["region", "at", "engine", "takes", "onsets"] + (["sync median", "worst"] if sync_error_ms else [])
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("region", "at", "engine") else "right")
    for number, done in enumerate(result.regions):
        onsets = (
            "none reliable"
            if not done.reliable
            else f"{len(done.onsets)} tapped"
            if done.tapped
            else f"{len(done.onsets)} seen"
        )
        row = [done.name, done.timecode, done.engine, str(len(done.takes)), onsets]
        if sync_error_ms:
            row += [f"{sync_error_ms[number][key]:.1f} ms" for key in ("median", "worst")]
        table.add_row(*(Text(cell) for cell in row))  # Text: a region's words are no markup
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for note in [f"{done.name}: {note}" for done in result.regions for note in done.notes] + list(result.notes):
        console.print(f"note: {note}", highlight=False, markup=False)


def _print_files(files: dict[str, Path | None]) -> None:
    for what, path in files.items():
        if path is not None:
            print(f"{what + ':':9}{path}")


if __name__ == "__main__":
    sys.exit(main())
