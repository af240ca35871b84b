"""The spectrogram of a take, and a sound of the library as a WAV that any browser reads, with its peaks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import librosa
import numpy as np

from foley_bridge.media.audio import FileSound
from foley_bridge.media.whole_file import whole_file
from foley_bridge.panel.peaks import peaks_json
from foley_bridge.panel.pictures import Look
from foley_bridge.panel.takes import opened_take, wav
from foley_bridge.report.pictures import spectrogram_png
from foley_bridge.report.sketch import sketch

LOWEST_HZ = 60.0
LONGEST_S = 60


def make_peaks(place: Path, order: Mapping[str, Any], look: Look) -> list[str]:
    """Write the peaks of the beginning of a sound of the library, ``path``, as JSON.

    Raises:
        MediaError: the file cannot be read.
    """
    sound = FileSound(order["path"], duration_s=LONGEST_S)
    about = {"count": sound.frames, "channels": sound.channels, "sample_rate": sound.sample_rate}
    _write(place, json.dumps(peaks_json(sound.blocks(), start_s=0.0, **about), separators=(",", ":")).encode())
    return []


def make_spectrogram(place: Path, order: Mapping[str, Any], look: Look) -> list[str]:
    """Write the spectrogram of a take's clip as a PNG; ``order``: ``path``, ``sha256``, ``skip_s``, ``duration_s``.

    Raises:
        MediaError: it is not the take that was made, or cannot be read.
    """
    path = Path(order["path"])
    with opened_take(path, order["sha256"]) as file:
        drawn = sketch(path, file=file, skip_s=order["skip_s"], duration_s=order["duration_s"], lowest_hz=LOWEST_HZ)
    _write(place, spectrogram_png(drawn.mel))
    return []


def make_sound(place: Path, order: Mapping[str, Any], look: Look) -> list[str]:
    """Write the beginning of a sound of the library, ``path``, as a WAV of 24 bits.

    Raises:
        MediaError: the file cannot be read.
    """
    sound = FileSound(order["path"], duration_s=LONGEST_S)
    _write(place, wav(np.concatenate(list(sound.blocks())).clip(-1, 1), sound.sample_rate))
    return []


def warm() -> None:
    """Load what a first spectrogram needs."""
    librosa.filters.mel(sr=48000, n_fft=2048)
    librosa.stft(np.zeros(2048, np.float32))


def _write(place: Path, content: bytes) -> None:
    with whole_file(place) as temporary:
        temporary.write_bytes(content)


KINDS = {"peaks": make_peaks, "spectrogram": make_spectrogram, "sound": make_sound}
