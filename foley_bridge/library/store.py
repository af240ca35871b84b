"""The catalogue's table of sounds on disk: its indexes, its rows and the lock of those who write."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock, Timeout

from foley_bridge.errors import LibraryError
from foley_bridge.library import rows
from foley_bridge.library.rows import Row
from foley_bridge.library.search import ALL_COLUMN, NAME_COLUMN
from foley_bridge.library.snapshot import Snapshot
from foley_bridge.library.table import LanceTable

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import Table

BATCH = 2000  # rows written, and ids asked for, at once
_TABLE = "sounds"
_LOCK_WAIT_S = 20.0
_TIDY_EVERY = 200  # versions
_Value = TypeVar("_Value")


class Store:
    """The table in a folder; may be shared by threads, not by a fork."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sounds = LanceTable(folder, _TABLE, Snapshot)

    def create(self) -> None:
        """An empty table with its indexes, if there is none; the folder must be there, and the writer's lock held."""
        from lancedb.index import FTS, BTree

        with self._sounds.writing_errors():
            table = self._sounds.create(rows.schema())
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
        return self._sounds.read(ask)

    def on_snapshot(self, ask: Callable[[Snapshot], _Value]) -> _Value:
        """Ask the newest version, held still."""
        return self._sounds.on_newest(ask)

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
        with self._sounds.writing_errors():
            if replace or gone:
                merge = self._sounds.table().merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
                if gone:
                    merge = merge.when_not_matched_by_source_delete(" OR ".join(_of(gone)))
                merge.execute(data)
            else:
                self._sounds.table().add(data)
        self._tidy()

    def delete(self, ids: Sequence[str]) -> None:
        """Take rows out in one step."""
        if ids:
            with self._sounds.writing_errors():
                self._sounds.table().delete(" OR ".join(_of(ids)))
            self._tidy()

    def optimise(self) -> None:
        """Bring the indexes up to date and clear away; whoever calls holds the writer's lock."""
        self._sounds.optimise()

    def _tidy(self) -> None:
        """Now and then an optimisation, so that neither many corrections nor a long scan let the folder grow."""
        if self._sounds.table().version % _TIDY_EVERY == 0:
            self.optimise()


def _of(ids: Sequence[str]) -> Iterator[str]:
    """Conditions for ids, a batch each. Ids are letters and digits only: ``known_id`` has seen to it."""
    for start in range(0, len(ids), BATCH):
        yield f"id IN ({', '.join(repr(each) for each in ids[start : start + BATCH])})"
