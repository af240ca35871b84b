"""Vorbis comments, ``NAME=text`` in UTF-8, as FLAC and Ogg (Vorbis, Opus, Speex, FLAC) carry them near their start.

Read here rather than through FFmpeg, whose opening of a file costs ten times as much as this and as libsndfile's.
Specifications: xiph.org/vorbis/doc/v-comment.html, RFC 9639 (FLAC), RFC 3533 (Ogg pages), RFC 7845 (Opus).
"""

from __future__ import annotations

import struct
from typing import BinaryIO

_LONGEST = 1 << 20  # bytes of comments looked at; pictures make them long, and stand behind the words
_MOST_PAGES = 300
_FLAC_COMMENT, _LAST_BLOCK = 4, 0x80


def read_comments(file: BinaryIO) -> list[tuple[str, bytes]]:
    """(name, text) in the file's order; empty for a file without comments, of another kind, or broken before them.

    Args:
        file: stands at its start.
    """
    try:
        start = file.read(4)
        if start == b"fLaC":
            return _comments(_flac_block(file))
        if start == b"OggS":
            file.seek(0)
            return _comments(_ogg_packet(file))
    except (struct.error, OSError, IndexError, ValueError):
        pass
    return []


def _comments(block: bytes) -> list[tuple[str, bytes]]:
    """The whole ones of a block that may be cut off."""
    found = []
    at = 4 + int.from_bytes(block[:4], "little")  # the encoder's name
    count = int.from_bytes(block[at : at + 4], "little")
    at += 4
    for _ in range(count):
        length = int.from_bytes(block[at : at + 4], "little")
        comment = block[at + 4 : at + 4 + length]
        at += 4 + length
        if at > len(block):
            break
        name, equals, text = comment.partition(b"=")
        if equals:
            found.append((name.decode("ascii", "replace"), text))
    return found


def _flac_block(file: BinaryIO) -> bytes:
    """The comment block of a FLAC file, its metadata blocks following."""
    while True:
        kind, *size = file.read(4)
        length = int.from_bytes(bytes(size), "big")
        if kind & ~_LAST_BLOCK == _FLAC_COMMENT:
            return file.read(min(length, _LONGEST))
        if kind & _LAST_BLOCK:
            return b""
        file.seek(length, 1)


def _ogg_packet(file: BinaryIO) -> bytes:
    """The second packet of the file's first stream, without what stands before the comments in it."""
    packets, packet, serial = [], b"", None
    for _ in range(_MOST_PAGES):
        header = file.read(27)
        _, _, _, _, page_serial, _, _, segments = struct.unpack("<4sBBqIIIB", header)
        sizes = file.read(segments)
        body = file.read(sum(sizes))
        serial = page_serial if serial is None else serial
        if page_serial != serial:
            continue
        at = 0
        for size in sizes:
            packet += body[at : at + size]
            at += size
            if size < 255:
                packets.append(packet)
                packet = b""
        if len(packets) > 1 or len(packet) > _LONGEST:
            break
    first, second = [*packets, packet][:2]
    if second.startswith(b"\x03vorbis"):
        return second[7:]
    if second.startswith(b"OpusTags"):
        return second[8:]
    if first.startswith(b"\x7fFLAC"):
        return second[4:] if second[0] & ~_LAST_BLOCK == _FLAC_COMMENT else b""
    return second if first.startswith(b"Speex   ") else b""
