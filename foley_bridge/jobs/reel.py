"""A reel as clients see it: a ``generate`` that is done, with everything that became of it (docs/audition.md, "The reel").

It is made from records of the journal each time it is asked for, so there is nothing to keep true. A reel may have thousands
of regions: they are read, completed and written one by one, and nobody who has something quick to do waits meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PureWindowsPath
from sqlite3 import Connection
from typing import Any

from foley_bridge.errors import JobError
from foley_bridge.jobs.choice_rows import FIRST
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.record import JobRecord
from foley_bridge.jobs.roots import Roots

MOST_APPLIED = 100

_RETAKEN = """SELECT jobs.region, jobs.id, json_extract(results.text, '$.regions[0].takes'),
        json_extract(results.text, '$.regions[0].onsets'),
        CASE WHEN json_extract(requests.text, '$.known.engine') = ''
            THEN json_remove(json_extract(results.text, '$.regions[0]'), '$.takes') END
    FROM jobs JOIN results ON results.job = jobs.id LEFT JOIN requests ON requests.job = jobs.id
    WHERE jobs.reel = ? AND jobs.kind = 'retake' AND jobs.state = 'done' {of_region}
    ORDER BY jobs.finished_s, jobs.number"""
_APPLIED = """SELECT jobs.id, jobs.state, json_extract(requests.text, '$.revision'),
        coalesce(
            json_extract(results.text, '$.out'), json_extract(requests.text, '$.out'), json_extract(requests.text, '$.of.out')
        ),
        json_extract(results.text, '$.out_sha256'), jobs.error, jobs.failed_regions
    FROM jobs LEFT JOIN results ON results.job = jobs.id LEFT JOIN requests ON requests.job = jobs.id
    WHERE jobs.reel = ? AND jobs.kind = 'apply' ORDER BY jobs.number DESC LIMIT ?"""
_MISSED = """SELECT json_extract(region.value, '$.number'), json_extract(region.value, '$.error')
    FROM results, json_each(results.text, '$.regions') AS region
    WHERE results.job = ? AND json_extract(region.value, '$.error') IS NOT NULL"""
_WRITTEN = """SELECT json_extract(text, '$.out_sha256') FROM results WHERE job = ?1 OR job IN
    (SELECT id FROM jobs WHERE reel = ?1 AND kind = 'apply' AND state = 'done' ORDER BY number DESC LIMIT ?2)"""
_LISTED = """SELECT jobs.id, jobs.finished_s, json_array_length(results.text, '$.regions'),
        json_extract(results.text, '$.timeline.name'), json_extract(requests.text, '$.timeline.path'),
        json_extract(requests.text, '$.out'), jobs.failed_regions
    FROM jobs JOIN results ON results.job = jobs.id JOIN requests ON requests.job = jobs.id
    WHERE jobs.kind = 'generate' AND jobs.state = 'done' ORDER BY jobs.number DESC LIMIT ?"""
_STATES = (
    """SELECT state, count(*) FROM (SELECT state, max(number) FROM choices WHERE job = ? GROUP BY region) GROUP BY state"""
)
_STILL_FAILED = """SELECT count(*) FROM results, json_each(results.text, '$.regions') AS region
    WHERE results.job = ?1 AND json_extract(region.value, '$.error') IS NOT NULL
        AND region.key + 1 NOT IN (SELECT region FROM jobs WHERE reel = ?1 AND kind = 'retake' AND state = 'done')
        AND region.key + 1 NOT IN
            (SELECT region FROM (SELECT region, state, max(number) FROM choices WHERE job = ?1 GROUP BY region)
            WHERE state != 'proposed')"""

_A = {"retake": "a retake", "apply": "an apply"}


@dataclass(frozen=True)
class _Retake:
    """A retake that is done: the takes that it made, the onsets that they were made for, and the region as it told of it when
    the reel had failed at that (as JSON)."""

    job: str
    takes: list[dict[str, Any]]
    onsets: list[dict[str, Any]]
    whole: str | None


_Retaken = dict[int, list[_Retake]]


def find_reel(journal: Journal, name: str) -> JobRecord:
    """The job, without its texts, that a reel's id or key names; JobError when it is none, or none yet."""
    record = journal.find(name, texts=False)
    if record.kind != "generate":
        raise JobError(f"job {record.id} is {_A[record.kind]}, not a reel", f"ask for {record.reel}, which it belongs to")
    if record.state != "done":
        raise JobError(f"job {record.id} is {record.state}", "it is a reel when it is done; wait says when it has ended")
    return record


