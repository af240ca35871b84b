"""A LanceDB table in a place, as readers and writers need it: its newest version, held still, and errors a person can read.

Every change makes a new version of the table, so a reader sees a whole state, never half of one, and a program killed in the
middle of a write leaves the state before. LanceDB is loaded on first use.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from foley_bridge.errors import LibraryError

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb import Session
    from lancedb.db import DBConnection
    from lancedb.table import AsyncTable, Table

_KEPT_S = 60.0  # versions younger than this stay: a reader may have one in hand
_INDEX_CACHE_BYTES = 256 << 20
_METADATA_CACHE_BYTES = 64 << 20
_Value = TypeVar("_Value")


class Versioned(Protocol):
    """What is made of one version."""

    version: int


_Still = TypeVar("_Still", bound=Versioned)


class LanceTable(Generic[_Still]):
    """A table; may be shared by threads, not by a fork.

    Args:
        place: the folder it lies in, or an object store's address.
        name: of the table.
        still: makes what readers ask of a version: given the table, pinned to it, and its number.
        storage: LanceDB's options for an object store.
    """

    def __init__(
        self,
        place: Path | str,
        name: str,
        still: Callable[[AsyncTable, int], _Still],
        storage: Mapping[str, str] | None = None,
    ) -> None:
        self.place, self.name = place, name
        self._still = still
        self._storage = dict(storage) if storage else None
        self._opening = threading.RLock()
        self._opened: Table | None = None
        self._newest: _Still | None = None

    def create(self, schema: pa.Schema) -> Table:
        """The table, made if there is none; the place must be there, and no other program making it."""
        with self.writing_errors():
            self._opened = self._database().create_table(self.name, schema=schema, exist_ok=True)
            return self._opened

    def there(self) -> bool:
        """Whether the table has been made."""
        try:
            self.table()
        except (ValueError, FileNotFoundError) as error:
            if "not found" in str(error):
                return False
            raise LibraryError(f"{self.place}: the library cannot be read, {_first_line(error)}") from error
        return True

    def table(self) -> Table:
        """The table as it is at each moment."""
        with self._opening:
            if self._opened is None:
                self._opened = self._database().open_table(self.name)
            return self._opened

    def read(self, ask: Callable[[Table], _Value]) -> _Value:
        """Ask the newest version; once more if a writer has just cleared away what was being read."""
        return self._twice(lambda: ask(self.table()))

    def on_newest(self, ask: Callable[[_Still], _Value]) -> _Value:
        """Ask the newest version, held still."""
        return self._twice(lambda: ask(self._still_newest()))

    def optimise(self) -> None:
        """Bring the indexes up to date, put small pieces together, clear away versions that nobody reads any more.

        Whoever calls is the only one who writes, so what a killed writer left unfinished can go too.
        """
        with self.writing_errors():
            self.table().optimize(cleanup_older_than=timedelta(seconds=_KEPT_S), delete_unverified=True)

    @contextlib.contextmanager
    def writing_errors(self) -> Iterator[None]:
        """What goes wrong while writing, as a ``LibraryError``."""
        try:
            yield
        except (OSError, RuntimeError) as error:
            raise LibraryError(
                f"{self.place}: the library cannot be written, {_first_line(error)}",
                "check the free space and permissions",
            ) from error

    def _still_newest(self) -> _Still:
        with self._opening:
            version = self.table().version
            if self._newest is None or self._newest.version != version:
                self._newest = self._still(wait_for(self._pinned(version)), version)
            return self._newest

    async def _pinned(self, version: int) -> AsyncTable:
        import lancedb

        database = await lancedb.connect_async(str(self.place), session=self._session, storage_options=self._storage)
        table = await database.open_table(self.name)
        await table.checkout(version)
        return table

    def _database(self) -> DBConnection:
        import lancedb

        return lancedb.connect(
            str(self.place),
            read_consistency_interval=timedelta(0),
            session=self._session,
            storage_options=self._storage,
        )

    @functools.cached_property
    def _session(self) -> Session:
        import lancedb

        return lancedb.Session(index_cache_size_bytes=_INDEX_CACHE_BYTES, metadata_cache_size_bytes=_METADATA_CACHE_BYTES)

    def _twice(self, ask: Callable[[], _Value]) -> _Value:
        try:
            return ask()
        except (OSError, RuntimeError, ValueError):
            with self._opening:
                self._opened = self._newest = None
        try:
            return ask()
        except (OSError, RuntimeError, ValueError) as error:
            raise LibraryError(f"{self.place}: the library cannot be read, {_first_line(error)}") from error


def wait_for(asked: Coroutine[Any, Any, _Value]) -> _Value:
    """What LanceDB's own thread answers."""
    from lancedb.background_loop import LOOP

    return LOOP.run(asked)


async def all_of(asked: list[Coroutine[Any, Any, _Value]]) -> list[_Value]:
    """What several questions are answered, asked at once."""
    return await asyncio.gather(*asked)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
