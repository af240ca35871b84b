"""Features of files: seconds of sound out of a recording, pictures out of movies, and the two of them as moments."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import MediaError
from foley_bridge.inference.features import SILENT, Floats, PictureFeatures, SoundFeatures, log_mel, resized, segments
from foley_bridge.media import audio, video
from foley_models.data.clips import Moments

VERSION = 1  # of how files become moments: features made by another are made anew
PIECE_S = Fraction(10)
"""How much of something long is one clip: as long as VGG-Sound's."""
LEAST_S = Fraction(1, 4)
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class FileState:
    """Which file, and whether it is still the same: features are kept under its name, size and time of change."""

    name: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, name: str, stat: os.stat_result) -> FileState:
        """A file that is called ``name`` in its data set: wherever the data set lies, its features are found."""
        return cls(name, stat.st_size, stat.st_mtime_ns)

    def to_json(self) -> list[Any]:
        """For a cache's key."""
        return [self.name, self.size, self.mtime_ns]


@dataclass(frozen=True)
class Stretch:
    """A part of a movie with sound.

    Attributes:
        path: the file.
        state: of it.
        start_s: media seconds.
        length_s: None: to the end.
    """

    path: Path
    state: FileState
    start_s: Fraction = Fraction(0)
    length_s: Fraction | None = None

    def what(self) -> Mapping[str, Any]:
        """For a cache's key."""
        length = None if self.length_s is None else str(self.length_s)
        return {"film": VERSION, "file": self.state.to_json(), "start": str(self.start_s), "length": length}

    def make(self) -> Moments:
        """Its moments: one a second, with the picture at the second's middle, where there is one and the second is not silent.

        Raises:
            MediaError: picture or sound cannot be read, or there is nothing to see or to hear.
        """
        info = video.probe(self.path)
        if info.still:
            raise MediaError(f"{self.path}: is a single picture")
        starts, cut, middle = heard(self.path, self.start_s, self.length_s)
        seen_at = [self.start_s + start + middle for start in starts]
        count = sum(time < info.duration for time in seen_at)
        if not count:
            raise MediaError(f"{self.path}: its picture ends at {float(info.duration):.3f} s, before its sound")
        pictures = [resized(frame.image, PictureFeatures()) for frame in video.read_frames(self.path, seen_at[:count])]
        return moments([self.start_s + start for start in starts[:count]], cut[:count], pictures)


def pieces(length_s: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Something long, cut into starts and lengths of at most ``PIECE_S``; too little at the end is left out."""
    cut = [(PIECE_S * number, min(PIECE_S, length_s - PIECE_S * number)) for number in range(int(length_s / PIECE_S) + 1)]
    return [(start, length) for start, length in cut if length >= LEAST_S]


def heard(path: Path, start_s: Fraction, length_s: Fraction | None) -> tuple[list[Fraction], Floats, Fraction]:
    """The seconds of a recording that are not silent, as ``features.segments`` cuts them.

    Returns:
        seconds from ``start_s`` at which they begin; float32 (k, samples); and how long after its beginning each one's middle
        is: half a second, less in a shorter recording.

    Raises:
        MediaError: it cannot be read, or all is silent.
    """
    settings = SoundFeatures()
    samples = audio.load(path, sample_rate=settings.sample_rate, mono=True, start_s=start_s, duration_s=length_s)[:, 0]
    starts, cut = segments(samples, settings)
    if np.abs(cut).max() <= SILENT:
        raise MediaError(f"{path}: is silent from {float(start_s):g} s on, for {len(samples) / settings.sample_rate:.1f} s")
    middle = min(settings.segment_s * HALF, Fraction(len(samples), 2 * settings.sample_rate))
    exact = [Fraction(round(float(start) * settings.sample_rate), settings.sample_rate) for start in starts]
    return exact, cut, middle


def moments(starts: Sequence[Fraction], cut: Floats, pictures: Sequence[NDArray[np.uint8]]) -> Moments:
    """Seconds of sound and the pictures that go with them, as features."""
    mels = log_mel(cut)[:, 0].astype(np.float16)
    return Moments(np.array([float(start) for start in starts]), np.stack(pictures), mels)
