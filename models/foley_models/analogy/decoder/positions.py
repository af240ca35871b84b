"""First values of the decoder's positions that say when each token is, for trainings too short to find that out.

The published decoder's positions begin as zeros: which pictures a code goes with is learnt for every place of the sequence by
itself. Here tokens of the same moment begin alike, be they pictures or codes: what is learnt of one moment holds for all.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from foley_models.analogy.decoder.gpt import DecoderConfig
from foley_models.analogy.decoder.sampling import FRAMES_PER_COLUMN

AMPLITUDE = 0.1


def in_time(config: DecoderConfig) -> Tensor:
    """Positions to begin with.

    One half of each are waves of its moment, of geometrically rising frequency; the other says, by vectors drawn at random,
    which of the sequence's parts it is in and which row of a column it is. The place of a target's code has the moment and the
    row of the code after it: that is what is predicted there.

    Returns:
        float32 (1, positions, width).
    """
    codes = torch.arange(config.sound + 1)
    moments, rows = (codes // config.rows + 0.5) * FRAMES_PER_COLUMN, codes % config.rows  # moments are counted in pictures
    pictures, no_row = torch.arange(config.frames) + 0.5, torch.full((config.frames,), config.rows)
    parts = {"all": 4, "sound": 3, "none": 2}[config.condition]
    chosen = [(pictures, no_row), (pictures, no_row), (moments[:-1], rows[:-1]), (moments[1:], rows[1:])]
    chosen = {4: chosen, 3: chosen[1:], 2: [chosen[1], chosen[3]]}[parts]
    when = torch.cat([each for each, _ in chosen])
    row = torch.cat([each for _, each in chosen])
    part = torch.repeat_interleave(torch.arange(parts), torch.tensor([len(each) for each, _ in chosen]))
    half = config.width // 4
    waves = 1 / config.frames * (config.frames / 2) ** (torch.arange(half) / max(half - 1, 1))  # cycles a picture: 1/30 to 1/2
    angles = 2 * math.pi * when[:, None] * waves
    drawn = torch.Generator().manual_seed(0)
    of_part = torch.randn(parts, config.width - 2 * half, generator=drawn)[part]
    of_row = torch.randn(config.rows + 1, config.width - 2 * half, generator=drawn)[row]
    there = torch.cat([angles.sin() * math.sqrt(2), angles.cos() * math.sqrt(2), (of_part + of_row) / math.sqrt(2)], dim=1)
    return AMPLITUDE * there[None]
