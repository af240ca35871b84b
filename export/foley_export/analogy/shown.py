"""What a pack's graphs are proved with: clips that a network may be shown in use, and inputs of no meaning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.analogy_task import AnalogyTask
from foley_bridge.inference.clips import ClipPicture, ClipSound, magnitudes, mel

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
DATA = "stage:8"
COUNT = 3
LENGTHS = (1, 2, 5)
"""Of batches."""
COLUMNS = (1, 3, 10, 23)
PICTURES = (30, 11)


@dataclass(frozen=True)
class Clips:
    """Clips of a data set's test split, as networks are shown them.

    Attributes:
        data: as ``--data`` names it.
        pictures: float32 (n, 3, frames, size, size).
        mels: float32 (n, 1, mels, frames).
    """

    data: str
    pictures: Floats
    mels: Floats


def clips_of(data: str, picture: ClipPicture, sound: ClipSound, cache: Path | None, split: str = "test") -> Clips:
    """The first clips of a data set's split.

    Raises:
        ModelError: there is no such data.
    """
    from foley_models.analogy.data import clips, open_films

    films = open_films(data, split=split, picture=picture, sound=sound, cache=cache, workers=0)
    batch = next(clips(films, size=COUNT, seed=0, epoch=0, augment=False, rest=True))
    assert batch.pictures is not None
    return Clips(data, batch.pictures.numpy(), mel(batch.samples.numpy(), sound))


def random_pictures(task: AnalogyTask) -> list[Floats]:
    """Noise, of several lengths and batch sizes (of one where statistics are each call's), and where they are frozen grey."""
    random = np.random.default_rng(0)
    rows = 1 if task.statistics == "call" else 2
    noise = [random.normal(size=(n, 3, t, *[task.picture.size] * 2)) for n, t in zip((rows, 1), PICTURES, strict=True)]
    made = [each.astype(np.float32) for each in noise]
    if task.statistics == "frozen":  # by its own statistics, of a clip without contrast only rounding would be left
        made.append(np.full_like(noise[1], 0.3, np.float32))
    return made


def random_mels(task: AnalogyTask) -> list[Floats]:
    """Noise of several roughnesses, and silence, of several batch sizes; -1 to 1."""
    random = np.random.default_rng(1)
    made = []
    for count in LENGTHS:
        coarse = random.uniform(-1, 1, (count, 1, task.sound.mels // 8, task.sound.frames // 8))
        made.append((0.5 * coarse.repeat(8, axis=2).repeat(8, axis=3) + random.uniform(-0.5, 0.5, 1)).astype(np.float32))
        made[-1] += random.uniform(-0.1, 0.1, made[-1].shape).astype(np.float32)
    return [*made, np.full_like(made[0], -1)]


def random_codes(task: AnalogyTask) -> list[Codes]:
    """Any codes, (n, columns, rows), of several batch sizes and numbers of columns."""
    random = np.random.default_rng(2)
    sizes = zip((*LENGTHS, 1), COLUMNS, strict=True)
    return [random.integers(0, task.entries, (count, columns, task.rows)) for count, columns in sizes]


def random_magnitudes(task: AnalogyTask, mels: Floats) -> list[Floats]:
    """Log10 magnitudes (n, mels, frames), of several batch sizes and lengths."""
    made = [magnitudes(each)[:, 0] for each in [*random_mels(task), mels]]
    whole = np.concatenate([*made[2], *made[3]], axis=-1)[None]
    return [*made, made[0][:, :, :16], whole]


def draws(takes: int, count: int, seed: int = 0) -> NDArray[np.float64]:
    """Numbers in [0, 1) that float32 holds exactly, too: (takes, count)."""
    return np.random.default_rng(seed).integers(0, 1 << 20, (takes, count)) / float(1 << 20)
