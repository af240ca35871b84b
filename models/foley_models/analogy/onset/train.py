"""The part "onset" (supplement of Du et al.): clips of films, and in which of their pictures something begins to sound."""

from __future__ import annotations

from collections.abc import Generator, Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from foley_bridge.inference.clips import mel
from foley_models.analogy.data import ClipBatch, Films, clips
from foley_models.analogy.evaluation.onsets import places_of
from foley_models.analogy.onset.labels import at, energies
from foley_models.analogy.onset.network import SIZES, OnsetLearner
from foley_models.analogy.training import Defaults, Given, PartTask
from foley_models.errors import ModelError
from foley_models.trainer import Tensors

DEFAULTS = {
    "paper": Defaults(batch=12, lr=1e-4, optimizer="adam", schedule="cosine"),
    "mini": Defaults(batch=16, lr=2e-3, optimizer="adamw", schedule="cosine"),
}
OPTIONS = {"labels": "heard", "bands": 0}
"""labels: "heard", onsets that are detected in the sound, as published, or "known", what happens in the film; bands: to predict
the loudness of beside that (0: as published)."""
RUNS: dict[str, str] = {}
LABELS = ("heard", "known")


def task(given: Given) -> PartTask:
    """For the trainer.

    Raises:
        ModelError: there are no such labels, or of some film nothing is known, or there are no so many bands.
    """
    labels, bands = str(given.options["labels"]), int(given.options["bands"])
    if labels not in LABELS:
        raise ModelError(f"--labels {labels}: there are none of this name", f"give {' or '.join(LABELS)}")
    if bands < 0 or (bands and given.sound.mels % bands):
        raise ModelError(f"--bands {bands}: is no divisor of {given.sound.mels}", "give 8, or 0 to learn onsets alone")
    if labels == "known":
        for films in (given.train, given.validation):
            _check_known(films)
    size = SIZES[given.size]
    learner = OnsetLearner(size, bands=bands)
    settings = given.settings

    def batches(epoch: int, first: int) -> Generator[Tensors]:
        made = clips(given.train, size=settings.batch, seed=settings.seed, epoch=epoch, first=first)
        return labelled(given.train, made, labels, bands)

    def validation() -> Generator[Tensors]:
        made = clips(given.validation, size=settings.batch, seed=settings.seed, epoch=0, augment=False, rest=True)
        return labelled(given.validation, made, labels, bands)

    return PartTask(network=learner, batches=batches, validation=validation)


def labelled(films: Films, made: Iterable[ClipBatch], labels: str, bands: int) -> Generator[Tensors]:
    """Clips with what is to be learned of them: pictures, onsets (n, pictures) and, for ``bands``, their loudness."""
    for batch in made:
        said = np.stack([_labels(films, batch, number, labels) for number in range(len(batch.films))])
        loud = energies(mel(batch.samples.numpy(), films.sound), bands, films.sound, films.picture) if bands else None
        yield batch.pictures, torch.from_numpy(said), None if loud is None else torch.from_numpy(loud)


def _labels(films: Films, batch: ClipBatch, number: int, labels: str) -> NDArray[np.float32]:
    sound = films.sound
    if labels == "heard":
        places = places_of(batch.samples[number].numpy(), sound.sample_rate)
        return at(places / sound.sample_rate, films.picture)
    start_s, length_s = int(batch.starts[number]) / sound.sample_rate, films.picture.frames / films.picture.fps
    events = films[int(batch.films[number])].events_in(start_s, length_s)
    return at([event.time_s for event in events], films.picture)


def _check_known(films: Films) -> None:
    for index, name in enumerate(films.names):
        if not films.about(index)["events"]:
            raise ModelError(f"{name}: nobody has written down what happens in it", "give --labels heard")
