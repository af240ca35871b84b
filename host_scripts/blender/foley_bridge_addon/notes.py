"""What the add-on keeps in a project: a note on each strip of ours and one on the scene, as JSON in a custom property."""

from __future__ import annotations

import json
from typing import Any

KEY = "foley_bridge"


def read(holder: Any) -> dict[str, Any]:
    """The note on a strip or a scene; empty when there is none, or something else."""
    try:
        note = json.loads(holder.get(KEY, "{}"))
    except (TypeError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def write(holder: Any, note: dict[str, Any]) -> None:
    """Replace the note."""
    holder[KEY] = json.dumps(note, ensure_ascii=False, sort_keys=True)


def drop(holder: Any) -> None:
    """Take the note away."""
    del holder[KEY]
