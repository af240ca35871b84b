"""Sound in: any file, any rate and layout, as float32; whole (`load`) or block by block (`FileSound`).

libsndfile reads what it can (WAV, FLAC, AIFF, Ogg, MP3), exactly and with cheap seeking; PyAV reads the rest, among it the
sound of movies. Resampling is soxr's HQ. In a file with a picture, second 0 is the first picture, as everywhere in media
time: sound that starts later is preceded by silence, sound before it is left out.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr

from foley_bridge.errors import MediaError
from foley_bridge.media import movie_file
from foley_bridge.media.channels import remix
from foley_bridge.media.sound import BLOCK, ArraySound, PlacedSounds, Sound

__all__ = ["ArraySound", "AudioInfo", "FileSound", "PlacedSounds", "Sound", "load", "probe", "resampled"]

MISSING_S = Fraction(1, 4)  # containers promise a little more than the decoder gives; more than this missing is a break
ENDLESS = 1 << 62  # libsndfile's length of a file that does not state one is beyond this
PREROLL_S = Fraction(1, 2)  # decoders need a few packets before they are in step


@dataclass(frozen=True)
class AudioInfo:
    """A file's sound.

    Attributes:
        path: the file.
        sample_rate: Hz.
        channels: how many.
        frames: length in samples per channel, at ``sample_rate``.
        by_libsndfile: libsndfile reads it, else PyAV.
    """

    path: str
    sample_rate: int
    channels: int
    frames: int
    by_libsndfile: bool

    @property
    def duration(self) -> Fraction:
        """Seconds."""
        return Fraction(self.frames, self.sample_rate)


def probe(path: str | Path) -> AudioInfo:
    """What the file's sound is, without decoding it.

    Raises:
        MediaError: missing, unreadable, without sound, or of zero length.
    """
    if not Path(path).is_file():
        raise MediaError(f"{path}: there is no such file", "check the path")
    file = open_with_libsndfile(path)
    if file is not None:
        with file:
            info = AudioInfo(str(path), file.samplerate, file.channels, file.frames, True)
    else:
        with movie_file.open_media(path) as container:
            stream = _sound_stream(path, container)
            length = _sound_end(container, stream) - _origin(path, container, stream)
            info = AudioInfo(str(path), stream.rate, stream.channels, max(0, round(length * stream.rate)), False)
    if not info.frames:
        raise MediaError(f"{path}: its sound has zero length", "export the file again")
    return info


def open_with_libsndfile(path: str | Path) -> Any:
    """An open ``soundfile.SoundFile``; None for what PyAV has to read.

    That is other formats, and files whose length libsndfile does not know, so that it would break off early or never: FLAC
    written into a pipe, and MP3 that does not state its length (libsndfile guesses it from the first frame's bit rate).
    """
    name = str(path)
    try:
        file = soundfile.SoundFile(os.fsencode(name) if os.name == "posix" else name)
    except (soundfile.SoundFileError, TypeError):  # TypeError: headerless by its name
        return None
    with contextlib.suppress(OSError):
        if file.frames < ENDLESS and (file.format != "MP3" or _mp3_states_its_length(path)):
            return file
    file.close()
    return None


def _mp3_states_its_length(path: str | Path) -> bool:
    """Its first frame, behind any ID3 tag, is one that encoders write for this."""
    with Path(path).open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3":
            high, mid, low, lowest = (byte & 0x7F for byte in head[6:10])
            file.seek(10 + (high << 21 | mid << 14 | low << 7 | lowest))
        first = file.read(4096)
    return any(mark in first for mark in (b"Xing", b"Info", b"VBRI"))


def load(
    path: str | Path,
    *,
    sample_rate: int | None = None,
    mono: bool = False,
    start_s: Fraction | float = 0,
    duration_s: Fraction | float | None = None,
) -> np.ndarray:
    """The file's sound in memory, float32 (frames, channels).

    Args:
        path: anything libsndfile or FFmpeg reads, movies too.
        sample_rate: Hz to resample to; the file's own when None.
        mono: fold to one channel.
        start_s, duration_s: which part, in seconds; to the end when ``duration_s`` is None or longer than what is there.

    Raises:
        MediaError: as `probe`; or ``start_s`` lies past the end; or the file breaks off.
    """
    sound = FileSound(path, sample_rate=sample_rate, channels=1 if mono else None, start_s=start_s, duration_s=duration_s)
    return np.concatenate(list(sound.blocks()))


class FileSound:
    """A Sound read from a file as it is asked for, folded and resampled on the way.

    Args:
        path, sample_rate, start_s, duration_s: as in `load`.
        channels: how many come out (`channels.remix`); the file's own when None.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        sample_rate: int | None = None,
        channels: int | None = None,
        start_s: Fraction | float = 0,
        duration_s: Fraction | float | None = None,
    ) -> None:
        self.info = info = probe(path)
        self.sample_rate = sample_rate or info.sample_rate
        self.channels = channels or info.channels
        self._first = round(start_s * info.sample_rate)
        if not 0 <= self._first < info.frames:
            raise MediaError(f"{path}: no sound at {float(start_s):.3f} s, it is {float(info.duration):.3f} s long")
        self._count = info.frames - self._first
        if duration_s is not None:
            self._count = min(self._count, max(0, round(duration_s * info.sample_rate)))
        self.frames = round(Fraction(self._count * self.sample_rate, info.sample_rate))

    def blocks(self, size: int = BLOCK) -> Iterator[np.ndarray]:
        """float32 (n, channels), in order; the file is open only while this runs."""
        left = self.frames
        for block in resampled(self._native(), self.info.sample_rate, self.sample_rate, self.channels):
            for at in range(0, min(len(block), left), size):
                yield block[at : min(at + size, left)]
            left -= min(len(block), left)
        while left:  # a resampler may round its length down by a sample
            yield np.zeros((min(size, left), self.channels), np.float32)
            left -= min(size, left)

    def _native(self) -> Iterator[np.ndarray]:
        """Exactly ``_count`` samples at the file's rate, in the channels wanted."""
        info, left = self.info, self._count
        reader = _libsndfile_blocks if info.by_libsndfile else _pyav_blocks
        for block in reader(info, self._first, self._count):
            block = block[:left]
            left -= len(block)
            yield remix(block, self.channels)
            if not left:
                return
        if left > MISSING_S * info.sample_rate:
            end = Fraction(self._first + self._count - left, info.sample_rate)
            raise MediaError(
                f"{info.path}: the sound breaks off at {float(end):.3f} s although it should run {float(info.duration):.3f} s",
                "copy or export the file again",
            )
        yield np.zeros((left, self.channels), np.float32)