def newest_reel(journal: Journal) -> str | None:
    """The id of the reel that was asked for last; None when there is none."""
    rows = journal.database.read("SELECT id FROM jobs WHERE kind = 'generate' AND state = 'done' ORDER BY number DESC LIMIT 1")
    return rows[0][0] if rows else None


def newest_apply(journal: Journal, reel: str) -> str | None:
    """The id of a reel's newest ``apply`` that is done, or else of its newest one; None when there is none."""
    rows = journal.database.read(
        "SELECT id FROM jobs WHERE reel = ? AND kind = 'apply' ORDER BY state = 'done' DESC, number DESC LIMIT 1", (reel,)
    )
    return rows[0][0] if rows else None


def list_reels(journal: Journal, limit: int) -> list[dict[str, Any]]:
    """The newest reels: ``job``, ``title``, ``finished``, how many ``regions``, and of these ``chosen``, ``rejected``
    and ``failed`` (nothing else became of them)."""
    with journal.database.snapshot() as db:
        rows = db.execute(_LISTED, (limit,)).fetchall()
        states = {row[0]: dict(db.execute(_STATES, row[:1]).fetchall()) for row in rows}
        failed = {row[0]: db.execute(_STILL_FAILED, row[:1]).fetchone()[0] for row in rows if row[-1]}
    return [
        {
            "job": job,
            "title": _title(name, path, out),
            "finished": finished_s,
            "regions": regions,
            "chosen": states[job].get("chosen", 0),
            "rejected": states[job].get("rejected", 0),
            "failed": failed.get(job, 0),
        }
        for job, finished_s, regions, name, path, out, _ in rows
    ]


def written_by(journal: Journal, reel: str) -> list[str]:
    """SHA-256 of the timelines that a reel and the newest of its jobs of kind ``apply`` that are done wrote."""
    with journal.database.snapshot() as db:
        return [sha256 for (sha256,) in db.execute(_WRITTEN, (reel, MOST_APPLIED)) if sha256 is not None]


def request_of(journal: Journal, reel: str) -> dict[str, Any]:
    """The params that a reel was made by. reel: its id, of ``find_reel``."""
    with journal.database.snapshot() as db:
        return _request(db, reel)


def reel_json(
    journal: Journal, reel: str, opened: Callable[[Mapping[str, Any]], dict[str, Any] | None] = lambda request: None
) -> bytes:
    """A reel whole, as JSON.

    Args:
        journal: that knows it.
        reel: its id, of ``find_reel``.
        opened: gives, for the reel's request, where the timeline lies as the job opened it (``opened_json``).
    """
    since = journal.choices.since(reel, 0)
    with journal.database.snapshot() as db:
        request = _request(db, reel)
        result = _object(db, "SELECT json_remove(text, '$.regions') FROM results WHERE job = ?", reel)
        query = "SELECT regions.value FROM results, json_each(results.text, '$.regions') AS regions WHERE results.job = ?"
        regions = [text for (text,) in db.execute(query, (reel,))]
        retaken = _retaken(db, reel)
        applied = db.execute(_APPLIED, (reel, MOST_APPLIED)).fetchall()
        missed = db.execute(_MISSED, applied[0][:1]).fetchall() if applied and applied[0][-1] else []
        retaking = db.execute(
            "SELECT id, region, state FROM jobs WHERE reel = ? AND kind = 'retake' AND state IN ('queued', 'running')"
            " ORDER BY number",
            (reel,),
        ).fetchall()
    head = {
        "job": reel,
        "title": _title(result["timeline"].get("name"), request["timeline"].get("path"), request["out"]),
        "revision": since.revision,
        "timeline": result["timeline"],
        "out": result["out"],
        "out_sha256": result.get("out_sha256"),
        "media_dir": request["media_dir"],
        "notes": result["notes"],
        "sample_rate": request.get("sample_rate", 48_000),
        "opened": opened(request),
        "applied": [
            {
                "job": job,
                "state": state,
                "revision": revision,
                "out": out,
                "out_sha256": sha256,
                "error": None if error is None else json.loads(error),
                "failed": [{"region": number, "error": json.loads(why)} for number, why in missed if not place],
            }
            for place, (job, state, revision, out, sha256, error, _) in enumerate(applied)
        ],
        "retaking": [{"job": job, "region": region, "state": state} for job, region, state in retaking],
    }
    written = (
        json.dumps(_completed(json.loads(text), number, retaken.get(number, ()), since.choices.get(number)))
        for number, text in enumerate(regions, start=1)
    )
    return f'{json.dumps(head)[:-1]}, "regions": [{", ".join(written)}]}}'.encode()


