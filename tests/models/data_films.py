"""Films for the tests of data sets: every frame carries its number, every second of sound a pitch of its own."""

from __future__ import annotations

import functools
from fractions import Fraction
from pathlib import Path

import numpy as np
from foley_models.data import Moments
from media_movies import make_movie, number_of
from numpy.typing import NDArray

from foley_bridge.inference.features import log_mel

RATE = 25
HZ = 48000
LOWEST_HZ, STEP = 300.0, 2 ** (1 / 4)  # a quarter of an octave a second: another band of the log-mels


def pitches(seconds: float, *, first: int = 0, silent: tuple[int, ...] = ()) -> NDArray[np.float32]:
    """float32 (n,): second k sounds at the pitch of ``first + k``."""
    n = np.arange(round(seconds * HZ))
    second = n // HZ
    tone = 0.3 * np.sin(2 * np.pi * LOWEST_HZ * STEP ** (second + first) * n / HZ)
    return np.where(np.isin(second, silent), 0, tone).astype(np.float32)


def film(path: Path, seconds: float = 4, *, first: int = 0, silent: tuple[int, ...] = (), sound: bool = True) -> Path:
    """A film with a picture and a sound of that length."""
    heard = pitches(seconds, first=first, silent=silent)[None] if sound else None
    codec = {} if path.suffix == ".mp4" else {"sound_codec": "pcm_s16le"}
    return make_movie(path, rate=Fraction(RATE), count=round(seconds * RATE), sound=heard, **codec)


def numbers(moments: Moments) -> list[int]:
    """Which frames the pictures show."""
    return [number_of(image) for image in moments.pictures]


def pitch_of(mel: NDArray[np.float16]) -> int:
    """Whose pitch a second has."""
    loudest = int(mel.astype(np.float32).mean(axis=1).argmax())
    return int(np.abs(_bands() - loudest).argmin())


@functools.cache
def _bands() -> NDArray[np.int64]:
    """The loudest band of every pitch."""
    tones = np.stack([pitches(1, first=second) for second in range(24)])
    return log_mel(tones)[:, 0].mean(axis=2).argmax(axis=1)


def frames_at(*seconds: float) -> list[int]:
    """The numbers of the frames on screen at some seconds."""
    return [int(second * RATE) for second in seconds]
