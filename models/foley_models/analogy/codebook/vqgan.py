"""The spectrogram VQGAN (section 3.2): a mel of 80 bands becomes 5 codes every 16 frames, and a mel again.

State-dict names are those under ``first_stage_model.`` of the authors' checkpoints, but for ``wav_transforms``: the window and
the filters with which their module makes its mels itself, which are no weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from foley_models.analogy.codebook.blocks import Downsample, Level, Middle, Upsample, normalisation
from foley_models.analogy.codebook.quantiser import Quantised, Quantiser


@dataclass(frozen=True)
class VQGANConfig:
    """Which network.

    Attributes:
        channels: at full resolution.
        multipliers: of the channels, at each resolution from the full one down; each is half as high and wide as that before.
        blocks: residual blocks at each resolution of the encoder; the decoder has one more.
        attention: the resolutions (0 is the full one) whose blocks are followed by attention.
        groups: of group normalisation.
        codes: K, the number of entries.
        dimension: of an entry.
        bands: of a mel.
    """

    channels: int = 128
    multipliers: tuple[int, ...] = (1, 1, 2, 2, 4)
    blocks: int = 2
    attention: tuple[int, ...] = (4,)
    groups: int = 32
    codes: int = 1024
    dimension: int = 256
    bands: int = 80

    @property
    def patch(self) -> int:
        """Bands, and frames, of one code."""
        return 2 ** (len(self.multipliers) - 1)

    @property
    def rows(self) -> int:
        """Codes of a column."""
        return self.bands // self.patch


SIZES = {
    "paper": VQGANConfig(),
    "mini": VQGANConfig(channels=12, multipliers=(1, 1, 2, 4, 8), blocks=1, groups=4, codes=256, dimension=64),
}


class Encoder(nn.Module):
    """Mels to embeddings, before ``quant_conv``: (n, 1, 80, frames) to (n, dimension, 5, frames / 16)."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        widths = [config.channels * each for each in config.multipliers]
        self.conv_in = nn.Conv2d(1, config.channels, 3, padding=1)
        self.down = nn.ModuleList()
        for number, (inner, outer) in enumerate(zip([config.channels, *widths], widths, strict=False)):
            level = _level(config, number, inner, outer, config.blocks)
            if number < len(widths) - 1:
                level.downsample = Downsample(outer)
            self.down.append(level)
        self.mid = Middle(widths[-1], config.groups)
        self.norm_out = normalisation(widths[-1], config.groups)
        self.conv_out = nn.Conv2d(widths[-1], config.dimension, 3, padding=1)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.conv_in(mel)
        for level in self.down:
            x = level(x)
        return self.conv_out(functional.silu(self.norm_out(self.mid(x))))


class Decoder(nn.Module):
    """Entries, after ``post_quant_conv``, to mels: (n, dimension, 5, columns) to (n, 1, 80, 16 * columns)."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        widths = [config.channels * each for each in config.multipliers]
        self.conv_in = nn.Conv2d(config.dimension, widths[-1], 3, padding=1)
        self.mid = Middle(widths[-1], config.groups)
        self.up = nn.ModuleList()
        for number, (inner, outer) in enumerate(zip([*widths[1:], widths[-1]], widths, strict=True)):
            level = _level(config, number, inner, outer, config.blocks + 1)
            if number > 0:
                level.upsample = Upsample(outer)
            self.up.append(level)
        self.norm_out = normalisation(widths[0], config.groups)
        self.conv_out = nn.Conv2d(widths[0], 1, 3, padding=1)

    def forward(self, entries: Tensor) -> Tensor:
        x = self.mid(self.conv_in(entries))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(functional.silu(self.norm_out(x)))


class SpectrogramVQGAN(nn.Module):
    """Mels as numbers from -1 to 1 to codes, and codes to mels; what is decoded may go a little beyond -1 and 1."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.quantize = Quantiser(config.codes, config.dimension)
        self.quant_conv = nn.Conv2d(config.dimension, config.dimension, 1)
        self.post_quant_conv = nn.Conv2d(config.dimension, config.dimension, 1)

    @property
    def codes(self) -> int:
        """K, the number of entries."""
        return self.config.codes

    def embeddings(self, mel: Tensor) -> Tensor:
        """What is quantised: float32 (n, 1, 80, 16c) to (n, dimension, 5, c)."""
        return self.quant_conv(self.encoder(mel))

    def mel(self, entries: Tensor) -> Tensor:
        """Mels of entries: (n, dimension, 5, c) to float32 (n, 1, 80, 16c)."""
        return self.decoder(self.post_quant_conv(entries))

    def encode(self, mel: Tensor) -> Tensor:
        """The codes of mels: float32 (n, 1, 80, 16c) to int64 (n, 5c), column by column, in each from the lowest bands up."""
        return self.quantize.codes(self.embeddings(mel))

    def decode(self, codes: Tensor) -> Tensor:
        """The mels of codes: int64 (n, 5c), in the order of ``encode``, to float32 (n, 1, 80, 16c)."""
        return self.mel(self.quantize.entries(codes, self.config.rows))

    def forward(self, mel: Tensor) -> tuple[Tensor, Quantised]:
        """Mels as they come back, and what is between: float32 (n, 1, 80, 16c) to the same."""
        quantised: Quantised = self.quantize(self.embeddings(mel))
        return self.mel(quantised.entries), quantised

    @torch.no_grad()
    def reconstruct(self, mel: Tensor) -> Tensor:
        """What is left of mels when only their codes are kept: float32 (n, 1, 80, 16c) to the same."""
        return self.decode(self.encode(mel))


def _level(config: VQGANConfig, number: int, inner: int, outer: int, blocks: int) -> Level:
    return Level(inner, outer, blocks=blocks, attention=number in config.attention, groups=config.groups)
