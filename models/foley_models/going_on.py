"""What runs of all papers have in common before their first step: torch made ready, and no other run gone on with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from foley_models.errors import ModelError
from foley_models.processes import Processes
from foley_models.run_folder import RunFolder
from foley_models.settings import Settings


def threads(said: Mapping[str, Any] | None) -> int:
    """Of the run that lies there already, by its config; else as many as torch takes."""
    before = (said or {}).get("settings", {}).get("threads")
    return before if isinstance(before, int) and before > 0 else torch.get_num_threads()


def prepare(settings: Settings, processes: Processes) -> None:
    """Let torch compute as the settings want it."""
    torch.set_num_threads(settings.threads or 1)
    if processes.device.type == "cuda":
        if settings.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = not settings.deterministic


def check_same(
    folder: RunFolder, said: Mapping[str, Any], config: Mapping[str, Any], names: Sequence[str], settings: Settings
) -> None:
    """Would going on give the weights that the run was begun for?

    Args:
        said: the config of the run that lies there; ``config``: of the one that is wanted.
        names: what has to be the same of them, beside the settings.

    Raises:
        ModelError: it would not; names what is another.
    """
    hint = "give another --out, or what it was begun with"
    for name in names:
        was, now = said.get(name), config[name]
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict) and was.keys() == now.keys():
            name = next(each for each in now if was[each] != now[each])
            was, now = was[name], now[name]
        raise ModelError(f"{folder.path} has a run with another {name}: {was}, not {now}", hint)
    if setting := settings.differs(dict(said.get("settings", {}))):
        was, now = said.get("settings", {}).get(setting), settings.to_json()[setting]
        raise ModelError(f"{folder.path} has a run with another {setting}: {was}, not {now}", hint)
