"""The eight materials: how each rings, how it answers a blow, and what colour it is.

Sound numbers follow what is known qualitatively about struck objects: inharmonic modes of free bars and of glasses
(Fletcher & Rossing, *The Physics of Musical Instruments*, ch. 2 and 20), damping that grows with frequency through a loss
factor that tells materials apart by ear (Wildes & Richards 1988; Klatzky, Pai & Krotkov 2000), and a contact that is
shorter for harder bodies and harder blows (Hertz).
"""

from __future__ import annotations

from dataclasses import dataclass

BAR = (1.0, 2.756, 5.404, 8.933, 13.345, 18.638)
GLASS = (1.0, 2.32, 4.25, 6.63, 9.38, 12.6)
PLATE = (1.0, 1.59, 2.14, 2.65, 3.16, 3.6, 4.06, 4.6, 5.4, 6.2, 7.3, 8.9)
BOARD = (0.62, 0.055)  # size of what is scratched, of any material: wide and flat
BOX = (1.0, 1.41, 1.83, 2.24, 2.9, 3.6, 4.5, 5.7)


@dataclass(frozen=True)
class Material:
    """One material.

    Attributes:
        lowest_hz: range of the lowest mode; an object's own value lies inside.
        ratios: the other modes over the lowest.
        rolloff: exponent by which modes weaken as their ratio grows.
        loss: loss factor; a mode of f Hz decays at ``pi * f * loss + drain`` per second.
        drain: decay (1/s) that all modes share: support and air.
        contact_ms: how long a blow of strength 1 touches.
        click: share of the blow's own noise beside the ringing, 0-1.
        grains: loose pieces that answer a blow (0 for solid bodies).
        roughness_hz: lower and upper edge of what a scratch excites.
        rebound: speed after the blow over speed before, 0-1.
        jump: how far the object itself moves when struck hard, picture heights.
        colour: RGB 0-255 of its main surface.
        size: half width and height of the object that is struck, picture heights.
    """

    lowest_hz: tuple[float, float]
    ratios: tuple[float, ...]
    rolloff: float
    loss: float
    drain: float
    contact_ms: float
    click: float
    grains: int
    roughness_hz: tuple[float, float]
    rebound: float
    jump: float
    colour: tuple[int, int, int]
    size: tuple[float, float]


MATERIALS: dict[str, Material] = {
    "metal": Material(
        lowest_hz=(480, 820),
        ratios=(*BAR, 1.52, 3.9, 7.1),
        rolloff=0.1,
        loss=0.0006,
        drain=1.6,
        contact_ms=0.22,
        click=0.18,
        grains=0,
        roughness_hz=(1500, 11000),
        rebound=0.6,
        jump=0.012,
        colour=(168, 174, 182),
        size=(0.25, 0.06),
    ),
    "wood": Material(
        lowest_hz=(230, 420),
        ratios=BAR,
        rolloff=0.9,
        loss=0.03,
        drain=28.0,
        contact_ms=0.8,
        click=0.25,
        grains=0,
        roughness_hz=(250, 3500),
        rebound=0.42,
        jump=0.008,
        colour=(163, 112, 66),
        size=(0.23, 0.13),
    ),
    "glass": Material(
        lowest_hz=(1900, 2700),
        ratios=GLASS,
        rolloff=0.5,
        loss=0.0014,
        drain=4.5,
        contact_ms=0.18,
        click=0.15,
        grains=0,
        roughness_hz=(3500, 15000),
        rebound=0.55,
        jump=0.006,
        colour=(170, 205, 205),
        size=(0.13, 0.2),
    ),
    "ceramic": Material(
        lowest_hz=(1050, 1500),
        ratios=(*GLASS, 1.31, 3.1),
        rolloff=0.55,
        loss=0.0045,
        drain=13.0,
        contact_ms=0.25,
        click=0.22,
        grains=0,
        roughness_hz=(1800, 9000),
        rebound=0.45,
        jump=0.008,
        colour=(226, 220, 206),
        size=(0.17, 0.13),
    ),
    "plastic": Material(
        lowest_hz=(420, 640),
        ratios=BOX,
        rolloff=0.7,
        loss=0.055,
        drain=32.0,
        contact_ms=0.6,
        click=0.3,
        grains=0,
        roughness_hz=(700, 5000),
        rebound=0.38,
        jump=0.014,
        colour=(206, 62, 52),
        size=(0.19, 0.19),
    ),
    "stone": Material(
        lowest_hz=(2600, 3600),
        ratios=PLATE[:7],
        rolloff=0.25,
        loss=0.013,
        drain=60.0,
        contact_ms=0.22,
        click=0.55,
        grains=0,
        roughness_hz=(900, 8000),
        rebound=0.3,
        jump=0.003,
        colour=(128, 126, 122),
        size=(0.22, 0.15),
    ),
    "cardboard": Material(
        lowest_hz=(95, 150),
        ratios=PLATE,
        rolloff=0.8,
        loss=0.1,
        drain=48.0,
        contact_ms=1.6,
        click=0.5,
        grains=0,
        roughness_hz=(300, 2200),
        rebound=0.16,
        jump=0.02,
        colour=(190, 150, 102),
        size=(0.23, 0.21),
    ),
    "gravel": Material(
        lowest_hz=(70, 100),
        ratios=(1.0, 1.7, 2.6),
        rolloff=1.0,
        loss=0.25,
        drain=90.0,
        contact_ms=1.0,
        click=0.4,
        grains=48,
        roughness_hz=(1200, 7500),
        rebound=0.08,
        jump=0.004,
        colour=(134, 126, 116),
        size=(0.27, 0.09),
    ),
}
