"""The chunks of WAV (RIFF, RF64, BW64, RIFX) and AIFF files that hold words: bext, iXML, INFO, ID3 and AIFF's texts.

Only chunk heads are read and the few bodies wanted, wherever they stand, so a file of gigabytes costs no more than a short one.
`media.broadcast_wav` reads what foley_bridge writes; this reads what anybody wrote: wrong lengths, missing padding, any
encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from foley_bridge.library.id3 import parse_id3

_LONGEST = 1 << 20  # bytes looked at of one chunk
_MOST_CHUNKS = 2000
_UNKNOWN = 0xFFFFFFFF
_AIFF_TEXTS = {b"NAME": "title", b"AUTH": "artist", b"(c) ": "copyright", b"ANNO": "comment"}
_INFO = {
    b"INAM": "title", b"IART": "artist", b"ICOP": "copyright", b"ICMT": "comment", b"ISBJ": "subject", b"IKEY": "keywords",
    b"IGNR": "genre", b"IPRD": "album", b"IENG": "engineer", b"ISRC": "source", b"IURL": "url", b"ILIC": "licence",
}  # fmt: skip


@dataclass
class Chunks:
    """What a file's chunks say.

    Attributes:
        bext, ixml: bodies; empty when there is none.
        info: (name, raw text) of the INFO list or of AIFF's text chunks.
        id3: (name, text).
    """

    bext: bytes = b""
    ixml: bytes = b""
    info: list[tuple[str, bytes]] = field(default_factory=list)
    id3: list[tuple[str, str]] = field(default_factory=list)


def read_chunks(file: BinaryIO) -> Chunks:
    """Every chunk with words; as many as can be reached in a broken file, none in a file of another kind.

    Args:
        file: stands at its start.
    """
    chunks = Chunks()
    try:
        for name, size, order in _heads(file):
            if name == b"bext" and not chunks.bext:
                chunks.bext = file.read(min(size, _LONGEST))
            elif name == b"iXML" and not chunks.ixml:
                chunks.ixml = file.read(min(size, _LONGEST))
            elif name == b"LIST" and file.read(4) == b"INFO":
                chunks.info += _info(file.read(min(size - 4, _LONGEST)), order)
            elif name in _AIFF_TEXTS and order == ">":
                chunks.info.append((_AIFF_TEXTS[name], file.read(min(size, _LONGEST))))
            elif name in (b"id3 ", b"ID3 ") and not chunks.id3:
                chunks.id3 = parse_id3(file.read(10), file)
    except (struct.error, OSError, ValueError):
        pass
    return chunks


def _heads(file: BinaryIO) -> Iterator[tuple[bytes, int, str]]:
    """(name, length, byte order) of each chunk, the file standing at its body."""
    form, _, kind = struct.unpack("<4sI4s", file.read(12))
    if form in (b"RIFF", b"RF64", b"BW64", b"RIFX") and kind == b"WAVE":
        order = ">" if form == b"RIFX" else "<"
    elif form == b"FORM" and kind in (b"AIFF", b"AIFC"):
        order = ">"
    else:
        return
    long_data = 0
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        name, size = struct.unpack(order + "4sI", head)
        body = file.tell()
        if name == b"ds64":
            long_data = struct.unpack("<QQ", file.read(16))[1]
            file.seek(body)
        if name == b"data" and size == _UNKNOWN:
            if not long_data:
                return  # written into a pipe: the data run to the end
            size = long_data
        yield name, size, order
        file.seek(body + size)
        if size % 2 and file.read(1) not in (b"\0", b""):  # some writers leave the padding out
            file.seek(body + size)


def _info(body: bytes, order: str) -> list[tuple[str, bytes]]:
    found = []
    at = 0
    while at + 8 <= len(body):
        name, size = struct.unpack_from(order + "4sI", body, at)
        text = body[at + 8 : at + 8 + size]
        at += 8 + size
        at += size % 2 and body[at : at + 1] == b"\0"
        if name in _INFO:
            found.append((_INFO[name], text))
    return found
