"""Cut-outs: shapes painted once, supersampled, then placed in any frame at sub-pixel positions.

A sprite is a premultiplied RGBA picture with an anchor; a canvas is where one is painted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

SUPER = 3  # painted this many times larger, then averaged
Colour = tuple[float, float, float]
Points = Sequence[tuple[float, float]]


def toned(colour: Colour, factor: float) -> Colour:
    """A colour made darker (below 1) or lighter."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def drawn(rng: np.random.Generator, low: float, high: float) -> Colour:
    """A colour drawn at random, each channel between two levels."""
    red, green, blue = rng.uniform(low, high, 3)
    return float(red), float(green), float(blue)


@dataclass(frozen=True)
class Sprite:
    """rgba: uint8 (h, w, 4), premultiplied; anchor: its origin in pixels; scale: pixels per picture height."""

    rgba: np.ndarray
    anchor: tuple[float, float]
    scale: float

    def draw(
        self,
        frame: np.ndarray,
        view: np.ndarray,
        at: tuple[float, float],
        *,
        angle: float = 0.0,
        stretch: tuple[float, float] = (1.0, 1.0),
        opacity: float = 1.0,
    ) -> None:
        """Blend into a frame, in place.

        Args:
            frame: uint8 (h, w, 3) RGB.
            view: float64 (2, 3), from picture heights to the frame's pixels.
            at: where the anchor lies, picture heights.
            angle: radians, clockwise on screen.
            stretch: along the sprite's own x and y.
        """
        cos, sin = np.cos(angle), np.sin(angle)
        local = np.array([[cos * stretch[0], -sin * stretch[1]], [sin * stretch[0], cos * stretch[1]]]) / self.scale
        linear = view[:, :2] @ local
        shift = view[:, :2] @ np.asarray(at) + view[:, 2] - linear @ np.asarray(self.anchor)
        high, wide = self.rgba.shape[:2]
        corners = linear @ np.array([[0, wide, 0, wide], [0, 0, high, high]], dtype=np.float64) + shift[:, None]
        left, top = np.floor(corners.min(axis=1)).astype(int) - 1
        right, bottom = np.ceil(corners.max(axis=1)).astype(int) + 2
        left, top = max(int(left), 0), max(int(top), 0)
        right, bottom = min(int(right), frame.shape[1]), min(int(bottom), frame.shape[0])
        if right <= left or bottom <= top:
            return
        # warpAffine takes pixel centres at whole numbers; here they lie at halves
        move = shift - (left, top) + linear @ (0.5, 0.5) - 0.5
        placed = cv2.warpAffine(
            self.rgba, np.column_stack([linear, move]), (right - left, bottom - top), flags=cv2.INTER_LINEAR
        )
        region = frame[top:bottom, left:right]
        if opacity < 1.0:
            placed = cv2.convertScaleAbs(placed, alpha=opacity)
        rest = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(placed, 3)), cv2.COLOR_GRAY2RGB)
        # channels are taken out by OpenCV: a strided numpy slice would be copied element by element
        cv2.add(cv2.multiply(region, rest, scale=1 / 255), cv2.cvtColor(placed, cv2.COLOR_RGBA2RGB), dst=region)


