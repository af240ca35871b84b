"""The choices of reels, as rows of the journal that are only ever added: a region's newest counts, the others are its past."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foley_bridge.errors import ConflictError
from foley_bridge.jobs.database import Database

SETTLED_AT_FIRST: Mapping[str, Any] = {
    "state": "proposed",
    "take": None,
    "edits": {},
    "onsets_s": None,
    "sensitivity": None,
    "reason": "",
    "note": "",
}
"""The choice for a region of which nobody said anything yet."""
FIRST: Mapping[str, Any] = {**SETTLED_AT_FIRST, "revision": 0, "at_s": None, "by": None}
"""The same, as it is told."""
_TOLD = "text, number, at_s, editor"


@dataclass(frozen=True)
class Written:
    """What became of a choice: the region's newest as it is told, and the reel's revision."""

    choice: dict[str, Any]
    revision: int


@dataclass(frozen=True)
class Since:
    """A reel's revision, and the newest choice of each region that was chosen for since, by number, the oldest first."""

    revision: int
    choices: dict[int, dict[str, Any]]


class ChoiceRows:
    """Choices in the journal. May be used from any thread; every method raises JobError when the journal cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, reel: str, region: int, base: int, choice: Mapping[str, Any], editor: str) -> Written:
        """Add a choice, unless what it says is what is there already.

        Args:
            reel: the job's id.
            region: its number.
            base: the region's revision that the editor saw.
            choice: as ``choices.check`` settled it.
            editor: who chooses.

        Raises:
            ConflictError: the region has another revision by now; nothing was changed.
        """
        text = json.dumps(choice, sort_keys=True, separators=(",", ":"))
        with self._database.transaction():
            newest = self._newest(reel, region)
            if _without_history(newest) != json.loads(text):
                if newest["revision"] != base:
                    raise ConflictError(
                        f"region {region}: {_who(newest)} (revision {newest['revision']}; yours was made on {base})",
                        "look at the newest choice, then choose again",
                    )
                self._database.execute(
                    "INSERT INTO choices VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (reel, self.revision(reel) + 1, region, base + 1, choice["state"], time.time(), editor, text),
                )
                newest = self._newest(reel, region)
            return Written(newest, self.revision(reel))

    def revision(self, reel: str) -> int:
        """How many choices were written for a reel."""
        ((newest,),) = self._database.read("SELECT coalesce(max(revision), 0) FROM choices WHERE job = ?", (reel,))
        return int(newest)

    def since(self, reel: str, revision: int) -> Since:
        """What was chosen in a reel after one of its revisions."""
        known = self.revision(reel)  # first: where nothing is told, nothing was written until then
        rows = self._database.read(
            f"SELECT region, {_TOLD}, max(revision) FROM choices WHERE job = ? AND revision > ? GROUP BY region ORDER BY 6",
            (reel, revision),
        )
        return Since(rows[-1][-1] if rows else known, {region: _told(*row) for region, *row, _ in rows})

    def _newest(self, reel: str, region: int) -> dict[str, Any]:
        rows = self._database.read(
            f"SELECT {_TOLD} FROM choices WHERE job = ? AND region = ? ORDER BY number DESC LIMIT 1", (reel, region)
        )
        return _told(*rows[0]) if rows else dict(FIRST)


def _told(text: str, number: int, at_s: float, editor: str) -> dict[str, Any]:
    """A row's choice as it is told."""
    return {**json.loads(text), "revision": number, "at_s": at_s, "by": editor}


def _without_history(choice: Mapping[str, Any]) -> dict[str, Any]:
    return {name: choice[name] for name in SETTLED_AT_FIRST}


def _who(newest: Mapping[str, Any]) -> str:
    return f"'{newest['by']}' has chosen since" if newest["by"] else "nobody has chosen yet"
