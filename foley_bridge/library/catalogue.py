"""The catalogue: every sound of the library, in a folder of its own, with search by words.

Inside lies a LanceDB table. Every change makes a new version of it, so a reader sees a whole state, never half of one, and a
program killed in the middle of a write leaves the state before. Writers take turns by a lock in the folder; readers never wait.

    FOLDER/catalogue.json    that this is a catalogue, and the version of its form; written last when it is made
    FOLDER/sounds.lance      the table
    FOLDER/write.lock        held by who is writing
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock, Timeout

from foley_bridge.errors import LibraryError, TimelineError
from foley_bridge.library import rows, ucs
from foley_bridge.library.rows import Row
from foley_bridge.library.search import Found
from foley_bridge.library.sound import CORRECTABLE, LibrarySound
from foley_bridge.media.whole_file import whole_file

if TYPE_CHECKING:
    from lancedb.table import Table

FORM = 1  # of the table; a catalogue of a newer form is refused
_TABLE = "sounds"
_BATCH = 2000  # rows written at once
_LOCK_WAIT_S = 20.0  # optimising 200 000 sounds holds the lock about as long
_KEPT_S = 60.0  # a version that a reader may still have in hand is kept as long
_MARKS = ("favourite", "banned")
_LONGEST = 4000  # characters of a corrected field
_ID = re.compile(r"[a-z0-9]{1,64}")
_Value = TypeVar("_Value")
Sounds = list[LibrarySound]  # inside the class, list is its method
Hits = list[Found]
Rows = list[Row]
Names = list[str]


class Catalogue:
    """The sounds in a catalogue's folder. Open it with ``Catalogue.open``; it may be shared by threads, not by a fork."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opened: Table | None = None
        self._opening = threading.Lock()

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Catalogue:
        """The catalogue in a folder; LanceDB itself is loaded when it is first used.

        Args:
            create: make an empty one if there is none.

        Raises:
            LibraryError: there is none, the folder cannot be written to, or a newer foley_bridge made it.
        """
        folder = Path(folder).absolute()
        catalogue = cls(folder)
        mark = folder / "catalogue.json"
        if not mark.is_file():
            if not create:
                raise LibraryError(f"{folder}: there is no sound library", "make one with foley-bridge library add DIR")
            catalogue._create(mark)
        try:
            form = json.loads(mark.read_text("utf-8"))["foley_bridge_catalogue"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LibraryError(
                f"{mark}: cannot be read as a catalogue", "remove the folder and add your sounds again"
            ) from error
        if form != FORM:
            raise LibraryError(
                f"{folder}: this catalogue has form {form}, this foley_bridge knows form {FORM}",
                "update foley_bridge, or use another folder with --library",
            )
        return catalogue

    def _create(self, mark: Path) -> None:
        import lancedb

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(f"{self.folder}: cannot be made, {error.strerror or error}", "choose another folder") from error
        with self._writing():
            if not mark.exists():
                lancedb.connect(str(self.folder)).create_table(_TABLE, schema=rows.schema(), exist_ok=True)
                with whole_file(mark) as temporary:
                    temporary.write_text(json.dumps({"foley_bridge_catalogue": FORM}), "utf-8")

    # Reading

    def count(self) -> int:
        """How many sounds there are."""
        return self._read(lambda table: table.count_rows())

    def get(self, sound: str) -> LibrarySound:
        """The sound of an id, or of a beginning of one that no other has.

        Raises:
            LibraryError: no sound has it, or several have.
        """
        return rows.sound_of(self._row(sound))

    def list(
        self, *, ucs: str | None = None, favourite: bool | None = None, banned: bool | None = None, limit: int | None = None
    ) -> Sounds:
        """Sounds by name, then id; a CatID or a mark narrows it.

        Raises:
            LibraryError: there is no such CatID.
        """
        wanted = [] if ucs is None else [f"cat_id = '{_cat_id(ucs)}'"]
        wanted += [f"{mark} = {value}" for mark, value in (("favourite", favourite), ("banned", banned)) if value is not None]
        names = self._rows(" AND ".join(wanted), ["name", "id"])
        first = sorted((each["name"].casefold(), each["name"], each["id"]) for each in names)[:limit]
        return [rows.sound_of(row) for row in self._of([sound for _, _, sound in first])]

    def search(
        self,
        words: str,
        *,
        ucs: str | None = None,
        length_s: tuple[float | None, float | None] = (None, None),
        channels: int | None = None,
        limit: int = 20,
    ) -> Hits:
        """The sounds that words name, best first; banned ones are left out.

        Args:
            words: as a person types them; empty lists what the other conditions leave, by name.
            ucs: a CatID.
            length_s: shortest and longest, seconds; None for no bound.
            channels: exactly as many.
            limit: at most as many sounds.

        Raises:
            LibraryError: there is no such CatID.
        """
        where = "NOT banned"  # for now: every word counts where it stands in a sound's texts
        if ucs is not None:
            where += f" AND cat_id = '{_cat_id(ucs)}'"
        if length_s[0] is not None:
            where += f" AND duration_s >= {float(length_s[0])}"
        if length_s[1] is not None:
            where += f" AND duration_s <= {float(length_s[1])}"
        if channels is not None:
            where += f" AND channels = {int(channels)}"
        asked = re.findall(r"\w+", words.casefold())
        found = []
        for row in self._rows(where):
            texts = (row["name"], row["fx_name"], row["description"], row["category"], row["subcategory"], *row["keywords"])
            text = " ".join(texts).casefold()
            score = sum(word in text for word in asked) / len(asked) if asked else 0.0
            if score or not asked:
                found.append(Found(rows.sound_of(row), score))
        return sorted(found, key=lambda each: (-each.score, each.sound.name, each.sound.id))[:limit]

    def all_files(self) -> dict[str, tuple[str, int, int, str]]:
        """What every file was when it was scanned: path to (id, size in bytes, mtime_ns, fingerprint)."""
        return {
            file["path"]: (row["id"], file["size"], file["mtime_ns"], row["fingerprint"])
            for row in self._rows("", ["id", "files", "fingerprint"])
            for file in row["files"]
        }

    # Writing

    def upsert(self, sounds: Iterable[LibrarySound]) -> None:
        """Put in what a scan found, in batches that each appear whole.

        A sound that is there already gets the new values, but keeps its other files, the fields that the user corrected and
        the user's marks.

        Raises:
            LibraryError: another program keeps writing to the catalogue, an id cannot be one, or the disk is full.
        """
        every = iter(sounds)
        while batch := list(itertools.islice(every, _BATCH)):
            fresh: dict[str, Row] = {}
            for sound in batch:
                row = rows.row_of(sound)
                fresh[_known_id(sound.id)] = rows.joined(row, fresh[sound.id]) if sound.id in fresh else row
            with self._writing():
                old = {row["id"]: row for row in self._of(list(fresh))}
                self._put([rows.joined(row, old[key]) if key in old else row for key, row in fresh.items()], replace=bool(old))

    def forget(self, paths: Iterable[str]) -> Names:
        """Files that are gone; a sound that no file holds any more goes too. Returns the ids of those."""
        gone = set(paths)
        if not gone:
            return []
        with self._writing():
            held = {row["id"] for row in self._rows("", ["id", "files"]) if any(each["path"] in gone for each in row["files"])}
            left = [rows.without(row, gone) for row in self._of(sorted(held))]
            self._put([row for row in left if row["files"]], replace=True)
            lost = [row["id"] for row in left if not row["files"]]
            self._delete(lost)
        return lost

    def remove(self, sounds: Iterable[str]) -> int:
        """Take sounds out; their files stay on disk, and a later scan of them puts them in again. Returns how many.

        Raises:
            LibraryError: no sound has such an id, or several have; nothing is removed then.
        """
        with self._writing():
            ids = sorted({self._full_id(each) for each in sounds})
            self._delete(ids)
        return len(ids)

    def edit(self, sound: str, *, reset: Sequence[str] = (), **changes: Any) -> LibrarySound:
        """Correct what is known of a sound; a rescan keeps it.

        Args:
            sound: its id or a beginning of it.
            reset: names of corrected fields to be again what the scan found.
            changes: new values of ``CORRECTABLE`` fields, or of ``favourite`` and ``banned``.

        Raises:
            LibraryError: no such sound, no such field, no such CatID, or a value that the field cannot have.
        """
        new = {name: _checked(name, value) for name, value in changes.items()}
        if "cat_id" in new:
            named = ucs.category(_cat_id(new["cat_id"]))
            new |= {"cat_id": named.cat_id, "category": named.category, "subcategory": named.subcategory, "cat_from": "user"}
        for name in reset:
            if name not in CORRECTABLE:
                raise LibraryError(f"{name}: is no field that can be reset", f"one of {', '.join(CORRECTABLE)}")
        with self._writing():
            row = rows.edited(self._row(sound), new, tuple(reset))
            self._put([row], replace=True)
        return rows.sound_of(row)

    def optimise(self) -> None:
        """Bring the index up to date, put small pieces together and clear away old versions. Do it after every scan."""
        with self._writing():
            table = self._table()
            table.optimize(cleanup_older_than=timedelta(seconds=_KEPT_S), delete_unverified=True)

    # Inside

    def _table(self) -> Table:
        with self._opening:
            if self._opened is None:
                import lancedb

                try:
                    database = lancedb.connect(str(self.folder), read_consistency_interval=timedelta(0))
                    self._opened = database.open_table(_TABLE)
                except (OSError, RuntimeError, ValueError) as error:
                    raise LibraryError(
                        f"{self.folder}: the catalogue cannot be opened, {_first_line(error)}",
                        "remove the folder and add your sounds again",
                    ) from error
            return self._opened

    def _read(self, ask: Callable[[Table], _Value]) -> _Value:
        """Ask the newest version; once more if a writer has just cleared away the version in hand."""
        table = self._table()
        try:
            return ask(table)
        except (OSError, RuntimeError):
            table.checkout_latest()
        try:
            return ask(table)
        except (OSError, RuntimeError) as error:
            raise LibraryError(f"{self.folder}: the catalogue cannot be read, {_first_line(error)}") from error

    def _rows(self, where: str, columns: Names | None = None) -> Rows:
        def ask(table: Table) -> Rows:
            query = table.search()
            query = query.where(where) if where else query
            return (query.select(columns) if columns else query).limit(None).to_arrow().to_pylist()

        return self._read(ask)

    def _of(self, ids: Sequence[str]) -> Rows:
        """The rows of these ids, in their order; ids that are not there are left out."""
        found: dict[str, Row] = {}
        for start in range(0, len(ids), _BATCH):
            some = ", ".join(f"'{_known_id(each)}'" for each in ids[start : start + _BATCH])
            found |= {row["id"]: row for row in self._rows(f"id IN ({some})")}
        return [found[each] for each in ids if each in found]

    def _full_id(self, beginning: str) -> str:
        wanted = beginning.strip().lower()
        if _ID.fullmatch(wanted):
            ids = sorted(row["id"] for row in self._rows(f"id LIKE '{wanted}%'", ["id"]))
            if wanted in ids or len(ids) == 1:
                return wanted if wanted in ids else ids[0]
            if ids:
                raise LibraryError(f"{beginning}: {len(ids)} sounds begin with it", f"type more of it, such as {ids[0]}")
        raise LibraryError(f"{beginning[:80]!r}: no sound in the library has this id", "foley-bridge library search shows ids")

    def _row(self, sound: str) -> Row:
        return self._of([self._full_id(sound)])[0]

    def _put(self, new: Sequence[Row], *, replace: bool) -> None:
        import pyarrow as pa

        if not new:
            return
        data = pa.Table.from_pylist(list(new), schema=rows.schema())
        with self._disk_errors():
            if replace:
                merge = self._table().merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
                merge.execute(data)
            else:
                self._table().add(data)

    def _delete(self, ids: Sequence[str]) -> None:
        with self._disk_errors():
            for start in range(0, len(ids), _BATCH):
                some = ", ".join(f"'{_known_id(each)}'" for each in ids[start : start + _BATCH])
                self._table().delete(f"id IN ({some})")

    @contextlib.contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:
            raise LibraryError(
                f"{self.folder}: the catalogue cannot be written, {_first_line(error)}", "check the free space and permissions"
            ) from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with FileLock(self.folder / "write.lock", timeout=_LOCK_WAIT_S):
                yield
        except Timeout as error:
            raise LibraryError(
                f"{self.folder}: another program is writing to this catalogue", "wait until it is done, then try again"
            ) from error
        except PermissionError as error:
            raise LibraryError(f"{self.folder}: cannot be written to", "check the folder's permissions") from error


def _known_id(sound: str) -> str:
    if not _ID.fullmatch(sound):
        raise LibraryError(f"{sound[:80]!r}: cannot be a sound's id", "an id has only letters a-z and digits")
    return sound


def _cat_id(text: str) -> str:
    try:
        return ucs.category(text).cat_id
    except TimelineError as error:
        raise LibraryError(error.message, error.hint) from error


def _checked(name: str, value: Any) -> Any:
    """A correction that the field can hold."""
    if name in _MARKS:
        if not isinstance(value, bool):
            raise LibraryError(f"{name}: must be true or false")
        return value
    if name not in CORRECTABLE:
        raise LibraryError(f"{name}: is no field that can be corrected", f"one of {', '.join(CORRECTABLE + _MARKS)}")
    texts = [*value] if name == "keywords" and not isinstance(value, str) else [value]
    if not all(isinstance(each, str) for each in texts):
        raise LibraryError(f"{name}: must be text")
    if sum(map(len, texts)) > _LONGEST:
        raise LibraryError(f"{name}: is longer than {_LONGEST} characters", "shorten it")
    if name != "keywords":
        return value.strip()
    return [word.strip() for each in texts for word in each.split(",") if word.strip()]


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
