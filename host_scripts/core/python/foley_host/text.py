"""A region's text: is it one, its words, and the same text with other words or options (docs/timeline.md, Region text).

A quote opens only at the start of a word or a value, and closes only before a space or the end; a backslash is an ordinary
character. What is not changed stays as it was written, letter for letter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .fault import HostError

_OPTION = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)=")


@dataclass(frozen=True)
class Token:
    """A word or option as written: ``text[first:last]``; ``name`` in small letters for an option, and its value unquoted."""

    first: int
    last: int
    name: str
    value: str


def begins_with(text: str, word: str) -> bool:
    """True when the first word is ``word`` in any case, with or without a colon after it."""
    return _head(text, word) > 0


def is_region(text: str) -> bool:
    """True when the text asks for sound: its first word is FOLEY."""
    return begins_with(text, "FOLEY")


def words(text: str) -> str:
    """The free words, parted by single spaces."""
    return " ".join(token.value for token in tokens(text) if not token.name)


def option(text: str, name: str) -> str | None:
    """The value of an option; None when the text does not name it."""
    return next((token.value for token in tokens(text) if token.name == name), None)


def with_words(text: str, typed: str) -> str:
    """The text with other words. ``typed`` may name options, too: they take the place of those in the text."""
    new = tokens(typed)
    named = {token.name for token in new if token.name}
    kept = [token for token in tokens(text) if token.name and token.name not in named]
    parts = [text[: _head(text, "FOLEY")] or "FOLEY"]
    parts += [typed[token.first : token.last] for token in new]
    parts += [text[token.first : token.last] for token in kept]
    return " ".join(parts)


def with_option(text: str, name: str, value: str) -> str:
    """The text with an option set to a value, where it stood or at the end."""
    written = f"{name}={quoted(value)}"
    for token in tokens(text):
        if token.name == name:
            return text[: token.first] + written + text[token.last :]
    return f"{text.rstrip()} {written}"


def can_be_quoted(value: str) -> bool:
    """Whether an option can have this value, and a reader gets the same back."""
    return bool(value) and value == value.strip() and _quoted(value) is not None


def quoted(value: str) -> str:
    """A value as a region's text has it, in quotes where it needs them."""
    written = _quoted(value) if can_be_quoted(value) else None
    if written is None:
        raise HostError(f"'{value}' cannot be written into a region's text", "Give it a plainer name.")
    return written


def _quoted(value: str) -> str | None:
    if value[0] not in "\"'" and not re.search(r"\s", value):
        return value
    for quote in "\"'":
        if not re.search(quote + r"\s", value):
            return quote + value + quote
    return None


def clean(text: str) -> str:
    """A name without what UTF-8 cannot say."""
    return text.encode("utf-8", "replace").decode("utf-8")


def tokens(text: str) -> list[Token]:
    """The words and options after FOLEY, in order.

    Raises:
        HostError: an open quote.
    """
    found = []
    position = _head(text, "FOLEY")
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _OPTION.match(text, position)
        value, last = _value(text, match.end() if match else position)
        found.append(Token(position, last, match[1].lower() if match else "", value))
        position = last
    return found


def _value(text: str, start: int) -> tuple[str, int]:
    if start < len(text) and text[start] in "\"'":
        closing = re.compile(text[start] + r"(?=\s|$)").search(text, start + 1)
        if not closing:
            raise HostError(f"the quote {text[start:]} is not closed", "Close it, or take it out of the region's name.")
        return text[start + 1 : closing.start()], closing.end()
    last = start
    while last < len(text) and not text[last].isspace():
        last += 1
    return text[start:last], last


def _head(text: str, word: str) -> int:
    """Where what comes after the first word begins, when that is ``word``; else 0."""
    match = re.match(rf"\s*{word}(?=[\s:]|$):?", text, re.IGNORECASE)
    return match.end() if match else 0
