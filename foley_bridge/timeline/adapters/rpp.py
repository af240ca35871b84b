"""OTIO adapter for REAPER projects (.rpp): regions, markers, tracks, items, takes and sources; docs/timeline.md says how."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio

from foley_bridge.errors import TimelineError
from foley_bridge.timeline.adapters.rpp_read import timeline_of
from foley_bridge.timeline.adapters.rpp_write import data_of


def read_from_file(filepath: str) -> otio.schema.Timeline:
    """The project in a file, named after it when it has no title."""
    timeline = timeline_of(Path(filepath).read_bytes())
    timeline.name = timeline.name or Path(filepath).stem
    return timeline


def read_from_string(input_str: str | bytes) -> otio.schema.Timeline:
    """The project that a text is. A text that came from a file may hold its stray bytes as surrogates."""
    return timeline_of(input_str if isinstance(input_str, bytes) else input_str.encode("utf-8", "surrogateescape"))


def write_to_file(input_otio: otio.core.SerializableObject, filepath: str) -> None:
    """Write a timeline; byte for byte the project it was read from, where nothing was changed."""
    Path(filepath).write_bytes(data_of(_timeline(input_otio)))


def write_to_string(input_otio: otio.core.SerializableObject) -> str:
    """As ``write_to_file``; bytes that are no UTF-8 become surrogates."""
    return data_of(_timeline(input_otio)).decode("utf-8", "surrogateescape")


def _timeline(given: otio.core.SerializableObject) -> otio.schema.Timeline:
    if not isinstance(given, otio.schema.Timeline):
        raise TimelineError(f"a REAPER project holds one timeline, not a {type(given).__name__}")
    return given
