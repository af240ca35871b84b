"""The part "sync": clips of films, heard a little earlier or later than they are seen, and by how much."""

from __future__ import annotations

from collections.abc import Generator, Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from foley_bridge.inference.clips import levelled, mel
from foley_bridge.stage.scene import stream
from foley_models.analogy.checkpoint import Loaded
from foley_models.analogy.data import ClipBatch, Films, clips
from foley_models.analogy.sync.network import SIZES, SyncConfig, SyncLearner
from foley_models.analogy.training import Defaults, Given, PartTask, other_run
from foley_models.errors import ModelError
from foley_models.trainer import Tensors

DEFAULTS = {
    "paper": Defaults(batch=10, lr=5e-6, optimizer="adam", schedule="constant"),
    "mini": Defaults(batch=16, lr=2e-3, optimizer="adamw", schedule="cosine"),
}
OPTIONS = {"keep_picture": False}
"""keep_picture: the network for pictures stays as it was in the run that it is from, which takes a third of the time."""
RUNS = {"picture": "onset"}
"""picture: whose network for pictures this one's begins as; without it, it begins as anything."""


def task(given: Given) -> PartTask:
    """For the trainer.

    Raises:
        ModelError: the run to begin with has pictures of another size, or another network; there is none to keep.
    """
    keep = bool(given.options["keep_picture"])
    if keep and "picture" not in given.runs:
        raise ModelError("--keep-picture: there is no network for pictures to keep", "give --picture RUN, too")
    learner, settings = SyncLearner(SIZES[given.size], keep_picture=keep), given.settings
    config = learner.config
    if (seen := other_run(given, "picture")) is not None:
        _begin_with(learner, seen, given.size)

    def batches(epoch: int, first: int) -> Generator[Tensors]:
        made = clips(given.train, size=settings.batch, seed=settings.seed, epoch=epoch, first=first)
        return shifted(given.train, made, config, (settings.seed, epoch, first))

    def validation() -> Generator[Tensors]:
        made = clips(given.validation, size=settings.batch, seed=settings.seed, epoch=0, augment=False, rest=True)
        return shifted(given.validation, made, config, (settings.seed, 0, 0))

    return PartTask(network=learner, batches=batches, validation=validation)


def shifted(films: Films, made: Iterable[ClipBatch], config: SyncConfig, draw: tuple[int, int, int]) -> Generator[Tensors]:
    """Clips whose sound is taken from a little earlier or later in the film: pictures, mels, and classes of the offsets.

    Of the offsets that leave the sound inside the film, all are equally frequent.

    Args:
        draw: seed, epoch, and the number of the first batch: what is drawn depends on them.
    """
    seed, epoch, first = draw
    for number, batch in enumerate(made, first):
        rng = stream(seed, "offset", epoch, number)
        heard, classes = [], []
        for film, start in zip(batch.films.tolist(), batch.starts.tolist(), strict=True):
            samples, drawn = films[film].samples, rng.random()
            can = possible(start, len(samples), config, films)
            classes.append(int(can[int(drawn * len(can))]))
            begin = start - round(config.offsets_s[classes[-1]] * films.sound.sample_rate)
            heard.append(np.array(samples[begin : begin + films.sound.samples]))
        mels = mel(levelled(np.stack(heard), films.sound), films.sound)
        yield batch.pictures, torch.from_numpy(mels), torch.tensor(classes)


def possible(start: int, length: int, config: SyncConfig, films: Films) -> NDArray[np.int64]:
    """Classes of the offsets at which the sound of a clip lies inside its film; 0 seconds always does.

    Args:
        start: the clip's first sample.
        length: samples of the film.
    """
    begin = start - np.round(np.array(config.offsets_s) * films.sound.sample_rate).astype(np.int64)
    return np.flatnonzero((begin >= 0) & (begin + films.sound.samples <= length))


def _begin_with(learner: SyncLearner, loaded: Loaded, size: str) -> None:
    if loaded.config.picture != learner.config.picture:
        raise ModelError(f"{loaded.path} has another network for pictures", f"give a run of onset of --size {size}")
    learner.network.picture.load_state_dict(loaded.network.picture.state_dict())
