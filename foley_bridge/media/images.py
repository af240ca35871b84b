"""Runs of still images read as a movie: image ``k`` is on screen from ``k / rate`` to ``(k + 1) / rate``."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from foley_bridge.errors import MediaError
from foley_bridge.media.pixels import Scaler
from foley_bridge.media.video import Frame


def read_images(
    paths: Sequence[str | Path],
    times: Iterable[Fraction],
    *,
    rate: Fraction,
    size: tuple[int, int] | None = None,
    gray: bool = False,
) -> Iterator[Frame]:
    """One frame per asked media time, in the order asked, as `video.read_frames`.

    Args:
        paths: the images' files in order of showing.
        times: media seconds, any order, 0 at the first image.
        rate: images per second.
        size: (width, height); the first asked image's own when None.
        gray: luma instead of RGB.

    Raises:
        MediaError: a time after the last image; an image that is missing or unreadable, by its path.
    """
    scaler: Scaler | None = None
    shown: tuple[int, np.ndarray] | None = None
    for time in times:
        index = max(0, int(time * rate // 1))
        if index >= len(paths):
            raise MediaError(
                f"no image at {float(time):.3f} s: the run of {len(paths)} images"
                f"{f' from {paths[0]}' if paths else ''} ends at {float(len(paths) / rate):.3f} s",
                "check the clip's source range against the images on disk",
            )
        if shown is None or shown[0] != index:
            picture = _decode(paths[index])
            if scaler is None:
                turned = round(picture.rotation / 90) % 2
                own = (picture.height, picture.width) if turned else (picture.width, picture.height)
                scaler = Scaler(size or own, gray)
            shown = (index, scaler(picture))
        yield Frame(time, index / rate, shown[1])


def _decode(path: str | Path) -> Any:
    """The picture in one image file. Read as bytes, so that no name (``shot.%04d.png``) is taken for a pattern."""
    try:
        with av.open(io.BytesIO(Path(path).read_bytes()), "r") as container:
            return next(container.decode(video=0))
    except FileNotFoundError as error:
        raise MediaError(f"{path}: this image is missing", "relink the image sequence") from error
    except (OSError, av.FFmpegError, StopIteration, IndexError) as error:
        raise MediaError(f"{path}: is not a readable image", "export it again") from error
