"""The systems of Krishnamurthy, Table 1, by name: which encoder, head and loss each is, and the network they make together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from foley_models.recommendation import losses
from foley_models.recommendation.encoders import EMBEDDING, AttentionEncoder, BaselineEncoder
from foley_models.recommendation.heads import CorrelationHead, LinearProjector, NonlinearProjector

ENCODERS = ("baseline", "attention")
LOSSES = {"bce": "distance", "bce+margin": "distance", "infonce": "projector", "ntxent": "projector"}
"""And what kind of head each needs."""
HEADS = {"distance": CorrelationHead, "linear": LinearProjector, "nonlinear": NonlinearProjector}


@dataclass(frozen=True)
class SystemConfig:
    """One system.

    Attributes:
        name: see ``SYSTEMS``.
        encoder: "baseline" (section 4.1, Fig. 2a) or "attention" (4.2, Fig. 2b).
        head: "distance" (4.1), "linear" or "nonlinear" (4.3).
        loss: "bce", "bce+margin" (Eq. 1), "infonce", "ntxent" (Eq. 2).
        widths: channels of the four blocks, of both streams (not in the paper's text).
        stem_stride: of the picture's first convolution (likewise).
        compatibility: of attention: "conv", or "dot", which the paper names as the alternative.
        embedding: numbers of an embedding.
        margin, temperature: of the losses.
        batch: pairs in a batch (section 5: 128 for the baseline, 32 for attention).
    """

    name: str
    encoder: str
    head: str
    loss: str
    widths: tuple[int, ...] = (64, 128, 256, 512)
    stem_stride: int = 2
    compatibility: str = "conv"
    embedding: int = EMBEDDING
    margin: float = losses.MARGIN
    temperature: float = losses.TEMPERATURE
    batch: int = 32

    def __post_init__(self) -> None:
        for name, known in (("encoder", ENCODERS), ("head", HEADS), ("loss", LOSSES)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name}: {getattr(self, name)!r} is none of {', '.join(known)}")
        if (self.head == "distance") != (LOSSES[self.loss] == "distance"):
            raise ValueError(f"loss: {self.loss} does not go with the head {self.head}")

    @property
    def contrastive(self) -> bool:
        """Is it trained with correlated pairs only, whose others in the batch are the uncorrelated ones (section 4.3)?"""
        return self.head != "distance"

    def to_json(self) -> dict[str, Any]:
        """For a run's config and its checkpoints."""
        return {**asdict(self), "widths": list(self.widths)}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> SystemConfig:
        """The other way round.

        Raises:
            ValueError: a key is missing or unknown, or a value cannot be.
        """
        if wrong := {field.name for field in fields(cls)} ^ said.keys():
            raise ValueError(f"{sorted(wrong)[0]}: is missing or unknown")
        return cls(**{**said, "widths": tuple(said["widths"])})


SYSTEMS = {
    system.name: system
    for system in (
        SystemConfig("baseline-bce", "baseline", "distance", "bce", batch=128),  # Table 1a row 1, 1b model 1
        SystemConfig("attention-bce", "attention", "distance", "bce"),  # 1b model 2
        SystemConfig("attention-bce-margin", "attention", "distance", "bce+margin"),  # 1a row 2, 1b model 3
        SystemConfig("attention-infonce-nonlinear", "attention", "nonlinear", "infonce"),  # 1b model 4
        SystemConfig("attention-infonce", "attention", "linear", "infonce"),  # 1b model 5, the best
        SystemConfig("attention-ntxent-nonlinear", "attention", "nonlinear", "ntxent"),  # 1b model 6
        SystemConfig("attention-ntxent", "attention", "linear", "ntxent"),  # 1b model 7
        SystemConfig("finetuned", "attention", "distance", "bce+margin"),  # 1a row 3: begins with attention-infonce's encoders
    )
}
FINETUNED_FROM = {"finetuned": "attention-infonce"}
SIZES: dict[str, dict[str, Any]] = {
    "paper": {"widths": (64, 128, 256, 512), "stem_stride": 2},
    "mini": {"widths": (16, 32, 64, 128), "stem_stride": 2},
    "tiny": {"widths": (8, 16, 32, 64), "stem_stride": 4},
}
"""What every system can be made as; the smaller ones are for CPUs."""


def system(name: str, size: str = "paper") -> SystemConfig:
    """A system by name, in one of the ``SIZES``.

    Raises:
        ValueError: there is no such system or size; names those there are.
    """
    if name not in SYSTEMS:
        raise ValueError(f"{name!r}: there is no such system, only {', '.join(SYSTEMS)}")
    if size not in SIZES:
        raise ValueError(f"{size!r}: there is no such size, only {', '.join(SIZES)}")
    return replace(SYSTEMS[name], **SIZES[size])


def _own(rows: Tensor) -> Tensor:
    return rows


class Recommender(nn.Module):
    """A system's network: an encoder for pictures, one for sounds, and the head they are trained with."""

    def __init__(self, config: SystemConfig) -> None:
        super().__init__()
        self.config = config
        self.picture = _encoder(config, 3, config.stem_stride)
        self.sound = _encoder(config, 1, 1)
        self.head = CorrelationHead() if config.head == "distance" else HEADS[config.head](config.embedding)

    def forward(self, pictures: Tensor, sounds: Tensor) -> tuple[Tensor, Tensor]:
        """The encoders' own embeddings, which retrieval uses: float32 (n, 3, 224, 224), (n, 1, 64, 100) to (n, 128) twice."""
        return self.picture(pictures), self.sound(sounds)

    def loss(
        self, pictures: Tensor, sounds: Tensor, correlated: Tensor | None = None, gather: Callable[[Tensor], Tensor] = _own
    ) -> tuple[Tensor, Tensor]:
        """A batch's loss, and which of it were told right: correlated or not (distance heads), or which sound is the
        picture's own (contrastive systems).

        Args:
            correlated: (n,), 0 or 1; None for contrastive systems, all of whose pairs are correlated.
            gather: where several processes have a part of the batch each: from the rows of one to those of all.

        Returns:
            scalar, and bool (n,), or for contrastive systems (all processes' n,).
        """
        v, a = self(pictures, sounds)
        with torch.autocast(v.device.type, enabled=False):  # of mixed precision the encoders have the gain
            v, a = v.to(pictures.dtype), a.to(pictures.dtype)
            if not self.config.contrastive:
                assert correlated is not None
                logits = self.head(v, a)
                loss = losses.correlation_bce(logits, correlated)
                if self.config.loss == "bce+margin":
                    loss = loss + losses.margin_contrastive(v, a, correlated, self.config.margin)
                return loss, logits.argmax(dim=1) == correlated
            zv, za = gather(torch.cat([self.head(v), self.head(a)], dim=1)).chunk(2, dim=1)
            contrast = losses.info_nce if self.config.loss == "infonce" else losses.nt_xent
            nearest = losses.similarities(zv, za).argmax(dim=1)
            return contrast(zv, za, self.config.temperature), nearest == torch.arange(len(nearest), device=nearest.device)


def _encoder(config: SystemConfig, channels: int, stem_stride: int) -> nn.Module:
    if config.encoder == "baseline":
        return BaselineEncoder(channels, config.widths, stem_stride=stem_stride, embedding=config.embedding)
    return AttentionEncoder(
        channels, config.widths, compatibility=config.compatibility, stem_stride=stem_stride, embedding=config.embedding
    )
