"""Pictures in: which frame of a file is on screen at a moment, decoding only what that needs.

Media time is an exact ``Fraction`` of seconds, 0 at the file's first picture. The frame on screen at ``t`` is the last one
whose own time is not after ``t``, give or take the container's own rounding. Frames come upright (the display matrix undone),
with square pixels, deinterlaced, as 8-bit RGB or full-range luma. High dynamic range is not tone-mapped: it comes as encoded.

What a file is (`probe`) is in `movie_file`; a run of still images has the same reading in `images`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np

from foley_bridge.errors import MediaError
from foley_bridge.media.movie_file import VideoInfo, open_picture, probe, start_timecode
from foley_bridge.media.pixels import Deinterlacer, Scaler, fit_size

__all__ = ["Frame", "VideoInfo", "VideoSource", "fit_size", "probe", "read_frames", "read_span", "start_timecode"]

HOLD_FRAMES = 2  # containers round their lengths: this long past its end the last picture is still held
BLIND_SEEK_S = 10  # without an index, decoding on is tried up to this far before seeking
SEEK_MARGIN_FRAMES = 8  # a seek throws away the frames that decoding threads have in hand
UNSEEKABLE = {"mpeg"}  # program streams stamp only some pictures: times guessed after a seek are off by fields
REVERSED_BYTES = 12 << 20  # frames kept at once while reading backwards


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture on screen.

    Attributes:
        time: media seconds that were asked for.
        pts: media seconds at which this picture appears, not after ``time`` (except before the first picture).
        image: uint8 (h, w, 3) RGB or (h, w) luma, full range. Shared by consecutive frames that show the same picture.
    """

    time: Fraction
    pts: Fraction
    image: np.ndarray


@dataclass(frozen=True, eq=False)
class _Decoded:
    since: Fraction  # on screen from here: pts, or as much earlier as the container may have rounded it
    pts: Fraction
    end: Fraction
    picture: Any


