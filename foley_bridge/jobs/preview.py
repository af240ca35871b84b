"""The preview: the whole timeline's picture with the chosen takes under it, as a small MP4."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from foley_bridge.conform import Take
from foley_bridge.engines.watch import read_media
from foley_bridge.errors import MediaError
from foley_bridge.media import movie, video
from foley_bridge.media.audio import FileSound
from foley_bridge.media.sound import PlacedSounds, Sound
from foley_bridge.timeline.picture import Media, Picture, Span
from foley_bridge.timeline.time import samples_of

WIDTH = 640
SAMPLE_RATE = 48000


def write_preview(
    path: Path, picture: Picture, takes: Sequence[Take], *, rate: Fraction, advance: Callable[[float], None]
) -> tuple[str, ...]:
    """Render the timeline.

    Args:
        path: an .mp4 to write, whole or not at all.
        picture: the whole timeline's.
        takes: those to be heard, each between its clip's start and end.
        rate: the timeline's frames per second.
        advance: called with 0-1 as frames are made; may raise to stop.

    Returns:
        Notes: where it is black because a picture is missing or cannot be read.

    Raises:
        MediaError: the file cannot be written.
    """
    size = frame_size(picture, WIDTH)
    start, end = picture.spans[0].start, picture.spans[-1].end
    placed = [(samples_of(take.start - start, SAMPLE_RATE), _heard(take)) for take in takes]
    sound = PlacedSounds(SAMPLE_RATE, 2, samples_of(end - start, SAMPLE_RATE), placed)
    lost = dict.fromkeys(f"the preview is black where {name} is missing" for name in picture.missing)
    movie.write_movie(path, _frames(picture, rate, size, advance, lost), rate, sound)
    return tuple(lost)


def _heard(take: Take) -> Sound:
    return FileSound(take.path, sample_rate=SAMPLE_RATE, start_s=take.handle, duration_s=take.duration)


def frame_size(picture: Picture, width: int) -> tuple[int, int]:
    """(w, h), even, in the shape of the first picture there is; 16:9 where there is none."""
    for span in picture.spans:
        if span.media is not None and span.media.kind == "movie":
            with contextlib.suppress(MediaError):
                return video.fit_size(video.probe(span.media.path), width=width)
    return width, width * 9 // 16


def _frames(
    picture: Picture, rate: Fraction, size: tuple[int, int], advance: Callable[[float], None], lost: dict[str, None]
) -> Iterator[np.ndarray]:
    start, end = picture.spans[0].start, picture.spans[-1].end
    for span in picture.spans:
        first = -(-(span.start - start) * rate // 1)  # the first whole frame at or after the span's start
        count = -(-(span.end - start) * rate // 1) - first
        times = (start + (first + k) / rate for k in range(int(count)))
        for number, image in enumerate(shown(span, times, size, lost), start=int(first)):
            advance(float(number / rate / (end - start)))
            yield image


def shown(
    span: Span, times: Iterable[Fraction], size: tuple[int, int], lost: dict[str, None] | None = None
) -> Iterator[np.ndarray]:
    """uint8 RGB (h, w, 3) pictures of one span at timeline times: letterboxed, and black where there is none.

    lost: takes a note where a picture cannot be read; it is black then. A region's own picture was read before, so this is
    about the rest of the timeline, which must not stop a job.
    """
    left = iter(times)
    asked: deque[Fraction] = deque()  # taken from times, not yet answered

    def at() -> Iterator[Fraction]:
        for time in left:
            asked.append(time)
            yield span.media_time(time)

    media = span.media
    if media is not None and media.kind in ("movie", "images"):
        held: tuple[np.ndarray, np.ndarray] | None = None
        try:
            for frame in read_media(media, at(), _inside(media, size)):
                if held is None or held[0] is not frame.image:
                    held = frame.image, _boxed(frame.image, size)
                asked.popleft()
                yield held[1]
        except MediaError as error:
            if lost is not None:
                lost[f"the preview is black where a picture cannot be read: {error.message}"] = None
    black = np.zeros((size[1], size[0], 3), np.uint8)
    yield from (black for _ in chain(asked, left))


def _inside(media: Media, size: tuple[int, int]) -> tuple[int, int] | None:
    if media.kind != "movie":
        return None
    info = video.probe(media.path)
    fitted = video.fit_size(info, width=size[0])
    return fitted if fitted[1] <= size[1] else video.fit_size(info, height=size[1])


def _boxed(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    width, height = size
    if image.shape[:2] == (height, width):
        return image
    scale = min(width / image.shape[1], height / image.shape[0])
    if scale < 1:
        image = cv2.resize(
            image, (max(1, int(image.shape[1] * scale)), max(1, int(image.shape[0] * scale))), interpolation=cv2.INTER_AREA
        )
    box = np.zeros((height, width, 3), np.uint8)
    y, x = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
    box[y : y + image.shape[0], x : x + image.shape[1]] = image
    return box
