"""Both cores see how much sound a WAV file really holds, and write small ones that everybody can read."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from cores import LUAS, LuaCore, PythonCore

CORES: list[Any] = [PythonCore(), *map(LuaCore, LUAS)]


def held(path: Path) -> dict[str, int]:
    """What all cores say; a ValueError where they refuse."""
    said: list[Any] = []
    for core in CORES:
        try:
            said.append(core.call("wav", "held", str(path)))
        except ValueError as error:
            said.append(str(error))
    assert said[1:] == said[:1] * (len(said) - 1)
    if isinstance(said[0], str):
        raise ValueError(said[0])
    return dict(said[0])


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("format", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_whole_file_holds_what_was_written(tmp_path: Path, format: str, subtype: str, channels: int) -> None:
    path = tmp_path / "whole é.wav"
    soundfile.write(path, np.zeros((1234, channels)), 44100, subtype=subtype, format=format)
    assert held(path) == {"frames": 1234, "sample_rate": 44100, "channels": channels}


@pytest.mark.parametrize("kept", [1000, 501, 45, 44])
def test_a_file_cut_off_holds_what_is_left(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, np.zeros(1000), 48000, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:kept])
    assert held(path)["frames"] == (kept - 44) // 2


def test_chunks_before_the_sound_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "chunks.wav"
    soundfile.write(path, np.zeros(100), 48000, subtype="PCM_16")
    data = path.read_bytes()
    path.write_bytes(data[:12] + struct.pack("<4sI", b"bext", 5) + b"12345\0" + data[12:])
    assert held(path)["frames"] == 100


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0AVI ", b"x" * 100])
def test_what_holds_no_sound_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "no.wav"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"no\.wav (is no WAV file|holds no sound)\nGenerate again"):
        held(path)


@pytest.mark.parametrize("kept", [20, 30, 36, 40])
def test_a_file_cut_off_in_its_header_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, np.zeros(10), 48000, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="holds no sound"):
        held(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.wav is not there\nGenerate again"):
        held(tmp_path / "gone.wav")


def test_what_the_cores_write_is_read_back(tmp_path: Path) -> None:
    samples = [math.sin(index / 7) * 1.2 for index in range(500)]
    files = []
    for number, core in enumerate(CORES):
        path = tmp_path / f"{number}.wav"
        core.call("wav", "write", str(path), samples, 44100)
        files.append(path.read_bytes())
        read, rate = soundfile.read(path)
        assert rate == 44100
        assert np.max(np.abs(read - np.clip(samples, -1, 1))) < 1e-4
    assert len(files[0]) == len(files[1]) == len(files[2]) == 44 + 1000
