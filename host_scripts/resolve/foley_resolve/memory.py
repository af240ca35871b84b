"""What is remembered of a project between two scripts: where its takes go, and what was placed, for undo. One file each, in the
work folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict

Json = Dict[str, Any]
UNDO_STEPS = 20


class Memory:
    """Of one project. A file that is missing or damaged is an empty memory."""

    def __init__(self, work: str, project: str) -> None:
        self._path = Path(work, f"resolve-{re.sub(r'[^A-Za-z0-9-]', '_', project)}.json")

    @property
    def folder(self) -> str | None:
        folder = self._read().get("folder")
        return folder if isinstance(folder, str) else None

    def keep_folder(self, folder: str) -> None:
        self._write({**self._read(), "folder": folder})

    @property
    def receipts(self) -> list[Json]:
        """Of placements that were not taken back, oldest first."""
        receipts = self._read().get("receipts")
        return receipts if isinstance(receipts, list) else []

    def keep(self, receipt: Json) -> None:
        self._write({**self._read(), "receipts": [*self.receipts, receipt][-UNDO_STEPS:]})

    def drop(self, receipt: Json) -> None:
        """Forget a placement, and what was done on its timeline since."""
        receipts = self.receipts
        ids = [each.get("id") for each in receipts]
        if receipt["id"] in ids:
            first = ids.index(receipt["id"])
            others = [each for each in receipts[first:] if each.get("timeline") != receipt["timeline"]]
            self._write({**self._read(), "receipts": [*receipts[:first], *others]})

    def _read(self) -> Json:
        try:
            told = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def _write(self, told: Json) -> None:
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(told), "utf-8")
        part.replace(self._path)
