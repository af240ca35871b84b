"""Watch the picture under a region: every picture that appears on screen, small and grey, at the moment it appears.

Onset detection wants the media's own pictures, once each (an interval between two of them says when something moved), not a
resampled grid; so a 60 fps clip in a 24 fps timeline is watched at 60. Only what a grid cannot avoid is put on one: reversed
clips and clips faster than ``MAX_RATE``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil

import numpy as np

from foley_bridge.engines.candidate import MotionFrame
from foley_bridge.errors import EngineError, MediaError
from foley_bridge.media import video
from foley_bridge.media.images import read_images
from foley_bridge.media.video import Frame
from foley_bridge.timeline.picture import Media, Picture, Span

MAX_RATE = Fraction(75)  # pictures per second of timeline; above it (slow-motion cameras, sped-up clips) a 60 Hz grid will do
GRID_RATE = Fraction(60)
HELD_S = Fraction(1, 8)  # a last picture this close before the range's end stands for the rest of it


def watch(picture: Picture, start: Fraction, end: Fraction, *, width: int) -> Iterator[MotionFrame]:
    """Yield the pictures of a range in the order they appear.

    Args:
        picture: spans covering the range to watch, and what lies around it as context.
        start, end: what must be seen, timeline seconds; context that is missing or cannot be read is left out.
        width: of the pictures, in pixels; the height follows the first media's own shape, and all pictures share it.

    Raises:
        EngineError: a media file between start and end is missing.
        MediaError: one cannot be read.
    """
    size = _size([span for span in picture.spans if span.end > start and span.start < end], width)
    for index, span in enumerate(picture.spans):
        last: Fraction | None = None
        try:
            for number, (time, gray) in enumerate(_appearing(span, size)):
                last = time
                yield MotionFrame(float(time), gray, cut=index > 0 and number == 0)
        except (EngineError, MediaError):
            if span.end <= start:
                continue
            if span.start >= end or (last is not None and last + HELD_S >= end):
                return
            raise


def _size(spans: Iterable[Span], width: int) -> tuple[int, int]:
    for span in spans:
        if span.media is not None and span.media.kind == "movie":
            return video.fit_size(video.probe(span.media.path), width=width)
    return width, max(2, round(width * 9 / 16 / 2) * 2)


def _appearing(span: Span, size: tuple[int, int]) -> Iterator[tuple[Fraction, np.ndarray]]:
    """(timeline time, gray) of each picture of one span; the first at the span's own start."""
    media = span.media
    if media is None or media.kind == "generator":
        yield span.start, np.zeros((size[1], size[0]), np.uint8)
        return
    if media.kind == "missing":
        raise _missing(media)
    if span.speed == 0:
        yield span.start, next(read_media(media, [span.media_start], size, gray=True)).image
        return
    native = (media.rate or video.probe(media.path).rate) * abs(span.speed)
    if media.kind == "movie" and span.speed > 0 and native <= MAX_RATE:
        end = span.media_time(span.end)
        for frame in video.read_span(media.path, span.media_start, end, size=size, gray=True):
            yield max(span.start, span.start + (frame.pts - span.media_start) / span.speed), frame.image
        return
    step = 1 / min(native, GRID_RATE)
    times = (span.start + k * step for k in range(ceil((span.end - span.start) / step)))
    frames = read_media(media, (span.media_time(time) for time in times), size, gray=True)
    for number, frame in enumerate(frames):
        yield span.start + number * step, frame.image


def read_media(media: Media, times: Iterable[Fraction], size: tuple[int, int] | None, *, gray: bool = False) -> Iterator[Frame]:
    """One frame per media time, from a movie or an image sequence.

    Raises:
        EngineError: the media is missing; names it.
        MediaError: it cannot be read, or ends before a time asked for.
    """
    if media.kind == "missing":
        raise _missing(media)
    if media.kind == "images":
        assert media.rate is not None  # a sequence always states it
        yield from read_images(media.image_paths(), times, rate=media.rate, size=size, gray=gray)
    else:
        yield from video.read_frames(media.path, times, size=size, gray=gray)


def _missing(media: Media) -> EngineError:
    return EngineError(
        f"the picture is missing: {media.path or media.name}", "relink the clip, or move the region to where there is a picture"
    )
