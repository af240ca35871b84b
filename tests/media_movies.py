"""Movies for the tests of `media`: every frame carries its number as a grid of black and white blocks that can be read back."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

COLUMNS, ROWS = 4, 3  # 12 bits
DARK, BRIGHT = 40, 215


def numbered(number: int, width: int = 96, height: int = 72) -> np.ndarray:
    """uint8 (height, width, 3): bit k of ``number`` is block (k // 4, k % 4)."""
    bits = np.array([number >> bit & 1 for bit in range(COLUMNS * ROWS)]).reshape(ROWS, COLUMNS)
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    gray = np.where(bits[rows][:, columns], BRIGHT, DARK).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)


def number_of(image: np.ndarray) -> int:
    """The number that a picture of any size, gray or RGB, carries."""
    gray = image if image.ndim == 2 else image.mean(axis=2)
    height, width = gray.shape
    number = 0
    for row in range(ROWS):
        for column in range(COLUMNS):
            y, x = (2 * row + 1) * height // (2 * ROWS), (2 * column + 1) * width // (2 * COLUMNS)
            reach = max(1, min(height // ROWS, width // COLUMNS) // 4)
            block = gray[y - reach : y + reach, x - reach : x + reach]
            number |= int(block.mean() > (DARK + BRIGHT) / 2) << (row * COLUMNS + column)
    return number


def make_movie(
    path: Path,
    *,
    rate: Fraction = Fraction(25),
    count: int = 50,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    size: tuple[int, int] = (96, 72),
    gop: int = 12,
    b_frames: int = 2,
    sample_aspect: Fraction | None = None,
    rotation: int = 0,
    interlaced: bool = False,
    full_range: bool = False,
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    sound: np.ndarray | None = None,
    sound_codec: str = "aac",
    sound_rate: int = 48000,
) -> Path:
    """Write ``count`` numbered frames at ``rate``, or at the times ``pts`` (in ``time_base``); sound float32 (channels, n)."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or ({"crf": "18"} if codec == "libx264" else {}))
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], pixel_format
        context = stream.codec_context
        context.gop_size = gop
        context.time_base = time_base or 1 / rate
        if "264" in codec or "265" in codec or codec == "mpeg2video":
            context.max_b_frames = b_frames
        if sample_aspect:
            context.sample_aspect_ratio = sample_aspect
        if full_range:
            context.color_range = 2
        if rotation:
            stream.set_display_rotation(rotation)
        if interlaced:
            context.flags |= 1 << 18 | 1 << 29  # interlaced DCT and motion estimation
        container.metadata.update(metadata or {})
        heard = None
        if sound is not None:
            heard = container.add_stream(sound_codec, rate=sound_rate, layout="mono" if len(sound) == 1 else "stereo")
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(numbered(number, *size), format="rgb24")
            frame = frame.reformat(format=pixel_format, dst_color_range=2 if full_range else 1)
            frame.pts = number if pts is None else pts[number]
            frame.time_base = time_base or 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if heard is not None and sound is not None:
            for start in range(0, sound.shape[1], 1024):
                piece = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(sound[:, start : start + 1024]), format="fltp", layout=heard.layout.name
                )
                piece.sample_rate, piece.pts, piece.time_base = sound_rate, start, Fraction(1, sound_rate)
                container.mux(heard.encode(piece))
            container.mux(heard.encode(None))
    return path
