"""``foley-models``: training and evaluation. Each command has ``--json``; torch loads only when a command needs it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import typer

from foley_bridge.errors import Cancelled, FoleyError
from foley_models.cli import evaluate, systems, train

EXIT_BAD_INPUT = 2
EXIT_CANCELLED = 130

app = typer.Typer(
    name="foley-models",
    help="Train the networks of the papers, and measure them.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(systems.systems)
app.add_typer(train.app)
app.add_typer(evaluate.app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 2 bad input or failed, 130 stopped."""
    args = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in args
    try:
        status = app(args or ["--help"], standalone_mode=False)
    except FoleyError as error:
        if not isinstance(error, Cancelled):
            return _say(as_json, type(error).__name__, error.message, error.hint, EXIT_BAD_INPUT)
        if os.environ.get("RANK", "0") != "0":  # all processes that train together stop: one of them says so
            return EXIT_CANCELLED
        return _say(as_json, type(error).__name__, error.message, error.hint, EXIT_CANCELLED)
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "mir_eval"}:
            raise
        hint = "pip install 'foley-bridge[models]'"
        return _say(as_json, "ModelError", f"{error.name} is not installed, which training needs", hint, EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        return _say(as_json, "Cancelled", "stopped", "the same command goes on from its last checkpoint", EXIT_CANCELLED)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        hint = "see foley-models --help, or foley-models COMMAND --help"  # the command line itself is wrong
        return _say(as_json, "UsageError", " ".join(error.format_message().split()), hint, EXIT_BAD_INPUT)
    return status if isinstance(status, int) else 0


def _say(as_json: bool, kind: str, message: str, hint: str, status: int) -> int:
    """Say what is wrong, as one JSON object on stdout or as text on stderr; returns the exit status."""
    if as_json:
        print(json.dumps({"error": {"kind": kind, "message": message, "hint": hint}}))
    else:
        print(f"foley-models: {message}" + (f"\n  what to do: {hint}" if hint else ""), file=sys.stderr)
    return status
