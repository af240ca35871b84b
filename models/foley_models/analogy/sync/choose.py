"""The paper's re-ranking (section 3.3): of many sounds made for a picture, the one that fits it best in time.

Of all sounds, those are kept whose offset is at most the smallest one plus a tolerance; of these, the one is taken whose offset
is surest. There always is one.

The authors' code does something else: it keeps those whose offset is at most the tolerance itself, and where there is none, its
index stays at -1, which in Python is the last sound. ``choose_published`` keeps what that keeps, and says so where there is
none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foley_models.analogy.sync.network import SyncNetwork

TOLERANCE_S = 0.2
"""The authors' tau: one step of SparseSync's offsets."""
ROUNDING_S = 1e-6  # offsets that are equal but for rounding are equal
AT_ONCE = 64  # sounds heard together


class Scores(NamedTuple):
    """Of sounds beside one picture.

    Attributes:
        offsets_s: float64 (k,), the most probable offset of each; above 0: the sound comes late.
        confidences: float64 (k,), how probable it is.
    """

    offsets_s: NDArray[np.float64]
    confidences: NDArray[np.float64]


def decided(logits: Tensor, offsets_s: tuple[float, ...]) -> Scores:
    """What a network says of k sounds, logits (k, classes), as offsets and confidences."""
    probable, classes = torch.softmax(logits.double(), dim=1).max(dim=1)
    return Scores(np.array(offsets_s)[classes.cpu().numpy()], probable.cpu().numpy())


@torch.no_grad()
def score(network: SyncNetwork, pictures: Tensor, mels: Tensor) -> Scores:
    """Offsets of many sounds from one picture, which is looked at once.

    Args:
        network: in eval mode.
        pictures: float32 (3, frames, s, s), normalised.
        mels: float32 (k, 1, mels, sound frames), on the same device.
    """
    seen = network.see(pictures[None])
    logits = [network.compare(seen.expand(len(some), -1, -1), network.hear(some)) for some in mels.split(AT_ONCE)]
    return decided(torch.cat(logits), network.offsets_s)


def choose(scores: Scores, tolerance_s: float = TOLERANCE_S) -> int:
    """The number of the sound that is taken; of equally sure ones, the first.

    Raises:
        ValueError: there is no sound.
    """
    if not len(scores.offsets_s):
        raise ValueError("there is no sound to choose from")
    away = np.abs(scores.offsets_s)
    kept = away <= away.min() + tolerance_s + ROUNDING_S
    return int(np.where(kept, scores.confidences, -1).argmax())


def choose_published(scores: Scores, tolerance_s: float = TOLERANCE_S) -> int | None:
    """As the authors' code has it, with its own tolerance; None where no offset is within it: there, the code takes the
    last sound whatever it is."""
    kept = np.abs(scores.offsets_s) <= tolerance_s + ROUNDING_S
    return int(np.where(kept, scores.confidences, -1).argmax()) if kept.any() else None
