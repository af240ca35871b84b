"""Batches of pairs as tensors, read ahead by worker processes where that is wanted."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from foley_bridge.errors import FoleyError
from foley_bridge.inference.features import PictureFeatures
from foley_models.data import plan
from foley_models.data.pairs import PairData
from foley_models.data.plan import Rows
from foley_models.errors import ModelError

AHEAD = 2  # batches that each worker process has in hand


@dataclass(frozen=True)
class Batch:
    """Pairs to learn from.

    Attributes:
        pictures: float32 (n, 3, size, size).
        sounds: float32 (n, 1, mels, frames).
        correlated: int64 (n,), 1 or 0; None in contrastive batches, where all are.
        indices: int64 (n,), the clips of the pictures.
    """

    pictures: Tensor
    sounds: Tensor
    correlated: Tensor | None
    indices: Tensor


def batches(
    data: PairData,
    *,
    size: int,
    contrastive: bool,
    epoch: int,
    workers: int = 0,
    first: int = 0,
    part: tuple[int, int] = (0, 1),
    device: torch.device | str = "cpu",
) -> Iterator[Batch]:
    """An epoch's batches, all of one size. What is left over at an epoch's end is left out.

    Balanced ones hold as many correlated as uncorrelated pairs, in turn: an epoch has one of each of every clip.
    Contrastive ones hold correlated pairs, no two from one video: an epoch has one of every clip, but of no video more than
    the median.

    Args:
        size: pairs in a batch; fewer where there are no more clips (contrastive: videos).
        contrastive: correlated pairs only.
        epoch: which.
        workers: processes that read (and make) features ahead; 0: none, it is done here. They stay for the next epoch.
        first: which batch to begin with, to go on in the middle of an epoch.
        part: (k, n): only the k-th of n equal parts of every batch, for the k-th of n processes that train together.
        device: where the tensors are wanted; pictures are normalised there.

    Raises:
        ModelError: features that are gone and cannot be made again; or contrastive batches of a single video.
    """
    rows = [each.part(*part) for each in _epoch(data, size, contrastive, epoch)[first:]]
    reader = _Reader(data)
    for batch, read in zip(rows, _read_ahead(data, rows, workers) if workers else map(reader.__getitem__, rows), strict=True):
        if isinstance(read, FoleyError):
            raise read
        yield _finished(data.picture_features, batch, *read, contrastive, torch.device(device))


def batches_in_epoch(data: PairData, *, size: int, contrastive: bool) -> int:
    """How many batches an epoch has; every epoch of a data set has as many."""
    return len(_epoch(data, size, contrastive, 0))


def _epoch(data: PairData, size: int, contrastive: bool, epoch: int) -> list[Rows]:
    if not contrastive:
        return plan.balanced(len(data), size=size, seed=data.seed, epoch=epoch)
    videos = list(data.clips_of.values())
    if len(videos) < 2:
        raise ModelError(f"{data.split}: {data.clips[0].video} is the only video", "contrastive training needs two or more")
    return plan.contrastive(videos, size=size, seed=data.seed, epoch=epoch)


def _finished(
    features: PictureFeatures, rows: Rows, pictures: Tensor, sounds: Tensor, contrastive: bool, device: torch.device
) -> Batch:
    """What was read, in the form that networks take: ``features.normalised`` of a whole batch."""
    mean, std = (torch.tensor(each, device=device)[:, None, None] for each in (features.mean, features.std))
    colours = pictures.to(device, non_blocking=True).permute(0, 3, 1, 2)
    normal = torch.empty(colours.shape, device=device)
    for some in (slice(None),) if device.type != "cpu" else range(len(normal)):  # on a CPU, what stays in its cache
        normal[some].copy_(colours[some]).div_(255).sub_(mean).div_(std)
    return Batch(
        pictures=normal,
        sounds=sounds.to(device, non_blocking=True).float(),
        correlated=None if contrastive else torch.from_numpy(rows.correlated).to(device),
        indices=torch.from_numpy(rows.indices).to(device),
    )


# --- reading, here or in other processes ---


class _Reader(Dataset[Any]):
    """Reads a batch: uint8 (n, size, size, 3) and float16 (n, 1, mels, frames); or gives the error that a user should see."""

    def __init__(self, data: PairData) -> None:
        self.data = data

    def __getitem__(self, rows: Rows) -> tuple[Tensor, Tensor] | FoleyError:
        try:
            read = [
                self.data.read(*self.data.drawn(rows.epoch, int(index), correlated=bool(correlated)))
                for index, correlated in zip(rows.indices, rows.correlated, strict=True)
            ]
        except FoleyError as error:
            return error
        pictures, sounds = (np.stack(each) for each in zip(*read, strict=True))
        return torch.from_numpy(pictures), torch.from_numpy(sounds)[:, None]


class _Asked(Sampler[Rows]):
    """What the worker processes are to read next."""

    def __init__(self) -> None:
        self.rows: list[Rows] = []

    def __iter__(self) -> Iterator[Rows]:
        return iter(self.rows)


def _leave_ctrl_c(worker: int) -> None:
    """It reaches all processes of a terminal; what becomes of these the one that started them decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _read_ahead(data: PairData, rows: list[Rows], workers: int) -> Iterator[tuple[Tensor, Tensor] | FoleyError]:
    """As the reader reads them, by processes that are started once for a data set."""
    if workers not in data.readers:
        asked = _Asked()
        data.readers[workers] = (
            asked,
            DataLoader(
                _Reader(data),
                batch_size=None,
                sampler=asked,
                num_workers=workers,
                prefetch_factor=AHEAD,
                persistent_workers=True,
                multiprocessing_context="spawn",
                worker_init_fn=_leave_ctrl_c,
                generator=torch.Generator(),  # of its own: it draws from it, and training draws from the other
            ),
        )
    asked, loader = data.readers[workers]
    asked.rows = rows
    try:
        yield from loader
    except RuntimeError as error:
        if "worker" not in str(error):
            raise
        del data.readers[workers]
        raise ModelError(
            f"a process that reads features died: {error}", "there may be too little memory: --workers 0"
        ) from error
