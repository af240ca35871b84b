"""What the networks are shown: pictures and segments of sound as arrays. Training imports this too: the two cannot differ.

Frames are resized as a whole and sound is cut into seconds (Krishnamurthy, section 3: frames of 224x224, 64x100 log-mel
features of 1 s at 48 kHz, by librosa). What the paper leaves open is pinned in the settings; docs/encoders.md has them in
words.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
SHORTEST_REST_S = Fraction(1, 4)
MOST_PICTURES = 30
SILENT = 10 ** (-60 / 20)
_AT_ONCE = 64  # segments transformed together: 100 frames of 513 bins each


@dataclass(frozen=True)
class PictureFeatures:
    """How a picture becomes an array.

    Attributes:
        size: pixels, of both sides.
        fps: pictures a second that a region is looked at with.
        mean, std: of red, green, blue, on a scale of 0-1.
    """

    size: int = 224
    fps: int = 1
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class SoundFeatures:
    """How a segment of sound becomes an array.

    Attributes:
        sample_rate: Hz.
        segment_s: how long a segment is, whole seconds.
        n_fft, hop: samples; zeros of half their difference lie at both ends, so that there are exactly
            ``segment_s * sample_rate / hop`` frames.
        mels: bands, from ``low_hz`` to ``high_hz``, Slaney's scale and norm.
        floor: added to the power before the natural logarithm.
        mean, std: of that logarithm, over sounds at large.
    """

    sample_rate: int = 48000
    segment_s: int = 1
    n_fft: int = 1024
    hop: int = 480
    mels: int = 64
    low_hz: float = 40.0
    high_hz: float = 20000.0
    floor: float = 1e-7
    mean: float = -10.0
    std: float = 5.0

    @property
    def samples(self) -> int:
        """Of a segment."""
        return self.segment_s * self.sample_rate

    @property
    def frames(self) -> int:
        """Of a segment's spectrogram."""
        return self.samples // self.hop


_Settings = TypeVar("_Settings", PictureFeatures, SoundFeatures)
_Any = TypeVar("_Any")


