"""Networks of Foley by analogy that are small, and give numbers of the size that trained ones give."""

from __future__ import annotations

from dataclasses import replace

import torch
from foley_export.analogy.parts import SILENCE, Parts
from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN, VQGANConfig
from foley_models.analogy.decoder.gpt import DecoderConfig
from foley_models.analogy.decoder.model import AnalogyConfig, AnalogyModel
from foley_models.analogy.onset.network import OnsetConfig, OnsetNetwork
from foley_models.analogy.picture.r2plus1d import PictureConfig
from foley_models.analogy.sync.network import SIZES as SYNCS
from foley_models.analogy.sync.network import SyncNetwork
from foley_models.analogy.vocoder.melgan import Generator, MelGANConfig
from torch import nn

from foley_bridge.inference.clips import ClipPicture, ClipSound

PICTURE = PictureConfig(widths=(4, 4, 6, 8), blocks=(1, 1, 1, 1), stem=4)
DECODER = DecoderConfig(codes=32, layers=2, heads=2, width=16, picture=8, vector=8)
CODEBOOK = VQGANConfig(channels=4, multipliers=(1, 1, 2, 2, 4), blocks=1, groups=2, codes=32, dimension=8)


def small_parts(*, batch_statistics: bool = False, condition: str = "all", sound_as: str = "indices") -> Parts:
    """All networks; the vocoder, sync and onset networks too."""
    torch.manual_seed(0)
    picture = replace(PICTURE, batch_statistics=batch_statistics)
    decoder = replace(DECODER, condition=condition, sound_as=sound_as)
    sync = replace(SYNCS["mini"], picture=PICTURE, sound_widths=(4, 4, 6, 8), width=16, heads=2, selectors=3)
    networks = {
        "model": AnalogyModel(AnalogyConfig("ours", decoder, picture)),
        "codebook": SpectrogramVQGAN(CODEBOOK),
        "vocoder": Generator(MelGANConfig(width=2)),
        "sync": SyncNetwork(sync),
        "onset": OnsetNetwork(OnsetConfig(PICTURE, hidden=8)),
    }
    for network in networks.values():
        _stir(network)
    return Parts(
        **networks,
        picture=ClipPicture(short_side=64, size=56),
        sound=ClipSound(),
        top_k=16,
        temperature=1.0,
        slide="half",
        pictures_per_column=2.8,
        fill=SILENCE,
        origin="runs",
        name="small",
        provenance={"decoder": {"command": "of a test"}},
    )


def _stir(network: nn.Module) -> None:
    """Statistics, scales and entries far from where they begin; logits that are told apart. In eval mode, without gradients."""
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 3)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_(0, 0.3)
        elif name.endswith("quantize.embedding"):
            module.weight.data.normal_()
        elif isinstance(module, nn.Linear) and name.startswith("decoder."):
            module.weight.data.mul_(8)
    if isinstance(network, AnalogyModel):
        network.decoder.pos_emb.data.normal_(0, 0.5)
        if network.decoder.config.sound_as == "vectors":
            network.decoder.codebook.normal_()
    network.eval().requires_grad_(False)
