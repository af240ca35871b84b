"""Runs of all parts as training leaves them, tiny and untrained, that fit together: for films of 8 x 8 pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from analogy_tones import PICTURE, SOUND
from foley_models.analogy.checkpoint import NETWORKS, save
from foley_models.analogy.codebook.vqgan import VQGANConfig
from foley_models.analogy.decoder.gpt import DecoderConfig
from foley_models.analogy.decoder.model import AnalogyConfig
from foley_models.analogy.decoder.systems import SYSTEMS
from foley_models.analogy.evaluation.classifier import ClassifierConfig
from foley_models.analogy.onset.network import OnsetConfig
from foley_models.analogy.picture.r2plus1d import PictureConfig
from foley_models.analogy.sync.network import SyncConfig
from foley_models.analogy.vocoder.melgan import MelGANConfig
from torch import nn

SEES = PictureConfig(widths=(2, 2, 2, 4), blocks=(1, 1, 1, 1))
CODES = 8


def run(folder: Path, part: str, config: Any, *, seed: int = 0, **trained: Any) -> Path:
    """A run's folder with its ``best.pt``."""
    from importlib import import_module

    module, _, network = NETWORKS[part]
    torch.manual_seed(seed)
    learner = nn.Module()
    learner.network = getattr(import_module(module), network)(config)
    learner.config = config
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / "best.pt", part, learner, picture=PICTURE, sound=SOUND, trained={"data": "tones", "size": "mini", **trained})
    return folder


def codebook(folder: Path, seed: int = 0, **trained: Any) -> Path:
    config = VQGANConfig(channels=2, multipliers=(1, 1, 1, 1, 1), blocks=1, groups=2, codes=CODES, dimension=4)
    return run(folder, "codebook", config, seed=seed, **trained)


def vocoder(folder: Path) -> Path:
    return run(folder, "vocoder", MelGANConfig(width=2))


def classifier(folder: Path, what: str, labels: tuple[str, ...]) -> Path:
    config = ClassifierConfig(what=what, labels=labels, widths=(2, 2), convolutions=(1, 1), hidden=4)
    return run(folder, "classifier", config)


def onset(folder: Path) -> Path:
    return run(folder, "onset", OnsetConfig(picture=SEES, hidden=4))


def sync(folder: Path) -> Path:
    config = SyncConfig(
        picture=SEES,
        sound_widths=(2, 2, 2, 4),
        sound_blocks=(1, 1, 1, 1),
        width=8,
        heads=2,
        layers=1,
        selectors=2,
        places=False,
        side=1,
    )
    return run(folder, "sync", config)


def decoder(folder: Path, system: str = "ours", *, seed: int = 0, **trained: Any) -> Path:
    said = SYSTEMS[system]
    own = DecoderConfig(
        codes=CODES,
        layers=1,
        heads=2,
        width=8,
        vector=4,
        condition=said.condition,
        picture=SEES.widths[-1] * (2 if said.motion else 1),
    )
    return run(folder, "decoder", AnalogyConfig(system, own, SEES, said.motion), seed=seed, **trained)
