"""What the networks of Foley by analogy are shown: clips of two seconds as arrays. Training and the runtime share this.

Pictures and spectrograms are as the authors' published code makes them (Du et al., section 4.1): 15 pictures a second, the
short side resized and the middle cut out; magnitudes of a centred STFT in mel bands, in decibels, on a scale of -1 to 1.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference import cubic
from foley_bridge.inference.features import Floats, settled

Images = NDArray[np.uint8]
SCALES = ("slaney", "htk")
RESIZES = ("short side", "square")
FLOOR = 1e-5  # of magnitude: the lowest that the logarithm sees; what is below 1e-4 is -1 on the scale anyhow
DECADES = 5.0  # of magnitude that the scale spans, the highest 10
LOWEST_RMS = 1e-4  # of what is brought to a level: silence stays silence


@dataclass(frozen=True)
class ClipPicture:
    """How a clip's pictures become an array.

    Attributes:
        fps: pictures a second.
        frames: pictures of a clip.
        short_side: pixels, of a picture that is kept.
        resize: "short side": that becomes so long, and the picture keeps its shape; "square": both become so long, by Pillow's
            cubic interpolation, as the authors' code does it.
        size: pixels, of both sides of what is cut out of it.
        mean, std: of red, green, blue, on a scale of 0-1.
    """

    fps: int = 15
    frames: int = 30
    short_side: int = 128
    size: int = 112
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    resize: str = "short side"


@dataclass(frozen=True)
class ClipSound:
    """How a clip's sound becomes an array.

    Attributes:
        sample_rate: Hz.
        samples: of a clip.
        n_fft, hop: samples; frame k is centred on sample ``k * hop``.
        mels: bands, from ``low_hz`` to ``high_hz``, of Slaney's norm.
        scale: of mels, Slaney's or HTK's.
        frames: how many of a clip's frames are used, from the first on.
        rms: the level that a clip is brought to before all else; 0: it stays as it is.
    """

    sample_rate: int = 22050
    samples: int = 44100
    n_fft: int = 1024
    hop: int = 256
    mels: int = 80
    low_hz: float = 125.0
    high_hz: float = 7600.0
    scale: str = "slaney"
    frames: int = 160
    rms: float = 0.1


_Settings = TypeVar("_Settings", ClipPicture, ClipSound)


def settings_to_json(settings: ClipPicture | ClipSound) -> dict[str, Any]:
    """For a pack's manifest, a checkpoint or a cache's key."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()}


def settings_from_json(kind: type[_Settings], said: Mapping[str, Any]) -> _Settings:
    """The other way round.

    Raises:
        ValueError: a setting is missing, unknown, or cannot be; names it.
    """
    settings = settled(kind, said)
    if isinstance(settings, ClipPicture):
        if settings.size > settings.short_side:
            raise ValueError("size: more than the short side")
        if settings.resize not in RESIZES:
            raise ValueError(f"resize: {settings.resize} is none of {', '.join(RESIZES)}")
        return settings
    if settings.scale not in SCALES:
        raise ValueError(f"scale: {settings.scale} is none of {', '.join(SCALES)}")
    if not 0 <= settings.low_hz < settings.high_hz <= settings.sample_rate / 2:
        raise ValueError("high_hz: not between low_hz and half the sample rate")
    if settings.rms < 0:
        raise ValueError("rms: less than nothing")
    if settings.n_fft > settings.samples or settings.n_fft % 2:
        raise ValueError("n_fft: odd, or more than a clip's samples")
    if settings.frames > 1 + settings.samples // settings.hop:
        raise ValueError("frames: more than a clip has")
    return settings


# --- sound ---


def levelled(samples: Floats, settings: ClipSound = ClipSound()) -> Floats:
    """Clips brought to the level that the networks know: the same root mean square, peaks over full scale cut off.

    Args:
        samples: float32 (n, samples) or (samples,), full scale 1.

    Returns:
        float32, of the same shape.
    """
    samples = np.asarray(samples, np.float32)
    if not settings.rms:
        return samples
    rms = np.sqrt(np.mean(np.square(samples, dtype=np.float64), axis=-1, keepdims=True))
    return np.clip(samples * (settings.rms / np.maximum(rms, LOWEST_RMS)), -1, 1).astype(np.float32)


