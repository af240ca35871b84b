"""The catalogue's table on disk: LanceDB, its indexes, its versions and the lock of those who write.

Every change makes a new version of the table, so a reader sees a whole state, never half of one, and a program killed in the
middle of a write leaves the state before. Nobody outside this file and ``snapshot`` knows LanceDB; it is loaded on first use.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock, Timeout

from foley_bridge.errors import LibraryError
from foley_bridge.library import rows
from foley_bridge.library.rows import Row
from foley_bridge.library.search import ALL_COLUMN, NAME_COLUMN
from foley_bridge.library.snapshot import Snapshot, wait_for

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb import Session
    from lancedb.db import DBConnection
    from lancedb.table import AsyncTable, Table

BATCH = 2000  # rows written, and ids asked for, at once
_TABLE = "sounds"
_LOCK_WAIT_S = 20.0
_TIDY_EVERY = 200  # versions
_KEPT_S = 60.0  # versions younger than this stay: a reader may have one in hand
_INDEX_CACHE_BYTES = 256 << 20
_METADATA_CACHE_BYTES = 64 << 20
_Value = TypeVar("_Value")


class Store:
    """The table in a folder; may be shared by threads, not by a fork."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opening = threading.RLock()
        self._opened: Table | None = None
        self._snapshot: Snapshot | None = None

    def create(self) -> None:
        """An empty table with its indexes, if there is none; the folder must be there, and the writer's lock held."""
        from lancedb.index import FTS, BTree

        with self._disk_errors():
            table = self._database().create_table(_TABLE, schema=rows.schema(), exist_ok=True)
            indexed = {column for index in table.list_indices() for column in index.columns}
            if "id" not in indexed:
                table.create_index("id", config=BTree())
            for column in {NAME_COLUMN, ALL_COLUMN} - indexed:
                plain = FTS(
                    base_tokenizer="whitespace",
                    max_token_length=None,
                    lower_case=False,
                    stem=False,
                    remove_stop_words=False,
                    ascii_folding=False,
                    with_position=True,
                )
                table.create_index(column, config=plain)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """The writer's turn, across programs.

        Raises:
            LibraryError: another program is writing, or the folder cannot be written to.
        """
        try:
            lock = FileLock(self.folder / "write.lock", timeout=_LOCK_WAIT_S)
            lock.acquire()
        except Timeout as error:
            raise LibraryError(
                f"{self.folder}: another program is writing to this library", "wait until it is done, then try again"
            ) from error
        except OSError as error:
            raise LibraryError(
                f"{self.folder}: cannot be written to, {error.strerror or error}", "check the folder's permissions"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def read(self, ask: Callable[[Table], _Value]) -> _Value:
        """Ask the newest version; once more if a writer has just cleared away what was being read."""
        return self._twice(lambda: ask(self._table()))

    def on_snapshot(self, ask: Callable[[Snapshot], _Value]) -> _Value:
        """Ask the newest version, held still."""
        return self._twice(lambda: ask(self._newest()))

    def columns(self, columns: Sequence[str], where: str = "") -> pa.Table:
        """Columns of the rows that a condition holds for; only conditions made of checked values."""

        def ask(table: Table) -> pa.Table:
            query = table.search().select(list(columns))
            return (query.where(where) if where else query).limit(None).to_arrow()

        return self.read(ask)

    def rows(self, ids: Sequence[str]) -> list[Row]:
        """The rows of these ids, in their order; ids that are not there are left out."""
        found: dict[str, Row] = {}
        for condition in _of(ids):
            found |= {row["id"]: row for row in self.columns(rows.schema().names, condition).to_pylist()}
        return [found[each] for each in ids if each in found]

    def put(self, new: Sequence[Row], *, replace: bool, gone: Sequence[str] = ()) -> None:
        """Write rows in one step; with ``replace`` those of the same ids give way, and those of the ids ``gone`` leave."""
        import pyarrow as pa

        if not new:
            self.delete(gone)
            return
        data = pa.Table.from_pylist([rows.complete(row) for row in new], schema=rows.schema())
        with self._disk_errors():
            if replace or gone:
                merge = self._table().merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
                if gone:
                    merge = merge.when_not_matched_by_source_delete(" OR ".join(_of(gone)))
                merge.execute(data)
            else:
                self._table().add(data)
        self._tidy()

    def delete(self, ids: Sequence[str]) -> None:
        """Take rows out in one step."""
        if ids:
            with self._disk_errors():
                self._table().delete(" OR ".join(_of(ids)))
            self._tidy()

    def optimise(self) -> None:
        """Bring the indexes up to date, put small pieces together, clear away versions that nobody reads any more.

        Whoever calls holds the writer's lock, so what a killed writer left unfinished can go too.
        """
        with self._disk_errors():
            self._table().optimize(cleanup_older_than=timedelta(seconds=_KEPT_S), delete_unverified=True)

    def _tidy(self) -> None:
        """Now and then an optimisation, so that neither many corrections nor a long scan let the folder grow."""
        if self._table().version % _TIDY_EVERY == 0:
            self.optimise()

    async def _pinned(self, version: int) -> AsyncTable:
        import lancedb

        table = await (await lancedb.connect_async(str(self.folder), session=self._session)).open_table(_TABLE)
        await table.checkout(version)
        return table

    def _database(self) -> DBConnection:
        import lancedb

        return lancedb.connect(str(self.folder), read_consistency_interval=timedelta(0), session=self._session)

    @functools.cached_property
    def _session(self) -> Session:
        import lancedb

        return lancedb.Session(index_cache_size_bytes=_INDEX_CACHE_BYTES, metadata_cache_size_bytes=_METADATA_CACHE_BYTES)

    def _table(self) -> Table:
        with self._opening:
            if self._opened is None:
                self._opened = self._database().open_table(_TABLE)
            return self._opened

    def _newest(self) -> Snapshot:
        with self._opening:
            version = self._table().version
            if self._snapshot is None or self._snapshot.version != version:
                self._snapshot = Snapshot(wait_for(self._pinned(version)), version)
            return self._snapshot

    def _twice(self, ask: Callable[[], _Value]) -> _Value:
        try:
            return ask()
        except (OSError, RuntimeError, ValueError):
            with self._opening:
                self._opened = self._snapshot = None
        try:
            return ask()
        except (OSError, RuntimeError, ValueError) as error:
            raise LibraryError(f"{self.folder}: the library cannot be read, {_first_line(error)}") from error

    @contextlib.contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:
            raise LibraryError(
                f"{self.folder}: the library cannot be written, {_first_line(error)}",
                "check the free space and permissions",
            ) from error


def _of(ids: Sequence[str]) -> Iterator[str]:
    """Conditions for ids, a batch each. Ids are letters and digits only: ``known_id`` has seen to it."""
    for start in range(0, len(ids), BATCH):
        yield f"id IN ({', '.join(repr(each) for each in ids[start : start + BATCH])})"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
