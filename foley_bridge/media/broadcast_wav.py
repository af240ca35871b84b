"""Sound out: broadcast WAV, streamed, whole or not at all, the same bytes for the same sound.

The container is RIFF/WAVE, or RF64 with a ``ds64`` chunk beyond 4 GB (EBU Tech 3306); metadata are the ``bext`` chunk,
version 2 (EBU Tech 3285), and iXML. The writer is our own because no library at hand writes this: FFmpeg's muxer writes
``bext`` version 1 without the loudness fields, no iXML, and a LIST chunk that names its own version; libsndfile's Python
binding writes neither.
The length is known before the first sample, so each header is written once and nothing is patched afterwards.

PCM is rounded to the nearest step without dither (a take is mixed on at 24 bits, whose rounding lies under -144 dBFS). Samples
beyond full scale are clamped and counted.
"""

from __future__ import annotations

import hashlib
import re
import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from foley_bridge.errors import MediaError
from foley_bridge.media.sound import Sound
from foley_bridge.media.whole_file import whole_file

PCM, IEEE_FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
DEPTHS = (16, 24, 32)  # 32 is IEEE float
LARGEST_RIFF = 0xFFFFFFFF
NOT_MEASURED = 0x7FFF  # Tech 3285 v2: a loudness field that says nothing
_BEXT = struct.Struct("<256s32s32s10s8sQH64s5h180x")
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # of KSDATAFORMAT_SUBTYPE_*, after the format tag
_SPEAKERS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x13F, 8: 0x63F}  # WAVE_FORMAT_EXTENSIBLE channel masks