class VideoSource:
    """One movie file held open for asking.

    Args:
        path: the file.
        size: (width, height) of the pictures handed out, upright; the file's own size when None.
        gray: luma instead of RGB.

    Raises:
        MediaError: the file is missing, not a movie, or has no picture.
    """

    def __init__(self, path: str | Path, *, size: tuple[int, int] | None = None, gray: bool = False) -> None:
        self.info = probe(path)
        self.size = size or (self.info.width, self.info.height)
        self._scaler = Scaler(self.size, gray)
        self._frame_s = 1 / self.info.rate
        self._container: Any = None
        self._stream: Any = None
        self._seekable = False
        self._touched = False  # the file no longer stands at its first packet
        self._shown: _Decoded | None = None  # on screen now
        self._ahead: _Decoded | None = None  # the one after it
        self._image: tuple[Fraction, np.ndarray] | None = None  # of the frame handed out last
        self._open()

    def __enter__(self) -> VideoSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def at(self, time: Fraction) -> Frame:
        """The frame on screen at media second ``time``. Cheapest for times that do not go back.

        Raises:
            MediaError: ``time`` lies after the last picture, or where the file cannot be read.
        """
        behind = self._shown is None or 0 < self._shown.since > time
        if behind or self._seek_pays(time):
            self._seek(time)
        while self._ahead is not None and self._ahead.since <= time:
            self._shown, self._ahead = self._ahead, next(self._decoding, None)
        assert self._shown is not None
        if self._ahead is None and not self.info.still and time >= self._shown.end + HOLD_FRAMES * self._frame_s:
            raise self._past_the_end(time)
        return self._frame(time, self._shown)

    def span(self, start: Fraction, end: Fraction) -> Iterator[Frame]:
        """Every picture shown in ``[start, end)`` media seconds, once, in order. ``time`` is when it is first seen there."""
        yield self.at(start)
        while self._ahead is not None and self._ahead.pts < end:
            self._shown, self._ahead = self._ahead, next(self._decoding, None)
            yield self._frame(self._shown.pts, self._shown)
        if self._ahead is None:
            assert self._shown is not None
            if not self.info.still and end > self._shown.end + HOLD_FRAMES * self._frame_s:
                raise self._past_the_end(end)

    def _frame(self, time: Fraction, shown: _Decoded) -> Frame:
        if self._image is None or self._image[0] != shown.pts:
            self._image = (shown.pts, self._scaler(shown.picture))
        return Frame(time, shown.pts, self._image[1])

    def _past_the_end(self, time: Fraction) -> MediaError:
        assert self._shown is not None
        path, end, stated = self.info.path, self._shown.end, self.info.duration
        if stated > end + HOLD_FRAMES * self._frame_s:
            return MediaError(
                f"{path}: the picture at {float(time):.3f} s cannot be read, the file breaks off at {float(end):.3f} s "
                f"although it says it runs {float(stated):.3f} s",
                "copy the file again, or keep the region before the break",
            )
        return MediaError(
            f"{path}: no picture at {float(time):.3f} s, it ends at {float(end):.3f} s",
            "check the clip's source range against the file",
        )

    # -- where to decode from

    def _seek_pays(self, time: Fraction) -> bool:
        """Whether a later key frame lies between what is being decoded and ``time``."""
        if self._ahead is None or not self._seekable or time - self._ahead.pts < SEEK_MARGIN_FRAMES * self._frame_s:
            return False
        fed = max(self._fed, self._stream_ticks(self._ahead.pts))
        key = self._stream.index_entries.search_timestamp(self._stream_ticks(time), backward=True, any_frame=False)
        if key >= 0:
            ahead = (self._stream.index_entries[key].timestamp - fed) * self._stream.time_base
            if ahead > SEEK_MARGIN_FRAMES * self._frame_s:
                return True
        index_ends = key == len(self._stream.index_entries) - 1  # not read yet (Matroska), or there is none
        return index_ends and time - self._ahead.pts > BLIND_SEEK_S

    def _seek(self, time: Fraction) -> None:
        """Decode from the last key frame whose picture is not after ``time``.

        An index knows decoding times, pictures have presentation times, some containers land between key frames, and the
        pictures that lead a key frame may need the group before it: so look at what comes out from the key frame on, and
        step further back until it is early enough.
        """
        back = Fraction(0)
        while self._seekable and time - back > SEEK_MARGIN_FRAMES * self._frame_s:
            self._touched = True
            try:
                self._container.seek(self._stream_ticks(time - back), stream=self._stream, backward=True)
            except av.FFmpegError:
                break
            self._start_decoding(after_seek=True)
            if self._shown is not None and self._shown.since <= time:
                return
            back = max(back * 3, 4 * self._frame_s)
        if self._touched:
            self._open()
        self._start_decoding()
        if self._shown is None:
            raise MediaError(f"{self.info.path}: no picture in it can be read", "copy or export the file again")

    def _stream_ticks(self, time: Fraction) -> int:
        return int((time + self.info.origin) / self._stream.time_base)

    # -- decoding

    def _open(self) -> None:
        self.close()
        self._touched = False
        self._container, self._stream = open_picture(self.info.path)
        self._stream.thread_type = "AUTO"
        self._seekable = self._container.format.name not in UNSEEKABLE

    def _start_decoding(self, *, after_seek: bool = False) -> None:
        self._touched = True
        self._fed = -(1 << 62)
        self._wait_for_key = after_seek
        self._earliest: int | None = None
        self._decoding = self._decode()
        self._shown = next(self._decoding, None)
        self._ahead = next(self._decoding, None)

    def _packets(self) -> Iterator[Any]:
        """Packets up to the end, or up to where the file stops making sense; the last is the decoder's flush."""
        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            yield None

    def _pictures(self) -> Iterator[Any]:
        """Decoded pictures in order. A damaged packet is skipped: its picture is missing and the one before is held."""
        deinterlacer = Deinterlacer(self._stream)
        for packet in self._packets():
            if self._wait_for_key and packet is not None and packet.size:
                if not packet.is_keyframe:
                    continue
                self._wait_for_key, self._earliest = False, packet.pts
            if packet is not None and packet.dts is not None:
                self._fed = packet.dts
            try:
                decoded = self._stream.codec_context.decode(packet)
            except av.FFmpegError:
                continue
            for picture in decoded:
                if self._earliest is None or picture.pts is None or picture.pts >= self._earliest:
                    yield from deinterlacer(picture)
        yield from deinterlacer(None)

    def _decode(self) -> Iterator[_Decoded]:
        """Pictures with their media times, each later than the one before, one picture late so that each knows its end."""
        held: deque[tuple[Fraction, Fraction, Any]] = deque()
        last: Fraction | None = None
        for picture in self._pictures():
            if picture.pts is None:  # raw streams without times: count
                self._seekable = False
                pts = Fraction(0) if last is None else last + self._frame_s
            else:
                pts = self._on_grid(picture.pts * picture.time_base - self.info.origin)
            if last is not None and pts <= last:
                continue
            last = pts
            length = picture.duration * picture.time_base if picture.duration and picture.time_base else self._frame_s
            held.append((pts, pts + length, picture))
            if len(held) > 1:
                first = held.popleft()
                yield _Decoded(self._since(first[0]), first[0], pts, first[2])
        for pts, end, picture in held:
            yield _Decoded(self._since(pts), pts, end, picture)

    def _on_grid(self, pts: Fraction) -> Fraction:
        """A time that the container rounded, put back on the frame grid; times off the grid stay (variable rate)."""
        grid = round(pts * self.info.rate) / self.info.rate
        return grid if abs(grid - pts) <= self.info.tick else pts

    def _since(self, pts: Fraction) -> Fraction:
        return pts if (pts * self.info.rate).denominator == 1 else pts - self.info.tick


def read_frames(
    path: str | Path, times: Iterable[Fraction], *, size: tuple[int, int] | None = None, gray: bool = False
) -> Iterator[Frame]:
    """One frame per asked media time, in the order asked.

    Args:
        path: a movie, or a still image (shown for ever).
        times: media seconds. Rising or falling (a reversed clip); falling ones are decoded forward in bounded pieces.
        size: (width, height), upright; the file's own when None.
        gray: luma instead of RGB.

    Raises:
        MediaError: the file cannot be read, or ends before a time asked for.
    """
    with VideoSource(path, size=size, gray=gray) as source:
        width, height = source.size
        most = max(8, REVERSED_BYTES // (width * height * (1 if gray else 3)))
        last: Frame | None = None
        for run in _runs(times, most):
            rising = sorted(run)
            frames = (source.at(time) for time in rising)
            for frame in frames if run == rising else list(frames)[::-1]:
                if last is not None and last.pts == frame.pts:
                    frame = Frame(frame.time, frame.pts, last.image)
                last = frame
                yield frame


def read_span(
    path: str | Path, start: Fraction, end: Fraction, *, size: tuple[int, int] | None = None, gray: bool = False
) -> Iterator[Frame]:
    """Every native frame shown in ``[start, end)`` media seconds, once; arguments and errors as `read_frames`."""
    with VideoSource(path, size=size, gray=gray) as source:
        yield from source.span(start, end)


def _runs(times: Iterable[Fraction], most: int) -> Iterator[list[Fraction]]:
    """Falling times gathered into pieces of at most ``most``; rising ones one by one, as they come."""
    run: list[Fraction] = []
    for time in times:
        if run and (time >= run[-1] or len(run) >= most):
            yield run
            run = []
        run.append(time)
    if run:
        yield run
