"""``foley-models``: training and evaluation. Each command has ``--json``; torch loads only when a command needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from foley_bridge.command import EXIT_CANCELLED, run
from foley_bridge.errors import Cancelled
from foley_models.cli import evaluate, study, systems, train
from foley_models.errors import ModelError

NAME = "foley-models"

app = typer.Typer(
    name=NAME,
    help="Train the networks of the papers, and measure them.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(systems.systems)
app.add_typer(train.app)
app.add_typer(evaluate.app)
app.command()(study.study)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 2 bad input or failed, 130 stopped."""
    stopped = Cancelled("stopped", "the same command goes on from its last checkpoint")
    return run(NAME, _start, sys.argv[1:] if argv is None else argv, interrupted=stopped)


def _start(args: list[str]) -> Any:
    try:
        return app(args, standalone_mode=False)
    except Cancelled:
        if os.environ.get("RANK", "0") != "0":  # all processes that train together stop: one of them says so
            return EXIT_CANCELLED
        raise
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "mir_eval"}:
            raise
        raise ModelError(f"{error.name} is not installed, which training needs", "pip install 'foley-bridge[models]'") from None
