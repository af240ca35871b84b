"""Gradients and a run of one process, or as a program of several that ``torchrun`` starts: ``training_parts.py OUT``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
import training_pairs
from foley_models.processes import Processes, joined, synced
from foley_models.recommendation.systems import Recommender
from foley_models.settings import Settings
from foley_models.turns import Turns, turns_of
from torch.nn.parallel import DistributedDataParallel

SYSTEMS = ("attention-infonce", "attention-ntxent-nonlinear", "attention-bce-margin", "baseline-bce")
ROWS = 8


def gradients(name: str, processes: Processes) -> dict[str, Any]:
    """Of one batch of ``ROWS`` pairs, in double precision: the mean loss, all gradients, what batch normalisation noted."""
    torch.manual_seed(1)
    network: Any = Recommender(training_pairs.tiny(name)).double()
    rows = ROWS // processes.world
    mine = slice(processes.rank * rows, (processes.rank + 1) * rows)
    pictures, sounds = torch.randn(ROWS, 3, 32, 32).double()[mine], torch.randn(ROWS, 1, 32, 20).double()[mine]
    correlated = None if network.config.contrastive else torch.tensor([1, 0] * (ROWS // 2))[mine]
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
