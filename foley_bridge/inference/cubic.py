"""Pictures made smaller by cubic interpolation over as many pixels as become one: number for number what Pillow's ``resize``
does, and so what the authors of Foley by analogy prepare their pictures with. (Pillow 13 may take columns before rows.)

OpenCV's cubic interpolation looks at four pixels, however many become one.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.features import Floats

SHARPNESS = -0.5  # of the cubic: its slope at 1
UNIT = 1 << 22  # weights are whole numbers of this


def resized(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture in another size: rows first, then columns, whole levels after each.

    Args:
        image: uint8 (h, w, channels).

    Returns:
        uint8 (height, width, channels).
    """
    across = _along(image.transpose(1, 0, 2), width)  # (width, h, channels)
    return np.ascontiguousarray(_along(across.transpose(1, 0, 2), height))


def _along(image: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """(m, n, channels) to (length, n, channels)."""
    if len(image) == length:
        return image
    sums = _weights(len(image), length) @ image.reshape(len(image), -1).astype(np.float64)
    levels = np.clip(np.floor((sums + UNIT // 2) / UNIT), 0, 255).astype(np.uint8)
    return levels.reshape(length, *image.shape[1:])


@functools.lru_cache(maxsize=16)
def _weights(count: int, length: int) -> Any:
    """How much each of ``count`` pixels counts in each of ``length``: a sparse matrix (length, count) of whole numbers."""
    import scipy.sparse

    each = count / length  # pixels that become one
    wide = max(each, 1.0)
    rows = []
    for place in range(length):
        middle = (place + 0.5) * each
        first, end = max(int(middle - 2 * wide + 0.5), 0), min(int(middle + 2 * wide + 0.5), count)
        at = (np.arange(first, end) - middle + 0.5) / wide
        row = np.zeros(count)
        row[first:end] = _cubic(at) / _cubic(at).sum()
        rows.append(row)
    exact = np.array(rows) * UNIT
    return scipy.sparse.csr_array(np.trunc(exact + np.copysign(0.5, exact)))


def _cubic(at: Floats) -> Floats:
    at = np.abs(at)
    near = ((SHARPNESS + 2) * at - (SHARPNESS + 3)) * at * at + 1
    far = SHARPNESS * (((at - 5) * at + 8) * at - 4)
    return np.where(at < 1, near, np.where(at < 2, far, 0.0))
