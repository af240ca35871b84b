"""What is trained of the decoder: cross-entropy of the target's codes (Eq. 3). The codebook stays as it is, and mostly the
picture network, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN
from foley_models.analogy.decoder.model import AnalogyConfig, AnalogyModel
from foley_models.settings import Settings
from foley_models.turns import Turn, learning

WEIGHT_DECAY = 0.01
BETAS = (0.9, 0.95)


class DecoderLearner(nn.Module):
    """A model in training.

    Args:
        codebook: makes the codes; it is not trained, and no part of the checkpoint.
        train_picture: does the picture network learn, too? The motion stream always does: there is nothing it could begin with.
    """

    def __init__(self, config: AnalogyConfig, codebook: SpectrogramVQGAN, *, train_picture: bool = False) -> None:
        super().__init__()
        self.config = config
        self.network = AnalogyModel(config)
        if config.decoder.sound_as == "vectors":
            entries = codebook.quantize.embedding.weight.detach()
            self.network.decoder.codebook.copy_(entries / entries.square().mean().sqrt())  # however small they are: of size 1
        self.train_picture = train_picture
        self.network.picture.requires_grad_(train_picture)
        self._codebook = [codebook.eval().requires_grad_(False)]  # in a list: none of this module's parameters
        self.train()

    def train(self, mode: bool = True) -> DecoderLearner:
        """A picture network that does not learn keeps its statistics, too."""
        super().train(mode)
        if not self.train_picture:
            self.network.picture.eval()
        return self

    def loss(
        self,
        conditional_pictures: Tensor | None,
        conditional_mel: Tensor | None,
        pictures: Tensor,
        mel: Tensor,
        *,
        gather: Callable[[Tensor], Tensor],
    ) -> tuple[Tensor, Tensor]:
        """Of a batch of pairs of clips.

        Args:
            conditional_pictures: as for ``features``; None where the system does not look at them.
            conditional_mel: as for ``codes``; None where it does not listen.
            pictures, mel: of the target, likewise.

        Returns:
            scalar, and bool (n * 50,): which of the target's codes were the likeliest ones.
        """
        conditional = None if conditional_pictures is None else self.features(conditional_pictures)
        codes = None if conditional_mel is None else self.codes(conditional_mel)
        target = self.codes(mel)
        logits = self.network.logits(conditional, self.features(pictures), codes, target).flatten(0, 1).float()
        told = target.flatten()
        return functional.cross_entropy(logits, told), logits.argmax(dim=1) == told

    @property
    def sees_the_same(self) -> bool:
        """Are the features of pictures the same at every step?"""
        return not self.train_picture and self.network.motion is None

    def features(self, pictures: Tensor) -> Tensor:
        """Of pictures, float32 (n, 3, 30, s, s); features (n, 30, F) stay what they are."""
        if pictures.ndim == 3:
            return pictures
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.sees_the_same):
            return self.network.features(pictures)

    @torch.no_grad()
    def codes(self, mel: Tensor) -> Tensor:
        """Of mels, float32 (n, 1, 80, 160); codes int64 (n, 50) stay what they are."""
        if mel.ndim == 2:
            return mel
        with torch.autocast(mel.device.type, enabled=False):  # which entry is nearest is no matter for mixed precision
            return self._codebook[0].to(mel.device).encode(mel)

    def turns(self, settings: Settings) -> Sequence[Turn]:
        """One: all that learns, weight decay on the weights of linear layers alone."""
        linear = {id(each.weight) for each in self.network.modules() if isinstance(each, nn.Linear)}
        learns = learning(self.network.parameters())
        groups = [
            {"params": [each for each in learns if id(each) in linear], "weight_decay": WEIGHT_DECAY},
            {"params": [each for each in learns if id(each) not in linear], "weight_decay": 0.0},
        ]
        return [Turn("codes", self.loss, groups, optimizer="adamw", betas=BETAS)]
