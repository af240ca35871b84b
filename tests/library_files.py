"""Sound files for the library's tests: made in a moment, each content its own, with the tags that a test asks for."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile

RATE = 48_000


def noise(seed: int, frames: int = 4_800, channels: int = 1) -> np.ndarray:
    """float32 (frames, channels): the same for the same seed."""
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)


def sound(path: Path, seed: int, frames: int = 4_800, channels: int = 1, **how: str) -> Path:
    """A sound file of the kind that its suffix names; ``how`` goes to soundfile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise(seed, frames, channels), RATE, **how)
    return path


def chunk(name: bytes, body: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "4sI", name, len(body)) + body + b"\0" * (len(body) % 2)


def wav(path: Path, *chunks: bytes, seed: int = 1, before: bool = False) -> Path:
    """A 16-bit WAV with further chunks behind its sound, or before it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = (noise(seed) * 32767).astype("<i2").tobytes()
    form = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16))
    data = chunk(b"data", samples)
    body = b"WAVE" + form + (b"".join(chunks) + data if before else data + b"".join(chunks))
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)
    return path


def bext(description: bytes = b"", originator: bytes = b"") -> bytes:
    return chunk(b"bext", struct.pack("<256s32s32s10s8sQH64s190x", description, originator, b"", b"", b"", 0, 1, b""))


def info(**texts: bytes) -> bytes:
    return chunk(b"LIST", b"INFO" + b"".join(chunk(name.encode(), text) for name, text in texts.items()))


def ixml(inner: str, encoding: str = "utf-8") -> bytes:
    return chunk(b"iXML", f'<?xml version="1.0" encoding="UTF-8"?><BWFXML>{inner}</BWFXML>'.encode(encoding))


def id3(*frames: tuple[str, bytes], version: int = 3) -> bytes:
    """A tag of version 2.3 or 2.4."""

    def seven(number: int) -> bytes:
        return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))

    body = b"".join(
        name.encode() + (seven(len(content)) if version == 4 else struct.pack(">I", len(content))) + b"\0\0" + content
        for name, content in frames
    )
    return b"ID3" + bytes([version, 0, 0]) + seven(len(body)) + body
