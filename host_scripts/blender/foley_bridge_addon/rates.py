"""Frame rates as exact fractions, from the two numbers that Blender keeps. Knows nothing of Blender."""

from __future__ import annotations

import struct
from fractions import Fraction


def rate(fps: int, base: float) -> Fraction:
    """The exact rate of ``fps / base``: 24 / 1.001 is 24000/1001, though Blender keeps ``base`` in 32 bits only."""
    return exact(Fraction(fps) / Fraction(shortest(base)))


def exact(told: Fraction) -> Fraction:
    """The rate meant by one that 32 bits blurred. Decimals near N * 1000/1001 (23.976) are short for it, as in timelines."""
    simple = told.limit_denominator(1001)
    if abs(simple - told) * 10**7 > told:
        simple = told
    meant = round(simple * 1001 / 1000) * Fraction(1000, 1001)
    return meant if simple.denominator > 1 and abs(simple - meant) < Fraction(1, 100) else simple


def shortest(value: float) -> str:
    """The shortest decimal that is this number in 32 bits."""
    packed = struct.pack("<f", value)
    texts = (f"{value:.{digits}g}" for digits in range(1, 10))
    return next(text for text in texts if struct.pack("<f", float(text)) == packed)


def written(fraction: Fraction) -> str:
    """A rate as text, ``24000/1001``."""
    return f"{fraction.numerator}/{fraction.denominator}"
