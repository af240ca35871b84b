"""The decoders of Tables 1 and 2 by name: ours, its ablations (section 4.1), and SpecVQGAN's way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from foley_models.analogy.decoder.gpt import SIZES, SOUND_AS
from foley_models.analogy.decoder.model import AnalogyConfig
from foley_models.analogy.picture.r2plus1d import PictureConfig


@dataclass(frozen=True)
class System:
    """What a decoder knows, and how it is trained.

    Attributes:
        condition: see ``DecoderConfig``.
        examples: the conditional example is another clip of the "same film", or a clip at "random".
        augment: are the clips of the training changed at random?
        motion: see ``AnalogyConfig``.
        begins: does it begin with a run of the system of that name, on another world?
    """

    condition: str = "all"
    examples: str = "same film"
    augment: bool = True
    motion: bool = False
    begins: str | None = None


SYSTEMS = {
    "ours": System(),
    "no-condition": System(condition="none"),
    "no-conditional-video": System(condition="sound"),
    "no-augmentation": System(augment=False),
    "random-conditional-examples": System(examples="random"),
    "specvqgan": System(condition="none", motion=True),  # as trained on another world, where its --data is one
    "specvqgan-finetuned": System(condition="none", motion=True, begins="specvqgan"),
}


def model_config(
    name: str, size: str, *, codes: int, vector: int, picture: PictureConfig, sound_as: str = SOUND_AS[0]
) -> AnalogyConfig:
    """A system's model.

    Args:
        name: see ``SYSTEMS``.
        size: see ``gpt.SIZES``.
        codes, vector: of the codebook.
        picture: the picture network.
        sound_as: see ``DecoderConfig``.

    Raises:
        ValueError: there is no such system or size, or ``sound_as`` is neither way; names those there are.
    """
    if name not in SYSTEMS:
        raise ValueError(f"{name!r}: there is no such system, only {', '.join(SYSTEMS)}")
    if size not in SIZES:
        raise ValueError(f"{size!r}: there is no such size, only {', '.join(SIZES)}")
    system = SYSTEMS[name]
    decoder = replace(
        SIZES[size],
        codes=codes,
        vector=vector,
        condition=system.condition,
        sound_as=sound_as,
        picture=picture.width * (2 if system.motion else 1),
    )
    return AnalogyConfig(name, decoder, picture, system.motion)
