"""Checkpoints of recommendation runs: a system's network and all that is needed to use it, in one file that runs no code.

A checkpoint is a dict: ``foley_bridge_run`` (the format's version), ``paper``, ``system`` (``SystemConfig.to_json``),
``picture`` and ``sound`` (the features' settings), ``model`` (the network's state), ``trained`` (on what, how long, how well),
and in a run's ``last.pt`` ``progress``, what the trainer needs to go on.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from foley_bridge.inference.features import PictureFeatures, SoundFeatures, settings_from_json, settings_to_json
from foley_bridge.media.whole_file import whole_file
from foley_models.errors import ModelError
from foley_models.recommendation.systems import Recommender, SystemConfig

FORMAT = 1
PAPER = "recommendation"
BEST, LAST = "best.pt", "last.pt"
PICTURE, SOUND = PictureFeatures(), SoundFeatures()
"""What networks are trained with."""


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that was read.

    Attributes:
        path: of the file.
        network: on the CPU, in eval mode.
        system: which one it is.
        picture, sound: the features it was trained with.
        trained: data, seed, steps, epochs, took_s, command, validation and what else the run noted.
        progress: of a run's ``last.pt``: what training goes on with; else None.
    """

    path: Path
    network: Recommender
    system: SystemConfig
    picture: PictureFeatures
    sound: SoundFeatures
    trained: dict[str, Any]
    progress: dict[str, Any] | None


def save(
    path: Path,
    network: Recommender,
    *,
    trained: Mapping[str, Any],
    progress: Mapping[str, Any] | None = None,
    picture: PictureFeatures = PICTURE,
    sound: SoundFeatures = SOUND,
) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        trained: as in ``Loaded``; what JSON can hold.
        progress: texts, numbers, None, tensors, lists and dicts of them.
    """
    contents: dict[str, Any] = {
        "foley_bridge_run": FORMAT,
        "paper": PAPER,
        "system": network.config.to_json(),
        "picture": settings_to_json(picture),
        "sound": settings_to_json(sound),
        "model": network.state_dict(),
        "trained": json.loads(json.dumps(dict(trained))),  # a text of another class would not be read again
    }
    if progress is not None:
        contents["progress"] = dict(progress)
    with whole_file(path) as beside:
        torch.save(contents, beside)


def load(path: Path) -> Loaded:
    """Read a checkpoint.

    Args:
        path: of the file, or of a run's folder, whose ``best.pt`` is meant.

    Raises:
        ModelError: there is none, or it cannot be used; names the file.
    """
    path = path / BEST if path.is_dir() else path
    if not path.is_file():
        raise ModelError(f"{path}: there is no such checkpoint", "give a run's folder, or its best.pt")
    try:
        said = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, pickle.UnpicklingError) as error:
        raise ModelError(f"{path} is no checkpoint, or not all of it is there", "train again, or give another") from error
    if not isinstance(said, dict) or "foley_bridge_run" not in said:
        raise ModelError(f"{path} is no checkpoint of foley-models", "give the best.pt of a run")
    if said["foley_bridge_run"] != FORMAT or said.get("paper") != PAPER:
        of = f"{said.get('paper')}, format {said['foley_bridge_run']}"
        raise ModelError(f"{path} is a checkpoint of {of}; {PAPER}, format {FORMAT}, is wanted")
    try:
        network = Recommender(SystemConfig.from_json(said["system"]))
        network.load_state_dict(said["model"])
        return Loaded(
            path=path,
            network=network.eval(),
            system=network.config,
            picture=settings_from_json(PictureFeatures, said["picture"]),
            sound=settings_from_json(SoundFeatures, said["sound"]),
            trained=dict(said["trained"]),
            progress=said.get("progress"),
        )
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"{path} is not whole: {reason}", "train again, or give another") from error
