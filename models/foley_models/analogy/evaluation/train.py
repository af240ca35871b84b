"""Trains the sound classifier (section 4.2), with clips in which only one material, or only one action, is heard."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from foley_models.analogy.data import ClipBatch, Films, clips, mels
from foley_models.analogy.evaluation.classifier import SIZES, WHAT, ClassifierConfig, SoundClassifier
from foley_models.analogy.training import Defaults, Given, PartTask
from foley_models.errors import ModelError
from foley_models.trainer import Tensors

DEFAULTS = {
    "paper": Defaults(batch=32, lr=1e-4, optimizer="adam", schedule="constant"),
    "mini": Defaults(batch=16, lr=2e-3, optimizer="adamw", schedule="cosine"),
}
OPTIONS = {"what": "material"}
RUNS: dict[str, str] = {}
TO_STANDARDISE = 256  # clips that each band's mean and deviation are taken from


class ClassifierLearner(nn.Module):
    """What is trained; ``network`` is what is used later."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.network = SoundClassifier(config)

    def loss(self, mels: Tensor, labels: Tensor, *, gather: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Cross-entropy.

        Args:
            mels: float32 (n, 1, 80, 160).
            labels: int64 (n,).
        """
        logits = self.network(mels)
        return functional.cross_entropy(logits, labels), logits.argmax(1) == labels


def task(given: Given) -> PartTask:
    """A classifier's training.

    Raises:
        ModelError: nothing is known of what is heard in the films, or it is all the same.
    """
    what, size = str(given.options["what"]), given.settings.batch
    if what not in WHAT:
        raise ModelError(f"--what {what}: there is none of this name", f"give {' or '.join(WHAT)}")
    labels = given.train.materials if what == "material" else given.train.actions
    if len(labels) < 2:
        known = f"only {labels[0]} is heard in the films" if labels else "nobody has written down what is heard in the films"
        raise ModelError(f"a classifier of the {what} has nothing to tell apart: {known}", "give other --data")
    config = replace(SIZES[given.size], what=what, labels=labels)
    learner = ClassifierLearner(config)

    def training(epoch: int, first: int) -> Generator[Tensors]:
        """Which clips are of one label shows only when they are there: to go on within an epoch, those before are cut again."""
        made = clips(given.train, size=size, seed=given.settings.seed, epoch=epoch, pictures=False)
        for number, (samples, told) in enumerate(_in_batches(told_apart(given.train, config, made), size)):
            if number >= first:
                yield mels(samples, given.sound), told

    def validation() -> Generator[Tensors]:
        for samples, told in held_out(given.validation, config, size):
            yield mels(samples, given.sound), told

    _standardise(learner.network, given)
    return PartTask(network=learner, batches=training, validation=validation)


def told_apart(films: Films, config: ClassifierConfig, batches: Generator[ClipBatch]) -> Iterator[tuple[Tensor, Tensor]]:
    """Of each batch of clips those in which one label is heard and no other: float32 (k, samples), int64 (k,); k may be 0."""
    rate, length_s = films.sound.sample_rate, films.sound.samples / films.sound.sample_rate
    for batch in batches:
        kept, labels = [], []
        for row, (film, start) in enumerate(zip(batch.films.tolist(), batch.starts.tolist(), strict=True)):
            events = films[film].events_in(start / rate, length_s)
            heard = {event.material if config.what == "material" else event.action for event in events}
            if len(heard) == 1 and (label := heard.pop()) in config.labels:
                kept.append(row)
                labels.append(config.labels.index(label))
        yield batch.samples[kept], torch.tensor(labels, dtype=torch.int64)


def held_out(films: Films, config: ClassifierConfig, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """A clip of each film that has one of one label, always the same, in batches of at most ``size``."""
    made = clips(films, size=size, seed=0, epoch=0, pictures=False, augment=False, rest=True)
    return (batch for batch in told_apart(films, config, made) if len(batch[1]))


def _in_batches(parts: Iterator[tuple[Tensor, Tensor]], size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """All of the same size; what is left over at the end is left out."""
    samples, labels = torch.empty(0), torch.empty(0, dtype=torch.int64)
    for more, told in parts:
        samples, labels = torch.cat([samples, more]) if len(samples) else more, torch.cat([labels, told])
        if len(labels) >= size:
            yield samples[:size], labels[:size]
            samples, labels = samples[size:], labels[size:]


def _standardise(network: SoundClassifier, given: Given) -> None:
    """Take the bands' means from the first clips of an epoch that is not trained with."""
    size = given.settings.batch
    heard = []
    for batch in clips(given.train, size=size, seed=given.settings.seed, epoch=1 << 20, pictures=False, rest=True):
        heard.append(mels(batch.samples, given.sound))
        if len(heard) * size >= TO_STANDARDISE:
            break
    network.standardise(torch.cat(heard))
