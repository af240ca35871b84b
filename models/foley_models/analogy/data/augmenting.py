"""What pictures of a clip go through in training, as published: a piece cut out and resized, mirrored or not, other colours.

One draw holds for all pictures of a clip: what moves in it is what moved before the camera.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from foley_bridge.inference.clips import Images

AREA = (0.5, 1.0)  # of the picture that is cut out
ASPECT = (3 / 4, 4 / 3)
BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.4, 0.2, 0.4, 0.1


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
    out: Images = np.stack([cv2.resize(each, (size, size), interpolation=cv2.INTER_LINEAR) for each in pieces])
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
    brightness, contrast, saturation = (rng.uniform(1 - most, 1 + most) for most in (BRIGHTNESS, CONTRAST, SATURATION))
    turn = rng.uniform(-HUE, HUE)
    count, height, width, _ = images.shape
    tall = np.ascontiguousarray(images).reshape(count * height, width, 3)  # as one picture: fewer, longer calls
    for which in rng.permutation(4):
        if which == 0:
            tall = blended(tall, np.zeros_like(tall), brightness)
        elif which == 1:
            means = grey(tall)[..., 0].reshape(count, height * width).mean(axis=1).round().astype(np.uint8)
            tall = blended(
                tall, np.ascontiguousarray(np.broadcast_to(means.repeat(height)[:, None, None], tall.shape)), contrast
            )
        elif which == 2:
            tall = blended(tall, grey(tall), saturation)
        else:
            tall = turned(tall, turn)
    return tall.reshape(images.shape)


def blended(image: Images, other: Images, share: float) -> Images:
    """``share`` of a picture and the rest of another, both uint8 (h, w, 3); more than 1 goes away from the other."""
    return np.asarray(cv2.addWeighted(image, share, other, 1 - share, 0), np.uint8)


def grey(image: Images) -> Images:
    """A picture without colour, uint8 (h, w, 3)."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def turned(image: Images, turn: float) -> Images:
    """Hues moved on by a share of the whole circle, uint8 (h, w, 3)."""
    hsv = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL), np.uint8)
    hsv[..., 0] += np.uint8(round(256 * turn) % 256)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL), np.uint8)