def mel(samples: Floats, settings: ClipSound = ClipSound()) -> Floats:
    """Clips as log-mel spectrograms.

    Args:
        samples: float32 (n, samples) or (samples,), full scale 1, levelled.

    Returns:
        float32 (n, 1, mels, frames), from -1 (80 dB below a magnitude of 1, and less) to 1 (20 dB over it, and more).
    """
    samples = np.atleast_2d(np.asarray(samples, np.float32))
    if samples.ndim != 2 or samples.shape[1] != settings.samples:
        raise ValueError(f"a clip has {settings.samples} samples, not {samples.shape[1:]}")
    out = np.empty((len(samples), 1, settings.mels, settings.frames), np.float32)
    for number, clip in enumerate(samples):
        magnitude = bands(settings) @ _magnitude(clip, settings)
        decades = np.log10(np.maximum(magnitude, np.float32(FLOOR)))
        out[number, 0] = np.clip((decades + 4) / DECADES, 0, 1) * 2 - 1
    return out


def magnitudes(spectrograms: Floats) -> Floats:
    """What vocoders take: the logarithm to the base of 10 of the magnitude in every band.

    Args:
        spectrograms: float32 of any shape, from -1 to 1.

    Returns:
        float32 of the same shape, from -4 to 1.
    """
    return (np.asarray(spectrograms, np.float32) + 1) * np.float32(DECADES / 2) - 4


def from_magnitudes(logarithms: Floats) -> Floats:
    """The other way round; what lies beyond the scale is cut off: -1 to 1."""
    return np.clip((np.asarray(logarithms, np.float32) + 4) * np.float32(2 / DECADES) - 1, -1, 1)


def _magnitude(clip: Floats, settings: ClipSound) -> Floats:
    """float32 (n_fft / 2 + 1, frames): magnitudes of the STFT, the clip mirrored at its ends."""
    import scipy.fft
    import scipy.signal

    half = settings.n_fft // 2
    padded = np.pad(clip, half, mode="reflect")
    cut = np.lib.stride_tricks.sliding_window_view(padded, settings.n_fft)[:: settings.hop][: settings.frames]
    window = scipy.signal.get_window("hann", settings.n_fft).astype(np.float32)
    return np.abs(scipy.fft.rfft(cut * window, axis=1)).T


@functools.cache
def bands(settings: ClipSound) -> Floats:
    """The filters of mel bands: float32 (mels, n_fft / 2 + 1)."""
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a band without a bin
        return librosa.filters.mel(
            sr=settings.sample_rate,
            n_fft=settings.n_fft,
            n_mels=settings.mels,
            fmin=settings.low_hz,
            fmax=settings.high_hz,
            htk=settings.scale == "htk",
            norm="slaney",
            dtype=np.float32,
        )


# --- pictures ---


def kept_size(width: int, height: int, settings: ClipPicture = ClipPicture()) -> tuple[int, int]:
    """(width, height) of a picture that is kept, where it came as given."""
    if settings.resize == "square":
        return settings.short_side, settings.short_side
    short = min(width, height)
    return width * settings.short_side // short, height * settings.short_side // short


def kept(image: Images, settings: ClipPicture = ClipPicture()) -> Images:
    """A picture as small as it can be kept.

    Args:
        image: uint8 (height, width, 3), RGB, upright.

    Returns:
        uint8 (h, w, 3), the shorter of them ``short_side``.
    """
    import cv2

    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"a picture is uint8 (height, width, 3), not {image.dtype} {image.shape}")
    height, width = image.shape[:2]
    size = kept_size(width, height, settings)
    if size == (width, height):
        return image
    if settings.resize == "square":
        return cubic.resized(image, *size)
    smaller = min(width, height) > settings.short_side
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR).astype(np.uint8)


def pictures(images: Images, settings: ClipPicture = ClipPicture()) -> Floats:
    """The middles of kept pictures, normalised.

    Args:
        images: uint8 (n, h, w, 3), ``kept``.

    Returns:
        float32 (3, n, size, size).
    """
    return normalised(cut_out(images, settings), settings)


def cut_out(images: Images, settings: ClipPicture = ClipPicture()) -> Images:
    """The middles of kept pictures: uint8 (n, h, w, 3) to (n, size, size, 3), a copy."""
    height, width = images.shape[1:3]
    top, left = round((height - settings.size) / 2), round((width - settings.size) / 2)
    return images[:, top : top + settings.size, left : left + settings.size].copy()


def normalised(images: Images, settings: ClipPicture = ClipPicture()) -> Floats:
    """uint8 (n, size, size, 3) as float32 (3, n, size, size)."""
    if images.dtype != np.uint8 or images.shape[1:] != (settings.size, settings.size, 3):
        raise ValueError(f"pictures are uint8 (n, {settings.size}, {settings.size}, 3), not {images.dtype} {images.shape}")
    mean, std = (np.array(each, np.float32) for each in (settings.mean, settings.std))
    return np.ascontiguousarray(((images.astype(np.float32) / 255 - mean) / std).transpose(3, 0, 1, 2))
