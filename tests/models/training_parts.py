"""Gradients and a run of one process, or as a program of several that ``torchrun`` starts: ``training_parts.py OUT``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
import training_pairs
from foley_models.analogy.picture.r2plus1d import PictureConfig, R2Plus1D
from foley_models.processes import Processes, joined, synced
from foley_models.recommendation.systems import Recommender
from foley_models.settings import Settings
from foley_models.turns import Turns, turns_of
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

CLIPS = "clips"
SYSTEMS = ("attention-infonce", "attention-ntxent-nonlinear", "attention-bce-margin", "baseline-bce", CLIPS)
ROWS = 8


class Seen(nn.Module):
    """The picture network of Foley by analogy, which normalises over clips."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = R2Plus1D(PictureConfig(widths=(4, 4, 8, 8), blocks=(1, 1, 1, 1), stem=4))

    def loss(self, pictures: Tensor, sounds: Tensor, correlated: None, *, gather: Any) -> tuple[Tensor, Tensor]:
        seen = self.picture(pictures.unflatten(3, (4, 8)).movedim(3, 2))  # (n, 3, 4, 32, 8) to (n, 4, 8)
        return (seen - 1).square().mean(), torch.ones(len(pictures), dtype=torch.bool)


def gradients(name: str, processes: Processes) -> dict[str, Any]:
    """Of one batch of ``ROWS`` pairs, in double precision: the mean loss, all gradients, what batch normalisation noted."""
    torch.manual_seed(1)
    network: Any = (Seen() if name == CLIPS else Recommender(training_pairs.tiny(name))).double()
    rows = ROWS // processes.world
    mine = slice(processes.rank * rows, (processes.rank + 1) * rows)
    pictures, sounds = torch.randn(ROWS, 3, 32, 32).double()[mine], torch.randn(ROWS, 1, 32, 20).double()[mine]
    contrastive = name == CLIPS or network.config.contrastive
    correlated = None if contrastive else torch.tensor([1, 0] * (ROWS // 2))[mine]
    with_loss: Any = Turns(network, turns_of(network, Settings(batch=ROWS, lr=0.01)), processes)
    if processes.world > 1:
        synced(network)
        with_loss = DistributedDataParallel(with_loss, broadcast_buffers=False)
    loss, right = with_loss(0, pictures, sounds, correlated)
    loss.backward()
    told = processes.total(torch.stack([loss.detach(), right.double().mean()])) / processes.world
    return {
        "loss": told,
        "gradients": {each: p.grad for each, p in network.named_parameters()},
        "buffers": dict(network.named_buffers()),
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with joined("cpu") as together:
        torch.set_num_threads(1)
        for name in SYSTEMS:
            made = gradients(name, together)
            if together.first:
                torch.save(made, folder / f"{name}.pt")
        said = training_pairs.settings(steps=6, validate_every=3)
        training_pairs.run(folder / "run", training_pairs.order(folder / "cache"), said, together)
