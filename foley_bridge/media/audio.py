"""Sound in: any file, any rate and layout, as float32 blocks; and the one protocol that sound moves through the house by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np


class Sound(Protocol):
    """Sound that can be rendered block by block, so that an hour needs no more memory than a minute.

    Attributes:
        sample_rate: Hz.
        channels: how many.
        frames: length in samples per channel.
    """

    sample_rate: int
    channels: int
    frames: int

    def blocks(self, size: int = 65536) -> Iterator[np.ndarray]:
        """Yield float32 (n, channels), n <= size, from first to last sample; every call starts anew, same bytes each time."""
        ...
