"""The picture under a stretch of a timeline, as far as it may be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import floor
from pathlib import Path

import opentimelineio as otio

from foley_bridge.errors import JobError, MediaError
from foley_bridge.jobs.roots import Roots
from foley_bridge.media import video
from foley_bridge.timeline.picture import Picture, Span, picture_under


def allowed_picture(timeline: otio.schema.Timeline, start: Fraction, end: Fraction, *, base: Path, roots: Roots) -> Picture:
    """As ``picture_under``.

    Args:
        timeline, start, end, base: as there.
        roots: which files may be read.

    Raises:
        JobError: it shows media that may not be read.
        TimelineError: as ``picture_under``.
    """
    picture = picture_under(timeline, start, end, _start_timecode(roots), base=base)
    for span in picture.spans:
        for path in _files_of(span):
            roots.media_file(str(path.absolute()), "the picture")
    return picture


def _files_of(span: Span) -> Iterator[Path]:
    """The files that a span shows."""
    media = span.media
    if media is None or not media.path:
        return
    yield Path(media.path)
    if media.kind == "images" and media.rate is not None:
        ends = sorted((span.media_start, span.media_time(span.end)))
        first, last = (max(0, min(media.count, floor(time * media.rate))) for time in ends)
        yield from (media.image_path(index) for index in range(first, min(last + 1, media.count)))


def _start_timecode(roots: Roots) -> Callable[[str], Fraction | None]:
    """As `video.start_timecode`; None for what may not or cannot be read, which is told where a region needs it."""

    def start_of(path: str) -> Fraction | None:
        try:
            roots.media_file(str(Path(path).absolute()), "the picture")
            return video.start_timecode(path)
        except (MediaError, JobError):
            return None

    return start_of
