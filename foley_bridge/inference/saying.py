"""Values out of one JSON object of a manifest, one after another; a fault names its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

_Value = TypeVar("_Value")
_FILE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # no names of files on Windows


class Saying:
    """An object with just these keys.

    Args:
        said: what stands there.
        place: where that is, as a fault names it; empty at the top.
        names: its keys.
        optional: keys that it may have, too.

    Raises:
        ValueError: it is no object, or a key is missing or unknown.
    """

    def __init__(self, said: Any, place: str, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        self._place = place
        self._said = mapping(said, place)
        for name in names:
            if name not in said:
                raise ValueError(f"{self._at(name)} is missing")
        for name in said:
            if name not in names and name not in optional:
                raise ValueError(f"{self._at(name)}: there is no such key")

    def _at(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name

    def text(self, name: str, pattern: str = r".{1,1000}") -> str:
        """Raises ValueError when it is none, or does not match as a whole."""
        value = self._said[name]
        if not isinstance(value, str):
            raise ValueError(f"{self._at(name)} is no text")
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{self._at(name)}: {value[:60]!r} cannot be")
        return value

    def whole(self, name: str, least: int, most: int) -> int:
        """A whole number from ``least`` to ``most``; raises ValueError."""
        value = self._said[name]
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{self._at(name)} is no whole number")
        if not least <= value <= most:
            raise ValueError(f"{self._at(name)}: {value} is not from {least} to {most}")
        return value

    def number(self, name: str, least: float = 0.0, most: float = 1e9) -> float:
        """A number from ``least`` to ``most``; raises ValueError."""
        value = self._said[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{self._at(name)} is no number")
        if not least <= value <= most:
            raise ValueError(f"{self._at(name)}: {value} is not from {least:g} to {most:g}")
        return float(value)

    def file(self, name: str) -> str:
        """A plain file name; raises ValueError."""
        return plain_file(self._said[name], self._at(name))

    def made(self, name: str, make: Callable[[Any, str], _Value]) -> _Value:
        """What ``make`` makes of the value and its place; a ValueError of its own is told with the place."""
        return make(self._said[name], self._at(name))

    def each(self, name: str, make: Callable[[Any, str], _Value]) -> tuple[_Value, ...]:
        """The same for each of a list."""
        value, place = self._said[name], self._at(name)
        if not isinstance(value, list):
            raise ValueError(f"{place} is no list")
        return tuple(make(one, f"{place}[{number}]") for number, one in enumerate(value))


def mapping(said: Any, place: str) -> Mapping[str, Any]:
    """Raises ValueError when it is no object."""
    if not isinstance(said, Mapping):
        raise ValueError(f"{place or 'it'} is no object")
    return said


def within(place: str, settings: object, **ranges: tuple[int, int]) -> None:
    """See that numbers of a settings object are in their ranges; a hostile manifest could take all memory with others.

    Raises:
        ValueError: one is not; names it.
    """
    for name, (least, most) in ranges.items():
        value = getattr(settings, name)
        if not least <= value <= most:
            raise ValueError(f"{place}.{name}: {value} is not from {least} to {most}")


def plain(text: str) -> str:
    """What a stranger wrote, fit for a terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def plain_file(said: Any, place: str) -> str:
    """A name that means a file of the pack's own folder on every system, and nothing else.

    Raises:
        ValueError: it could mean something else: a path, a device, a hidden file.
    """
    if not isinstance(said, str) or not _FILE.fullmatch(said) or said.endswith(".") or _DEVICE.fullmatch(said):
        raise ValueError(f"{place}: {str(said)[:60]!a} is no plain file name")
    return said
