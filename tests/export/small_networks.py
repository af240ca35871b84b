"""Small networks for export tests: normalisations that have seen something, and embeddings that differ."""

from __future__ import annotations

from dataclasses import replace

import torch
from foley_models.recommendation.systems import Recommender, system
from torch import nn

STREAMS = {"picture": (3, 224, 224), "sound": (1, 64, 100)}


def small_network(name: str = "attention-infonce", seed: int = 0) -> Recommender:
    """Random weights; every BatchNorm has statistics, scales and shifts far from where it begins. In eval mode."""
    torch.manual_seed(seed)
    network = Recommender(replace(system(name), widths=(4, 6, 8, 12)))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 3)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_(0, 0.3)
    network.eval()
    for stream, shape in STREAMS.items():
        _centre(getattr(network, stream), torch.randn(8, *shape) * torch.linspace(0.1, 2, 8)[:, None, None, None])
    return network


def _centre(encoder: nn.Module, inputs: torch.Tensor) -> None:
    """Move the last layer's bias so that embeddings lie all around, as those of trained networks do."""
    made: list[torch.Tensor] = []
    hook = encoder.out.register_forward_hook(lambda module, given, out: made.append(out))
    with torch.no_grad():
        encoder(inputs)
        encoder.out.bias -= made[0].mean(dim=0)
    hook.remove()
