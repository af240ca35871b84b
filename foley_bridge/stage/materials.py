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


MATERIALS: dict[str, Material] = {
    "metal": Material(
        (480, 820), (*BAR, 1.52, 3.9, 7.1), 0.35, 0.0006, 1.6, 0.30, 0.18, 0, (1500, 11000), 0.60, 0.012, (168, 174, 182)
    ),
    "wood": Material((230, 420), BAR, 0.9, 0.030, 22.0, 0.80, 0.25, 0, (250, 3500), 0.42, 0.008, (163, 112, 66)),
    "glass": Material((1900, 2700), GLASS, 0.5, 0.0014, 4.5, 0.18, 0.15, 0, (3500, 15000), 0.55, 0.006, (170, 205, 205)),
    "ceramic": Material(
        (1050, 1500), (*GLASS, 1.31, 3.1), 0.55, 0.0045, 13.0, 0.25, 0.22, 0, (1800, 9000), 0.45, 0.008, (226, 220, 206)
    ),
    "plastic": Material((420, 640), BOX, 0.7, 0.055, 32.0, 0.60, 0.30, 0, (700, 5000), 0.38, 0.014, (206, 62, 52)),
    "stone": Material((2600, 3600), PLATE[:7], 0.25, 0.013, 60.0, 0.22, 0.55, 0, (900, 8000), 0.30, 0.003, (128, 126, 122)),
    "cardboard": Material((95, 150), PLATE, 0.8, 0.10, 48.0, 1.60, 0.35, 0, (300, 2200), 0.16, 0.020, (190, 150, 102)),
    "gravel": Material((70, 100), (1.0, 1.7, 2.6), 1.0, 0.25, 90.0, 2.00, 0.40, 48, (1200, 7500), 0.08, 0.004, (134, 126, 116)),
}