def resampled(blocks: Iterable[np.ndarray], from_hz: int, to_hz: int, channels: int) -> Iterator[np.ndarray]:
    """float32 (n, channels) blocks at another rate, without delay; the same blocks when the rate stays."""
    if from_hz == to_hz:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block).reshape(-1, channels)
    yield stream.resample_chunk(np.zeros((0, channels), np.float32), last=True).reshape(-1, channels)


def _libsndfile_blocks(info: AudioInfo, first: int, count: int) -> Iterator[np.ndarray]:
    file = open_with_libsndfile(info.path)
    if file is None:
        raise MediaError(f"{info.path}: has changed while it was read", "wait until it is written, then try again")
    try:
        with file:
            file.seek(first)
            yield from file.blocks(BLOCK, frames=count, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise MediaError(f"{info.path}: its sound cannot be read, {error}", "copy or export the file again") from error


def _pyav_blocks(info: AudioInfo, first: int, count: int) -> Iterator[np.ndarray]:
    """Samples from ``first`` on, placed by the times of the decoded frames; holes are silence."""
    with movie_file.open_media(info.path) as container:
        stream = _sound_stream(info.path, container)
        origin = _origin(info.path, container, stream)
        if first > PREROLL_S * info.sample_rate:
            ticks = int((origin + Fraction(first, info.sample_rate) - PREROLL_S) / stream.time_base)
            container.seek(ticks, stream=stream, backward=True)
        position: int | None = None  # of the next sample the decoder gives
        wanted = first  # the next sample to hand out
        for samples, time in _decoded(container, stream, info.channels):
            if time is not None:
                at = round((time - origin) * info.sample_rate)
                if position is None or abs(at - position) > info.sample_rate // 20:  # less is a container's rounding
                    position = at
            position = position or 0
            if position > wanted:
                for start in range(wanted, min(position, first + count), BLOCK):
                    yield np.zeros((min(BLOCK, position - start, first + count - start), info.channels), np.float32)
                wanted = position
            if position + len(samples) > wanted:
                yield samples[wanted - position :]
                wanted = position + len(samples)
            position += len(samples)
            if wanted >= first + count:
                return


def _decoded(container: Any, stream: Any, channels: int) -> Iterator[tuple[np.ndarray, Fraction | None]]:
    """(float32 (n, channels), seconds on the file's clock) per decoded frame; damaged packets are skipped."""
    resamplers: dict[tuple[str, str, int], Any] = {}
    layout = stream.layout.name
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return
        if packet is None:
            return
        try:
            frames = stream.codec_context.decode(packet)
        except av.FFmpegError:
            continue
        for frame in frames:
            time = None if frame.pts is None else frame.pts * frame.time_base
            key = (frame.format.name, frame.layout.name, frame.sample_rate)
            if key not in resamplers:  # some streams change their layout on the way
                resamplers[key] = av.AudioResampler(format="flt", layout=layout, rate=stream.rate)
            for plain in resamplers[key].resample(frame):
                yield plain.to_ndarray().reshape(-1, channels), time
                time = None


def _sound_stream(path: str | Path, container: Any) -> Any:
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None and stream.rate]
    if not streams:
        raise MediaError(f"{path}: has no sound", "give a file with sound in it")
    return streams[0]


def _origin(path: str | Path, container: Any, stream: Any) -> Fraction:
    """Where second 0 lies on the file's clock: at the first picture, or without one at the first sample."""
    try:
        return movie_file.probe(path).origin
    except MediaError:
        return (stream.start_time or 0) * Fraction(stream.time_base)


def _sound_end(container: Any, stream: Any) -> Fraction:
    return movie_file.stream_end(container, stream, Fraction(stream.rate, 1024))
