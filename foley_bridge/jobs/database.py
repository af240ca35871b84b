"""The journal's SQLite file: opened by one daemon, each change one transaction, faults as errors that name the file.

Two connections: one that writes, and one that reads what is large, so that nobody who writes waits for it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from foley_bridge.errors import JobError
from foley_bridge.jobs.tables import VERSION, bring_up_to_date

Row = tuple[Any, ...]


class Database:
    """May be used from any thread. Every method raises JobError when the file cannot be read or written.

    Args:
        path: of the SQLite file, made if it is not there; ``<path>.lock`` lies beside it.

    Raises:
        JobError: another daemon holds it, it is of a newer version, or no journal at all; names the folder or file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock, self._read_lock = threading.RLock(), threading.Lock()
        self._daemons = FileLock(f"{path}.lock", timeout=0, thread_local=False)
        try:
            self._daemons.acquire()
        except Timeout as error:
            raise JobError(
                f"another daemon works in {path.parent} and holds its journal",
                "use that one, or start this one with another --home",
            ) from error
        except OSError as error:
            raise JobError(f"{path.parent} cannot be written: {error.strerror or error}", "choose another --home") from error
        try:
            self._db = self._open()
            try:
                self._reader = self._connect()
            except BaseException:
                self._db.close()
                raise
        except BaseException:
            self._daemons.release()
            raise

    def close(self) -> None:
        """Give the file back; may be called again."""
        with self._lock, self._read_lock:
            self._reader.close()
            self._db.close()
            self._daemons.release()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything that is executed in it, or nothing; on the disk when it is over."""
        with self._lock, self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back already
                    self._db.execute("ROLLBACK")
                raise

    def execute(self, statement: str, values: tuple[object, ...] = ()) -> int:
        """In a transaction: change something; how many rows."""
        return self._db.execute(statement, values).rowcount

    def read(self, query: str, values: tuple[object, ...] = ()) -> list[Row]:
        """What a query finds; inside a transaction, also what that has written."""
        with self._lock, self._told():
            return self._db.execute(query, values).fetchall()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """To read what may be megabytes, as it is at one moment, while others go on writing."""
        with self._read_lock, self._told():
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                self._reader.execute("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        db = self._connect()
        try:
            with self._told():
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if version > VERSION:
                    raise JobError(
                        f"{self._path} was written by a newer foley_bridge (journal {version}, this one reads {VERSION})",
                        "start the newer one, or this one with another --home",
                    )
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                db.execute("PRAGMA fullfsync = ON")  # macOS: an fsync that reaches the disk; elsewhere it changes nothing
                if version < VERSION:
                    bring_up_to_date(db, version)
        except BaseException:
            db.close()
            raise
        return db

    def _connect(self) -> sqlite3.Connection:
        with self._told():
            return sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What SQLite cannot do, as an error that names the journal."""
        try:
            yield
        except sqlite3.Error as error:
            raise JobError(
                f"the journal {self._path} cannot be used: {error}",
                "see that its disk has room and that it can be written; a damaged one can be moved away",
            ) from error
