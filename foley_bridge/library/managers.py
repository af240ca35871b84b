"""Lists that library managers export: Soundminer's and BaseHead's CSV or tab-separated text, and manifests like them.

The first line that names a file or path column is the header; `tags.NAMES` says which columns mean what. Separators are comma,
tab or semicolon; the text is UTF-8, UTF-16, Windows' Latin-1 or Mac Roman. Rows are matched to files by the whole path, by the
most path parts from the end that fit (libraries move between drives and machines), or by the file name alone when only one file
has it.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from foley_bridge.errors import LibraryError
from foley_bridge.library.metadata import SUFFIXES
from foley_bridge.library.tags import Words, fields_from, plain
from foley_bridge.library.text import best_of, clean

_NAME = ("filename", "file", "audiofile", "name")
_PATH = ("filepath", "pathname", "fullpath", "path", "filepathname")
_FOLDER = ("folder", "directory", "dir", "folderpath")
_HEADER_LINES = 20  # a header stands among the first


@dataclass(frozen=True)
class Row:
    """One row of a list.

    Attributes:
        line: where it ends in the file, counted from 1; a cell may hold line breaks.
        parts: of the path that it gives, the file name last; case and Unicode form evened out.
        words: what it says, by field.
    """

    line: int
    parts: tuple[str, ...]
    words: Words


@dataclass
class Matches:
    """Which rows belong to which files.

    Attributes:
        words: path of a file to what its rows say; of several rows the later one counts, field by field.
        unmatched: (line, the row's path, why) of rows that belong to no file, or to no single one.
    """

    words: dict[str, Words] = field(default_factory=dict)
    unmatched: list[tuple[int, str, str]] = field(default_factory=list)


def read_rows(path: Path) -> list[Row]:
    """The rows of a list.

    Raises:
        LibraryError: it cannot be read, or no column says which file a row is about.
    """
    try:
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise LibraryError(f"{path}: cannot be read, {error.strerror or error}", "check the path") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    number, separator, header = _header(path, lines)
    reader = csv.reader((f"{each}\n" for each in lines[number + 1 :]), delimiter=separator)
    rows = []
    try:
        for cells in reader:
            named = [(name, cell) for name, cell in zip(header, cells, strict=False) if cell.strip()]
            if parts := _parts(named):
                rows.append(Row(number + 1 + reader.line_num, parts, fields_from(_about_sound(named))))
    except csv.Error as error:
        raise LibraryError(
            f"{path}: line {number + 1 + reader.line_num} cannot be read, {error}", "export the list again"
        ) from error
    return rows


def match(rows: Sequence[Row], files: Iterable[str]) -> Matches:
    """Which of the files each row is about.

    Args:
        files: absolute paths.
    """
    found = Matches()
    by_name: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
    for path in files:
        parts = _path_parts(path)
        by_name[parts[-1]].append((parts, path))
        by_name[_stem(parts[-1])].append((parts, path))
    for row in rows:
        candidates = by_name.get(row.parts[-1], [])
        ranked = sorted(((_common_end(row.parts, parts), path) for parts, path in candidates), reverse=True)
        best = [path for length, path in ranked if length == ranked[0][0]]
        if len(best) == 1:
            found.words[best[0]] = found.words.get(best[0], {}) | row.words
        else:
            why = f"{len(best)} files fit" if best else "no such file"
            found.unmatched.append((row.line, "/".join(row.parts), why))
    return found


def _header(path: Path, lines: Sequence[str]) -> tuple[int, str, list[str]]:
    """(line, separator, columns) of the header."""
    for number, line in enumerate(lines[:_HEADER_LINES]):
        separator = max("\t;,", key=line.count)
        header = next(csv.reader([line], delimiter=separator), [])
        if {plain(name) for name in header} & {*_NAME[:-1], *_PATH}:
            return number, separator, header
    raise LibraryError(
        f"{path}: has no column that names files", "export it with the columns Filename or FilePath, and a header line"
    )


def _decoded(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace").removeprefix("\ufeff")
    nulls = raw[:200]
    if nulls[1::2].count(0) > len(nulls) // 4:
        return raw.decode("utf-16-le", "replace")
    if nulls[::2].count(0) > len(nulls) // 4:
        return raw.decode("utf-16-be", "replace")
    raw = raw.replace(b"\0", b"")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return best_of(raw.decode("cp1252", "replace"), raw.decode("mac_roman"))


def _about_sound(named: Sequence[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """The cells that say something of the sound; Name and File are the file's, not its title."""
    return ((name, cell) for name, cell in named if plain(name) not in (*_NAME, *_PATH, *_FOLDER))


def _parts(named: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The path that a row gives: its path column, or its folder column and its file name."""
    cells = {plain(name): cell for name, cell in reversed(named)}
    path = next((cells[each] for each in _PATH if each in cells), "")
    name = next((cells[each] for each in _NAME if each in cells), "")
    folder = next((cells[each] for each in _FOLDER if each in cells), "")
    if not path:
        return _path_parts(f"{folder}/{name}") if name else ()
    parts = _path_parts(path)
    last = _path_parts(name)[-1:] if name else ()
    if last and last[0] not in (parts[-1], _stem(parts[-1])) and not _is_sound(parts[-1]):
        return parts + last  # the path is that of the folder
    return parts


def _path_parts(path: str) -> tuple[str, ...]:
    """A path's parts, of any system, as they are compared."""
    separator = r"[/\\]" if re.search(r"[/\\]", path) else r":(?!$)"  # the old Macintosh's were parted by colons
    even = unicodedata.normalize("NFC", path.encode("utf-8", "replace").decode("utf-8")).casefold()
    return tuple(part for each in re.split(separator, even) if (part := clean(each))) or ("",)


def _stem(name: str) -> str:
    return name.rsplit(".", 1)[0] if _is_sound(name) else name


def _is_sound(name: str) -> bool:
    return "." in name and f".{name.rsplit('.', 1)[1]}" in SUFFIXES


def _common_end(first: Sequence[str], second: Sequence[str]) -> int:
    """How many parts from the end are the same; a file name with and without its suffix counts as the same."""
    count = 1
    for one, other in zip(reversed(first[:-1]), reversed(second[:-1]), strict=False):
        if one != other:
            break
        count += 1
    return count
