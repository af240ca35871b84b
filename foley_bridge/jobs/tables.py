"""The journal's tables, and how a journal of an earlier version gets them (docs/jobs.md)."""

from __future__ import annotations

import sqlite3

VERSION = 3

_FIRST = (
    """CREATE TABLE jobs (
        number INTEGER PRIMARY KEY,  -- the order in which they came
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        key TEXT UNIQUE,
        state TEXT NOT NULL,
        step TEXT NOT NULL,
        payload TEXT,  -- SHA-256 of the timeline that came with the request
        client TEXT NOT NULL,
        error TEXT,  -- JSON
        failed_regions INTEGER NOT NULL DEFAULT 0,
        created_s REAL NOT NULL,
        started_s REAL,
        finished_s REAL,
        attempts INTEGER NOT NULL DEFAULT 0,
        deaths INTEGER NOT NULL DEFAULT 0,
        cancelling INTEGER NOT NULL DEFAULT 0,
        swept INTEGER NOT NULL DEFAULT 0,
        folders TEXT NOT NULL  -- JSON
    )""",
    # What may be megabytes lies apart: a step written or a list read does not touch it.
    "CREATE TABLE requests (job TEXT PRIMARY KEY, text TEXT NOT NULL)",  # JSON, keys sorted
    "CREATE TABLE results (job TEXT PRIMARY KEY, text TEXT NOT NULL)",  # JSON
    "CREATE INDEX jobs_by_state ON jobs (state, number)",
    "CREATE INDEX jobs_unswept ON jobs (number) WHERE swept = 0",
    "CREATE TABLE steps (job TEXT NOT NULL, at_s REAL NOT NULL, name TEXT NOT NULL)",
    "CREATE INDEX steps_by_job ON steps (job)",
)
_SINCE_2 = ("CREATE TABLE pokes (job TEXT PRIMARY KEY, text TEXT NOT NULL)",)  # JSON; those that were not sent yet
_SINCE_3 = (
    "ALTER TABLE jobs ADD COLUMN reel TEXT",  # the job that a retake or an apply belongs to
    "ALTER TABLE jobs ADD COLUMN region INTEGER",  # of a retake
    "CREATE INDEX jobs_by_reel ON jobs (reel, number) WHERE reel IS NOT NULL",
    """CREATE TABLE choices (  -- rows are added, never changed
        job TEXT NOT NULL,  -- the reel
        revision INTEGER NOT NULL,  -- of the reel: its first choice is 1
        region INTEGER NOT NULL,
        number INTEGER NOT NULL,  -- the region's own revision: its first choice is 1
        state TEXT NOT NULL,
        at_s REAL NOT NULL,
        editor TEXT NOT NULL,
        text TEXT NOT NULL,  -- JSON, keys sorted
        PRIMARY KEY (job, revision)
    ) WITHOUT ROWID""",
    "CREATE UNIQUE INDEX choices_by_region ON choices (job, region, number)",
)
_SINCE = {1: _FIRST, 2: _SINCE_2, 3: _SINCE_3}


def bring_up_to_date(db: sqlite3.Connection, version: int) -> None:
    """Give a journal of an earlier version (0: an empty file) what it lacks, in one transaction."""
    db.execute("BEGIN IMMEDIATE")
    for later in range(version + 1, VERSION + 1):
        for statement in _SINCE[later]:
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("COMMIT")
