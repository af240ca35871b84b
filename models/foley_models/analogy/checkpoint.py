"""Checkpoints of all parts of Foley by analogy: a network and all that is needed to use it, in one file that runs no code.

A checkpoint is a dict: ``foley_bridge_run`` (the format's version), ``paper``, ``part``, ``config`` (of the network),
``picture`` and ``sound`` (what it was shown), ``model`` (the learner's state, what is used later under ``network.``),
``trained`` (on what, how long, how well), and in a run's ``last.pt`` ``progress``, what the trainer needs to go on.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from foley_bridge.inference.clips import ClipPicture, ClipSound, settings_from_json, settings_to_json
from foley_bridge.media.whole_file import whole_file
from foley_models.analogy.config import from_json, to_json
from foley_models.errors import ModelError

FORMAT = 1
PAPER = "analogy"
BEST = "best.pt"
NETWORKS = {
    "codebook": ("foley_models.analogy.codebook.vqgan", "VQGANConfig", "SpectrogramVQGAN"),
    "vocoder": ("foley_models.analogy.vocoder.melgan", "MelGANConfig", "Generator"),
    "classifier": ("foley_models.analogy.evaluation.classifier", "ClassifierConfig", "SoundClassifier"),
    "onset": ("foley_models.analogy.onset.network", "OnsetConfig", "OnsetNetwork"),
    "sync": ("foley_models.analogy.sync.network", "SyncConfig", "SyncNetwork"),
    "decoder": ("foley_models.analogy.decoder.model", "AnalogyConfig", "AnalogyModel"),
}
"""Of each part: the module, its configuration, its network."""
KEPT = "network."
MATERIALS = 17  # of Greatest Hits


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that was read.

    Attributes:
        path: of the file.
        part: which network it is of, one of ``NETWORKS``.
        network: on the CPU, in eval mode.
        config: the network's.
        picture, sound: what it was shown.
        trained: data, seed, steps, epochs, took_s, command, validation and what else the run noted.
        state: the learner's, ``network`` and what only training needs.
        progress: of a run's ``last.pt``: what training goes on with; else None.
        sha256: of the file.
    """

    path: Path
    part: str
    network: Any
    config: Any
    picture: ClipPicture
    sound: ClipSound
    trained: dict[str, Any]
    state: dict[str, Any]
    progress: dict[str, Any] | None
    sha256: str


def save(
    path: Path,
    part: str,
    learner: Any,
    *,
    picture: ClipPicture,
    sound: ClipSound,
    trained: Mapping[str, Any],
    progress: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        learner: a module with ``network`` and ``config``.
        trained: as in ``Loaded``; what JSON can hold.
        progress: texts, numbers, None, tensors, lists and dicts of them.
    """
    contents: dict[str, Any] = {
        "foley_bridge_run": FORMAT,
        "paper": PAPER,
        "part": part,
        "config": to_json(learner.config),
        "picture": settings_to_json(picture),
        "sound": settings_to_json(sound),
        "model": learner.state_dict(),
        "trained": json.loads(json.dumps(dict(trained))),  # a text of another class would not be read again
    }
    if progress is not None:
        contents["progress"] = dict(progress)
    with whole_file(path) as beside:
        torch.save(contents, beside)


def load(path: Path, part: str) -> Loaded:
    """Read a checkpoint.

    Args:
        path: the file, or a run's folder: then its ``best.pt``.
        part: of which it has to be.

    Raises:
        ModelError: there is none, it is of something else, or it is damaged.
    """
    path = path / BEST if path.is_dir() else path
    try:
        data = path.read_bytes()
        with path.open("rb") as file:
            said = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: there is no such checkpoint", "give a run's folder, or its best.pt") from error
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path} cannot be read as a checkpoint: {reason}", "give the best.pt of a run") from error
    if not isinstance(said, dict) or said.get("foley_bridge_run") != FORMAT or said.get("paper") != PAPER:
        raise ModelError(f"{path} is no checkpoint of Foley by analogy", "give the best.pt of a run")
    if said.get("part") != part:
        raise ModelError(f"{path} is a checkpoint of {said.get('part')}, not of {part}", f"give a run of {part}")
    try:
        config, network = build(part, said["config"])
        network.load_state_dict(kept(said["model"]))
        return Loaded(
            path=path,
            part=part,
            network=network.eval(),
            config=config,
            picture=settings_from_json(ClipPicture, said["picture"]),
            sound=settings_from_json(ClipSound, said["sound"]),
            trained=dict(said["trained"]),
            state=said["model"],
            progress=said.get("progress"),
            sha256=hashlib.sha256(data).hexdigest(),
        )
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"{path} is not whole: {reason}", "train again, or give another") from error


def build(part: str, said: Any) -> tuple[Any, Any]:
    """A part's configuration out of JSON, and its network with fresh weights; raises ValueError."""
    module, config_name, network_name = NETWORKS[part]
    there = import_module(module)
    config = from_json(getattr(there, config_name), said)
    return config, getattr(there, network_name)(config)


def network_of_size(part: str, size: str) -> Any:
    """A part's network in one of its sizes, with fresh weights; the decoder of the system "ours", the classifier of the
    published materials."""
    module, _, network_name = NETWORKS[part]
    there = import_module(module)
    if part == "classifier":
        return there.SoundClassifier(replace(there.SIZES[size], labels=tuple(map(str, range(MATERIALS)))))
    if part != "decoder":
        return getattr(there, network_name)(there.SIZES[size])
    from foley_models.analogy.codebook import vqgan
    from foley_models.analogy.decoder.model import AnalogyModel
    from foley_models.analogy.decoder.systems import model_config
    from foley_models.analogy.picture import r2plus1d

    spoken = vqgan.SIZES[size]
    return AnalogyModel(model_config("ours", size, codes=spoken.codes, vector=spoken.dimension, picture=r2plus1d.SIZES[size]))


def kept(state: Mapping[str, Any]) -> dict[str, Any]:
    """Of a learner's state what is used later."""
    return {name.removeprefix(KEPT): value for name, value in state.items() if name.startswith(KEPT)}
