"""MelGAN's generator (Kumar et al. 2019, section 2.2): log10 magnitudes of mel bands to samples, 256 of them a frame.

Names and shapes are those of the published ``best_netG.pt``. Frame t becomes the samples from ``256 t`` on, as the authors
trained it, though the frame's middle is there.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from torch import Tensor, nn

from foley_models.analogy.vocoder.reflecting import Reflected
from foley_models.analogy.vocoder.weight_norm import Conv1d, Upsampling, without_weight_norm

SLOPE = 0.2


@dataclass(frozen=True)
class MelGANConfig:
    """What the generator is.

    Attributes:
        mels: bands that come in.
        width: channels of the last stage; each stage before has twice as many.
        ratios: by how much each stage makes the time finer; together the hop.
        residual_layers: blocks after each of these, the k-th with dilation 3^k.
    """

    mels: int = 80
    width: int = 32
    ratios: tuple[int, ...] = (8, 8, 2, 2)
    residual_layers: int = 3

    @property
    def hop(self) -> int:
        """Samples that come out of a frame."""
        return math.prod(self.ratios)


SIZES = {"paper": MelGANConfig(), "mini": MelGANConfig(width=8)}


class Generator(nn.Module):
    """The network that is used."""

    def __init__(self, config: MelGANConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.width << len(config.ratios)
        layers: list[nn.Module] = [Reflected(3), Conv1d(config.mels, channels, 7)]
        for ratio in config.ratios:
            layers += [nn.LeakyReLU(SLOPE), Upsampling(channels, channels // 2, ratio)]
            channels //= 2
            layers += [ResidualBlock(channels, 3**number) for number in range(config.residual_layers)]
        layers += [nn.LeakyReLU(SLOPE), Reflected(3), Conv1d(channels, 1, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, magnitudes: Tensor) -> Tensor:
        """Sound.

        Args:
            magnitudes: float (n, mels, frames), log10; at least four frames.

        Returns:
            (n, 1, hop * frames), from -1 to 1.
        """
        made: Tensor = self.model(magnitudes)
        return made

    def plain(self) -> Generator:
        """The same network without weight norm, for export; ``self`` stays as it is."""
        made = copy.deepcopy(self)
        without_weight_norm(made)
        return made


class ResidualBlock(nn.Module):
    """(n, channels, time) to the same."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.LeakyReLU(SLOPE),
            Reflected(dilation),
            Conv1d(channels, channels, 3, dilation=dilation),
            nn.LeakyReLU(SLOPE),
            Conv1d(channels, channels, 1),
        )
        self.shortcut = Conv1d(channels, channels, 1)

    def forward(self, at: Tensor) -> Tensor:
        made: Tensor = self.shortcut(at) + self.block(at)
        return made
