"""Movies out: H.264 and AAC in an mp4 for looking at, picture and sound in step to the sample.

Frames and sound are taken as they come and interleaved, so a long movie needs no more memory than a short one. AAC starts with
a priming frame; the muxer's edit list hides it. Settings and the number of encoding threads are fixed: the same pictures and
sound make the same bytes on the same build of FFmpeg.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from foley_bridge.errors import MediaError
from foley_bridge.media.audio import resampled
from foley_bridge.media.channels import remix
from foley_bridge.media.pixels import HD_LINES
from foley_bridge.media.sound import Sound
from foley_bridge.media.whole_file import whole_file

SOUND_RATE = 48000
SOUND_BIT_RATE = 192_000  # per movie, mono or stereo
THREADS = 4  # fixed, because x264's result depends on it
REPRODUCIBLE = "mbtree=0"  # with AVX2, x264's macroblock tree decides otherwise once in some thousand runs (measured)
BT709, SMPTE170M = 1, 6  # ITU-T H.273 code points
LIMITED = 1


def write_movie(
    path: str | Path,
    frames: Iterable[np.ndarray],
    rate: Fraction,
    sound: Sound | None = None,
    *,
    crf: int = 20,
    preset: str = "veryfast",
    key_frames: int | None = None,
) -> None:
    """Write an mp4, whole or not at all.

    Args:
        path: the file to make; its folder must exist.
        frames: uint8 (h, w, 3) RGB, all of one size; an odd last row or column is cut. The same array object twice is
            converted once.
        rate: frames per second, exact.
        sound: starts with the first frame; mono or stereo, more channels are folded. Written to its end.
        crf: x264's quality, lower is better and larger.
        preset: x264's, how long it may take.
        key_frames: one at least every so many frames and no frame that needs a later one, for jumping about exactly; None
            leaves that to x264, which makes the smallest file.

    Raises:
        MediaError: no frames; frames of different sizes; the folder is missing, not writable or full.
    """
    path = Path(path)
    with whole_file(path) as temporary:
        try:
            with av.open(f"file:{temporary}", "w", format="mp4", options=_muxing(Fraction(rate))) as container:
                _write(container, path, frames, Fraction(rate), sound, _options(crf, preset, key_frames))
        except av.FFmpegError as error:
            if isinstance(error, OSError):
                raise
            raise MediaError(f"{path}: the movie cannot be written, {error.strerror}") from error


def _muxing(rate: Fraction) -> dict[str, str]:
    """Index first, and lengths counted in a clock that both frames and samples divide: milliseconds would round them."""
    common = math.lcm(SOUND_RATE, rate.numerator)
    return {"movflags": "+faststart", "movie_timescale": str(common if common < 1 << 31 else SOUND_RATE)}


def _options(crf: int, preset: str, key_frames: int | None) -> dict[str, str]:
    settings = REPRODUCIBLE if key_frames is None else f"{REPRODUCIBLE}:keyint={key_frames}:bframes=0"
    return {"crf": str(crf), "preset": preset, "threads": str(THREADS), "x264-params": settings}


def _write(
    container: Any, path: Path, frames: Iterable[np.ndarray], rate: Fraction, sound: Sound | None, options: dict[str, str]
) -> None:
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise MediaError(f"{path}: a movie needs at least one frame")
    picture = _PictureTrack(container, first, rate, options)
    heard = _SoundTrack(container, sound) if sound is not None else None
    image: np.ndarray | None = first
    while image is not None:
        if image.shape != first.shape:
            raise MediaError(f"{path}: frames of different sizes, {image.shape[:2]} after {first.shape[:2]}")
        picture.put(image)
        if heard is not None:
            heard.put_until(picture.count / rate)
        image = next(rest, None)
    picture.finish()
    if heard is not None:
        heard.put_until(None)


class _PictureTrack:
    def __init__(self, container: Any, first: np.ndarray, rate: Fraction, options: dict[str, str]) -> None:
        self.count = 0
        self._container = container
        self._last: tuple[np.ndarray, Any] | None = None
        height, width = first.shape[0] & ~1, first.shape[1] & ~1
        self._hd = height >= HD_LINES
        self._reformatter = VideoReformatter()
        self._stream = stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / rate
        context.color_range = LIMITED
        context.colorspace = context.color_primaries = context.color_trc = BT709 if self._hd else SMPTE170M

    def put(self, image: np.ndarray) -> None:
        if self._last is None or self._last[0] is not image:
            cut = np.ascontiguousarray(image[: self._stream.height, : self._stream.width])
            picture = self._reformatter.reformat(
                av.VideoFrame.from_ndarray(cut, format="rgb24"),
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709 if self._hd else Colorspace.ITU601,
                dst_color_range=ColorRange.MPEG,
                interpolation="BILINEAR",
                threads=1,
            )
            self._last = (image, picture)
        picture = self._last[1]
        picture.pts, picture.time_base = self.count, self._stream.codec_context.time_base
        self._container.mux(self._stream.encode(picture))
        self.count += 1

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))


class _SoundTrack:
    def __init__(self, container: Any, sound: Sound) -> None:
        self._container = container
        self._channels = min(sound.channels, 2)
        self._stream = container.add_stream("aac", rate=SOUND_RATE, layout=("mono", "stereo")[self._channels - 1])
        self._stream.bit_rate = SOUND_BIT_RATE
        self._position = 0
        self._blocks = self._encoder_frames(sound)

    def _encoder_frames(self, sound: Sound) -> Iterator[np.ndarray]:
        """Stretches of 1024 samples, as AAC takes them; the last is shorter."""
        kept = np.zeros((0, self._channels), np.float32)
        for block in resampled(sound.blocks(), sound.sample_rate, SOUND_RATE, sound.channels):
            kept = np.concatenate([kept, remix(block, self._channels).clip(-1, 1)])
            whole = len(kept) // 1024 * 1024
            for at in range(0, whole, 1024):
                yield kept[at : at + 1024]
            kept = kept[whole:]
        if len(kept):
            yield kept

    def put_until(self, seconds: Fraction | None) -> None:
        """Encode up to there; to the end, and close the track, for None."""
        while seconds is None or self._position < seconds * SOUND_RATE:
            block = next(self._blocks, None)
            if block is None:
                break
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format="fltp", layout=self._stream.layout.name)
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, self._position, Fraction(1, SOUND_RATE)
            self._container.mux(self._stream.encode(frame))
            self._position += len(block)
        if seconds is None:
            self._container.mux(self._stream.encode(None))
