"""Which learning rate to begin with: each of a grid is tried for a few epochs, the best on the validation set is taken."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from foley_models.errors import ModelError
from foley_models.settings import Settings
from foley_models.trainer import Diverged, Outcome, Watcher

GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
EPOCHS = 3


def best_rate(
    settings: Settings, out: Path, train: Callable[[Settings, Path], Outcome], watcher: Watcher
) -> tuple[float, dict[str, float | None]]:
    """Try each learning rate of ``GRID`` in a run of its own, ``out/lr-…``; what was tried before a break is not tried again.

    Args:
        settings: of the run that is to come.
        train: trains with settings in a folder.

    Returns:
        the learning rate, and each one's lowest validation loss, None where it grew beyond numbers.

    Raises:
        ModelError: no learning rate goes well.
    """
    tried: dict[str, float | None] = {}
    for rate in GRID:
        trial = replace(settings, lr=rate, schedule="constant", epochs=min(EPOCHS, settings.epochs or EPOCHS))
        try:
            tried[f"{rate:g}"] = train(trial, out / f"lr-{rate:g}").loss
        except Diverged:
            tried[f"{rate:g}"] = None
        loss = tried[f"{rate:g}"]
        watcher.note(f"learning rate {rate:g}: " + ("diverged" if loss is None else f"validation loss {loss:.4f}"))
    best = min(GRID, key=lambda rate: math.inf if tried[f"{rate:g}"] is None else tried[f"{rate:g}"] or 0.0)
    if tried[f"{best:g}"] is None:
        raise ModelError("--lr-grid: the loss grew beyond numbers at every learning rate", "see what the data looks like")
    watcher.note(f"learning rate {best:g} is taken")
    return best, tried
