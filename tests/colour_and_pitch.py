"""What the pack of ``packs.py`` knows: plain colours to see, and noise of as many pitches to hear; red goes with low, green
with middling, blue with high."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foley_bridge.media.movie import write_movie

RATE = 48_000
FPS = 25
COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}
PITCHES = {"low": (60, 500), "mid": (1200, 3500), "high": (8000, 18_000)}  # Hz


def plain(colour: str, size: tuple[int, int] = (90, 160)) -> NDArray[np.uint8]:
    """A picture that is all one colour."""
    return np.broadcast_to(np.array(COLOURS[colour], np.uint8), (*size, 3)).copy()


def movie(path: Path, colours: Iterable[str], *, each_s: int = 2, fps: int = FPS) -> Path:
    """One colour after another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_movie(path, (plain(colour) for colour in colours for _ in range(each_s * fps)), Fraction(fps))
    return path


def noise(seed: int, pitch: str, length_s: float = 1.0) -> NDArray[np.float32]:
    """At 48 kHz."""
    count = int(length_s * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    low, high = PITCHES[pitch]
    made = np.fft.irfft(np.where((hertz >= low) & (hertz < high), spectrum, 0.0), count)
    return (0.3 * made / np.abs(made).max()).astype(np.float32)
