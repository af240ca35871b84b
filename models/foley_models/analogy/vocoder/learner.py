"""The vocoder's training: the generator, the discriminators, and their two turns of each step (Kumar et al. 2019, section 2.4).

The authors take the discriminators' turn first and ours comes second, which differs in the very first step only: so a run shows
the generator's loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from foley_models.analogy.vocoder.discriminator import DiscriminatorConfig, MultiScaleDiscriminator
from foley_models.analogy.vocoder.losses import ADVERSARIES, distance, feature_matching
from foley_models.analogy.vocoder.melgan import Generator, MelGANConfig
from foley_models.settings import Settings
from foley_models.turns import Turn

NEAR_DB = 3.0
"""A sound is near enough when its spectra are so far from the true ones on average, or less."""


@dataclass(frozen=True)
class Learning:
    """How a vocoder is trained, beside the trainer's settings.

    Attributes:
        segment: frames that are learnt from at a time, 32 of them 8192 samples.
        adversary: one of ``losses.ADVERSARIES``; the authors take "hinge".
        adversary_from: the step from which on there is an adversary.
        feature_weight: of what the discriminators' layers say.
        distance_weight: of the distance of spectra, a dB; the paper has no such loss.
        betas: of Adam, for both turns.
    """

    segment: int = 32
    adversary: str = "hinge"
    adversary_from: int = 0
    feature_weight: float = 10.0
    distance_weight: float = 0.0
    betas: tuple[float, float] = (0.5, 0.9)


LEARNING = {"paper": Learning(), "mini": Learning(adversary_from=20_000, distance_weight=1.0, betas=(0.8, 0.99))}
"""A small network gets nowhere in little time by its adversary; ``mini`` has one only after the distance has taught it most."""


class VocoderLearner(nn.Module):
    """What is trained; ``network`` is what is used later."""

    def __init__(self, config: MelGANConfig, discriminator: DiscriminatorConfig, learning: Learning) -> None:
        super().__init__()
        self.config, self.learning = config, learning
        self.network = Generator(config)
        self.discriminator = MultiScaleDiscriminator(discriminator)
        self.step = 0

    def begin_step(self, step: int) -> None:
        """Which step is taken next, from 0."""
        self.step = step

    def turns(self, settings: Settings) -> Sequence[Turn]:
        """The generator's, then its adversary's."""
        return [
            Turn("generator", self.loss, [{"params": list(self.network.parameters())}], betas=self.learning.betas),
            Turn(
                "adversary",
                self.adversary_loss,
                [{"params": list(self.discriminator.parameters())}],
                betas=self.learning.betas,
                from_step=self.learning.adversary_from,
            ),
        ]

    def loss(self, magnitudes: Tensor, samples: Tensor, *, gather: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """The generator's loss of a batch, and which sounds came near to the true ones.

        In evaluation it is the distance of spectra alone, so that losses of all steps can be compared. (The authors keep the
        weights with the least error of the mel instead.)

        Args:
            magnitudes: float32 (n, mels, frames), log10.
            samples: float32 (n, hop * frames), what they are of.
        """
        made = self.network(magnitudes)  # (n, 1, hop * frames)
        far = distance(made[:, 0].float(), samples)  # at mixed precision, too: what is weak is lost in half the digits
        if not self.training:
            return far.mean(), far <= NEAR_DB
        loss = self.learning.distance_weight * far.mean()
        if self.step >= self.learning.adversary_from:
            with torch.no_grad():
                real = self.discriminator(samples[:, None])
            said = self.discriminator(made)
            loss = loss + ADVERSARIES[self.learning.adversary].fooling(said)
            loss = loss + self.learning.feature_weight * feature_matching(real, said)
        return loss, far <= NEAR_DB

    def adversary_loss(
        self, magnitudes: Tensor, samples: Tensor, *, gather: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The discriminators' loss of a batch, and which of it was taken for real when it was.

        Args: as for ``loss``.
        """
        with torch.no_grad():
            made = self.network(magnitudes)
        real = self.discriminator(samples[:, None])
        loss = ADVERSARIES[self.learning.adversary].telling(real, self.discriminator(made))
        return loss, real[0][-1].mean(dim=(1, 2)) > 0
