"""The folders that a request writes into, known without opening anything (a daemon needs them to clean up)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foley_bridge.jobs.roots import Roots

WRITTEN = ("out", "preview", "report")


def destinations(params: Mapping[str, Any], roots: Roots) -> list[Path]:
    """Each folder once, that of the timeline first. A retake writes takes only, beside those of its reel; an apply writes its
    reel's timeline where it names no other.

    Args:
        params: of ``submit`` (docs/protocol.md).
        roots: what may be written.

    Raises:
        JobError: a path that may not be written; names the field.
    """
    of = params.get("of", {})  # the request of the reel that a follow-up belongs to
    media_dir = roots.output_path(params.get("media_dir") or of["media_dir"], "media_dir")
    if params["kind"] == "retake":
        return [media_dir]
    folders = [roots.output_path(params[field], field).parent for field in WRITTEN if params.get(field)]
    if not params.get("out"):
        folders.insert(0, roots.output_path(of["out"], "out").parent)
    folders.insert(1, media_dir)
    return list(dict.fromkeys(folders))
