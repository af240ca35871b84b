"""The whole of Fig. 3 up to the codes: a picture network, and the decoder over [conditional pictures | input's pictures |
conditional codes | target's codes]."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from foley_models.analogy.decoder.gpt import Decoder, DecoderConfig
from foley_models.analogy.picture.r2plus1d import PictureConfig, R2Plus1D


@dataclass(frozen=True)
class AnalogyConfig:
    """A model.

    Attributes:
        system: which one it is, see ``systems.SYSTEMS``.
        decoder, picture: its networks.
        motion: has it a second stream, for motion, whose features stand beside those of the pictures (SpecVQGAN's way)?
    """

    system: str
    decoder: DecoderConfig
    picture: PictureConfig
    motion: bool = False

    def __post_init__(self) -> None:
        if self.decoder.picture != self.picture.width * (2 if self.motion else 1):
            raise ValueError(f"decoder.picture: {self.decoder.picture} is not what the picture network gives")


class AnalogyModel(nn.Module):
    """Clips to the logits of the input's codes."""

    def __init__(self, config: AnalogyConfig) -> None:
        super().__init__()
        self.config = config
        self.picture = R2Plus1D(config.picture)
        self.motion = R2Plus1D(config.picture) if config.motion else None
        self.decoder = Decoder(config.decoder)

    def features(self, pictures: Tensor) -> Tensor:
        """One a picture: float32 (n, 3, T, s, s), normalised, to (n, T, F). Clips are looked at one by one where the picture
        network goes by the statistics of what it is given, so that they do not decide about each other's features."""
        if self.config.picture.batch_statistics:
            return torch.cat([self._streams(clip) for clip in pictures.split(1)])
        return self._streams(pictures)

    def _streams(self, pictures: Tensor) -> Tensor:
        seen = self.picture(pictures)  # (n, T, width)
        if self.motion is None:
            return seen
        change = torch.diff(pictures, dim=2, prepend=pictures[:, :, :1])  # (n, 3, T, s, s), nothing in the first
        return torch.cat([seen, self.motion(change)], dim=2)

    def prefix(self, conditional: Tensor | None, features: Tensor, codes: Tensor | None) -> Tensor:
        """The tokens before the target's.

        Args:
            conditional: features of the conditional example's pictures (n, 30, F); only looked at where ``condition`` is "all".
            features: of the input's pictures (n, 30, F).
            codes: of the conditional example's sound, int64 (n, 50); not looked at where ``condition`` is "none".

        Returns:
            (n, ``decoder.config.prefix``, width).
        """
        condition = self.decoder.config.condition
        tokens = [self.decoder.pictures(features)]
        if condition == "all":
            if conditional is None:
                raise ValueError("conditional: this model looks at the conditional example's pictures")
            tokens.insert(0, self.decoder.pictures(conditional))
        if condition != "none":
            if codes is None:
                raise ValueError("codes: this model listens to the conditional example")
            tokens.append(self.decoder.sounds(codes))
        return torch.cat(tokens, dim=1)

    def logits(self, conditional: Tensor | None, features: Tensor, codes: Tensor | None, target: Tensor) -> Tensor:
        """Of each of the target's codes, given those before it.

        Args:
            conditional, features, codes: as for ``prefix``.
            target: int64 (n, m); the last one is not looked at.

        Returns:
            float32 (n, m, K).
        """
        prefix = self.prefix(conditional, features, codes)
        tokens = torch.cat([prefix, self.decoder.sounds(target[:, :-1])], dim=1)  # (n, prefix + m - 1, width)
        return self.decoder(tokens, last=target.shape[1])[0]
