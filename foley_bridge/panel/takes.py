"""Takes, read only when they are what the job wrote: no link, the bytes of its SHA-256, in the reel's own folder."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from foley_bridge.errors import FoleyError, MediaError
from foley_bridge.jobs.roots import Roots
from foley_bridge.panel.peaks import peaks_json
from foley_bridge.panel.windows import Window, exact
from foley_bridge.timeline.time import samples_of

_HINT = "ask for more takes of this region, or make the reel again"
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_BINARY", "O_CLOEXEC", "O_NONBLOCK"))
_MOST_VERIFIED = 20_000
_BLOCK = 1 << 17
_verified: dict[tuple[int, int, int, int], str] = {}  # device, inode, time of change, size: the hash that it had


def place_of_take(take: Mapping[str, Any], media_dir: str, roots: Roots) -> Path:
    """Where a take's file lies here.

    Raises:
        MediaError: not where the job may write, or not in its folder for takes.
    """
    try:
        path = roots.output_path(take["path"], "the take")
        folder = roots.output_path(media_dir, "the folder of the takes")
    except FoleyError as error:
        raise MediaError(error.message, error.hint) from error
    if os.path.realpath(path.parent) != os.path.realpath(folder):
        raise MediaError(f"{path} does not lie in the reel's folder, {folder}", _HINT)
    return path


@contextmanager
def opened_take(path: Path, sha256: str) -> Iterator[int]:
    """A descriptor of a take's file, at its beginning. Its hash is calculated once for each state of the file.

    Raises:
        MediaError: it is not there, is a link, is no file, or has other bytes than the job wrote.
    """
    if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():
        raise MediaError(f"{path} is a link now, not the take that was made", _HINT)
    try:
        file = os.open(path, _FLAGS)
    except OSError as error:
        why = "is a link now, not the take that was made" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise MediaError(f"{path} {why}", _HINT) from None
    try:
        state = os.fstat(file)
        if not stat.S_ISREG(state.st_mode):
            raise MediaError(f"{path} is no file", _HINT)
        seen = (state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size)
        if _verified.get(seen) != sha256:
            if _hash_of(file) != sha256:
                raise MediaError(f"{path} was changed since the take was made", _HINT)
            if len(_verified) >= _MOST_VERIFIED:
                _verified.clear()
            _verified[seen] = sha256
            os.lseek(file, 0, os.SEEK_SET)
        yield file
    finally:
        os.close(file)


def _hash_of(file: int) -> str:
    digest = hashlib.sha256()
    while part := os.read(file, 1 << 20):
        digest.update(part)
    return digest.hexdigest()


@contextmanager
def _sound(path: Path, take: Mapping[str, Any]) -> Iterator[soundfile.SoundFile]:
    with opened_take(path, take["sha256"]) as file:
        try:
            with soundfile.SoundFile(file, closefd=False) as sound:
                yield sound
        except soundfile.SoundFileError as error:
            raise MediaError(f"{path} cannot be read: {error}", _HINT) from error


def window_wav(path: Path, take: Mapping[str, Any], window: Window) -> bytes:
    """What a take's file holds in a window, as a WAV of 24 bits: silence where it holds nothing.

    Raises:
        MediaError: as ``opened_take``, or no WAV.
    """
    with _sound(path, take) as sound:
        rate = sound.samplerate
        file_start = exact(take["start"]) - exact(take["handle"])
        first = samples_of(window.start, rate) - samples_of(file_start, rate)  # of the file, at the window's start
        samples = np.zeros((samples_of(window.end, rate) - samples_of(window.start, rate), sound.channels), np.int32)
        begins, ends = max(0, first), min(sound.frames, first + len(samples))
        if ends > begins:
            sound.seek(begins)
            samples[begins - first : ends - first] = sound.read(ends - begins, dtype="int32", always_2d=True)
    return wav(samples, rate)


def clip_peaks(path: Path, take: Mapping[str, Any]) -> dict[str, Any]:
    """The peaks of a take's clip; raises as ``window_wav``."""
    with _sound(path, take) as sound:
        skip, duration = clip_of(take)
        first = sound.seek(min(sound.frames, samples_of(skip, sound.samplerate)))
        count = min(samples_of(duration, sound.samplerate), sound.frames - first)
        blocks = sound.blocks(_BLOCK, frames=count, dtype="float32", always_2d=True)
        about = {"channels": sound.channels, "sample_rate": sound.samplerate, "start_s": float(exact(take["start"]))}
        return peaks_json(blocks, count=count, **about)


def wav(samples: np.ndarray, rate: int) -> bytes:
    """int32 or float32 (n, channels) -> a WAV file of 24 bits."""
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="WAV", subtype="PCM_24")
    return out.getvalue()


def clip_of(take: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    """Where in a take's file its clip begins, and how long it is, seconds."""
    return exact(take["handle"]), exact(take["duration"])