@dataclass(frozen=True)
class Bext:
    """The broadcast extension (EBU Tech 3285 v2). Text is ASCII there: accents are dropped, other letters become ``?``.

    Attributes:
        description, originator, originator_reference: up to 256, 32 and 32 characters; longer is cut.
        origination_date, origination_time: "YYYY-MM-DD" and "HH:MM:SS"; may be empty.
        time_reference: samples since midnight of the file's first sample.
        umid: up to 64 bytes, SMPTE ST 330.
        loudness_lufs, loudness_range_lu, true_peak_dbtp, momentary_lufs, short_term_lufs: None when not measured.
        coding_history: lines as in EBU R98; None writes the line that describes this file.
    """

    description: str = ""
    originator: str = ""
    originator_reference: str = ""
    origination_date: str = ""
    origination_time: str = ""
    time_reference: int = 0
    umid: bytes = b""
    loudness_lufs: float | None = None
    loudness_range_lu: float | None = None
    true_peak_dbtp: float | None = None
    momentary_lufs: float | None = None
    short_term_lufs: float | None = None
    coding_history: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.time_reference < 1 << 64:
            raise MediaError(
                f"time reference {self.time_reference} does not fit into a broadcast WAV", "samples since midnight"
            )
        if not re.fullmatch(r"(\d{4}-\d\d-\d\d)?", self.origination_date):
            raise MediaError(f"origination date {self.origination_date!r} is not of the form YYYY-MM-DD")
        if not re.fullmatch(r"(\d\d:\d\d:\d\d)?", self.origination_time):
            raise MediaError(f"origination time {self.origination_time!r} is not of the form HH:MM:SS")


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: the file.
        frames: samples per channel.
        clipped: samples that went beyond full scale and were clamped (always 0 for 32-bit float).
        sha256: of the whole file, hexadecimal.
    """

    path: Path
    frames: int
    clipped: int
    sha256: str


def write(path: str | Path, sound: Sound, *, bit_depth: int = 24, bext: Bext, ixml: str | None = None) -> Written:
    """Write a broadcast WAV; what lay at ``path`` is replaced only once everything is on disk.

    Args:
        path: the file to make; its folder must exist.
        sound: streamed block by block.
        bit_depth: 16 or 24 (integer) or 32 (float).
        bext, ixml: the metadata chunks; both should tell the same time (`ixml.build_ixml` does).

    Raises:
        MediaError: the folder is missing, not writable or full; the sound holds samples that are not numbers.
    """
    path = Path(path)
    if bit_depth not in DEPTHS:
        raise MediaError(f"{path}: a WAV of {bit_depth} bits cannot be written", "use 16, 24, or 32 (float)")
    header = _header(sound, bit_depth, bext, ixml)
    data_bytes = sound.frames * sound.channels * bit_depth // 8
    digest = hashlib.sha256()
    frames = clipped = 0
    with whole_file(path) as temporary, temporary.open("xb") as file:

        def put(part: bytes) -> None:
            digest.update(part)
            file.write(part)

        put(header)
        for block in sound.blocks():
            if not np.isfinite(block).all():
                raise MediaError(f"{path}: the sound holds samples that are not numbers", "this is a fault of the engine")
            frames += len(block)
            samples, over = _quantised(block, bit_depth)
            clipped += over
            put(samples)
        if frames != sound.frames:
            raise MediaError(f"{path}: the sound promised {sound.frames} samples and gave {frames}")
        put(b"\0" * (data_bytes % 2))
    return Written(path, frames, clipped, digest.hexdigest())


def _header(sound: Sound, bit_depth: int, bext: Bext, ixml: str | None) -> bytes:
    """Everything before the first sample."""
    frame_bytes = sound.channels * bit_depth // 8
    data_bytes = sound.frames * frame_bytes
    history = bext.coding_history
    if history is None:
        mode = {1: ",M=mono", 2: ",M=stereo"}.get(sound.channels, "")
        history = f"A=PCM,F={sound.sample_rate},W={bit_depth}{mode},T={bext.originator or 'foley_bridge'}\r\n"
    # Both filled up to even lengths inside the chunk: libsndfile's RF64 reader overlooks the padding byte after odd ones.
    chunks = _chunk(b"bext", _even(_bext_bytes(bext) + _ascii(history), b"\0"))
    if ixml is not None:
        chunks += _chunk(b"iXML", _even(ixml.encode(), b"\n"))
    chunks += _chunk(b"fmt ", _format(sound, bit_depth, frame_bytes))
    if bit_depth == 32:
        chunks += _chunk(b"fact", struct.pack("<I", min(sound.frames, LARGEST_RIFF)))
    riff_bytes = 4 + len(chunks) + 8 + data_bytes + data_bytes % 2
    if riff_bytes <= LARGEST_RIFF:
        return struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE") + chunks + struct.pack("<4sI", b"data", data_bytes)
    ds64 = _chunk(b"ds64", struct.pack("<QQQI", riff_bytes + 36, data_bytes, sound.frames, 0))
    return struct.pack("<4sI4s", b"RF64", LARGEST_RIFF, b"WAVE") + ds64 + chunks + struct.pack("<4sI", b"data", LARGEST_RIFF)


def _even(body: bytes, filler: bytes) -> bytes:
    return body + filler * (len(body) % 2)


def _chunk(name: bytes, body: bytes) -> bytes:
    """Chunks start at even places; the padding byte is not part of the length."""
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)


def _format(sound: Sound, bit_depth: int, frame_bytes: int) -> bytes:
    kind = IEEE_FLOAT if bit_depth == 32 else PCM
    extensible = sound.channels > 2  # Microsoft asks for it as soon as loudspeakers need naming
    body = struct.pack(
        "<HHIIHH",
        EXTENSIBLE if extensible else kind,
        sound.channels,
        sound.sample_rate,
        sound.sample_rate * frame_bytes,
        frame_bytes,
        bit_depth,
    )
    if extensible:
        mask = _SPEAKERS.get(sound.channels, 0)
        return body + struct.pack("<HHIH", 22, bit_depth, mask, kind) + _SUBFORMAT_TAIL
    return body + struct.pack("<H", 0) if kind == IEEE_FLOAT else body


def _quantised(block: np.ndarray, bit_depth: int) -> tuple[bytes, int]:
    """float32 (n, channels) -> (little-endian samples, how many were beyond full scale)."""
    if bit_depth == 32:
        return block.astype("<f4").tobytes(), 0
    full = 1 << (bit_depth - 1)
    steps = np.rint(block.astype(np.float64) * full).clip(-full, full - 1)
    over = int(np.count_nonzero(np.abs(block) > 1))
    if bit_depth == 16:
        return steps.astype("<i2").tobytes(), over
    return steps.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes(), over


def _bext_bytes(bext: Bext) -> bytes:
    def hundredths(value: float | None) -> int:
        return NOT_MEASURED if value is None or not -99.99 <= value <= 99.99 else round(value * 100)

    return _BEXT.pack(
        _ascii(bext.description)[:256],
        _ascii(bext.originator)[:32],
        _ascii(bext.originator_reference)[:32],
        _ascii(bext.origination_date),
        _ascii(bext.origination_time),
        bext.time_reference,
        2,
        bext.umid[:64],
        hundredths(bext.loudness_lufs),
        hundredths(bext.loudness_range_lu),
        hundredths(bext.true_peak_dbtp),
        hundredths(bext.momentary_lufs),
        hundredths(bext.short_term_lufs),
    )


def _ascii(text: str) -> bytes:
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return plain.replace("\0", "").encode("ascii", "replace")


# --- reading back ------------------------------------------------------------------------------------------------------------


def read_bext(path: str | Path) -> Bext | None:
    """The ``bext`` chunk of a WAV or RF64; None when it has none.

    Raises:
        MediaError: missing, or not a WAV.
    """
    body = _find_chunk(Path(path), b"bext")
    if body is None or len(body) < _BEXT.size:
        return None
    *texts, reference, version, umid, loudness, spread, peak, momentary, short = _BEXT.unpack(body[: _BEXT.size])
    description, originator, originator_reference, date, time = (_text(field) for field in texts)

    def measured(value: int) -> float | None:
        return None if version < 2 or abs(value) > 9999 else value / 100

    return Bext(
        description=description,
        originator=originator,
        originator_reference=originator_reference,
        origination_date=date if re.fullmatch(r"\d{4}-\d\d-\d\d", date) else "",
        origination_time=time if re.fullmatch(r"\d\d:\d\d:\d\d", time) else "",
        time_reference=reference,
        umid=umid if version >= 1 and any(umid) else b"",
        loudness_lufs=measured(loudness),
        loudness_range_lu=measured(spread),
        true_peak_dbtp=measured(peak),
        momentary_lufs=measured(momentary),
        short_term_lufs=measured(short),
        coding_history=_text(body[_BEXT.size :]),
    )


def read_ixml(path: str | Path) -> str | None:
    """The iXML text of a WAV or RF64, without blanks around it; None when it has none. Errors as `read_bext`."""
    body = _find_chunk(Path(path), b"iXML")
    return None if body is None else body.decode("utf-8", "replace").strip("\0 \t\r\n")


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("latin-1")


def _find_chunk(path: Path, wanted: bytes) -> bytes | None:
    try:
        with path.open("rb") as file:
            for name, size in _chunks(path, file):
                if name == wanted:
                    return file.read(size)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read, {error.strerror or error}", "check the path") from error
    return None


def _chunks(path: Path, file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """(name, length) of each chunk, the file standing at its body."""
    riff, _, wave = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
    if riff not in (b"RIFF", b"RF64", b"BW64") or wave != b"WAVE":
        raise MediaError(f"{path}: is not a WAV file")
    data_bytes = 0
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        body = file.tell()
        if name == b"ds64":
            data_bytes = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))[1]
            file.seek(body)
        if name == b"data" and size == LARGEST_RIFF:
            size = data_bytes
        yield name, size
        file.seek(body + size + size % 2)
