"""What a page shows of a sound: its peaks and its spectrogram; and a sound of the library as a WAV that any browser reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from foley_bridge.media import audio
from foley_bridge.media.whole_file import whole_file
from foley_bridge.panel.pictures import Look
from foley_bridge.panel.takes import opened_take, wav
from foley_bridge.report.pictures import spectrogram_png
from foley_bridge.report.sketch import sketch

MOST_PEAKS = 2000
LOWEST_HZ = 60.0
LONGEST_S = 60


def make_peaks(place: Path, order: Mapping[str, Any], look: Look) -> bool:
    """Write the peaks of a stretch of a sound file as JSON.

    Args:
        place: the .json.
        order: ``path``; ``sha256`` of a take, null for a sound of the library; ``skip_s`` and ``duration_s``: the stretch;
            ``start_s``: where it lies, as the answer says it.
        look: called now and then.

    Raises:
        MediaError: the file cannot be read, or is not the take that was made.
    """
    path, take = Path(order["path"]), order["sha256"]
    if take is None:
        found = _peaks(path, order, look)
    else:
        with opened_take(path, take):
            found = _peaks(path, order, look)
    _write(place, json.dumps(found, separators=(",", ":")).encode())
    return True


def _peaks(path: Path, order: Mapping[str, Any], look: Look) -> dict[str, Any]:
    sound = audio.FileSound(path, start_s=order["skip_s"], duration_s=order["duration_s"])
    low, high = peaks(sound.blocks(), sound.frames, sound.channels, look)
    pairs = np.stack([low, high], axis=2).reshape(sound.channels, -1)
    return {
        "peaks": [[round(float(value), 4) for value in channel] for channel in pairs],
        "duration_s": sound.frames / sound.sample_rate,
        "start_s": order["start_s"],
    }


def peaks(blocks: Iterable[np.ndarray], count: int, channels: int, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest sample of each of at most MOST_PEAKS stretches, float32 (channels, stretches) each.

    Args:
        blocks: float32 (n, channels), together ``count`` long.
    """
    columns = min(MOST_PEAKS, count)
    low, high = np.full((channels, columns), np.inf, np.float32), np.full((channels, columns), -np.inf, np.float32)
    done = 0
    for block in blocks:
        look()
        column = (done + np.arange(len(block), dtype=np.int64)) * columns // count
        first, starts = np.unique(column, return_index=True)
        low[:, first] = np.minimum(low[:, first], np.minimum.reduceat(block, starts).T)
        high[:, first] = np.maximum(high[:, first], np.maximum.reduceat(block, starts).T)
        done += len(block)
    return low.clip(-1, 1), high.clip(-1, 1)


def make_spectrogram(place: Path, order: Mapping[str, Any], look: Look) -> bool:
    """Write the spectrogram of a take's clip as a PNG; ``order``: ``path``, ``sha256``, ``skip_s``, ``duration_s``.

    Raises:
        MediaError: as ``make_peaks``.
    """
    path = Path(order["path"])
    with opened_take(path, order["sha256"]):
        drawn = sketch(path, skip_s=order["skip_s"], duration_s=order["duration_s"], lowest_hz=LOWEST_HZ)
    _write(place, spectrogram_png(drawn.mel))
    return True


def make_sound(place: Path, order: Mapping[str, Any], look: Look) -> bool:
    """Write the beginning of a sound of the library, ``path``, as a WAV of 24 bits.

    Raises:
        MediaError: the file cannot be read.
    """
    samples = audio.load(order["path"], duration_s=LONGEST_S)
    _write(place, wav(samples.clip(-1, 1), audio.probe(order["path"]).sample_rate))
    return True


def _write(place: Path, content: bytes) -> None:
    with whole_file(place) as temporary:
        temporary.write_bytes(content)
