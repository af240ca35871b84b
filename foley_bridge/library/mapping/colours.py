"""Colours for categories: those of most sounds lie farthest apart in hue, and each is told from a light and a dark ground."""

from __future__ import annotations

import math

_GOLDEN = 137.508  # degrees: hues one after another never come near each other for long
_FIRST = 25.0
_LIGHT = (0.60, 0.50, 0.66)  # lightness on a light ground, one after another
_DARK = (0.74, 0.64, 0.82)
_CHROMA = (0.17, 0.13, 0.10)
NONE = ("#8d939e", "#7c828d")  # of sounds without a category: on light, on dark


def colours(count: int) -> list[tuple[str, str]]:
    """So many colours, #rrggbb: on a light ground, on a dark one."""
    made = []
    for place in range(count):
        hue, turn = _FIRST + place * _GOLDEN, place // 9 % 3
        made.append((_hex(_LIGHT[turn], _CHROMA[turn], hue), _hex(_DARK[turn], _CHROMA[turn], hue)))
    return made


def _hex(lightness: float, chroma: float, degrees: float) -> str:
    """A colour of OKLCH (Ottosson's OKLab), as near as sRGB has it."""
    a, b = chroma * math.cos(math.radians(degrees)), chroma * math.sin(math.radians(degrees))
    long, middle, short = (
        (lightness + x * a + y * b) ** 3
        for x, y in ((0.3963377774, 0.2158037573), (-0.1055613458, -0.0638541728), (-0.0894841775, -1.2914855480))
    )
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(min(1.0, max(0.0, each)))):02x}" for each in linear)


def _gamma(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
