"""The journal: every job that was accepted, and how far it is, on disk before anybody is told (SQLite, write-ahead log).

What it says is what a daemon that was killed takes up again. Each change is one transaction, and on the disk when the call
returns. One daemon at a time: whoever opens a journal holds the lock beside it until it is closed or dies.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foley_bridge.errors import JobError
from foley_bridge.jobs.choice_rows import ChoiceRows
from foley_bridge.jobs.database import Database, Row
from foley_bridge.jobs.names import ADDED, ENDED, FOLLOWUPS, STATES
from foley_bridge.jobs.record import FIELDS, JobRecord, record_of

PUBLISHING = "publishing"  # the step after which a job is no longer cancelled: its files may be in their places

_NO_TEXTS = "NULL, NULL"
_TEXTS = "(SELECT text FROM requests WHERE job = id), (SELECT text FROM results WHERE job = id)"


class Journal:
    """The jobs of one daemon. May be used from any thread.

    Every method raises JobError when the journal cannot be read or written (the disk is full, say); then nothing has changed.

    Args:
        path: of the SQLite file, made if it is not there; ``<path>.lock`` lies beside it.

    Raises:
        JobError: another daemon holds it, it is of a newer version, or no journal at all; names the folder or file.
    """

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self.choices = ChoiceRows(self.database)

    def close(self) -> None:
        """Give the journal back; may be called again."""
        self.database.close()

    # --- a job's way ---

    def add(
        self,
        id: str,
        kind: str,
        request: Mapping[str, Any],
        *,
        key: str | None = None,
        payload: str | None = None,
        client: str = "",
        folders: Sequence[Path] = (),
        poke: Mapping[str, Any] | None = None,
    ) -> JobRecord:
        """Accept a job; the record of an earlier one when the same key was given with the same request.

        Args:
            id: of the job, if it is new.
            kind: what is to be done.
            request: the params of ``submit``, those of a follow-up with what was added to them.
            key: idempotency key.
            payload: SHA-256 of the timeline that came along.
            client: who asks.
            folders: those that it writes into.
            poke: what is to be sent when it has ended; takes the place of an earlier one, and says nothing about what is asked.

        Raises:
            JobError: the key belongs to a job with another request.
        """
        text = _dumps(request)
        with self.database.transaction():
            known = self.find_key(key) if key is not None else None
            if known is None:
                self.database.execute(
                    "INSERT INTO jobs (id, kind, key, state, step, payload, client, created_s, folders, reel, region)"
                    " VALUES (?, ?, ?, 'queued', 'accepted', ?, ?, ?, ?, ?, ?)",
                    (id, kind, key, payload, client, time.time(), _paths(folders), *_belongs(kind, request)),
                )
                self.database.execute("INSERT INTO requests VALUES (?, ?)", (id, text))
                self._step(id, "accepted")
            elif not _asks_the_same(known, kind, request, payload):
                raise JobError(
                    f"key '{key}' belongs to job {known.id}, which was asked something else", "take a new key for a new request"
                )
            record = known or self.get(id)
            if poke is not None and record.state not in ENDED:
                self.database.execute("INSERT OR REPLACE INTO pokes VALUES (?, ?)", (record.id, _dumps(poke)))
        return record

    def start(self, id: str) -> JobRecord:
        """The job is begun, for the first time or again."""
        begun = "state = 'running', attempts = attempts + 1, started_s = coalesce(started_s, ?)"
        with self.database.transaction():
            self._change(id, begun, time.time())
            return self.get(id)

    def requeue(self) -> None:
        """No job is being worked on: those that were wait again."""
        with self.database.transaction():
            self.database.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")

    def enter(self, id: str, step: str) -> JobRecord:
        """The job enters a named step. Gives no request."""
        with self.database.transaction():
            self._change(id, "step = ?", step, step=step)
            return self._records("WHERE id = ?", (id,))[0]

    def move(self, id: str, folders: Sequence[Path]) -> JobRecord:
        """The job writes into these folders."""
        with self.database.transaction():
            self._change(id, "folders = ?", _paths(folders))
            return self.get(id)

    def died(self, id: str) -> int:
        """A worker died of the job; how many did."""
        with self.database.transaction():
            self._change(id, "deaths = deaths + 1")
            return int(self.database.read("SELECT deaths FROM jobs WHERE id = ?", (id,))[0][0])

    def ask_cancel(self, id: str) -> None:
        """Somebody wants the job to end."""
        with self.database.transaction():
            self._change(id, "cancelling = 1")

    def finish(
        self,
        id: str,
        state: str,
        *,
        error: Mapping[str, str] | None = None,
        result: Mapping[str, Any] | None = None,
        failed_regions: int = 0,
        swept: bool = False,
    ) -> JobRecord:
        """The job has ended.

        Args:
            id: of the job.
            state: one of ``ENDED``.
            error: why it failed.
            result: what it gave.
            failed_regions: how many of its regions could not be done.
            swept: nothing that it staged is left.
        """
        ended = "state = ?, step = 'ended', error = ?, failed_regions = ?, finished_s = ?, swept = ?"
        why = None if error is None else json.dumps(error)
        with self.database.transaction():
            self._change(id, ended, state, why, failed_regions, time.time(), swept, step="ended")
            if result is not None:  # in the order people read it
                self.database.execute("INSERT OR REPLACE INTO results VALUES (?, ?)", (id, json.dumps(result)))
            return self.get(id)

    def mark_swept(self, id: str) -> JobRecord:
        """Nothing that an ended job staged is left."""
        with self.database.transaction():
            self._change(id, "swept = 1")
            return self.get(id)

    def mark_poked(self, id: str) -> None:
        """What was to be sent at a job's end was sent."""
        with self.database.transaction():
            self.database.execute("DELETE FROM pokes WHERE job = ?", (id,))

    def prune(self, keep: int) -> Sequence[str]:
        """Forget all ended jobs but the newest ``keep`` (and their keys); the ids of those forgotten.

        What was asked of a reel does not count, and goes after the reel: an editor who asks for many takes loses none by it.
        """
        ended = f"state IN {ENDED} AND swept = 1"
        with self.database.transaction():
            rows = self.database.read(
                f"SELECT id FROM jobs WHERE reel IS NULL AND {ended} ORDER BY number DESC LIMIT -1 OFFSET ?", (keep,)
            )
            self._forget(rows)
            orphans = self.database.read(f"SELECT id FROM jobs WHERE reel NOT IN (SELECT id FROM jobs) AND {ended}")
            self._forget(orphans)
        return [id for (id,) in (*rows, *orphans)]

    # --- what it knows ---

    def get(self, id: str) -> JobRecord:
        """The job with this id; JobError when there is none."""
        found = self._one("id", id)
        if found is None:
            raise _unknown(id)
        return found

    def find_key(self, key: str) -> JobRecord | None:
        """The job that was submitted with this idempotency key."""
        return self._one("key", key)

    def find(self, id_or_key: str, *, texts: bool = True) -> JobRecord:
        """The job with this id, or else with this key; JobError when there is none. ``texts``: with its request and result."""
        found = self._one("id", id_or_key, texts=texts) or self._one("key", id_or_key, texts=texts)
        if found is None:
            raise _unknown(id_or_key)
        return found

    def list(self, states: Sequence[str] = STATES, limit: int = -1) -> Sequence[JobRecord]:
        """The jobs in one of these states, newest first, without their requests and results.

        Args:
            states: of ``STATES``.
            limit: how many at most; -1 is all.
        """
        marks = ", ".join("?" * len(states))
        return self._records(f"WHERE state IN ({marks}) ORDER BY number DESC LIMIT ?", (*states, limit))

    def unswept(self) -> Sequence[JobRecord]:
        """The jobs that have ended and whose staging may still be there, without their requests and results."""
        return self._records(f"WHERE swept = 0 AND state IN {ENDED} ORDER BY number", ())

    def pokes(self) -> Mapping[str, dict[str, Any]]:
        """What is still to be sent for jobs that have ended, by job."""
        found = self.database.read(
            f"SELECT pokes.job, pokes.text FROM pokes CROSS JOIN jobs ON jobs.id = pokes.job WHERE jobs.state IN {ENDED}"
        )
        return {job: json.loads(text) for job, text in found}

    def steps(self, id: str) -> Sequence[tuple[float, str]]:
        """Every step that a job entered, in order: seconds since 1970, and its name."""
        rows = self.database.read("SELECT at_s, name FROM steps WHERE job = ? ORDER BY rowid", (id,))
        return [(at_s, name) for at_s, name in rows]

    # --- how ---

    def _change(self, id: str, what: str, *values: object, step: str | None = None) -> None:
        """In a transaction. ``step`` is added to the job's steps; JobError when there is no such job."""
        if self.database.execute(f"UPDATE jobs SET {what} WHERE id = ?", (*values, id)) == 0:
            raise _unknown(id)
        if step is not None:
            self._step(id, step)

    def _forget(self, jobs: Sequence[Row]) -> None:
        """In a transaction: everything of these jobs, rows of their ids."""
        for job in jobs:
            for table in ("steps", "requests", "results", "pokes", "choices"):
                self.database.execute(f"DELETE FROM {table} WHERE job = ?", job)
            self.database.execute("DELETE FROM jobs WHERE id = ?", job)

    def _step(self, id: str, name: str) -> None:
        self.database.execute("INSERT INTO steps VALUES (?, ?, ?)", (id, time.time(), name))

    def _one(self, column: str, value: str, *, texts: bool = True) -> JobRecord | None:
        if not value.isprintable():
            return None
        found = self._records(f"WHERE {column} = ?", (value,), texts=_TEXTS if texts else _NO_TEXTS)
        return found[0] if found else None

    def _records(self, where: str, values: tuple[object, ...], *, texts: str = _NO_TEXTS) -> Sequence[JobRecord]:
        return [record_of(row) for row in self.database.read(f"SELECT {FIELDS}, {texts} FROM jobs {where}", values)]


def _unknown(name: str) -> JobError:
    return JobError(f"there is no job {name!r} here", "foley-bridge jobs list shows those that there are")


def _belongs(kind: str, request: Mapping[str, Any]) -> tuple[str | None, int | None]:
    """The reel that a follow-up was asked of, and its region."""
    return (request["reel"], request.get("region")) if kind in FOLLOWUPS else (None, None)


def _asks_the_same(known: JobRecord, kind: str, request: Mapping[str, Any], payload: str | None) -> bool:
    """Of a follow-up, what its client sent counts: what was added to it says how its reel was then."""
    if kind != known.kind or (kind not in FOLLOWUPS and payload != known.payload):
        return False
    return _dumps(_as_sent(known.request)) == _dumps(_as_sent(request))


def _as_sent(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name not in ADDED}


def _dumps(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _paths(folders: Sequence[Path]) -> str:
    return json.dumps([str(folder) for folder in folders])
