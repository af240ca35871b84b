"""Changes to single lines of a REAPER project: only the words that differ, everything around them left as it stands."""

from __future__ import annotations

from fractions import Fraction

from foley_bridge.timeline.adapters.rpp_file import (
    Chunk,
    decimal,
    is_line,
    is_relative,
    name_entries,
    number,
    quoted,
    whole,
    with_slashes,
    with_word,
    word,
)
from foley_bridge.timeline.adapters.rpp_items import item_of
from foley_bridge.timeline.adapters.rpp_new import NewTake, source_chunks
from foley_bridge.timeline.unfolded import Shown

SAME = Fraction(1, 10**8)
"""Seconds: what float arithmetic and JSON leave of a time that nobody changed."""


def set_word(chunk: Chunk, name: str, index: int, text: str, end: str, *, take: bool = False) -> None:
    """Change a word of a line of a chunk, or of an item's active take; the line is added where it is missing."""
    first, last = _active_range(chunk) if take else (0, len(chunk.inside))
    at = chunk.index(name, first, last)
    if at is None:
        filled = ["0"] * (index - 1)
        at = first + (first > 0)
        chunk.inside.insert(at, " ".join([f"{_blanks(chunk)}  {name}", *filled, quoted(text)]) + end)
    elif word(str(chunk.inside[at]), index) != text:
        chunk.inside[at] = with_word(str(chunk.inside[at]), index, text)


def set_name(chunk: Chunk, name: str, end: str, *, take: bool = False) -> None:
    """Change the name of a track, or of an item's active take."""
    first, last = _active_range(chunk) if take else (0, len(chunk.inside))
    there = [i for i in range(first, last) if is_line(chunk.inside[i], "NAME") or _is_chunk(chunk.inside[i], "NAME")]
    at = there[0] if there else first + (first > 0)
    if len(there) == 1 and len(made := name_entries(name, "", end)) == 1:
        set_word(chunk, "NAME", 1, name, end, take=take)
        return
    made = name_entries(name, _blanks(chunk) + "  ", end)
    chunk.inside = [each for i, each in enumerate(chunk.inside) if i not in there]
    chunk.inside[at:at] = made


def _is_chunk(entry: str | Chunk, name: str) -> bool:
    return isinstance(entry, Chunk) and entry.name == name


def _blanks(chunk: Chunk) -> str:
    return chunk.head[: len(chunk.head) - len(chunk.head.lstrip(" \t"))]


def set_number(chunk: Chunk, name: str, value: Fraction, end: str, *, take: bool = False) -> None:
    """As ``set_word`` for a line's first number, which stays as written when it is the same."""
    first, last = _active_range(chunk) if take else (0, len(chunk.inside))
    at = chunk.index(name, first, last)
    if at is None or abs(number(word(str(chunk.inside[at]), 1)) - value) > SAME:
        set_word(chunk, name, 1, decimal(value), end, take=take)


def remove(parent: Chunk, child: Chunk) -> None:
    """Take a chunk out."""
    parent.inside = [each for each in parent.inside if each is not child]


def _active_range(chunk: Chunk) -> tuple[int, int]:
    take = item_of(chunk).take
    return take.first, take.last


def change_item(chunk: Chunk, was: Shown, now: Shown, path: str | None, end: str) -> None:
    """Make an item say what a clip says now, where that differs from what it said when the project was read.

    path: how the project names the clip's file; None when it has none.
    """
    if any(abs(one - other) > SAME for one, other in zip(now.times, was.times, strict=True)):
        _change_times(chunk, was, now, path, end)
    if was.clip.enabled != now.clip.enabled:
        set_word(chunk, "MUTE", 1, str(int(not now.clip.enabled)), end)
    if was.clip.name != now.clip.name:
        set_name(chunk, now.clip.name, end, take=True)
    if path is not None and was.address != now.address:
        _change_file(chunk, path)


def _change_times(chunk: Chunk, was: Shown, now: Shown, path: str | None, end: str) -> None:
    item = item_of(chunk)
    cut = max(Fraction(0), -item.start) * item.take.speed  # what lay before the project's beginning was left out
    if (was.speed < 0) != (now.speed < 0):
        offset = Fraction(0) if now.speed < 0 else now.offset
        _change_source(chunk, now, path, end)
    elif now.speed < 0:  # played from its end
        offset = item.take.offset + cut - (now.first - now.speed * now.length) + (was.first - was.speed * was.length)
    else:
        offset = item.take.offset + cut + now.first - was.first
    set_number(chunk, "POSITION", now.start, end)
    set_number(chunk, "LENGTH", now.length, end)
    set_number(chunk, "SOFFS", offset, end, take=True)
    if abs(now.speed - was.speed) > SAME:
        set_number(chunk, "PLAYRATE", abs(now.speed) or Fraction(1, 100), end, take=True)


def _change_source(chunk: Chunk, now: Shown, path: str | None, end: str) -> None:
    first, last = _active_range(chunk)
    at = next((i for i in range(first, last) if isinstance(each := chunk.inside[i], Chunk) and each.name == "SOURCE"), None)
    if at is not None:
        chunk.inside[at : at + 1] = source_chunks(NewTake("", path, now.offset, now.speed), now.length, end)


def _change_file(chunk: Chunk, path: str) -> None:
    first, last = _active_range(chunk)
    source = next((each for each in chunk.inside[first:last] if isinstance(each, Chunk) and each.name == "SOURCE"), None)
    while source is not None:
        at = source.index("FILE")
        if at is not None:
            source.inside[at] = with_word(str(source.inside[at]), 1, path)
            return
        source = next(source.chunks("SOURCE"), None)


def close_folders(track_chunks: list[Chunk], end: str) -> None:
    """Close, with the last track, every folder that is still open there, as REAPER does by itself at a project's end.

    A folder without anything in it is no folder then: what comes next would fall into it.
    """
    depth = 0
    for chunk in track_chunks:
        depth = max(0, depth + whole(word(chunk.line("ISBUS"), 2)))
    if depth:
        last = track_chunks[-1]
        closing = whole(word(last.line("ISBUS"), 2)) - depth
        set_word(last, "ISBUS", 1, "2" if closing else "0", end)
        set_word(last, "ISBUS", 2, str(closing), end)


def name_files_from(root: Chunk, folder: str) -> None:
    """Make every relative path of a source absolute, from a folder."""
    separator = "\\" if "\\" in folder else "/"
    pending = [root]
    while pending:
        chunk = pending.pop()
        pending += [each for each in chunk.inside if isinstance(each, Chunk)]
        for index, entry in enumerate(chunk.inside if chunk.name == "SOURCE" else ()):
            path = word(str(entry), 1) if is_line(entry, "FILE") else ""
            if is_relative(path):
                inside = with_slashes(path).replace("/", separator)
                chunk.inside[index] = with_word(str(entry), 1, f"{folder.rstrip(separator)}{separator}{inside}")
