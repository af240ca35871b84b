"""The peaks of a sound: what its waveform is drawn from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

MOST = 2000


def peaks_json(blocks: Iterable[np.ndarray], *, count: int, channels: int, sample_rate: int, start_s: float) -> dict[str, Any]:
    """The lowest and the highest sample of each of at most MOST stretches, as docs/audition.md has them.

    Args:
        blocks: float32 (n, channels), together ``count`` long.
        start_s: where the sound begins, as the answer says it.
    """
    columns = min(MOST, count)
    low, high = np.full((columns, channels), np.inf, np.float32), np.full((columns, channels), -np.inf, np.float32)
    done = 0
    for block in blocks:
        column, starts = np.unique((done + np.arange(len(block), dtype=np.int64)) * columns // count, return_index=True)
        low[column] = np.minimum(low[column], np.minimum.reduceat(block, starts))
        high[column] = np.maximum(high[column], np.maximum.reduceat(block, starts))
        done += len(block)
    pairs = np.stack([low, high], axis=1).clip(-1, 1)  # (columns, 2, channels)
    return {
        "peaks": [[round(float(value), 5) for value in pairs[:, :, channel].ravel()] for channel in range(channels)],
        "duration_s": count / sample_rate,
        "start_s": start_s,
    }
