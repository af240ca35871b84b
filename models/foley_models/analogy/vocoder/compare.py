"""Is the vocoder better than Griffin-Lim (section 3.2)? How far both are from sounds that neither has seen."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from foley_bridge.inference.clips import ClipSound
from foley_bridge.inference.griffin_lim import griffin_lim
from foley_models.analogy.data import Films, clips
from foley_models.analogy.vocoder.losses import distance
from foley_models.analogy.vocoder.melgan import Generator
from foley_models.analogy.vocoder.train import heard


@dataclass(frozen=True)
class Compared:
    """Mean distances of spectra from the true sound, in dB (``losses.distance``).

    Attributes:
        clips: how many sounds.
        vocoder, griffin_lim: of the two ways.
        silence: of making nothing, for comparison.
        nearer: share of the sounds that the vocoder came nearer to than Griffin-Lim.
    """

    clips: int
    vocoder: float
    griffin_lim: float
    silence: float
    nearer: float


def compare(network: Generator, films: Films, sound: ClipSound, *, most: int = 64) -> Compared:
    """Measure both on one clip of each film, always the same.

    Args:
        network: in eval mode, on the CPU.
        films: that it was not trained with.
        most: clips.
    """
    far: list[list[float]] = []
    for batch in clips(films, size=1, seed=0, epoch=0, pictures=False, augment=False):
        seen, samples = heard(batch.samples, sound)
        with torch.no_grad():
            made = network(seen)[:, 0]
        guessed = torch.from_numpy(griffin_lim(seen[0].numpy(), sound))[None]
        far.append([float(distance(each, samples)) for each in (made, guessed, torch.zeros_like(samples))])
        if len(far) == most:
            break
    all_far = torch.tensor(far)  # (clips, 3)
    vocoder, guessed_far, silence = all_far.mean(dim=0).tolist()
    return Compared(len(far), vocoder, guessed_far, silence, float((all_far[:, 0] < all_far[:, 1]).float().mean()))
