"""What the vocoder learns by (Kumar et al. 2019, section 2.4), and how far a sound is from another as one hears it.

Besides the paper's: a distance of short-time spectra of several lengths (after Yamamoto, Song & Kim 2020), which brings small
networks far in little time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

N_FFTS = (256, 512, 1024, 2048)
FLOOR = 3e-4
"""Deviation of the white noise that lies under every sound: at -70 dB, 50 dB below the level of clips; what is weaker counts
little."""

Said = Sequence[Sequence[Tensor]]
"""What the discriminators' layers say, the last of each its verdict."""


def hinge(real: Said, made: Said) -> Tensor:
    """Equation 1, the discriminators' loss: verdicts above 1 on what is real, and below -1 on what is made, cost nothing."""
    return _sum((1 - each).relu().mean() for each in _verdicts(real)) + _sum(
        (1 + each).relu().mean() for each in _verdicts(made)
    )


def hinge_fooling(made: Said) -> Tensor:
    """Equation 2, the generator's loss: verdicts on what it made are to be high."""
    return -_sum(each.mean() for each in _verdicts(made))


def least_squares(real: Said, made: Said) -> Tensor:
    """Mao et al. 2017: verdicts of 1 on what is real and of 0 on what is made cost nothing."""
    return _sum((1 - each).square().mean() for each in _verdicts(real)) + _sum(each.square().mean() for each in _verdicts(made))


def least_squares_fooling(made: Said) -> Tensor:
    """What goes with it: verdicts on what the generator made are to be 1."""
    return _sum((1 - each).square().mean() for each in _verdicts(made))


class Adversary(NamedTuple):
    """How a generator and its discriminators play. telling: the discriminators' loss; fooling: the generator's."""

    telling: Callable[[Said, Said], Tensor]
    fooling: Callable[[Said], Tensor]


ADVERSARIES = {"hinge": Adversary(hinge, hinge_fooling), "least-squares": Adversary(least_squares, least_squares_fooling)}


def feature_matching(real: Said, made: Said) -> Tensor:
    """Equation 3: what the layers say of both is to be the same.

    As published, weighed with 4 / (layers + 1) and over scales by their mean; no gradient goes into ``real``.
    """
    total = torch.zeros((), device=made[0][0].device)
    for of_real, of_made in zip(real, made, strict=True):
        weight = 4 / (len(of_made) - 2) / len(made)
        for one, other in zip(of_real[:-1], of_made[:-1], strict=True):
            total = total + weight * functional.l1_loss(other, one.detach())
    return total


def levels(sound: Tensor, n_fft: int) -> Tensor:
    """Short-time spectrum in dB, with ``FLOOR`` under it: white noise of deviation 1 is about 0 dB.

    Args:
        sound: float (n, samples).

    Returns:
        (n, n_fft // 2 + 1, frames).
    """
    window = torch.hann_window(n_fft, device=sound.device, dtype=sound.dtype)
    window = window / window.square().sum().sqrt()
    spectrum = torch.stft(sound, n_fft, n_fft // 4, window=window, center=True, pad_mode="constant", return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    return 10 * (power + FLOOR**2).log10()


def distance(one: Tensor, other: Tensor) -> Tensor:
    """How far sounds are from each other, in dB: the mean difference of their levels, over spectra of several lengths.

    Args:
        one, other: float (n, samples).

    Returns:
        (n,).
    """
    each = [(levels(one, n_fft) - levels(other, n_fft)).abs().mean(dim=(1, 2)) for n_fft in N_FFTS]
    return torch.stack(each).mean(dim=0)


def _verdicts(said: Said) -> list[Tensor]:
    return [each[-1] for each in said]


def _sum(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()
