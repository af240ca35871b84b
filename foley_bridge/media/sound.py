"""The one protocol that sound moves through the house by, and sounds made of others: arrays, one made louder, several in time.

Samples are float32, full scale 1.0; going over is allowed here and only settled where a file is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from foley_bridge.media.channels import remix

BLOCK = 65536  # samples per channel handed on at once


class Sound(Protocol):
    """Sound that can be rendered block by block, so that an hour needs no more memory than a minute.

    Attributes:
        sample_rate: Hz.
        channels: how many.
        frames: length in samples per channel.
    """

    @property
    def sample_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def frames(self) -> int: ...

    def blocks(self, size: int = BLOCK) -> Iterator[np.ndarray]:
        """Yield float32 (n, channels), n <= size, from first to last sample; every call starts anew, same bytes each time."""
        ...


class ArraySound:
    """A Sound over an array already in memory.

    Args:
        samples: (frames,) or (frames, channels), floats, full scale 1.0.
        sample_rate: Hz.
    """

    def __init__(self, samples: np.ndarray, sample_rate: int) -> None:
        frames_first = samples[:, None] if samples.ndim == 1 else samples
        self.samples = np.ascontiguousarray(frames_first, dtype=np.float32)
        self.sample_rate = sample_rate
        self.frames, self.channels = self.samples.shape

    def blocks(self, size: int = BLOCK) -> Iterator[np.ndarray]:
        """Views on the array, in order."""
        for start in range(0, self.frames, size):
            yield self.samples[start : start + size]


class Louder:
    """Another Sound, every sample times ``gain``."""

    def __init__(self, sound: Sound, gain: float) -> None:
        self._sound, self._gain = sound, np.float32(gain)
        self.sample_rate, self.frames, self.channels = sound.sample_rate, sound.frames, sound.channels

    def blocks(self, size: int = BLOCK) -> Iterator[np.ndarray]:
        """float32 (n, channels), in order."""
        return (block * self._gain for block in self._sound.blocks(size))


@dataclass(frozen=True)
class PlacedSounds:
    """Sounds added up where they lie, rendered block by block; only those that sound just now are open.

    Attributes:
        sample_rate: Hz, that of every sound in it.
        channels: how many come out; sounds are spread or folded to them (`channels.remix`).
        frames: length in samples; what lies before 0 or after it is cut.
        placed: (first sample, sound) pairs, in any order; addition is in order of place, so the result is reproducible.
    """

    sample_rate: int
    channels: int
    frames: int
    placed: Sequence[tuple[int, Sound]]

    def __post_init__(self) -> None:
        for _, sound in self.placed:
            if sound.sample_rate != self.sample_rate:
                raise ValueError(f"a sound at {sound.sample_rate} Hz among sounds at {self.sample_rate} Hz: resample it first")

    def blocks(self, size: int = BLOCK) -> Iterator[np.ndarray]:
        """float32 (n, channels), in order."""
        waiting = sorted(self.placed, key=lambda pair: pair[0], reverse=True)
        sounding: list[_Playing] = []
        for start in range(0, self.frames, size):
            stop = min(start + size, self.frames)
            while waiting and waiting[-1][0] < stop:
                sounding.append(_Playing(*waiting.pop(), self.channels))
            mixed = np.zeros((stop - start, self.channels), np.float32)
            for playing in sounding:
                playing.add_to(mixed, start)
            sounding = [playing for playing in sounding if playing.end > stop]
            yield mixed


class _Playing:
    """One placed sound on its way out."""

    def __init__(self, first: int, sound: Sound, channels: int) -> None:
        self.position = first  # of the next sample in hand, on the timeline
        self.end = first + sound.frames
        self._channels = channels
        self._blocks = sound.blocks()
        self._rest = np.zeros((0, channels), np.float32)

    def add_to(self, mixed: np.ndarray, start: int) -> None:
        """Add what falls into ``mixed``, whose first sample lies at ``start``."""
        stop = start + len(mixed)
        while self.position < min(stop, self.end):
            if not len(self._rest):
                block = next(self._blocks, None)
                if block is None:
                    self.end = self.position
                    return
                self._rest = remix(block, self._channels)
            count = min(len(self._rest), (start if self.position < start else stop) - self.position)
            if self.position >= start:
                at = self.position - start
                mixed[at : at + count] += self._rest[:count]
            self._rest = self._rest[count:]
            self.position += count
