"""REAPER's project files (.rpp) as text: a tree of chunks and lines that writes back byte for byte what it read.

A line that begins with ``<`` opens a chunk, one that begins with ``>`` closes it; every other line is words parted by blanks,
the first of which says what it is. A word with blanks stands in double quotes, single quotes or backticks, whichever it does
not hold itself. Nothing is understood here but that, so nothing can be lost: what is not changed stays as it was, base64, CRLF
and bytes that are no UTF-8 included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from foley_bridge.errors import TimelineError

MAX_BYTES = 64 << 20
MAX_NESTING = 256
ROOT = "REAPER_PROJECT"

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_WORDS = re.compile(r'"([^"\r\n]*)(?:"|$)|\'([^\'\r\n]*)(?:\'|$)|`([^`\r\n]*)(?:`|$)|([^ \t\r\n"\'`][^ \t\r\n]*)')
_NUMBER = re.compile(r"[-+]?\d{1,15}(\.\d{1,40})?")
_FARTHEST = 10**12


@dataclass
class Chunk:
    """A chunk.

    Attributes:
        head, tail: its first and last line, as they are.
        inside: lines, as they are (blanks before them and line ends included), and chunks, in order.
    """

    head: str
    inside: list[str | Chunk] = field(default_factory=list)
    tail: str = ""

    @property
    def name(self) -> str:
        """Its first word, such as TRACK."""
        return next(iter(words(self.head)), "")

    def chunks(self, name: str) -> Iterator[Chunk]:
        """The chunks of a name right inside this one, in order."""
        return (each for each in self.inside if isinstance(each, Chunk) and each.name == name)

    def line(self, name: str) -> str | None:
        """The first line right inside that begins with a word."""
        index = self.index(name)
        return None if index is None else str(self.inside[index])

    def index(self, name: str, start: int = 0, end: int | None = None) -> int | None:
        """Where the first line that begins with a word stands, between two places of ``inside``."""
        for index in range(start, len(self.inside) if end is None else end):
            if is_line(self.inside[index], name):
                return index
        return None

    def text(self) -> str:
        """As it stands in a file. Walks without recursion."""
        parts: list[str] = []
        pending: list[str | Chunk] = [self]
        while pending:
            each = pending.pop()
            if isinstance(each, str):
                parts.append(each)
            else:
                parts.append(each.head)
                pending += [each.tail, *reversed(each.inside)]
        return "".join(parts)


@dataclass
class Project:
    """A file: its one chunk, and what stands before and after it."""

    root: Chunk
    before: str = ""
    after: str = ""

    @property
    def line_end(self) -> str:
        """How its lines end."""
        return "\r\n" if self.root.head.endswith("\r\n") else "\n"

    def data(self) -> bytes:
        """As it stands in a file."""
        return (self.before + self.root.text() + self.after).encode("utf-8", "surrogateescape")


def parse(data: bytes) -> Project:
    """Read a project.

    Raises:
        TimelineError: too large, nested too deep, no REAPER project, or cut off in the middle.
    """
    if len(data) > MAX_BYTES:
        raise TimelineError(f"the REAPER project is over {MAX_BYTES >> 20} MB")
    text = data.decode("utf-8", "surrogateescape")
    opening = re.search(r"^[\ufeff \t]*<" + ROOT + r"\b", text, re.MULTILINE)
    if opening is None:
        raise TimelineError("this is not a REAPER project: it has no <REAPER_PROJECT", "save it from REAPER again")
    lines = _LINES.finditer(text, opening.start())
    root = Chunk(next(lines)[0])
    open_chunks = [root]
    for match in lines:
        line = match[0]
        first = line.lstrip(" \t\ufeff")[:1]
        if first == "<":
            chunk = Chunk(line)
            open_chunks[-1].inside.append(chunk)
            open_chunks.append(chunk)
            if len(open_chunks) > MAX_NESTING:
                raise TimelineError(f"the REAPER project is nested deeper than {MAX_NESTING} levels")
        elif first == ">":
            closed = open_chunks.pop()
            closed.tail = line
            if not open_chunks:
                return Project(root, text[: opening.start()], text[match.end() :])
        else:
            open_chunks[-1].inside.append(line)
    inside = " in ".join(f"<{chunk.name[:40]}" for chunk in reversed(open_chunks[-3:]))
    raise TimelineError(f"the REAPER project ends in the middle: {inside} is not closed", "save it from REAPER again")


# --- lines ---


def is_line(entry: str | Chunk, name: str) -> bool:
    """Whether an entry of a chunk is a line that begins with a word."""
    return isinstance(entry, str) and entry.lstrip(" \t").startswith(name) and words(entry)[:1] == [name]


def words(line: str) -> list[str]:
    """The words of a line, without quotes; of a chunk's first line, without the ``<``."""
    return [_said(match) for match in _spans(line)]


