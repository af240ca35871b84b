"""``foley-bridge``: the command line. Each command has ``--json``; heavy libraries load only when a command needs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from foley_bridge import __version__
from foley_bridge.cli import audition, doctor, generate, hosts, jobs, library, packs, serve, show
from foley_bridge.cli.stopping import stop_on_signals
from foley_bridge.errors import Cancelled, FoleyError

EXIT_BAD_INPUT = 2
EXIT_CANCELLED = 130

app = typer.Typer(
    name="foley-bridge",
    help="Sound for marked regions of a timeline, in sync with the picture.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 not all of it, 2 bad input or failed, 130 cancelled."""
    args = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        stop_on_signals()
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
        said = " ".join(error.format_message().replace(": Value error, ", ": ").split())
        return _say(as_json, "UsageError", said, hint, EXIT_BAD_INPUT)
    return status if isinstance(status, int) else 0


def _say(as_json: bool, kind: str, message: str, hint: str, status: int) -> int:
    """Say what is wrong, as one JSON object on stdout or as text on stderr; returns the exit status."""
    if as_json:
        print(json.dumps({"error": {"kind": kind, "message": message, "hint": hint}}))
    else:
        show.fault(message, hint)
    return status


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


app.command()(generate.demo)
app.command()(generate.generate)
app.command()(audition.audition)
app.command()(audition.apply)
app.command()(serve.serve)
app.command()(serve.stop)
app.command()(serve.keys)
app.add_typer(jobs.app, name="jobs")
app.add_typer(library.app, name="library")
app.add_typer(packs.app, name="packs")
app.command()(hosts.install_host)
app.command()(doctor.doctor)
