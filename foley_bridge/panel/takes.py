"""Takes, read only when they are what the job wrote: no link, the bytes of its SHA-256, in the reel's own folder."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import time
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
_SETTLED_NS = 2_000_000_000
"""Clocks of file systems are coarse: what changed so lately may change again and look the same."""
_BLOCK = 1 << 17

_State = tuple[int, ...]
_verified: dict[_State, str] = {}  # the hash that a file had in a state


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
def opened_take(path: Path, sha256: str) -> Iterator[io.BufferedReader]:
    """A take's file, at its beginning. Its hash is calculated once for each state of the file.

    What is read here has that hash: when the file was changed meanwhile, leaving is an error.

    Raises:
        MediaError: it is not there, is a link, is no file, or has other bytes than the job wrote.
    """
    changed = MediaError(f"{path} was changed since the take was made", _HINT)
    try:
        with _opened(path) as file:
            state, written = _state_of(file), _written(file)
            if _verified.get(state) != sha256:
                if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                    raise changed
                file.seek(0)
                _remember(state, sha256)
            yield file
            if _written(file) != written:
                raise changed
    except OSError as error:
        why = "is a link now, not the take that was made" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise MediaError(f"{path} {why}", _HINT) from None


def _opened(path: Path) -> io.BufferedReader:
    if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():
        raise MediaError(f"{path} is a link now, not the take that was made", _HINT)
    number = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise MediaError(f"{path} is no file", _HINT)
    return os.fdopen(number, "rb")


def _state_of(file: io.BufferedReader) -> _State:
    """What is another after every change: a program may set the time of change back, but not the time when it did that."""
    state = os.fstat(file.fileno())
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _written(file: io.BufferedReader) -> _State:
    """What is another when something was written just now; a name that the file gets or loses is no change."""
    state = os.fstat(file.fileno())
    return state.st_size, state.st_mtime_ns


def _remember(state: _State, sha256: str) -> None:
    if time.time_ns() > max(state[3:]) + _SETTLED_NS:
        if len(_verified) >= _MOST_VERIFIED:
            _verified.clear()
        _verified[state] = sha256


@contextmanager
def _sound(path: Path, take: Mapping[str, Any]) -> Iterator[soundfile.SoundFile]:
    with opened_take(path, take["sha256"]) as file:
        try:
            with soundfile.SoundFile(file) as sound:
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
