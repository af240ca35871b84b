"""How a sound lies in the catalogue's table: one row per content, with every file that holds it and what the scan had found.

A row is a dict. Beside the fields of ``LibrarySound`` it has

    files      [{"path", "size", "mtime_ns"}], the first is used
    scanned    JSON object: what the scan says of the fields that the user corrected, for a reset
    name_words, all_words    what the full-text index holds of it, in the form of ``words``
    name_length    how many words its name has, numbers not counted
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from foley_bridge.errors import LibraryError
from foley_bridge.library import words
from foley_bridge.library.sound import CORRECTABLE, FIELDS, LibrarySound, corrected, fields_of

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
_IN_FILES = {"paths", "size", "mtime_ns"}
_LISTS = {"keywords", "edited"}
_FOLDERS_UP = 2  # folders above a file whose names are searched
_MOST_FILES = 5  # of one content, whose folders are
_FOLDERS = re.compile(r"[\\/]")


def schema() -> pa.Schema:
    """The table's columns."""
    import pyarrow as pa

    file = pa.struct([("path", pa.string()), ("size", pa.int64()), ("mtime_ns", pa.int64())])
    types = {"keywords": pa.list_(pa.string()), "edited": pa.list_(pa.string()), "duration_s": pa.float64()}
    types |= dict.fromkeys(("sample_rate", "channels", "bit_depth"), pa.int32()) | dict.fromkeys(
        ("favourite", "banned"), pa.bool_()
    )
    fields = [(name, types.get(name, pa.string())) for name in FIELDS if name not in _IN_FILES]
    derived = [("name_words", pa.string()), ("all_words", pa.string()), ("name_length", pa.int16())]
    return pa.schema([*fields, ("files", pa.list_(file)), ("scanned", pa.string()), *derived])


def row_of(sound: LibrarySound) -> Row:
    """A new row. Every path of the sound is taken to have its size and time.

    Raises:
        LibraryError: a path is not Unicode.
    """
    for path in sound.paths:
        if not _storable(path):
            raise LibraryError(f"{path!r}: the file's name is not Unicode", "rename the file")
    row: Row = {name: getattr(sound, name) for name in FIELDS if name not in _IN_FILES}
    row["files"] = [{"path": path, "size": sound.size, "mtime_ns": sound.mtime_ns} for path in sound.paths]
    row["scanned"] = "{}"
    return _clean(row)


def sound_of(row: Row) -> LibrarySound:
    """The sound in a row."""
    files = row["files"]
    first = files[0] if files else {"size": 0, "mtime_ns": 0}
    values: Row = {name: tuple(row[name]) if name in _LISTS else row[name] for name in FIELDS if name not in _IN_FILES}
    return LibrarySound(paths=tuple(each["path"] for each in files), size=first["size"], mtime_ns=first["mtime_ns"], **values)


def joined(fresh: Row, old: Row) -> Row:
    """A fresh row laid over the old one of the same id: files of both, the user's corrections and marks kept."""
    sound = sound_of(old)
    row = row_of(corrected(sound_of(fresh), sound))
    row["files"] = _files(old["files"], fresh["files"])
    carried = fields_of(tuple(fresh["edited"]))  # corrections that came along, not what the scan found
    found = {name: fresh[name] for name in fields_of(sound.edited) if name not in carried}
    row["scanned"] = json.dumps(json.loads(old["scanned"]) | found | json.loads(fresh["scanned"]))
    return row


def edited(row: Row, changes: dict[str, Any], reset: tuple[str, ...]) -> Row:
    """A row with the user's changes; the fields to reset have again what the scan found."""
    scanned = json.loads(row["scanned"])
    names = set(row["edited"])
    new = dict(row)
    for name in reset:
        if name in names:
            names.remove(name)
            for each in fields_of((name,)):
                if each in scanned:
                    new[each] = scanned.pop(each)
    corrections = tuple(name for name in CORRECTABLE if name in changes)
    for name in fields_of(corrections):
        scanned.setdefault(name, row[name])
    names.update(corrections)
    new |= changes
    new["edited"] = [name for name in CORRECTABLE if name in names]
    new["scanned"] = json.dumps(scanned)
    return _clean(new)


def without(row: Row, paths: set[str]) -> Row:
    """A row that no longer has these files."""
    return {**row, "files": [each for each in row["files"] if each["path"] not in paths]}


def flat_files(table: pa.Table) -> tuple[list[str], list[str], list[int], list[int], list[str]]:
    """Every file of the rows: ids, paths, sizes, times and fingerprints, one of each a file."""
    import pyarrow.compute as pc

    files = table["files"].combine_chunks()
    parents = pc.list_parent_indices(files)
    parts = [pc.struct_field(pc.list_flatten(files), name) for name in ("path", "size", "mtime_ns")]
    columns = [table["id"].take(parents), *parts, table["fingerprint"].take(parents)]
    ids, paths, sizes, times, fingerprints = (column.to_pylist() for column in columns)
    return ids, paths, sizes, times, fingerprints


def complete(row: Row) -> Row:
    """A row with what is derived from the rest of it; to be called before it is stored."""
    folders = [folder for file in row["files"][:_MOST_FILES] for folder in _FOLDERS.split(file["path"])[-1 - _FOLDERS_UP : -1]]
    row["name_words"] = words.indexed([row["name"], row["fx_name"]])
    row["all_words"] = words.indexed(
        [row["name"], row["fx_name"], row["description"], *row["keywords"], *dict.fromkeys(folders)]
    )
    row["name_length"] = sum(not word.isdigit() for word in words.tokens(row["name"]))
    return row


def _storable(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _files(old: list[Row], fresh: list[Row]) -> list[Row]:
    known = {each["path"]: each for each in old}
    known |= {each["path"]: each for each in fresh}
    return list(known.values())


def _clean(row: Row) -> Row:
    """Text that a table and a terminal can hold: no lone surrogates, no control characters."""
    for name in FIELDS:
        value = row.get(name)
        if isinstance(value, str):
            row[name] = _text(value)
        elif name in _LISTS:
            row[name] = [_text(each) for each in value or ()]
    return row


def _text(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    value = value.encode("utf-8", "replace").decode("utf-8")
    return "".join(letter if letter.isprintable() else " " for letter in value) if not value.isprintable() else value
