"""What the three command lines (``foley-bridge``, ``foley-models``, ``foley-export``) share: how a command ends, and how it
says what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from foley_bridge.errors import Cancelled, FoleyError

EXIT_BAD_INPUT = 2
EXIT_CANCELLED = 130


def run(name: str, start: Callable[[list[str]], Any], args: Sequence[str], *, interrupted: Cancelled | None = None) -> int:
    """Run one command.

    Args:
        name: of the program.
        start: runs the command that the arguments name; what it returns is the exit status if it is a number, else 0.
        args: without the program; none at all asks for help. With ``--json`` among them errors are an object on stdout.
        interrupted: what to say when Ctrl-C comes through; None: it goes on to the caller.

    Returns:
        the exit status: that of the command, 2 for bad input or failure, 130 when it was cancelled.
    """
    as_json = "--json" in args
    try:
        status = start(list(args) or ["--help"])
    except FoleyError as error:
        return _say_error(name, as_json, error)
    except (KeyboardInterrupt, typer.Abort):
        if interrupted is None:
            raise
        return _say_error(name, as_json, interrupted)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        said = " ".join(error.format_message().replace(": Value error, ", ": ").split())  # the command line itself is wrong
        _say(name, as_json, "UsageError", said, f"see {name} --help, or {name} COMMAND --help")
        return EXIT_BAD_INPUT
    return status if isinstance(status, int) else 0


def _say_error(name: str, as_json: bool, error: FoleyError) -> int:
    _say(name, as_json, type(error).__name__, error.message, error.hint)
    return EXIT_CANCELLED if isinstance(error, Cancelled) else EXIT_BAD_INPUT


def _say(name: str, as_json: bool, kind: str, message: str, hint: str) -> None:
    """As one JSON object on stdout, or as text on stderr."""
    if as_json:
        print(json.dumps({"error": {"kind": kind, "message": message, "hint": hint}}))
    else:
        fault(name, message, hint)


def fault(name: str, message: str, hint: str) -> None:
    """Say on stderr what is wrong, and what to do."""
    print(f"{name}: {message}" + (f"\n  what to do: {hint}" if hint else ""), file=sys.stderr)
