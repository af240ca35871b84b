"""Files in the form of those that the authors of Foley by analogy published, with small networks of random weights in them."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from foley_export.analogy.published.read import Sizes
from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN
from foley_models.analogy.decoder.model import AnalogyConfig, AnalogyModel
from foley_models.analogy.vocoder.melgan import Generator, MelGANConfig
from small_analogy import CODEBOOK, DECODER, PICTURE
from torch import Tensor

SIZES = Sizes(CODEBOOK, PICTURE, DECODER, MelGANConfig(width=2))


def codebook_tensors(seed: int = 0) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    tensors = SpectrogramVQGAN(SIZES.codebook).state_dict()
    tensors["quantize.embedding.weight"] = torch.randn(SIZES.codebook.codes, SIZES.codebook.dimension)
    return tensors


def decoder_tensors(seed: int = 0) -> OrderedDict[str, Tensor]:
    """All that a decoder's checkpoint has: three networks, what their modules make mels with, and the order of codes."""
    torch.manual_seed(seed + 1)
    model = AnalogyModel(AnalogyConfig("ours", SIZES.decoder, SIZES.picture))
    for name, tensor in model.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.3)
        elif name.endswith("running_var"):
            tensor.uniform_(0.3, 3)
        elif name.endswith(("tok_emb.weight", "pos_emb")):
            tensor.normal_(0, 0.5)
        elif name.startswith("decoder.") and name.endswith("weight") and tensor.ndim == 2:
            tensor.mul_(10)  # so that what it sees matters
    order = torch.arange(50).reshape(5, 10).T.reshape(-1).clone()
    named = OrderedDict((f"first_stage_model.{name}", tensor) for name, tensor in codebook_tensors(seed).items())
    named["first_stage_model.wav_transforms.0.window"] = torch.hann_window(1024)
    named["first_stage_model.wav_transforms.1.fb"] = torch.rand(513, 80)
    named.update((f"cond_stage_model.model.{name}", tensor) for name, tensor in model.picture.state_dict().items())
    named["first_stage_permuter.forward_shuffle_idx"] = order
    named["first_stage_permuter.backward_shuffle_idx"] = order.argsort()
    named.update((f"transformer.{name}", tensor) for name, tensor in model.decoder.state_dict().items())
    named["wav_transforms.2.window"] = torch.hann_window(1024)
    return named


def vocoder_tensors(seed: int = 0) -> dict[str, Tensor]:
    torch.manual_seed(seed + 2)
    return Generator(SIZES.vocoder).state_dict()


def checkpoint(path: Path, tensors: dict[str, Tensor], *, old: bool = False) -> Path:
    """A Lightning checkpoint, with the state of an optimiser and of callbacks beside the networks."""
    state = {"state": {0: {"step": 3, "exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
    content = {"epoch": 3, "global_step": 99, "state_dict": OrderedDict(tensors), "optimizer_states": [state], "callbacks": {}}
    return saved(path, content, old=old)


def saved(path: Path, content: Any, *, old: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    return path
