"""The preview: the whole timeline's picture with the chosen takes under it, as a small MP4."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from foley_bridge.conform import Take
from foley_bridge.engines.watch import read_media
from foley_bridge.media import movie, video
from foley_bridge.media.audio import FileSound
from foley_bridge.media.sound import PlacedSounds, Sound
from foley_bridge.timeline.picture import Media, Picture, Span
from foley_bridge.timeline.time import samples_of

WIDTH = 640
SAMPLE_RATE = 48000


def write_preview(
    path: Path, picture: Picture, takes: Sequence[Take], *, rate: Fraction, advance: Callable[[float], None]
) -> None:
    """Render the timeline.

    Args:
        path: an .mp4 to write, whole or not at all.
        picture: the whole timeline's.
        takes: those to be heard, each between its clip's start and end.
        rate: the timeline's frames per second.
        advance: called with 0-1 as frames are made; may raise to stop.

    Raises:
        MediaError: a picture cannot be read, or the file cannot be written.
    """
    size = frame_size(picture, WIDTH)
    start, end = picture.spans[0].start, picture.spans[-1].end
    placed = [(samples_of(take.start - start, SAMPLE_RATE), _heard(take)) for take in takes]
    sound = PlacedSounds(SAMPLE_RATE, 2, samples_of(end - start, SAMPLE_RATE), placed)
    movie.write_movie(path, _frames(picture, rate, size, advance), rate, sound)


def _heard(take: Take) -> Sound:
    return FileSound(take.path, sample_rate=SAMPLE_RATE, start_s=take.handle, duration_s=take.duration)


def frame_size(picture: Picture, width: int) -> tuple[int, int]:
    """(w, h), even, in the shape of the first picture there is; 16:9 where there is none."""
    for span in picture.spans:
        if span.media is not None and span.media.kind == "movie":
            return video.fit_size(video.probe(span.media.path), width=width)
    return width, width * 9 // 16


def _frames(picture: Picture, rate: Fraction, size: tuple[int, int], advance: Callable[[float], None]) -> Iterator[np.ndarray]:
    start, end = picture.spans[0].start, picture.spans[-1].end
    for span in picture.spans:
        first = -(-(span.start - start) * rate // 1)  # the first whole frame at or after the span's start
        count = -(-(span.end - start) * rate // 1) - first
        times = [start + (first + k) / rate for k in range(int(count))]
        for time, image in zip(times, shown(span, times, size), strict=True):
            advance(float((time - start) / (end - start)))
            yield image


def shown(span: Span, times: Sequence[Fraction], size: tuple[int, int]) -> Iterator[np.ndarray]:
    """uint8 RGB (h, w, 3) pictures of one span at timeline times: letterboxed, and black where there is none."""
    media = span.media
    if media is None or media.kind not in ("movie", "images"):
        black = np.zeros((size[1], size[0], 3), np.uint8)
        yield from (black for _ in times)
        return
    at = [span.media_time(time) for time in times]
    held: tuple[np.ndarray, np.ndarray] | None = None
    for frame in read_media(media, at, _inside(media, size)):
        if held is None or held[0] is not frame.image:
            held = frame.image, _boxed(frame.image, size)
        yield held[1]


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
