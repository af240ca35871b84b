"""The map as a picture (PNG): the dots, the names of categories at their clusters, a legend of those of most sounds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from foley_bridge.library.mapping.colours import NONE, colours
from foley_bridge.library.mapping.sound_map import SoundMap
from foley_bridge.media.whole_file import whole_file

SIDE = 1600  # pixels of the map; the legend stands to its right
_BESIDE = 420
_LISTED = 40  # categories in the legend
_GROUND, _INK, _SOFT = (247, 245, 244), (36, 30, 27), (112, 98, 91)  # BGR, as all colours here
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FINE = 4  # bits of a dot's place finer than a pixel
Image = NDArray[np.uint8]


def write_picture(path: Path, made: SoundMap) -> None:
    """Write the picture, whole or not at all.

    Raises:
        MediaError: it cannot be written.
    """
    image = np.full((SIDE, SIDE + _BESIDE, 3), _GROUND, np.uint8)
    kinds = made.clustering.kinds
    palette = {kind.category: _bgr(light) for kind, (light, _) in zip(kinds, colours(len(kinds)), strict=True)}
    _dots(image, made, palette)
    taken: list[tuple[float, float, float]] = []
    for name in made.names:
        (wide, _), _ = cv2.getTextSize(name.category, _FONT, 0.6, 1)
        x, y, half = name.x * SIDE, name.y * SIDE, wide / 2 + 6
        x = min(max(x, half), SIDE - half)
        if all(abs(x - ox) >= half + other or abs(y - oy) >= 24 for ox, oy, other in taken):
            taken.append((x, y, half))
            _text(image, name.category, x - wide / 2, y + 6, 0.6, halo=True)
    _legend(image, made, palette)
    png = cv2.imencode(".png", image)[1].tobytes()
    with whole_file(path) as temporary:
        temporary.write_bytes(png)


def _dots(image: Image, made: SoundMap, palette: dict[str, tuple[int, int, int]]) -> None:
    """Those of few sounds last, so that they are seen."""
    rank = {kind.category: place for place, kind in enumerate(made.clustering.kinds)}
    order = sorted(range(len(made.sounds)), key=lambda each: rank.get(made.sounds[each].category, -1))
    radius = min(7.0, max(1.2, 0.14 * SIDE / len(order) ** 0.5))
    places = np.round(made.placed / 65_535 * SIDE * (1 << _FINE)).astype(int).tolist()
    for each in order:
        colour = palette.get(made.sounds[each].category, _bgr(NONE[0]))
        cv2.circle(image, places[each], round(radius * (1 << _FINE)), colour, -1, cv2.LINE_AA, _FINE)


def _legend(image: Image, made: SoundMap, palette: dict[str, tuple[int, int, int]]) -> None:
    left, down = SIDE + 20, 50
    found = made.clustering
    _text(image, f"{len(made.sounds)} sounds, {made.pack}", left, down, 0.65)
    if found.share is not None and found.chance is not None:
        down += 30
        _text(image, f"{found.share:.0%} of the {found.nearest} nearest have the category", left, down, 0.5, ink=_SOFT)
        down += 22
        _text(image, f"(chance: {found.chance:.1%}); of each:", left, down, 0.5, ink=_SOFT)
    down += 40
    for kind in found.kinds[:_LISTED]:
        cv2.circle(image, (left + 7, down - 6), 7, palette[kind.category], -1, cv2.LINE_AA)
        _text(image, kind.category, left + 24, down, 0.55)
        _text(image, f"{kind.sounds:7d}", SIDE + _BESIDE - 160, down, 0.55, ink=_SOFT)
        if kind.share is not None:
            _text(image, f"{kind.share:4.0%}", SIDE + _BESIDE - 75, down, 0.55, ink=_SOFT)
        down += 32
    if len(found.kinds) > _LISTED:
        _text(image, f"and {len(found.kinds) - _LISTED} more", left + 24, down, 0.55, ink=_SOFT)


def _text(
    image: Image, text: str, x: float, y: float, size: float, *, ink: tuple[int, int, int] = _INK, halo: bool = False
) -> None:
    if halo:
        for turn in range(8):
            around = (round(x + 2 * np.cos(turn * np.pi / 4)), round(y + 2 * np.sin(turn * np.pi / 4)))
            cv2.putText(image, text, around, _FONT, size, _GROUND, 2, cv2.LINE_AA)
    cv2.putText(image, text, (round(x), round(y)), _FONT, size, ink, 1, cv2.LINE_AA)


def _bgr(colour: str) -> tuple[int, int, int]:
    return int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16)
