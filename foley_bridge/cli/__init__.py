"""``foley-bridge``: the command line. Each command has ``--json``; heavy libraries load only when a command needs them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from foley_bridge import __version__
from foley_bridge.cli import audition, doctor, generate, hosts, jobs, library, packs, serve, sound_map
from foley_bridge.cli.stopping import stop_on_signals
from foley_bridge.command import run

NAME = "foley-bridge"

app = typer.Typer(
    name=NAME,
    help="Sound for marked regions of a timeline, in sync with the picture.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 not all of it, 2 bad input or failed, 130 cancelled."""
    if argv is None:
        stop_on_signals()
    return run(NAME, lambda args: app(args, standalone_mode=False), sys.argv[1:] if argv is None else argv)


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
library.app.command("map")(sound_map.sound_map)
app.add_typer(library.app, name="library")
app.add_typer(packs.app, name="packs")
app.command()(hosts.install_host)
app.command()(doctor.doctor)