def region_of(journal: Journal, reel: str, number: int) -> tuple[dict[str, Any], Fraction]:
    """One region as the reel has it, but for its choice, and the timeline's rate; JobError when there is no such region.

    Args:
        journal: that knows the reel.
        reel: its id, of ``find_reel``.
        number: of the region, from 1.
    """
    query = (
        "SELECT json_extract(text, '$.regions[' || ? || ']'), json_extract(text, '$.timeline.rate') FROM results WHERE job = ?"
    )
    with journal.database.snapshot() as db:
        ((text, rate),) = db.execute(query, (number - 1, reel)).fetchall()
        if text is None:
            raise JobError(f"reel {reel} has no region {number}", "its regions are numbered from 1, as reel tells them")
        retaken = _retaken(db, reel, number).get(number, ())
    return _completed(json.loads(text), number, retaken, None), Fraction(rate)


def opened_json(file: Path, request: Mapping[str, Any], roots: Roots) -> dict[str, Any] | None:
    """Where a reel's timeline lies as its job opened it, for programs on this machine; None when it does not.

    Args:
        file: the kept timeline, which need not be there.
        request: of the reel.
        roots: which folders may be read now.
    """
    named = request["timeline"]
    try:
        if "path" in named:
            path = roots.media_file(named["path"], "timeline.path")
            base: Path | None = path if path.suffix.lower() == ".otiod" else path.parent
        else:
            base = roots.media_file(named["base"], "timeline.base") if named.get("base") else None
    except JobError:  # that may not be read any more
        return None
    return {"path": str(file), "base": None if base is None else str(base)} if file.is_file() else None


def _completed(
    region: dict[str, Any], number: int, retaken: Sequence[_Retake], choice: dict[str, Any] | None
) -> dict[str, Any]:
    """A result's region with its number, its choice and all its takes; what the reel failed at is as a retake first made it."""
    if region["error"] is not None:
        region = next((json.loads(each.whole) for each in retaken if each.whole is not None), region)
    takes: dict[str, dict[str, Any]] = {}
    of_the_reel = _Retake("generate", region.get("takes", []), region.get("onsets", []), None)
    for made in (of_the_reel, *retaken):
        for take in made.takes:
            of_it = {"id": take["sha256"], "made": made.job, "for_s": [onset["time_s"] for onset in made.onsets]}
            takes.setdefault(take["sha256"], {**take, **of_it})
    lacking = {"seen": [], "motion": {"start_s": region["start"]["seconds"], "step_s": 0.0, "values": []}}  # of older results
    return {**lacking, **region, "number": number, "takes": list(takes.values()), "choice": choice or FIRST}


def _retaken(db: Connection, reel: str, number: int | None = None) -> _Retaken:
    """The takes that were made since, by region (of one, or of all): the retake, and its takes."""
    found: _Retaken = {}
    query, values = _RETAKEN.format(of_region="" if number is None else "AND jobs.region = ?"), (reel, number)
    for region, job, takes, onsets, whole in db.execute(query, values[: 1 if number is None else 2]):
        found.setdefault(region, []).append(_Retake(job, json.loads(takes), json.loads(onsets), whole))
    return found


def _request(db: Connection, job: str) -> dict[str, Any]:
    return _object(db, "SELECT text FROM requests WHERE job = ?", job)


def _object(db: Connection, query: str, job: str) -> dict[str, Any]:
    ((text,),) = db.execute(query, (job,)).fetchall()
    return dict(json.loads(text))


def _title(name: str | None, path: str | None, out: str) -> str:
    """What a timeline is called: its own name, or else its file's, whatever kind of seat wrote that path; one that has none
    and came in a payload is called as its result."""
    return name or PureWindowsPath(path or out).stem
