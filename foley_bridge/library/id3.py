"""ID3 tags of versions 1 and 2.2 to 2.4: text, comments and addresses, as MP3, WAV and AIFF carry them (id3.org).

Read here rather than through FFmpeg, which needs three milliseconds to open a WAV, and passes over ID3 in one that has an INFO
list as well.
"""

from __future__ import annotations

import re
from typing import BinaryIO

from foley_bridge.library.text import decode

_LONGEST = 4 << 20  # bytes looked at; cover pictures make tags long
_ENCODINGS = {1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_NAMES = {  # of version 2.2, and what the frames that matter are called in words
    "TT2": "title", "TIT2": "title", "TT3": "subtitle", "TIT3": "subtitle", "TP1": "artist", "TPE1": "artist",
    "TAL": "album", "TALB": "album", "TCO": "genre", "TCON": "genre", "TCR": "copyright", "TCOP": "copyright",
    "TCM": "composer", "TCOM": "composer", "TPB": "publisher", "TPUB": "publisher", "COM": "comment", "COMM": "comment",
    "WCP": "copyright url", "WCOP": "copyright url", "WAF": "url", "WOAF": "url", "WAS": "url", "WOAS": "url",
}  # fmt: skip
_ID3V1 = ((3, 33, "title"), (33, 63, "artist"), (63, 93, "album"), (97, 125, "comment"))


def read_id3(file: BinaryIO) -> list[tuple[str, str]]:
    """(name, text) of the tag at the file's start, else of the version 1 tag at its end; empty when it has neither."""
    file.seek(0)
    found = parse_id3(file.read(10), file)
    if found:
        return found
    size = file.seek(0, 2)
    file.seek(max(0, size - 128))
    last = file.read(128)
    if len(last) < 128 or last[:3] != b"TAG":
        return []
    return [(name, text) for start, end, name in _ID3V1 if (text := decode(last[start:end]).strip())]


def parse_id3(header: bytes, file: BinaryIO) -> list[tuple[str, str]]:
    """(name, text) of a version 2 tag.

    Args:
        header: its first ten bytes.
        file: stands behind them.
    """
    if len(header) < 10 or header[:3] != b"ID3" or header[3] not in (2, 3, 4):
        return []
    version, flags = header[3], header[5]
    body = file.read(min(_seven_bit(header[6:10]), _LONGEST))
    if flags & 0x80 and version < 4:
        body = body.replace(b"\xff\x00", b"\xff")
    if flags & 0x40 and version > 2:  # the extended header; version 3 does not count its own length
        body = body[_seven_bit(body[:4]) if version == 4 else int.from_bytes(body[:4], "big") + 4 :]
    return _frames(body, version)


def tag_length(header: bytes) -> int:
    """Bytes of the version 2 tag that begins with these ten; 0 when none does."""
    return 10 + _seven_bit(header[6:10]) if header[:3] == b"ID3" and len(header) >= 10 else 0


def _frames(body: bytes, version: int) -> list[tuple[str, str]]:
    found = []
    head = 6 if version == 2 else 10
    at = 0
    while at + head < len(body):
        raw_name = body[at : at + (3 if version == 2 else 4)]
        if not re.fullmatch(rb"[A-Z0-9]+ ?", raw_name):
            break  # padding, or broken from here on
        size = body[at + len(raw_name) : at + (6 if version == 2 else 8)]
        length = _seven_bit(size) if version == 4 else int.from_bytes(size, "big")
        flags = 0 if version == 2 else body[at + 9]
        content = body[at + head : at + head + length]
        at += head + length
        if version == 4 and flags & 0x02:
            content = content.replace(b"\xff\x00", b"\xff")
        if version == 4 and flags & 0x01:
            content = content[4:]
        if flags & (0x0C if version == 4 else 0xC0):  # compressed or encrypted
            continue
        name, text = _frame(raw_name.decode("ascii").strip(), content)
        if name and text:
            found.append((name, text))
    return found


def _frame(frame: str, content: bytes) -> tuple[str, str]:
    """(name, text) of one frame; empty when it holds nothing for a catalogue."""
    if not content:
        return "", ""
    if frame in ("TXXX", "TXX", "WXXX", "WXX"):
        name, rest = _cut(content[0], content[1:])
        text = decode(rest) if frame[0] == "W" else _text(content[0], rest)
        return name or "url" if frame[0] == "W" else name, text
    if frame in ("COMM", "COM"):
        about, rest = _cut(content[0], content[4:])  # after three letters of language
        return ("" if about.startswith(("iTun", "Songs-DB")) else "comment"), _text(content[0], rest)
    name = _NAMES.get(frame, "")
    if frame[0] == "W":
        return name, decode(content)
    if frame[0] != "T":
        return "", ""
    text = _text(content[0], content[1:])
    return name, re.sub(r"\(\d+\)|^\d+$", "", text) if name == "genre" else text


def _cut(encoding: int, content: bytes) -> tuple[str, bytes]:
    """The text up to the first end mark, and what lies behind that."""
    if encoding in (1, 2):
        for at in range(0, len(content) - 1, 2):
            if content[at : at + 2] == b"\0\0":
                return _text(encoding, content[:at]), content[at + 2 :]
        return "", b""
    first, _, rest = content.partition(b"\0")
    return _text(encoding, first), rest


def _text(encoding: int, content: bytes) -> str:
    """Several texts in one frame are parted by "; "."""
    if encoding in _ENCODINGS:
        text = content.decode(_ENCODINGS[encoding], "replace").replace("\ufeff", "")
        return "; ".join(part.strip() for part in text.split("\0") if part.strip())
    return "; ".join(part for each in content.split(b"\0") if (part := decode(each).strip()))


def _seven_bit(raw: bytes) -> int:
    """A number in bytes whose highest bit is not used."""
    value = 0
    for byte in raw:
        value = value << 7 | byte & 0x7F
    return value
