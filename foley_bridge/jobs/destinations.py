"""The folders that a request writes into, known without opening anything (a daemon needs them to clean up)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foley_bridge.jobs.roots import Roots

WRITTEN = ("out", "preview", "report")


def destinations(params: Mapping[str, Any], roots: Roots) -> list[Path]:
    """Each folder once, that of the timeline first.

    Args:
        params: of ``submit`` (docs/protocol.md).
        roots: what may be written.

    Raises:
        JobError: a path that may not be written; names the field.
    """
    folders = [roots.output_path(params[field], field).parent for field in WRITTEN if params.get(field)]
    folders.insert(1, roots.output_path(params["media_dir"], "media_dir"))
    return list(dict.fromkeys(folders))
