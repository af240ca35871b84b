"""Tiny decoders, and what they are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN, VQGANConfig
from foley_models.analogy.decoder.gpt import DecoderConfig
from foley_models.analogy.decoder.model import AnalogyConfig, AnalogyModel
from foley_models.analogy.picture.r2plus1d import PictureConfig

CODEBOOK = VQGANConfig(channels=8, multipliers=(1, 1, 1, 1, 1), blocks=1, groups=4, codes=16, dimension=8)
PICTURE = PictureConfig(widths=(4, 6), blocks=(1, 1), stem=3)
DECODER = DecoderConfig(codes=16, layers=2, heads=2, width=16, vector=8, picture=6)


def config(system: str = "ours", motion: bool = False, batch_statistics: bool = False, **decoder: Any) -> AnalogyConfig:
    """Of a tiny model."""
    picture = replace(PICTURE, batch_statistics=batch_statistics)
    return AnalogyConfig(system, replace(DECODER, picture=12 if motion else 6, **decoder), picture, motion)


def model(said: AnalogyConfig | None = None, seed: int = 0) -> AnalogyModel:
    """Of random weights, large enough that it matters to the logits what came before; in double precision."""
    torch.manual_seed(seed)
    network = AnalogyModel(said or config()).double().eval()
    for each in network.decoder.parameters():
        torch.nn.init.normal_(each, std=0.4)
    if network.config.decoder.sound_as == "vectors":
        network.decoder.codebook.normal_()
    return network


def codebook(seed: int = 0) -> SpectrogramVQGAN:
    """Of random weights, whose codes differ from mel to mel."""
    torch.manual_seed(seed)
    network = SpectrogramVQGAN(CODEBOOK).eval()
    torch.nn.init.normal_(network.quantize.embedding.weight)
    return network


def clip(seed: int, frames: int = 30) -> tuple[torch.Tensor, torch.Tensor]:
    """Picture features float64 (1, frames, 6), and codes int64 (1, 50)."""
    drawn = torch.Generator().manual_seed(seed)
    return torch.randn(1, frames, 6, generator=drawn).double(), torch.randint(16, (1, 50), generator=drawn)
