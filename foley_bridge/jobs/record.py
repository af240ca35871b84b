"""A job as the journal has it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FIELDS = (
    "id, kind, key, state, step, payload, client, error, failed_regions, created_s, started_s, finished_s, attempts, deaths, "
    "cancelling, swept, folders, reel, region"
)


@dataclass(frozen=True)
class JobRecord:
    """A job as the journal has it. What was asked for with others, in a list, comes without its request and result.

    Attributes:
        id: made by the daemon.
        kind: what is to be done, one of ``KINDS``.
        key: the client's idempotency key.
        state: one of ``STATES``.
        step: the last step it entered.
        payload: SHA-256 of the timeline that came with the request; None when the request names a file.
        client: who asked.
        error: ``kind``, ``message``, ``hint`` of a job that failed.
        failed_regions: of a job that is done.
        created_s, started_s, finished_s: seconds since 1970; ``started_s`` is when it was first begun.
        attempts: how often it was begun.
        deaths: how often a worker died of it.
        cancelling: somebody asked for its end.
        swept: it has ended, and nothing that it staged is left.
        folders: those that it writes into, as this machine names them, that of the timeline first.
        reel: the job that it was asked of, when it is one of ``FOLLOWUPS``.
        region: the number of the region that a retake is for.
        request_text, result_text: JSON; None when there is none, and in a list.
    """

    id: str
    kind: str
    key: str | None
    state: str
    step: str
    payload: str | None
    client: str
    error: dict[str, str] | None
    failed_regions: int
    created_s: float
    started_s: float | None
    finished_s: float | None
    attempts: int
    deaths: int
    cancelling: bool
    swept: bool
    folders: tuple[Path, ...]
    reel: str | None
    region: int | None
    request_text: str | None = field(repr=False)
    result_text: str | None = field(repr=False)

    @property
    def request(self) -> dict[str, Any]:
        """The params of ``submit`` (docs/protocol.md). Parsed anew each time, because few ask for it and it may be large."""
        assert self.request_text is not None, "a record from a list"
        return dict(json.loads(self.request_text))

    @property
    def result(self) -> dict[str, Any] | None:
        """Of a job that is done (docs/json.md); as ``request``."""
        return None if self.result_text is None else dict(json.loads(self.result_text))


def record_of(row: tuple[Any, ...]) -> JobRecord:
    """From ``FIELDS`` of the table ``jobs``, then the texts of its request and its result, or None for either."""
    names = [*FIELDS.replace(" ", "").split(","), "request_text", "result_text"]
    said = dict(zip(names, row, strict=True))
    said["error"] = None if said["error"] is None else json.loads(said["error"])
    said["folders"] = tuple(Path(folder) for folder in json.loads(said["folders"]))
    for name in ("cancelling", "swept"):
        said[name] = bool(said[name])
    return JobRecord(**said)
