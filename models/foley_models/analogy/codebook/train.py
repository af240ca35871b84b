"""Trains the codebook (section 3.2, supplement A) with the films' sound, all clips brought to the same level."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import torch

from foley_models.analogy.codebook.learner import LEARNING, CodebookLearner
from foley_models.analogy.codebook.losses import RECONSTRUCTIONS
from foley_models.analogy.codebook.vqgan import SIZES
from foley_models.analogy.data import Films, clips, mels
from foley_models.analogy.training import Defaults, Given, PartTask, other_run
from foley_models.errors import ModelError
from foley_models.trainer import Tensors

DEFAULTS = {
    "paper": Defaults(batch=32, lr=32 * 4.5e-6, optimizer="adam", schedule="constant"),
    "mini": Defaults(batch=8, lr=1e-3, optimizer="adam", schedule="cosine"),
}
OPTIONS = {"reconstruction": "l1"}
RUNS = {"classifier": "classifier", "from": "codebook"}
DEAF = "no --classifier RUN: sounds are compared by their spectrograms alone, without the perceptual loss"


def task(given: Given) -> PartTask:
    """A codebook's training.

    Options:
        reconstruction: "l1" (the authors' code) or "mse" (their paper).

    Raises:
        ModelError: there is no such reconstruction loss, or a run does not fit; says which.
    """
    reconstruction = str(given.options["reconstruction"])
    if reconstruction not in RECONSTRUCTIONS:
        hint = f"give {' or '.join(RECONSTRUCTIONS)}"
        raise ModelError(f"--reconstruction {reconstruction}: there is none of this name", hint)
    begun, heard = (other_run(given, name) for name in ("from", "classifier"))
    listener = None if heard is None else heard.network
    learner = CodebookLearner(SIZES[given.size], replace(LEARNING[given.size], reconstruction=reconstruction), listener)
    if begun is not None:
        if begun.config != learner.config:
            raise ModelError(f"--from {given.runs['from']}: its network is of another size", "give what it was begun with")
        learner.begin_with(begun.network)
    learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster
    size, seed = given.settings.batch, given.settings.seed

    def drawn(
        films: Films, *, seed: int, epoch: int, first: int = 0, augment: bool = True, rest: bool = False
    ) -> Generator[Tensors]:
        made = clips(films, size=size, seed=seed, epoch=epoch, first=first, pictures=False, augment=augment, rest=rest)
        for batch in made:
            yield (mels(batch.samples, given.sound),)

    return PartTask(
        network=learner,
        batches=lambda epoch, first: drawn(given.train, seed=seed, epoch=epoch, first=first),
        validation=lambda: drawn(given.validation, seed=0, epoch=0, augment=False, rest=True),
        notes=() if listener is not None else (DEAF,),
    )
