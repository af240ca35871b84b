"""What pictures of a clip go through in training, as published: a piece cut out and resized, mirrored or not, other colours.

One draw holds for all pictures of a clip: what moves in it is what moved before the camera.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.clips import Images

AREA = (0.5, 1.0)  # of the picture that is cut out
ASPECT = (3 / 4, 4 / 3)
BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.4, 0.2, 0.4, 0.1
GREY = np.array([0.299, 0.587, 0.114], np.float32)


def augmented(images: Images, size: int, rng: np.random.Generator) -> Images:
    """A clip's pictures as another camera might have seen them.

    Args:
        images: uint8 (n, h, w, 3).
        size: pixels, of both sides of what comes out.

    Returns:
        uint8 (n, size, size, 3).
    """
    top, left, height, width = _piece(images.shape[1], images.shape[2], rng)
    pieces = images[:, top : top + height, left : left + width]
    out = np.stack([cv2.resize(each, (size, size), interpolation=cv2.INTER_LINEAR) for each in pieces])
    if rng.random() < 0.5:
        out = out[:, :, ::-1]
    return _jittered(out, rng)


def _piece(height: int, width: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Top, left, height and width of a piece of random area and aspect; the middle, where none fits."""
    for _ in range(10):
        area = height * width * rng.uniform(*AREA)
        aspect = math.exp(rng.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
        wide, high = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < wide <= width and 0 < high <= height:
            return int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1)), high, wide
    high, wide = min(height, round(width / ASPECT[0])), min(width, round(height * ASPECT[1]))
    return (height - high) // 2, (width - wide) // 2, high, wide


def _jittered(images: Images, rng: np.random.Generator) -> Images:
    """Brightness, contrast, saturation and hue, in random order."""
    amounts = [rng.uniform(1 - most, 1 + most) for most in (BRIGHTNESS, CONTRAST, SATURATION)]
    turn = rng.uniform(-HUE, HUE)
    colours: NDArray[Any] = images.astype(np.float32) / 255
    for which in rng.permutation(4):
        if which == 0:
            colours = colours * np.float32(amounts[0])
        elif which == 1:
            colours = _blended(colours, (colours @ GREY).mean(axis=(1, 2))[:, None, None, None], amounts[1])
        elif which == 2:
            colours = _blended(colours, (colours @ GREY)[..., None], amounts[2])
        else:
            colours = _turned(colours, turn)
        colours = np.clip(colours, 0, 1)
    return np.round(colours * 255).astype(np.uint8)


def _blended(colours: NDArray[Any], other: NDArray[Any], share: float) -> NDArray[Any]:
    return colours * np.float32(share) + other * np.float32(1 - share)


def _turned(colours: NDArray[Any], turn: float) -> NDArray[Any]:
    """Hues moved on by a share of the whole circle."""
    flat = np.ascontiguousarray(colours.reshape(-1, colours.shape[2], 3))
    hsv = cv2.cvtColor(flat, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + np.float32(360 * turn)) % 360
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)).reshape(colours.shape)
