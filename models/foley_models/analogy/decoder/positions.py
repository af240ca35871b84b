"""First weights with which the decoder looks at the right pictures from the beginning, for trainings too short to learn it.

The published decoder's positions begin as zeros: which pictures go with a code is learnt place by place.
Here a part of each position says what moment it stands for, and the first head of the first block begins as one that looks at
the input's pictures of that moment. All of it goes on learning, and the network is none other.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from foley_models.analogy.decoder.gpt import Attention, Block, Decoder, DecoderConfig
from foley_models.analogy.decoder.sampling import FRAMES_PER_COLUMN

AMPLITUDE = 0.1
"""Of positions, root mean square."""
SHARPNESS = 1.7
"""Of the first head's queries and keys."""
MARK = 3.0
"""How much larger than the amplitude is what marks the input's pictures."""
MARKED = 14.0
"""By how much a mark raises the first head's scores."""


@torch.no_grad()
def begin_in_time(decoder: Decoder) -> None:
    """Give a decoder such weights.

    Of its width the first numbers are for the first head: waves that say the moment, and one that marks the input's pictures.
    Neither features nor codes reach these at first.
    """
    config, block = decoder.config, decoder.blocks[0]
    assert isinstance(block, Block)
    waves, head = _waves(config), config.width // config.heads
    decoder.pos_emb.copy_(positions(config))
    decoder.embedder.weight[: waves + 1] = 0
    assert decoder.embedder.bias is not None
    decoder.embedder.bias[: waves + 1] = 0
    entries: Any = decoder.tok_emb.weight
    (entries.T if config.sound_as == "indices" else entries)[: waves + 1] = 0
    attention: Attention = block.attn
    for linear in (attention.query, attention.key):
        linear.weight[:head] = 0
        linear.weight[: waves + 1, : waves + 1] = SHARPNESS * torch.eye(waves + 1)
    attention.query.weight[waves] = 0  # whoever asks: the mark counts for more than that nothing is as much alike as oneself
    attention.query.bias[waves] = MARKED * math.sqrt(head)


def positions(config: DecoderConfig) -> Tensor:
    """Where each token is.

    The waves are of geometrically rising frequency; the last numbers say, by vectors drawn at random, which of the sequence's
    parts a token is in and which row of a column it is. The place of a target's code has the moment and the row of the code
    after it: that is what is predicted there.

    Returns:
        float32 (1, positions, width).
    """
    codes = torch.arange(config.sound + 1)
    moments, rows = (codes // config.rows + 0.5) * FRAMES_PER_COLUMN, codes % config.rows  # moments are counted in pictures
    pictures, no_row = torch.arange(config.frames) + 0.5, torch.full((config.frames,), config.rows)
    example = {"all": [(pictures, no_row)], "sound": [], "none": []}[config.condition]
    heard = [] if config.condition == "none" else [(moments[:-1], rows[:-1])]
    parts = [*example, (pictures, no_row), *heard, (moments[1:], rows[1:])]
    when, row = (torch.cat(each) for each in zip(*parts, strict=True))
    part = torch.repeat_interleave(torch.arange(len(parts)), torch.tensor([len(each) for each, _ in parts]))
    waves = _waves(config)
    steps = torch.arange(waves // 2) / max(waves // 2 - 1, 1)
    cycles = 1 / config.frames * (config.frames / 2) ** steps  # of a wave, in a picture: from 1/30 to 1/2
    angles = 2 * math.pi * when[:, None] * cycles
    mark = MARK * (part == len(example)).float()[:, None]
    drawn = torch.Generator().manual_seed(0)
    rest = config.width - waves - 1
    said = torch.randn(len(parts), rest, generator=drawn)[part] + torch.randn(config.rows + 1, rest, generator=drawn)[row]
    return AMPLITUDE * torch.cat([angles.sin() * 2**0.5, angles.cos() * 2**0.5, mark, said * 0.5**0.5], dim=1)[None]


def _waves(config: DecoderConfig) -> int:
    """How many numbers are waves: as many as a head has, less the mark, in pairs."""
    return (config.width // config.heads - 1) // 2 * 2
