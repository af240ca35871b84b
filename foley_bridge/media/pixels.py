"""From a decoded picture to an array: deinterlaced, scaled, turned upright, 8-bit.

Ranges and matrices follow ITU-T H.273: what a stream does not say is taken as limited range, and as BT.709 from 720 lines up,
BT.601 below, as players do. Scaling averages areas, in libswscale, straight to the small size.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.filter
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from foley_bridge.media.movie_file import VideoInfo

HD_LINES = 720
UNSPECIFIED = 2  # H.273 matrix coefficients


def fit_size(info: VideoInfo, *, width: int | None = None, height: int | None = None) -> tuple[int, int]:
    """An even (width, height) of the picture's own shape, one side given; never larger than the picture itself."""
    if width is None and height is None:
        raise ValueError("give a width or a height")
    scale = min(
        Fraction(1),
        *(Fraction(want, own) for want, own in ((width, info.width), (height, info.height)) if want is not None),
    )
    return max(2, 2 * round(info.width * scale / 2)), max(2, 2 * round(info.height * scale / 2))


class Scaler:
    """Decoded picture -> uint8 (h, w, 3) RGB or (h, w) full-range luma of one size, upright."""

    def __init__(self, size: tuple[int, int], gray: bool) -> None:
        self.size = size
        self.format = "gray" if gray else "rgb24"
        self._reformatter = VideoReformatter()

    def __call__(self, picture: Any) -> np.ndarray:
        quarters = round(picture.rotation / 90) % 4
        width, height = self.size if quarters % 2 == 0 else self.size[::-1]
        # luma needs no matrix, and naming one would make libswscale convert between two
        unsaid = self.format != "gray" and picture.colorspace == UNSPECIFIED and not picture.format.is_rgb
        same_size = (width, height) == (picture.width, picture.height)
        scaled = self._reformatter.reformat(
            picture,
            width=width,
            height=height,
            format=self.format,
            src_colorspace=Colorspace.ITU709 if unsaid and picture.height >= HD_LINES else None,
            dst_color_range=ColorRange.JPEG,
            interpolation="BILINEAR" if same_size else "AREA",
            threads=1,
        )
        image = scaled.to_ndarray()
        return np.ascontiguousarray(np.rot90(image, quarters)) if quarters else image


class Deinterlacer:
    """Passes progressive pictures through untouched; from the first interlaced one on, weaves fields with bwdif.

    Call with each picture in order, then with None; yields pictures, one per picture given.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._graph: Any = None

    def __call__(self, picture: Any) -> Iterator[Any]:
        if self._graph is None:
            if picture is None:
                return
            if not picture.interlaced_frame:
                yield picture
                return
            self._graph = self._build(picture)
        self._graph.vpush(picture)
        while True:
            try:
                yield self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return

    def _build(self, picture: Any) -> Any:
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format.name, time_base=self._stream.time_base
        )
        weave = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
        graph.link_nodes(source, weave, graph.add("buffersink")).configure()
        return graph
