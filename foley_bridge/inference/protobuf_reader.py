"""Protocol buffers, split into their fields, strictly: what cannot be read, or could be read in two ways, is a ValueError.

A message is read field by field against a table of what it may hold; what lies in it is given as a span of the bytes, to be
read as a message in its turn, as text, or not at all. No byte of a payload is copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

MOST_FIELDS = 1_000_000
LONGEST_TEXT = 10_000
_LONGEST_VARINT = 10
_LAST_TAG = (1 << 32) - 1
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5

Span = tuple[int, int]
"""First byte and the one after the last."""


class Kind(Enum):
    """How a field's values lie in the bytes."""

    WHOLE = _VARINT
    DOUBLE = _EIGHT
    BYTES = _BYTES
    FLOAT = _FOUR


@dataclass(frozen=True)
class Field:
    """A field that a message may hold.

    Attributes:
        many: it may be there more than once.
        refused: why it may not be there at all.
    """

    name: str
    kind: Kind = Kind.BYTES
    many: bool = False
    refused: str = ""


Fields = Mapping[int, Field]


class Message(dict[str, list[int | Span]]):
    """The fields that were there: whole numbers, and spans of everything else, in their order."""

    def spans(self, name: str) -> list[Span]:
        """Of a field that may be there more than once."""
        return [each for each in self.get(name, ()) if isinstance(each, tuple)]

    def span(self, name: str) -> Span:
        """Of a field that is there."""
        return self.spans(name)[0]

    def whole(self, name: str) -> int:
        """0 when it is not there."""
        value = self.get(name, [0])[0]
        assert isinstance(value, int)
        return value


class Reader:
    """Reads messages out of one run of bytes; counts the fields, so that no file keeps it busy for long."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._read = 0

    def message(self, fields: Fields, span: Span) -> Message:
        """The fields of the message that lies there; raises ValueError."""
        at, end = span
        message = Message()
        while at < end:
            self._read += 1
            if self._read > MOST_FIELDS:
                raise ValueError(f"it has over {MOST_FIELDS} fields")
            tag, at = self._varint(at, end)
            if tag > _LAST_TAG:
                raise ValueError("it has a field whose number is too large")
            known = fields.get(tag >> 3)
            if known is None:
                raise ValueError(f"it has a field of number {tag >> 3} where none is known")
            if known.refused:
                raise ValueError(known.refused)
            value, at = self._value(tag & 7, known, at, end)
            values = message.setdefault(known.name, [])
            if values and not known.many:
                raise ValueError(f"it has {known.name} twice")
            values.append(value)
        return message

    def text(self, message: Message, name: str) -> str:
        """Of a field that holds it; empty when it is not there. Raises ValueError when it is no UTF-8 or very long."""
        if name not in message:
            return ""
        start, end = message.span(name)
        if end - start > LONGEST_TEXT:
            raise ValueError(f"its {name} has over {LONGEST_TEXT} bytes")
        try:
            return self._data[start:end].decode()
        except UnicodeDecodeError:
            raise ValueError(f"its {name} is no UTF-8") from None

    def _value(self, wire: int, known: Field, at: int, end: int) -> tuple[int | Span, int]:
        """A value and the byte after it; numbers of which there are many may lie packed together."""
        packed = known.many and known.kind is not Kind.BYTES and wire == _BYTES
        if wire != known.kind.value and not packed:
            raise ValueError(f"it has {known.name} in a form of number {wire}")
        if wire == _VARINT:
            value, at = self._varint(at, end)
            return value - (1 << 64) if value >> 63 else value, at
        if wire == _BYTES:
            length, at = self._varint(at, end)
        else:
            length = 8 if wire == _EIGHT else 4
        if length > end - at:
            raise ValueError(f"its {known.name} goes on after the end: it is cut off, or no ONNX")
        return (at, at + length), at + length

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = 0
        for place in range(_LONGEST_VARINT):
            if at + place >= end:
                raise ValueError("it ends in the middle of a number: it is cut off, or no ONNX")
            byte = self._data[at + place]
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                if value >> 64:
                    break
                return value, at + place + 1
        raise ValueError("it has a number that is too long")