def word(line: str | None, index: int, default: str = "") -> str:
    """One word of a line; ``default`` where there is no such line or word."""
    found = words(line) if line is not None else []
    return found[index] if index < len(found) else default


def with_word(line: str, index: int, text: str) -> str:
    """The line with one word changed, or added at the end; everything else stays as it is."""
    spans = _spans(line)
    if index < len(spans):
        return line[: spans[index].start()] + quoted(text) + line[spans[index].end() :]
    body = line.rstrip("\r\n")
    return f"{body} {quoted(text)}{line[len(body) :]}"


def _spans(line: str) -> list[re.Match[str]]:
    return list(_WORDS.finditer(line, re.match(r"[\ufeff \t]*<?", line).end()))  # type: ignore[union-attr]


def _said(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)


def quoted(text: str) -> str:
    """A word as it stands in a line. No quoting holds all three quote characters: then backticks become single quotes."""
    text = re.sub(r"[\r\n\x00]+", " ", text)
    if text and not re.search(r"[ \t\"'`]", text) and text[0] not in "<>|#;":
        return text
    quote = next((quote for quote in "\"'`" if quote not in text), None)
    return f"{quote}{text}{quote}" if quote else "`" + text.replace("`", "'") + "`"


# --- files ---


def is_relative(path: str) -> bool:
    """Whether a file is named from the project's folder."""
    return path[:1] not in ("", "/", "\\") and path[1:2] != ":"


def with_slashes(path: str) -> str:
    """A path as every system reads it: REAPER on Windows parts the folders of a relative one with backslashes."""
    return path.replace("\\", "/") if is_relative(path) else path


# --- names ---


def name_in(chunk: Chunk, first: int = 0, last: int | None = None) -> str:
    """The name that a track or take has, between two places of its chunk's ``inside``; "" when it has none.

    One with all three quote characters stands in a chunk of its own beside the line.
    """
    for entry in chunk.inside[first:last]:
        if isinstance(entry, Chunk) and entry.name == "NAME":
            return next((line.strip()[1:] for line in entry.inside if isinstance(line, str) and line.lstrip()[:1] == "|"), "")
    at = chunk.index("NAME", first, last)
    return "" if at is None else word(str(chunk.inside[at]), 1)


def name_entries(name: str, blanks: str, end: str) -> list[str | Chunk]:
    """What ``name_in`` reads, after ``blanks`` and with line ends of ``end``."""
    line = f"{blanks}NAME {quoted(name)}{end}"
    if not all(quote in name for quote in "\"'`"):
        return [line]
    whole_name = re.sub(r"[\r\n\x00]+", " ", name)
    return [line, Chunk(f"{blanks}<NAME{end}", [f"{blanks}  |{whole_name}{end}"], f"{blanks}>{end}")]


# --- numbers ---


def number(text: str, default: Fraction = Fraction(0)) -> Fraction:
    """The number that a word is, exactly as written; an empty word is ``default``.

    Raises:
        TimelineError: not a number, or one that no project can mean.
    """
    if not text:
        return default
    if _NUMBER.fullmatch(text):
        value = Fraction(text)
    else:
        try:
            value = Fraction(float(text))
        except (ValueError, OverflowError):
            raise TimelineError(f"{text[:40]!r} stands in the REAPER project where a number belongs") from None
    if abs(value) > _FARTHEST:
        raise TimelineError(f"{text[:40]!r} in the REAPER project is too far from zero")
    return value


def whole(text: str, default: int = 0) -> int:
    """The whole number that a word is, cut off towards zero; raises as ``number``."""
    return int(number(text, Fraction(default)))


def decimal(value: Fraction) -> str:
    """A number as REAPER writes it: at most fourteen places."""
    text = f"{float(value):.14f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def readable(text: str) -> str:
    """Text that any UTF-8 can hold: stray bytes and zeros become replacement characters."""
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return clean.replace("\x00", "\N{REPLACEMENT CHARACTER}")
