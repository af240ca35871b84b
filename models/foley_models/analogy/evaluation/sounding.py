"""How what networks make becomes sound: codes, mels, samples. Every row of the table goes this way, or pastes samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foley_bridge.inference.clips import ClipPicture, ClipSound, levelled, magnitudes, mel, pictures
from foley_bridge.inference.griffin_lim import griffin_lim
from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN
from foley_models.analogy.data.batching import Place
from foley_models.analogy.data.films import Films, first_sample
from foley_models.analogy.vocoder.melgan import Generator

Floats = NDArray[np.float32]
Voice = Callable[[Floats], Floats]
"""float32 (n, mels, frames), log10 of magnitude, to samples, float32 (n, hop * frames)."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip, as networks see and hear it.

    Attributes:
        images: uint8 (frames, h, w, 3), as they are kept.
        pictures: float32 (1, 3, frames, s, s).
        samples: float32 (samples,), levelled.
        mel: float32 (1, 1, mels, frames of sound).
    """

    images: NDArray[np.uint8]
    pictures: Tensor
    samples: Floats
    mel: Tensor


def clip(films: Films, place: Place, device: torch.device) -> Clip:
    """A clip of a film."""
    film = films[place.film]
    images = np.array(film.frames[place.start : place.start + films.picture.frames])
    first = first_sample(place.start, films.picture, films.sound)
    samples = levelled(np.array(film.samples[first : first + films.sound.samples]), films.sound)
    return Clip(images, seen(images, films.picture).to(device), samples, torch.from_numpy(mel(samples, films.sound)).to(device))


def seen(images: NDArray[np.uint8], settings: ClipPicture) -> Tensor:
    """What networks see of a clip's kept pictures: float32 (1, 3, frames, s, s)."""
    return torch.from_numpy(pictures(images, settings))[None]


def network_voice(network: Generator, device: torch.device) -> Voice:
    """The vocoder."""

    @torch.no_grad()
    def voice(spectra: Floats) -> Floats:
        made: Floats = network(torch.from_numpy(spectra).to(device))[:, 0].cpu().numpy()
        return made

    return voice


def griffin_lim_voice(settings: ClipSound) -> Voice:
    """Where there is no vocoder."""

    def voice(spectra: Floats) -> Floats:
        return np.stack([griffin_lim(each, settings) for each in spectra])

    return voice


@dataclass(frozen=True, eq=False)
class Sounding:
    """From mels and codes to clips of sound.

    Attributes:
        settings: of clips' sound.
        voice: the vocoder, or Griffin-Lim.
        codebook: in eval mode; None where no codes are made.
        device: that it is on.
    """

    settings: ClipSound
    voice: Voice
    codebook: SpectrogramVQGAN | None
    device: torch.device

    def of_mels(self, mels: Tensor) -> Floats:
        """(n, 1, mels, frames) to float32 (n, samples): what a clip has beyond its mel's frames is silent."""
        made = self.voice(magnitudes(mels[:, 0].clamp(-1, 1).cpu().numpy()))
        return np.pad(made, ((0, 0), (0, self.settings.samples - made.shape[1])))

    @torch.no_grad()
    def of_codes(self, codes: Tensor) -> Floats:
        """int64 (n, 50) to float32 (n, samples)."""
        return self.of_mels(self._codebook.decode(codes))

    @torch.no_grad()
    def codes(self, mels: Tensor) -> Tensor:
        """float32 (n, 1, mels, frames) to int64 (n, 50)."""
        return self._codebook.encode(mels)

    @property
    def _codebook(self) -> SpectrogramVQGAN:
        assert self.codebook is not None, "whoever makes codes gives the codebook"
        return self.codebook
