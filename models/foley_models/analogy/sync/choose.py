"""The paper's re-ranking (section 3.3) by a network in training: offsets of many sounds from one picture, and the best of them.

The rule is the runtime's (``foley_bridge.inference.offsets``). The authors' code does something else: it keeps those whose
offset is at most the tolerance itself, and where there is none, its index stays at -1, which in Python is the last sound.
``choose_published`` keeps what that keeps, and says so where there is none.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from foley_bridge.inference.offsets import ROUNDING_S, TOLERANCE_S, Scores, decided, order
from foley_models.analogy.sync.network import SyncNetwork

AT_ONCE = 64  # sounds heard together


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
    return decided(torch.cat(logits).cpu().numpy(), network.offsets_s)


def choose(scores: Scores, tolerance_s: float = TOLERANCE_S) -> int:
    """The number of the sound that is taken; of equally sure ones, the first.

    Raises:
        ValueError: there is no sound.
    """
    if not len(scores.offsets_s):
        raise ValueError("there is no sound to choose from")
    return int(order(scores, tolerance_s)[0])


def choose_published(scores: Scores, tolerance_s: float = TOLERANCE_S) -> int | None:
    """As the authors' code has it, with its own tolerance; None where no offset is within it: there, the code takes the
    last sound whatever it is."""
    kept = np.abs(scores.offsets_s) <= tolerance_s + ROUNDING_S
    return int(np.where(kept, scores.confidences, -1).argmax()) if kept.any() else None
