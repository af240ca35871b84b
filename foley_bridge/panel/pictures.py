"""The pictures that a page shows: a window as a silent movie of one frame per timeline frame, a moment as a thumbnail.

Made from the timeline as the job opened it. What is missing is black, and the answer says so: it may be there another time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import opentimelineio as otio

from foley_bridge.errors import MediaError
from foley_bridge.jobs.looking import allowed_picture
from foley_bridge.jobs.preview import frame_size, shown
from foley_bridge.jobs.roots import Roots
from foley_bridge.media import movie
from foley_bridge.media.whole_file import whole_file
from foley_bridge.report.pictures import THUMBNAIL_WIDTH, jpeg
from foley_bridge.timeline.picture import Picture

WIDTH = 960
CRF = 23
PRESET = "superfast"
KEY_FRAMES = 12

Look = Callable[[], None]
"""Called now and then; raises when nobody wants the thing any more."""


def make_picture(place: Path, order: Mapping[str, Any], look: Look) -> list[str]:
    """Write a window's picture.

    Args:
        place: the .mp4.
        order: ``opened`` and ``base`` as ``reel`` says them, ``roots``, ``rate``, and the frames ``first`` up to ``last``.
        look: called with each frame.

    Returns:
        What was missing, in words without places.

    Raises:
        FoleyError: the kept timeline is not there, or the picture may not be read.
    """
    rate, first, last = Fraction(order["rate"]), order["first"], order["last"]
    picture = _picture(order, first / rate, last / rate)
    lost = _lost(picture)
    frames = _frames(picture, first, rate, frame_size(picture, WIDTH), lost, look)
    movie.write_movie(place, frames, rate, crf=CRF, preset=PRESET, key_frames=KEY_FRAMES)
    return _said(lost)


def make_thumb(place: Path, order: Mapping[str, Any], look: Look) -> list[str]:
    """Write one frame of the timeline as a JPEG; ``order``: as for ``make_picture``, but of one ``frame``."""
    rate, frame = Fraction(order["rate"]), order["frame"]
    picture = _picture(order, frame / rate, (frame + 1) / rate)
    lost = _lost(picture)
    size = frame_size(picture, THUMBNAIL_WIDTH)
    image = next(iter(_frames(picture, frame, rate, size, lost, look)))
    with whole_file(place) as temporary:
        temporary.write_bytes(jpeg(image))
    return _said(lost)


def _lost(picture: Picture) -> dict[str, None]:
    return dict.fromkeys(f"{PurePath(name).name} is missing" for name in picture.missing)


def _said(lost: Iterable[str]) -> list[str]:
    """``shown`` writes notes for a preview."""
    return [note.removeprefix("the preview is black where ") for note in lost]


def _picture(order: Mapping[str, Any], start: Fraction, end: Fraction) -> Picture:
    path = Path(order["opened"])
    base = Path(order["base"]) if order["base"] else path.parent
    try:
        timeline = _timeline(path, path.stat().st_mtime_ns)
    except (OSError, otio.exceptions.OTIOError, ValueError) as error:
        raise MediaError(f"{path}: the timeline that was kept cannot be read: {error}", "make the reel again") from error
    return allowed_picture(timeline, start, end, base=base, roots=Roots.from_json(order["roots"]))


@lru_cache(maxsize=2)
def _timeline(path: Path, mtime_ns: int) -> otio.schema.Timeline:
    return otio.adapters.read_from_file(str(path), "otio_json")


def _frames(
    picture: Picture, first: int, rate: Fraction, size: tuple[int, int], lost: dict[str, None], look: Look
) -> Iterator[np.ndarray]:
    """What is on screen at the beginning of each frame of a picture that starts with frame ``first``."""
    for span in picture.spans:
        since, until = (-(-time * rate // 1) for time in (span.start, span.end))  # the first frame at or after
        times = (frame / rate for frame in range(max(first, int(since)), int(until)))
        for image in shown(span, times, size, lost):
            look()
            yield image


KINDS = {"picture": make_picture, "thumb": make_thumb}