def settings_to_json(settings: PictureFeatures | SoundFeatures) -> dict[str, Any]:
    """For a pack's manifest or a run's config."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()}


def settings_from_json(kind: type[_Settings], said: Mapping[str, Any]) -> _Settings:
    """The other way round.

    Raises:
        ValueError: a setting is missing, unknown, or not a number that can be; names it.
    """
    settings = settled(kind, said)
    if isinstance(settings, SoundFeatures) and settings.samples % settings.hop:
        raise ValueError("hop: a segment is not a whole number of hops")
    return settings


def settled(kind: type[_Any], said: Mapping[str, Any]) -> _Any:
    """Any frozen dataclass of numbers, tuples of them and strings, all with defaults, from what JSON says.

    Raises:
        ValueError: as ``settings_from_json``.
    """
    like, names = kind(), {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if wrong := names ^ said.keys():
        raise ValueError(f"{sorted(wrong)[0]}: {'is missing' if sorted(wrong)[0] in names else 'there is no such setting'}")
    return kind(**{name: _settled(name, said[name], getattr(like, name)) for name in names})


def _settled(name: str, value: Any, like: Any) -> Any:
    if isinstance(like, str):
        if not isinstance(value, str):
            raise ValueError(f"{name}: a word is wanted")
        return value
    if isinstance(like, tuple):
        if not isinstance(value, list) or len(value) != len(like):
            raise ValueError(f"{name}: {len(like)} numbers are wanted")
        return tuple(_settled(name, each, 1.0) for each in value)
    whole = isinstance(like, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise ValueError(f"{name}: {'a whole number' if whole else 'a number'} is wanted")
    if not np.isfinite(value) or abs(value) > 1e6 or (value <= 0 and name not in {"mean", "low_hz", "rms"}):
        raise ValueError(f"{name}: {value} cannot be")
    return value if whole else float(value)


def picture(image: NDArray[np.uint8], settings: PictureFeatures = PictureFeatures()) -> Floats:
    """One frame, resized as a whole and normalised.

    Args:
        image: uint8 (height, width, 3), RGB, upright.

    Returns:
        float32 (3, size, size).
    """
    return normalised(resized(image, settings), settings)


def resized(image: NDArray[np.uint8], settings: PictureFeatures = PictureFeatures()) -> NDArray[np.uint8]:
    """The first half of ``picture``: uint8 (size, size, 3)."""
    import cv2

    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"a picture is uint8 (height, width, 3), not {image.dtype} {image.shape}")
    size = (settings.size, settings.size)
    if image.shape[:2] == size:
        return image
    smaller = image.shape[0] >= settings.size and image.shape[1] >= settings.size
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR).astype(np.uint8)


def normalised(image: NDArray[np.uint8], settings: PictureFeatures = PictureFeatures()) -> Floats:
    """The second half of ``picture``: float32 (3, size, size)."""
    mean, std = (np.array(each, np.float32) for each in (settings.mean, settings.std))
    return np.ascontiguousarray(((image.astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1))


def segment_starts(length: int, settings: SoundFeatures = SoundFeatures()) -> list[int]:
    """First samples of a recording's segments, one after another; a rest of a quarter of a second or more is in one more that
    ends with the recording.

    Args:
        length: samples of the recording, at the settings' rate.
    """
    size = settings.samples
    starts = list(range(0, length - size + 1, size)) or [0]
    if length > size and (length - size) % size >= SHORTEST_REST_S * settings.sample_rate:
        starts.append(length - size)
    return starts


def segments(samples: Floats, settings: SoundFeatures = SoundFeatures()) -> tuple[Floats, Floats]:
    """A recording cut into segments; silent ones are left out unless all are.

    Args:
        samples: float32 (n,) or (n, channels) at the settings' rate, full scale 1.

    Returns:
        starts, seconds, float32 (k,), and float32 (k, samples); a recording shorter than a segment has zeros after it.
    """
    mono = samples.mean(axis=1, dtype=np.float32) if samples.ndim == 2 else samples.astype(np.float32)
    size = settings.samples
    starts = np.array(segment_starts(len(mono), settings))
    mono = np.pad(mono, (0, max(0, size - len(mono))))
    cut = np.stack([mono[start : start + size] for start in starts])
    loud = np.abs(cut).max(axis=1) > SILENT
    if loud.any():
        starts, cut = starts[loud], cut[loud]
    return (starts / settings.sample_rate).astype(np.float32), cut


def log_mel(cut: Floats, settings: SoundFeatures = SoundFeatures()) -> Floats:
    """Segments as normalised log-mel spectrograms.

    Args:
        cut: float32 (n, samples) or (samples,), full scale 1.

    Returns:
        float32 (n, 1, mels, frames).
    """
    cut = np.atleast_2d(np.asarray(cut, np.float32))
    if cut.shape[1] != settings.samples:
        raise ValueError(f"a segment has {settings.samples} samples, not {cut.shape[1]}")
    made = [_log_mel(cut[first : first + _AT_ONCE], settings) for first in range(0, len(cut), _AT_ONCE)]
    return np.concatenate(made) if made else np.empty((0, 1, settings.mels, settings.frames), np.float32)


def _log_mel(cut: Floats, settings: SoundFeatures) -> Floats:
    import librosa

    around = (settings.n_fft - settings.hop) // 2
    padded = np.pad(cut, ((0, 0), (around, settings.n_fft - settings.hop - around)))
    spectrum = librosa.stft(padded, n_fft=settings.n_fft, hop_length=settings.hop, window="hann", center=False)
    power = spectrum.real**2 + spectrum.imag**2
    mel = np.einsum("mf,nft->nmt", _bands(settings), power, optimize=True)
    normal = (np.log(mel + np.float32(settings.floor)) - settings.mean) / settings.std
    return np.ascontiguousarray(normal[:, None], np.float32)


@functools.cache
def _bands(settings: SoundFeatures) -> Floats:
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a band without a bin
        return librosa.filters.mel(
            sr=settings.sample_rate,
            n_fft=settings.n_fft,
            n_mels=settings.mels,
            fmin=settings.low_hz,
            fmax=settings.high_hz,
            dtype=np.float32,
        )


def moments(
    start: Fraction, end: Fraction, settings: PictureFeatures = PictureFeatures(), most: int = MOST_PICTURES
) -> list[Fraction]:
    """When a stretch is looked at: at the middles of its seconds (of ``1 / fps``), at least once, at most ``most`` times and
    evenly spread.

    Args:
        start, end: exact seconds.
    """
    count = min(max(1, int((end - start) * settings.fps)), most)
    return [start + (end - start) * (2 * number + 1) / (2 * count) for number in range(count)]
