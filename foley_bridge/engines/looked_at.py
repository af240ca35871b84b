"""The pictures by which sounds are found: what is on screen in a region, or in a file, about once a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foley_bridge.engines.watch import read_media
from foley_bridge.errors import EngineError, FoleyError, MediaError
from foley_bridge.inference.features import moments
from foley_bridge.media import video
from foley_bridge.timeline.picture import Media, Picture

WIDEST = 960  # pixels that are kept; an encoder wants a quarter of it
Image = NDArray[np.uint8]


def pictures_of(
    picture: Picture,
    start: Fraction,
    end: Fraction,
    *,
    seen: Callable[[float], None] = lambda time_s: None,
    left_out: Callable[[FoleyError], None] = lambda why: None,
) -> list[Image]:
    """What is on screen at the moments by which a region is judged; what is missing or cannot be read is left out.

    Args:
        picture: spans that cover the range.
        start, end: timeline seconds.
        seen: told the timeline time of each moment looked at; may raise to stop.
        left_out: told why a moment is, where something should be on screen.

    Returns:
        uint8 (height, width, 3) each, upright, at most ``WIDEST`` wide; none where nothing is shown.
    """
    found = []
    at = [(*picture.at(time), time) for time in moments(start, end)]
    for span, together in groupby(at, key=lambda each: each[0]):
        several = [*together]
        shown = _shown(span.media, [media_time for _, media_time, _ in several], left_out)
        for (_, _, time), image in zip(several, shown, strict=True):
            seen(float(time))
            if image is not None:
                found.append(image)
    return found


def picture_file(path: Path, at_s: float = 0.0, for_s: float | None = None) -> list[Image]:
    """What a file shows over a stretch of it.

    Args:
        path: a movie, or a still image.
        at_s: where the stretch begins, seconds.
        for_s: how long it is, as far as the file goes; None: to its end.

    Returns:
        As ``pictures_of``, at least one.

    Raises:
        MediaError: the file is missing, shows no picture, or none in this stretch.
    """
    info = video.probe(path)
    if info.still:
        times = [Fraction(0)]
    else:
        start = Fraction(at_s)
        if start >= info.duration:
            said = f"{path}: no picture at {at_s:g} s, it ends at {float(info.duration):.3f} s"
            raise MediaError(said, "take a second before its end")
        times = moments(start, info.duration if for_s is None else min(info.duration, start + Fraction(for_s)))
    media = Media("movie", path.name, str(path))
    found = [image for image in _shown(media, times) if image is not None]
    return found or [_small(frame.image) for frame in read_media(media, times[:1], None)]  # which says what is wrong


def _shown(
    media: Media | None, times: Sequence[Fraction], left_out: Callable[[FoleyError], None] = lambda why: None
) -> Iterator[Image | None]:
    """A picture for each media time; None where nothing is shown, or what should be is not there."""
    if media is None or media.kind == "generator":
        yield from [None] * len(times)
        return
    done = 0
    while done < len(times):
        try:
            for frame in read_media(media, times[done:], None):
                done += 1
                yield _small(frame.image)
        except (EngineError, MediaError) as error:
            left_out(error)
            done += 1
            yield None


def _small(image: Image) -> Image:
    import cv2

    height, width = image.shape[:2]
    if width <= WIDEST:
        return image
    size = (WIDEST, max(1, round(height * WIDEST / width)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
