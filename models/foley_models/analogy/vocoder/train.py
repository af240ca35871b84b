"""Trains the vocoder (section 3.2; Kumar et al. 2019) with the films' sound, all clips brought to the same level."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from foley_bridge.inference.clips import ClipSound, magnitudes, mel
from foley_bridge.stage.scene import stream
from foley_models.analogy.data import clips
from foley_models.analogy.training import Defaults, Given, PartTask
from foley_models.analogy.vocoder import discriminator, melgan
from foley_models.analogy.vocoder.learner import LEARNING, VocoderLearner
from foley_models.analogy.vocoder.losses import ADVERSARIES
from foley_models.errors import ModelError
from foley_models.trainer import Tensors

DEFAULTS = {
    "paper": Defaults(batch=64, lr=1e-4, optimizer="adam", schedule="constant"),
    "mini": Defaults(batch=8, lr=1e-3, optimizer="adam", schedule="cosine"),
}
OPTIONS = {"adversary": "hinge"}
RUNS: dict[str, str] = {}


def task(given: Given) -> PartTask:
    """A vocoder's training.

    Options:
        adversary: "hinge" or "least-squares".

    Raises:
        ModelError: there is no such adversary.
    """
    adversary = str(given.options["adversary"])
    if adversary not in ADVERSARIES:
        raise ModelError(f"--adversary {adversary}: there is none of this name", f"give {' or '.join(ADVERSARIES)}")
    config, size, seed = melgan.SIZES[given.size], given.settings.batch, given.settings.seed
    learner = VocoderLearner(config, discriminator.SIZES[given.size], replace(LEARNING[given.size], adversary=adversary))

    def training(epoch: int, first: int) -> Generator[Tensors]:
        made = clips(given.train, size=size, seed=seed, epoch=epoch, first=first, pictures=False)
        for number, batch in enumerate(made, first):
            yield cut(*heard(batch.samples, given.sound), learner.learning.segment, stream(seed, "segment", epoch, number))

    def validation() -> Generator[Tensors]:
        for batch in clips(given.validation, size=size, seed=0, epoch=0, pictures=False, augment=False, rest=True):
            yield heard(batch.samples, given.sound)

    return PartTask(network=learner, batches=training, validation=validation)


def heard(samples: Tensor, sound: ClipSound) -> tuple[Tensor, Tensor]:
    """Clips as the vocoder sees them, and what it is to make of that.

    Args:
        samples: float32 (n, samples).

    Returns:
        float32 (n, mels, frames), log10 magnitudes; float32 (n, hop * frames).
    """
    seen = torch.from_numpy(magnitudes(mel(samples.numpy(), sound)[:, 0]))
    return seen, samples[:, : sound.frames * sound.hop]


def cut(seen: Tensor, samples: Tensor, frames: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Of each clip a stretch of so many frames, anywhere, and its samples.

    The spectrogram is cut, not made of cut sound as the authors do: at its ends it is as it is amid a clip.
    """
    hop = samples.shape[1] // seen.shape[2]
    firsts = rng.integers(seen.shape[2] - frames + 1, size=len(seen)).tolist()
    some = torch.stack([each[:, first : first + frames] for each, first in zip(seen, firsts, strict=True)])
    said = torch.stack([each[first * hop : (first + frames) * hop] for each, first in zip(samples, firsts, strict=True)])
    return some, said
