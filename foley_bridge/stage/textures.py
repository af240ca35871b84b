"""Procedural textures, periodic so that they can be tiled: noise, and the surfaces of the eight materials."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from scipy import fft

from foley_bridge.stage.sprites import Colour

# a pebble from its shadow to its light: how large, how far down, how bright
PEBBLE = np.array([(1.12, 2.5, 0.35), (1.0, 0.0, 0.82), (0.72, -2.2, 1.08), (0.36, -4.0, 1.3)])


def clouds(rng: np.random.Generator, side: int, slope: float, *, along: float = 1.0) -> np.ndarray:
    """Periodic 1/f^slope noise, float32 (side, side), mean 0, deviation 1. along > 1 stretches it in x."""
    spectrum = fft.rfft2(rng.standard_normal((side, side), dtype=np.float32)) * _falloff(side, slope, along)
    field = fft.irfft2(spectrum, s=(side, side))
    return (field / field.std()).astype(np.float32)


@lru_cache(maxsize=32)
def _falloff(side: int, slope: float, along: float) -> np.ndarray:
    """What each frequency of a cloud is weighted by, float32 (side, side // 2 + 1)."""
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    radius = np.sqrt((fx * along) ** 2 + (fy / max(1.0, along**0.25)) ** 2)
    radius[0, 0] = np.inf if slope else 1.0
    return (radius**-slope).astype(np.float32)


def surface(material: str, colour: Colour, rng: np.random.Generator, side: int = 512) -> np.ndarray:
    """A material's own texture, one picture height square, periodic, float32 (side, side, 3), 0-255."""
    base = np.asarray(colour, np.float32)
    if material == "wood":
        warp = clouds(rng, side, 1.8, along=6.0)
        grain = clouds(rng, side, 0.9, along=30.0)
        rings = np.sin(2 * np.pi * (np.arange(side)[:, None] / side * 9 + 0.55 * warp))
        tone = 1.0 + 0.10 * rings + 0.07 * grain
    elif material == "metal":
        tone = 1.0 + 0.05 * clouds(rng, side, 0.5, along=60.0) + 0.04 * clouds(rng, side, 1.6)
    elif material == "stone":
        fine = clouds(rng, side, 0.2)
        tone = 1.0 + 0.11 * clouds(rng, side, 1.1) + 0.10 * fine + 0.14 * (fine > 1.9) - 0.16 * (fine < -1.9)
    elif material == "cardboard":
        flutes = np.sin(2 * np.pi * np.arange(side)[None, :] / side * 48)
        tone = 1.0 + 0.018 * flutes + 0.03 * clouds(rng, side, 0.4, along=3.0) + 0.04 * clouds(rng, side, 1.5)
    elif material == "gravel":
        return pebbles(rng, base, side)
    elif material == "ceramic":
        speckle = cv2.GaussianBlur(clouds(rng, side, 0.0), (0, 0), 1.2)
        tone = 1.0 + 0.02 * clouds(rng, side, 1.6) - 0.35 * (speckle > 0.62)
    else:
        tone = 1.0 + 0.02 * clouds(rng, side, 1.5)
    return np.clip(base * tone[..., None], 0, 255).astype(np.float32)


def pebbles(rng: np.random.Generator, base: np.ndarray, side: int) -> np.ndarray:
    """Stones lying close together, each with a light and a dark side; periodic. base: RGB -> float32 (side, side, 3)."""
    fine, border = side * 2, 60
    picture = np.full((fine, fine, 3), base * 0.42, np.float32)
    for size in (0.034, 0.026, 0.020, 0.015):
        count = round(0.34 / size**2)
        places = rng.uniform(0, fine, (count, 2))
        axes = np.round(16 * size * fine * rng.uniform((0.5, 0.32), (0.8, 0.55), (count, 2))[:, None] * PEBBLE[:, :1]).astype(
            int
        )
        turns = rng.uniform(0, 180, count)
        colours = base * rng.uniform(0.72, 1.25, (count, 1)) + rng.uniform(-10, 10, (count, 3))
        shades = np.clip(colours[:, None] * PEBBLE[:, 2:], 0, 255).tolist()
        for place, axis, turn, shade in zip(places.tolist(), axes.tolist(), turns.tolist(), shades, strict=True):
            # a stone across an edge is drawn again on the other side
            for x in _copies(place[0], fine, border):
                for y in _copies(place[1], fine, border):
                    for layer, (_, down, _) in enumerate(PEBBLE.tolist()):
                        centre = (round(x * 16), round((y + down) * 16))
                        cv2.ellipse(picture, centre, axis[layer], turn, 0, 360, shade[layer], -1, cv2.LINE_8, 4)
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def _copies(place: float, period: int, border: int) -> tuple[float, ...]:
    """Where something at a place is also seen in a picture that repeats."""
    if place < border:
        return place, place + period
    return (place, place - period) if place > period - border else (place,)
