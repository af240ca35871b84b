"""A small network, its graphs, and a checkpoint that knows its held-out pairs by heart: each made once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import onnx
    from foley_models.recommendation.systems import Recommender

PAIRS = 16
STEPS = 25


@dataclass(frozen=True)
class Trained:
    """A checkpoint, and the cache of its data's features."""

    path: Path
    cache: Path


@pytest.fixture(scope="session")
def network() -> Recommender:
    torch = pytest.importorskip("torch", reason="the extra `models` is not installed")
    from small_networks import small_network

    torch.set_num_threads(1)
    return small_network()


@pytest.fixture(scope="session")
def graphs(network: Recommender) -> dict[str, onnx.ModelProto]:
    from foley_export.graph import to_onnx
    from small_networks import STREAMS

    return {stream: to_onnx(getattr(network, stream), stream, shape) for stream, shape in STREAMS.items()}


@pytest.fixture(scope="session")
def trained(network: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Of the stage; what it is tested with is what it was trained with, so that pairs are near after few steps."""
    import torch
    from foley_export.held_out import pairs_of
    from foley_models.recommendation import checkpoint
    from small_networks import small_network

    folder = tmp_path_factory.mktemp("trained")
    pairs = pairs_of("stage", "test", PAIRS, cache=folder / "cache")
    pictures, sounds = torch.from_numpy(pairs.pictures), torch.from_numpy(pairs.sounds)
    learning = small_network().train()
    optimiser = torch.optim.AdamW(learning.parameters(), 3e-3)
    for _ in range(STEPS):
        loss, _ = learning.loss(pictures, sounds)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for module in learning.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # an average, so that one look gives the statistics of the weights as they are now
    with torch.no_grad():
        learning(pictures, sounds)
    said = {
        "data": "stage",
        "seed": 0,
        "steps": STEPS,
        "epochs": STEPS,
        "took_s": 1.0,
        "command": "of a test",
        "validation": {},
    }
    checkpoint.save(folder / "best.pt", learning, trained=said)
    return Trained(folder / "best.pt", folder / "cache")
