"""Many networks on the same inputs: read once, embedded by each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Floats = NDArray[np.float32]
BATCH = 64


def batched(arrays: Iterable[Floats], size: int = BATCH) -> Iterator[Floats]:
    """Arrays of one shape, stacked, ``size`` at a time."""
    waiting: list[Floats] = []
    for each in arrays:
        waiting.append(each)
        if len(waiting) == size:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)


def embedded(encoders: Sequence[nn.Module], batches: Iterable[Floats], device: torch.device) -> list[Floats]:
    """Each encoder's embeddings of everything.

    Args:
        encoders: in eval mode, on the device.
        batches: float32 (n, channels, h, w).

    Returns:
        of each, float32 (all n, d).
    """
    made: list[list[Floats]] = [[] for _ in encoders]
    with torch.inference_mode():
        for batch in batches:
            inputs = torch.from_numpy(batch).to(device)
            for encoder, mine in zip(encoders, made, strict=True):
                mine.append(encoder(inputs).float().cpu().numpy())
    return [np.concatenate(mine) for mine in made]
