"""Arrays as the pictures of a page: data URIs for photographs and spectrograms, SVG paths for waveforms and curves."""

from __future__ import annotations

import base64

import cv2
import numpy as np

THUMBNAIL_WIDTH = 320  # pixels; the page never shows a frame wider than this
RANGE_DB = 80.0  # a spectrogram's black lies this far under its brightest point
PATH_HEIGHT = 1000


def data_uri(kind: str, content: bytes) -> str:
    """``data:kind;base64,...``"""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def photograph(image: np.ndarray) -> str:
    """uint8 RGB (h, w, 3) -> JPEG data URI, at most THUMBNAIL_WIDTH wide."""
    return data_uri("image/jpeg", jpeg(image))


def jpeg(image: np.ndarray) -> bytes:
    """uint8 RGB (h, w, 3) -> JPEG, at most THUMBNAIL_WIDTH wide."""
    height, width = image.shape[:2]
    if width > THUMBNAIL_WIDTH:
        size = (THUMBNAIL_WIDTH, max(1, round(height * THUMBNAIL_WIDTH / width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return _encoded(".jpg", image[..., ::-1], cv2.IMWRITE_JPEG_QUALITY, 80)


def spectrogram(mel: np.ndarray) -> str:
    """Mel power, float (bands, columns), lowest band first -> PNG data URI; see ``spectrogram_png``."""
    return data_uri("image/png", spectrogram_png(mel))


def spectrogram_png(mel: np.ndarray) -> bytes:
    """Mel power, float (bands, columns), lowest band first -> PNG; decibels under its own peak, in magma colours."""
    top = float(mel.max(initial=0.0))
    if top > 0:
        decibels = 10 * np.log10(np.maximum(mel / top, 10 ** (-RANGE_DB / 10)))
        gray = np.round((decibels / RANGE_DB + 1) * 63) * (255 / 63)  # 64 steps are enough for the eye and halve the file
    else:
        gray = np.zeros(mel.shape)
    colour = cv2.applyColorMap(gray[::-1].astype(np.uint8), cv2.COLORMAP_MAGMA)
    return _encoded(".png", colour, cv2.IMWRITE_PNG_COMPRESSION, 9)


def waveform_path(low: np.ndarray, high: np.ndarray, scale: float) -> str:
    """An SVG path for a box of (columns, PATH_HEIGHT): the outline between each column's lowest and highest sample.

    low, high: float (columns,), full scale = 1; ``scale`` reaches the box's edge.
    """
    middle = PATH_HEIGHT / 2
    gain = middle / scale if scale > 0 else 0.0
    thickness = PATH_HEIGHT / 160  # silence stays visible as a line
    top = np.round(middle - np.clip(high * gain, -middle, middle) - thickness).astype(int)
    bottom = np.round(middle - np.clip(low * gain, -middle, middle) + thickness).astype(int)
    x = np.arange(len(low))
    there = [f"{at} {y}H{at + 1}" for at, y in zip(x, top, strict=True)]
    back = [f"{at + 1} {y}H{at}" for at, y in zip(x[::-1], bottom[::-1], strict=True)]
    return "M" + "L".join(there + back) + "Z"


def curve_path(position: np.ndarray, value: np.ndarray, *, columns: int = 600) -> str:
    """An SVG path for a box of (columns, PATH_HEIGHT): the area under a curve.

    position: float (n,), 0 left edge to 1 right edge, increasing. value: float (n,), 0-1. Where several points share a
    column the highest is drawn.
    """
    column = np.clip(np.floor(position * columns), 0, columns).astype(int)
    column, starts = np.unique(column, return_index=True)
    height = np.round(PATH_HEIGHT * (1 - np.clip(np.maximum.reduceat(value, starts), 0, 1))).astype(int)
    points = "L".join(f"{x} {y}" for x, y in zip(column, height, strict=True))
    return f"M{column[0]} {PATH_HEIGHT}L{points}L{column[-1]} {PATH_HEIGHT}Z"


def _encoded(ending: str, image: np.ndarray, flag: int, value: int) -> bytes:
    _, content = cv2.imencode(ending, np.ascontiguousarray(image), [flag, value])
    return content.tobytes()
