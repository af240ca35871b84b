"""WAV files: how much sound one really holds, and writing a small one."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Iterable

from .fault import HostError


def held(path: str) -> dict[str, int]:
    """``frames``, ``sample_rate`` and ``channels`` of a WAV file, as far as its data are really there.

    Raises:
        HostError: not there, cannot be read, or no WAV.
    """
    try:
        with Path(path).open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            kind, _, wave = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
            if kind not in (b"RIFF", b"RF64") or wave != b"WAVE":
                raise HostError(f"{path} is no WAV file", "Generate again.", stale=True)
            large, at, shape = 0, 12, b""
            while at + 8 <= end:
                file.seek(at)
                chunk, size = struct.unpack("<4sI", file.read(8))
                if chunk == b"ds64":
                    large = struct.unpack("<Q", file.read(24)[8:16])[0]
                elif chunk == b"fmt ":
                    shape = file.read(16)
                elif chunk == b"data":
                    if len(shape) < 16:
                        break
                    _, channels, sample_rate, _, block, _ = struct.unpack("<HHIIHH", shape)
                    stated = large if kind == b"RF64" and size == 0xFFFFFFFF else size
                    frames = min(stated, end - at - 8) // max(1, block)
                    return {"frames": frames, "sample_rate": sample_rate, "channels": channels}
                at += 8 + size + size % 2
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        said = f"{path} is not there" if missing else f"{path} cannot be read: {error.strerror or error}"
        raise HostError(said, "Generate again.", stale=True) from None
    except struct.error:
        pass
    raise HostError(f"{path} holds no sound", "Generate again.", stale=True)


def write(path: str, samples: Iterable[float], sample_rate: int) -> None:
    """Write one channel of 16 bit; samples from -1 to 1."""
    data = b"".join(struct.pack("<h", round(max(-1.0, min(1.0, sample)) * 32767)) for sample in samples)
    shape = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    head = struct.pack("<4sI4s", b"RIFF", 4 + len(shape) + 8 + len(data), b"WAVE")
    with Path(path).open("wb") as file:
        file.write(head + shape + struct.pack("<4sI", b"data", len(data)) + data)
