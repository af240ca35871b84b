"""The picture under a range as networks are shown it: what is on screen at exact, even times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from foley_bridge.engines.watch import HELD_S, read_media
from foley_bridge.errors import EngineError, MediaError
from foley_bridge.inference.clips import ClipPicture, Floats, Images, cut_out, kept, normalised
from foley_bridge.timeline.picture import Picture, Span


@dataclass(frozen=True, eq=False)
class Still:
    """What is on screen at a moment.

    Attributes:
        time_s: timeline seconds.
        since_s: timeline seconds from which this picture is on screen, not after ``time_s``.
        image: float32 (3, size, size), normalised.
        cut: an edit lies between the still before and this one.
    """

    time_s: float
    since_s: float
    image: Floats
    cut: bool = False


def stills(picture: Picture, start: Fraction, end: Fraction, settings: ClipPicture) -> Iterator[Still]:
    """Yield what is on screen at whole multiples of ``1 / settings.fps`` of timeline time, in their order.

    Args:
        picture: spans covering the range to see, and what lies around it as context.
        start, end: what must be seen, timeline seconds; context that is missing or cannot be read is left out.
        settings: how pictures become arrays.

    Raises:
        EngineError: a media file between start and end is missing.
        MediaError: one cannot be read.
    """
    for index, span in enumerate(picture.spans):
        times = [Fraction(k, settings.fps) for k in range(ceil(span.start * settings.fps), ceil(span.end * settings.fps))]
        done = 0
        try:
            for since, image in on_screen(span, times, settings):
                yield Still(float(times[done]), float(since), shown_to_networks(image, settings), cut=index > 0 and done == 0)
                done += 1
        except (EngineError, MediaError):
            if span.end <= start:
                continue
            if span.start >= end or (done and times[done - 1] + HELD_S >= end):
                return
            raise


def small(image: Images, settings: ClipPicture) -> Images:
    """uint8 (h, w, 3), RGB, as (size, size, 3): made small, and its middle."""
    return cut_out(kept(image, settings)[None], settings)[0]


def shown_to_networks(image: Images, settings: ClipPicture) -> Floats:
    """uint8 (h, w, 3), RGB, as float32 (3, size, size), normalised."""
    return normalised(small(image, settings)[None], settings)[:, 0]


def on_screen(span: Span, times: Sequence[Fraction], settings: ClipPicture) -> Iterator[tuple[Fraction, Images]]:
    """What a span shows at each of some times: timeline seconds since when it is on screen, and uint8 (h, w, 3), RGB.

    A picture that stays may come as the same array again.

    Args:
        times: timeline seconds inside the span, rising.

    Raises:
        EngineError: the media is missing. MediaError: it cannot be read.
    """
    media = span.media
    if not times:
        return
    if media is None or media.kind == "generator":
        black: Images = np.zeros((settings.short_side, settings.short_side, 3), np.uint8)
        yield from ((span.start, black) for _ in times)
    elif span.speed == 0:
        still = next(read_media(media, [span.media_start], None)).image
        yield from ((span.start, still) for _ in times)
    else:
        frames = read_media(media, (span.media_time(time) for time in times), None)
        for time, frame in zip(times, frames, strict=True):
            # Played backwards, a picture is on screen from its end on, which it does not say.
            since = span.start + (frame.pts - span.media_start) / span.speed if span.speed > 0 else time
            yield min(max(span.start, since), time), frame.image