class Canvas:
    """A place to paint a sprite on, in picture heights around the anchor."""

    def __init__(self, left: float, top: float, right: float, bottom: float, scale: float) -> None:
        self.scale = scale
        self.fine = scale * SUPER
        self.origin = (-left, -top)
        width, height = max(2, round((right - left) * scale)) * SUPER, max(2, round((bottom - top) * scale)) * SUPER
        self.rgb: np.ndarray = np.zeros((height, width, 3), np.float32)
        self.alpha: np.ndarray = np.zeros((height, width), np.float32)

    def px(self, points: Points) -> np.ndarray:
        """Picture heights to fine pixels with four fractional bits, int32 (n, 2)."""
        xy = (np.asarray(points, np.float64) + self.origin) * self.fine
        return np.round((xy - 0.5) * 16).astype(np.int32)

    def shape(self, points: Points) -> np.ndarray:
        """float32 mask, 0 or 1, of a polygon."""
        mask = np.zeros(self.alpha.shape, np.uint8)
        cv2.fillPoly(mask, [self.px(points)], 255, shift=4)
        return mask.astype(np.float32) / 255

    def disc(self, x: float, y: float, rx: float, ry: float, angle: float = 0.0) -> np.ndarray:
        """float32 mask of an ellipse; angle in radians."""
        turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        px, py = rx * np.cos(turn), ry * np.sin(turn)
        cos, sin = np.cos(angle), np.sin(angle)
        return self.shape(list(zip(x + cos * px - sin * py, y + sin * px + cos * py, strict=True)))

    def line(self, points: Points, width: float) -> np.ndarray:
        """float32 mask of a round-ended line."""
        mask = np.zeros(self.alpha.shape, np.uint8)
        cv2.polylines(mask, [self.px(points)], False, 255, max(1, round(width * self.fine)), shift=4)
        return mask.astype(np.float32) / 255

    def soft(self, mask: np.ndarray, blur: float) -> np.ndarray:
        """The mask blurred by so many picture heights."""
        return cv2.GaussianBlur(mask, (0, 0), max(0.3, blur * self.fine))

    def put(self, mask: np.ndarray, colour: Colour | np.ndarray, opacity: float = 1.0) -> None:
        """Paint a colour (0-255) or a texture float32 (h, w, 3) through a mask."""
        where = _within(mask)
        cover = mask[where] * opacity
        paint = np.broadcast_to(np.asarray(colour, np.float32), self.rgb.shape)[where]
        self.rgb[where] = self.rgb[where] * (1 - cover[..., None]) + paint * cover[..., None]
        self.alpha[where] = self.alpha[where] * (1 - cover) + cover

    def light(self, mask: np.ndarray, amount: float) -> None:
        """Brighten (above 0) or darken (below 0) what is already painted under a mask."""
        where = _within(mask)
        factor = 1.0 + amount * mask[where][..., None]
        self.rgb[where] = np.clip(self.rgb[where] * factor, 0, 255 * np.maximum(self.alpha[where], 1e-3)[..., None])

    def ramp(self, x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
        """float32 (h, w): 0 at the first point, 1 at the second, straight between."""
        high, wide = self.alpha.shape
        x = (np.arange(wide, dtype=np.float32) + 0.5) / self.fine - self.origin[0]
        y = (np.arange(high, dtype=np.float32) + 0.5) / self.fine - self.origin[1]
        length = (x1 - x0) ** 2 + (y1 - y0) ** 2
        return np.clip(((x - x0) * (x1 - x0))[None, :] / length + ((y - y0) * (y1 - y0))[:, None] / length, 0, 1)

    def texture(self, unit: np.ndarray, size: float = 1.0) -> np.ndarray:
        """A texture of one picture height tiled over the canvas, float32 (h, w, 3); size: how large one tile is."""
        high, wide = self.alpha.shape
        side = max(8, round(self.fine * size))
        tile = cv2.resize(unit, (side, side), interpolation=cv2.INTER_AREA if side < len(unit) else cv2.INTER_LINEAR)
        return np.tile(tile, (-(-high // side), -(-wide // side), 1))[:high, :wide]

    def sprite(self) -> Sprite:
        """What was painted, averaged down."""
        rgba = np.dstack([self.rgb, self.alpha * 255])
        small = cv2.resize(rgba, (rgba.shape[1] // SUPER, rgba.shape[0] // SUPER), interpolation=cv2.INTER_AREA)
        anchor = (self.origin[0] * self.scale, self.origin[1] * self.scale)
        return Sprite(np.clip(np.round(small), 0, 255).astype(np.uint8), anchor, self.scale)


def _within(mask: np.ndarray) -> tuple[slice, slice]:
    """The smallest part of a canvas outside of which a mask is zero: most shapes are much smaller than what they are on."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
