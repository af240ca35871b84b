"""A data set that is learnt in seconds: what is seen of a clip is a colour, what is heard a band of the same number.

As a program it trains on this, so that tests can kill it: ``training_pairs.py OUT '{"name": SYSTEM, "steps": 30, ...}'``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from foley_models.cli.progress import Progress
from foley_models.data.clips import Clip, Moments, Skipped
from foley_models.data.pairs import PairData
from foley_models.processes import Processes
from foley_models.recommendation.systems import SYSTEMS, SystemConfig
from foley_models.recommendation.train import Order, train
from foley_models.settings import Settings
from foley_models.stopping import heeded
from foley_models.trainer import Outcome

ALONE = Processes(torch.device("cpu"))
SIZE, BANDS, FRAMES, LABELS = 32, 32, 20, 8


@dataclass(frozen=True)
class Colours:
    """Clips of two moments; a clip's number decides all of it, and its label is the number by ``LABELS``."""

    count: int
    another: str = "label"
    missing: int = 0
    ready: bool = True
    skipped: tuple[Skipped, ...] = ()

    @property
    def clips(self) -> list[Clip]:
        return [Clip(f"clip-{number}", str(number % LABELS), f"clip-{number}") for number in range(self.count)]

    def what(self, index: int) -> Mapping[str, Any]:
        return {"colours": 1, "clip": index}

    def make(self, index: int) -> Moments:
        rng, label = np.random.default_rng(index), index % LABELS
        pictures = rng.integers(0, 60, (2, SIZE, SIZE, 3))
        pictures[..., label % 3] += 60 + 20 * label
        sounds = rng.normal(0, 0.5, (2, BANDS, FRAMES))
        sounds[:, 4 * label : 4 * label + 4] += 2
        return Moments(np.array([0.0, 1.0]), pictures.astype(np.uint8), sounds.astype(np.float16))


def tiny(name: str) -> SystemConfig:
    """A system in next to no size."""
    return replace(SYSTEMS[name], widths=(4, 4, 6, 8), embedding=16)


def order(cache: Path, name: str = "attention-infonce", **changes: Any) -> Order:
    """What is to be trained."""
    pairs = [PairData(Colours(count), split=split, cache=cache, seed=0) for split, count in (("train", 64), ("test", 32))]
    return Order(system=tiny(name), data="colours", train=pairs[0], validation=pairs[1], **changes)


def settings(**changes: Any) -> Settings:
    """How."""
    return Settings(**{"batch": 8, "lr": 0.01, "steps": 30, "threads": 1, **changes})


def run(out: Path, order: Order, settings: Settings, processes: Processes = ALONE, **more: Any) -> Outcome:
    """Train."""
    with heeded() as stopping, Progress(hidden=not processes.first) as progress:
        return train(order, settings, out, processes, progress, wanted=lambda: stopping.wanted, **more)


if __name__ == "__main__":
    from foley_bridge.errors import FoleyError

    out, said = Path(sys.argv[1]), json.loads(sys.argv[2])
    name, workers = said.pop("name"), said.pop("workers", 0)
    try:
        run(out, order(out.with_name("cache"), name, save_every_s=0, workers=workers), settings(**said))
    except FoleyError as error:
        sys.exit(str(error))
