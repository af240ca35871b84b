"""A take's sound reduced to a fixed number of columns, block by block, so that an hour needs no more memory than a minute.

The envelope keeps each column's lowest and highest sample, so no click is lost; the spectrogram keeps each column's
strongest mel frame (librosa's mel scale after Slaney), so a hit stays visible however long the take is.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import librosa
import numpy as np
import soundfile

from foley_bridge.errors import MediaError

COLUMNS = 1200
MELS = 96
LOWEST_HZ, HIGHEST_HZ = 30.0, 20000.0
BLOCK = 1 << 17


@dataclass(frozen=True)
class Sketch:
    """The clip part of a take, handles left out.

    Attributes:
        low, high: float32 (columns,), smallest and largest sample over all channels, full scale = 1.
        mel: float32 (MELS, columns), power, lowest band first.
        duration_s: how long the sketched sound really is (a file may end before its clip does).
        sample_rate, channels: the file's.
    """

    low: np.ndarray
    high: np.ndarray
    mel: np.ndarray
    duration_s: float
    sample_rate: int
    channels: int

    @property
    def peak(self) -> float:
        """The largest magnitude, full scale = 1."""
        return float(max(-self.low.min(), self.high.max()))


def sketch(
    path: Path, *, skip_s: float, duration_s: float, lowest_hz: float = LOWEST_HZ, file: BinaryIO | None = None
) -> Sketch:
    """Reduce ``duration_s`` seconds of a sound file, from ``skip_s`` on, to at most COLUMNS columns.

    The lowest mel band begins at ``lowest_hz``. Whoever has the file open gives it as ``file``; then ``path`` is but its name.

    Raises:
        MediaError: the file is missing, is no sound, or holds nothing in that range.
    """
    with _opened(path, file) as sound:
        first, count = _range(path, sound, skip_s, duration_s)
        rate = sound.samplerate
        hop = min(max(count // COLUMNS, rate // 3000, 1), 1024)
        columns = min(COLUMNS, -(-count // hop))
        low, high = np.full(columns, np.inf, np.float32), np.full(columns, -np.inf, np.float32)
        spectrum = _MelColumns(rate, hop, columns, count, lowest_hz)
        done = 0
        for block in _blocks(path, sound, first, count):
            _fold_envelope(block, done, count, low, high)
            spectrum.add(block.mean(axis=1))
            done += len(block)
        spectrum.finish()
        return Sketch(low, high, spectrum.mel, count / rate, rate, sound.channels)


def flac(path: Path, *, skip_s: float, duration_s: float) -> bytes:
    """The same range as a 16-bit FLAC file. Raises MediaError like ``sketch``."""
    with _opened(path) as file:
        first, count = _range(path, file, skip_s, duration_s)
        out = io.BytesIO()
        with soundfile.SoundFile(out, "w", file.samplerate, file.channels, "PCM_16", format="FLAC") as writer:
            for block in _blocks(path, file, first, count):
                writer.write(block)
        return out.getvalue()


def mel_height(hz: float, sample_rate: int) -> float:
    """Where a frequency lies on the spectrogram's height: 0 bottom, 1 top."""
    low, at, top = librosa.hz_to_mel(np.array([LOWEST_HZ, hz, _highest(sample_rate)]))
    return float((at - low) / (top - low))


def _highest(sample_rate: int) -> float:
    return min(HIGHEST_HZ, sample_rate / 2)


class _MelColumns:
    """Folds a stream of mono samples into the mel power of each column."""

    def __init__(self, sample_rate: int, hop: int, columns: int, count: int, lowest_hz: float) -> None:
        self.hop, self.columns, self.count = hop, columns, count
        self.size = 2 ** math.ceil(math.log2(sample_rate / 24))  # bins of at most 24 Hz: no mel band falls between two bins
        self.filters = librosa.filters.mel(
            sr=sample_rate, n_fft=self.size, n_mels=MELS, fmin=lowest_hz, fmax=_highest(sample_rate)
        )
        self.mel = np.zeros((MELS, columns), np.float32)
        self.frame = 0
        self.rest = np.zeros(self.size // 2, np.float32)  # frame f is centred on sample f * hop

    def add(self, mono: np.ndarray) -> None:
        samples = np.concatenate([self.rest, mono])
        frames = max(0, (len(samples) - self.size) // self.hop + 1)
        frames = min(frames, -(-self.count // self.hop) - self.frame)
        if frames <= 0:
            self.rest = samples
            return
        # Half the transform's length as window: a hit stays sharp in time.
        covered = samples[: self.size + (frames - 1) * self.hop]
        spectrum = librosa.stft(covered, n_fft=self.size, hop_length=self.hop, win_length=self.size // 2, center=False)
        mel = self.filters @ np.abs(spectrum) ** 2  # (MELS, frames)
        column = (np.arange(self.frame, self.frame + frames) * self.hop) * self.columns // self.count
        column, starts = np.unique(column, return_index=True)
        self.mel[:, column] = np.maximum(self.mel[:, column], np.maximum.reduceat(mel, starts, axis=1))
        self.frame += frames
        self.rest = samples[frames * self.hop :]

    def finish(self) -> None:
        self.add(np.zeros(self.size, np.float32))


def _fold_envelope(block: np.ndarray, done: int, count: int, low: np.ndarray, high: np.ndarray) -> None:
    """Fold samples ``done``... of ``count`` into their columns. block: float32 (n, channels)."""
    columns = len(low)
    first, last = done * columns // count, (done + len(block) - 1) * columns // count
    inner = np.arange(first + 1, last + 1, dtype=np.int64)
    starts = np.concatenate([[0], -(-inner * count // columns) - done])
    span = slice(first, last + 1)
    low[span] = np.minimum(low[span], np.minimum.reduceat(block.min(axis=1), starts))
    high[span] = np.maximum(high[span], np.maximum.reduceat(block.max(axis=1), starts))


def _opened(path: Path, file: BinaryIO | None = None) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(path if file is None else file)
    except (soundfile.LibsndfileError, OSError) as error:
        raise MediaError(f"take {path} cannot be read: {error}", "the report reads takes from disk: make them again") from error


def _range(path: Path, file: soundfile.SoundFile, skip_s: float, duration_s: float) -> tuple[int, int]:
    first = round(skip_s * file.samplerate)
    count = min(round(duration_s * file.samplerate), file.frames - first)
    if count <= 0:
        length_s = file.frames / file.samplerate
        raise MediaError(f"take {path} is {length_s:.3f} s long, which holds nothing of its clip", "make the takes again")
    return first, count


def _blocks(path: Path, file: soundfile.SoundFile, first: int, count: int) -> Iterator[np.ndarray]:
    """Yield exactly ``count`` samples as float32 (n, channels)."""
    file.seek(first)
    while count:
        block = file.read(min(BLOCK, count), dtype="float32", always_2d=True)
        if not len(block):
            raise MediaError(f"take {path} ends {count} samples before its header says", "make the takes again")
        yield np.nan_to_num(block)
        count -= len(block)
