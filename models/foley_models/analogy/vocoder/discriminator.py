"""MelGAN's discriminators (Kumar et al. 2019, section 2.3): three, on the sound and on halved and quartered rates of it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from foley_models.analogy.vocoder.reflecting import Reflected
from foley_models.analogy.vocoder.weight_norm import Conv1d

SLOPE = 0.2


@dataclass(frozen=True)
class DiscriminatorConfig:
    """What the discriminators are.

    Attributes:
        scales: how many there are, each with half the rate of the one before.
        width: channels of the first layer; each of the ``layers`` after it has ``factor`` times as many, up to ``most``.
        layers: that make the time coarser.
        factor: by how much each of these does.
    """

    scales: int = 3
    width: int = 16
    layers: int = 4
    factor: int = 4
    most: int = 1024


SIZES = {"paper": DiscriminatorConfig(), "mini": DiscriminatorConfig(width=8, layers=3, most=128)}


class MultiScaleDiscriminator(nn.Module):
    """Tells real sound from made."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.model = nn.ModuleDict({f"disc_{number}": _Discriminator(config) for number in range(config.scales)})
        self.downsample = nn.AvgPool1d(4, stride=2, padding=1, count_include_pad=False)

    def forward(self, sound: Tensor) -> list[list[Tensor]]:
        """What each scale's layers have to say; the last is its verdict, (n, 1, time): above 0 for real.

        Args:
            sound: float (n, 1, samples).
        """
        said = []
        for discriminator in self.model.values():
            said.append(discriminator(sound))
            sound = self.downsample(sound)
        return said


class _Discriminator(nn.Module):
    """One scale: each verdict is on a window of the sound only, not on all of it."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        width, factor = config.width, config.factor
        layers: list[nn.Module] = [nn.Sequential(Reflected(7), Conv1d(1, width, 15), nn.LeakyReLU(SLOPE))]
        for _ in range(config.layers):
            wider = min(width * factor, config.most)
            coarser = Conv1d(width, wider, 10 * factor + 1, stride=factor, padding=5 * factor, groups=max(1, width // 4))
            layers.append(nn.Sequential(coarser, nn.LeakyReLU(SLOPE)))
            width = wider
        wider = min(2 * width, config.most)
        layers.append(nn.Sequential(Conv1d(width, wider, 5, padding=2), nn.LeakyReLU(SLOPE)))
        layers.append(Conv1d(wider, 1, 3, padding=1))
        self.model = nn.ModuleDict({f"layer_{number}": layer for number, layer in enumerate(layers)})

    def forward(self, sound: Tensor) -> list[Tensor]:
        said = []
        for layer in self.model.values():
            sound = layer(sound)
            said.append(sound)
        return said
