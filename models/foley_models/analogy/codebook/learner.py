"""The codebook's training (section 3.2, supplement A): the VQGAN, its adversary, and their two turns of each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from foley_models.analogy.codebook.discriminator import PatchDiscriminator
from foley_models.analogy.codebook.losses import RECONSTRUCTIONS, adaptive_weight, adversarial, hinge, perceptual
from foley_models.analogy.codebook.quantiser import Quantised, rows_of, usage
from foley_models.analogy.codebook.revival import Revival
from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN, VQGANConfig
from foley_models.settings import Settings
from foley_models.turns import Turn

BETAS = (0.5, 0.9)
"""Of Adam, for both turns."""
NEVER = 1 << 30


@dataclass(frozen=True)
class Learning:
    """How a codebook is trained, beside the trainer's settings.

    Attributes:
        reconstruction: "l1" (the authors' code) or "mse" (their paper).
        codebook_weight: of drawing the codebook's entries to what mels become.
        commitment_weight: of drawing what mels become to the entries. The paper that these two are from (van den Oord et al.)
            gives the first 1 and this 0.25; the authors' code has it the other way round.
        perceptual_weight: of what a sound classifier sees; counts where there is one.
        adversary_weight: of looking recorded.
        adversary_from: the step from which on there is an adversary.
        adversary_bounds: the least and the most of the adaptive weight.
        adversary_width, adversary_layers: of the discriminator.
        revive_after: steps without use after which an entry of the codebook is put elsewhere; 0: never.
    """

    reconstruction: str = "l1"
    codebook_weight: float = 0.25
    commitment_weight: float = 1.0
    perceptual_weight: float = 1.0
    adversary_weight: float = 0.8
    adversary_from: int = 30_001
    adversary_bounds: tuple[float, float] = (1.0, 1.0)
    adversary_width: int = 64
    adversary_layers: int = 3
    revive_after: int = 0


LEARNING = {
    "paper": Learning(),
    "mini": Learning(
        codebook_weight=1.0,
        commitment_weight=0.25,
        perceptual_weight=0.3,
        adversary_from=NEVER,
        adversary_width=16,
        revive_after=40,
    ),
}


class Listener(Protocol):
    """A network that knows sounds: a sound classifier."""

    def layers(self, mel: Tensor) -> list[Tensor]:
        """What it makes of mels (n, 1, 80, 160), layer by layer, each (n, channels, h, w)."""


class CodebookLearner(nn.Module):
    """What is trained; ``network`` is what is used later.

    Args:
        listener: for the perceptual loss; stays as it is. None: without that loss.
    """

    def __init__(self, config: VQGANConfig, learning: Learning, listener: nn.Module | None = None) -> None:
        super().__init__()
        self.config, self.learning = config, learning
        self.network = SpectrogramVQGAN(config)
        self.discriminator = PatchDiscriminator(learning.adversary_width, learning.adversary_layers)
        self.revival = Revival(config.codes, learning.revive_after) if learning.revive_after else None
        self.listener: Any = None if listener is None else listener.requires_grad_(False).eval()
        self.step = 0

    def train(self, mode: bool = True) -> CodebookLearner:
        """As any module, but for the listener, which only listens."""
        super().train(mode)
        if self.listener is not None:
            self.listener.eval()
        return self

    def begin_step(self, step: int) -> None:
        """Which step is taken next, from 0."""
        self.step = step

    def begin_with(self, network: SpectrogramVQGAN) -> None:
        """Go on from another run's network: none of its entries is out of use."""
        self.network.load_state_dict(network.state_dict())
        if self.revival is not None:
            self.revival.idle.zero_()

    def turns(self, settings: Settings) -> Sequence[Turn]:
        """The codebook's, then its adversary's."""
        return [
            Turn("codebook", self.loss, [{"params": self.network.parameters()}], betas=BETAS),
            Turn(
                "adversary",
                self.adversary_loss,
                [{"params": self.discriminator.parameters()}],
                betas=BETAS,
                from_step=self.learning.adversary_from,
            ),
        ]

    def loss(self, mel: Tensor, *, gather: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """The codebook's loss of a batch, and how much of the codebook it used.

        In evaluation there is no adversary in it, so that losses of all steps can be compared.

        Args:
            mel: float32 (n, 1, 80, 160).

        Returns:
            The mean loss; the codes' perplexity as a share of K, for each mel the same, float32 (n,).
        """
        embeddings = self.network.embeddings(mel)
        revival = self.revival if self.training else None
        if revival is not None:
            places = rows_of(embeddings).flatten(0, 1)
            revival.revive(self.network.quantize.embedding.weight, places, self.step, gather)
        quantised = self._quantised(embeddings)
        if revival is not None:
            revival.note(quantised.codes, gather)
        decoded = self.network.mel(quantised.entries)
        near = RECONSTRUCTIONS[self.learning.reconstruction](decoded, mel)
        if self.listener is not None and self.learning.perceptual_weight:
            seen = perceptual(self.listener.layers(decoded), self.listener.layers(mel))
            near = near + self.learning.perceptual_weight * seen
        loss = near + self.learning.codebook_weight * quantised.drawn + self.learning.commitment_weight * quantised.committed
        if self.training and self.step >= self.learning.adversary_from:
            fooling = adversarial(self.discriminator(decoded))
            weight = adaptive_weight(near, fooling, self.network.decoder.conv_out.weight, self.learning.adversary_bounds)
            loss = loss + weight * self.learning.adversary_weight * fooling
        return loss, usage(quantised.codes, self.config.codes).expand(len(mel))

    def adversary_loss(self, mel: Tensor, *, gather: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """The discriminator's loss of a batch, and which of it was taken for recorded when it was.

        Args:
            mel: float32 (n, 1, 80, 160).
        """
        with torch.no_grad():
            decoded = self.network.mel(self._quantised(self.network.embeddings(mel)).entries)
        recorded = self.discriminator(mel)
        return hinge(recorded, self.discriminator(decoded)), recorded.mean(dim=(1, 2, 3)) > 0

    def _quantised(self, embeddings: Tensor) -> Quantised:
        """In full precision: half the digits do not tell entries apart."""
        with torch.autocast(embeddings.device.type, enabled=False):
            quantised: Quantised = self.network.quantize(embeddings.float())
        return quantised
