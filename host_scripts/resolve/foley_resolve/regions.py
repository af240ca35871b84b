"""Timeline markers as ranges and points.

Marker times count from the timeline's start. A range's id is its customData, which moves, renames and saving leave alone; a
range that has none is given one, and the same again when Resolve was closed without saving. Scripts cannot rename a marker: it
is taken away and made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import Any, Dict

from foley_host import HostError
from foley_host import text as texts

from .session import Session, frames_of, has, whole

PREFIX = "foley_bridge:"
Json = Dict[str, Any]


def ranges(session: Session) -> list[Json]:
    """Every marker with a length, in time order; selected are those under the playhead or touched by the marks In and Out."""
    timeline = session.timeline
    chosen = _chosen(session)
    found: list[Json] = []
    taken: set[str] = set()
    for frame, marker in _markers(timeline):
        length = whole(marker["duration"])
        if length <= 1:
            continue
        start = whole(frame)
        name = _id(timeline, frame, marker, taken)
        taken.add(name)
        selected = any(start < stop and first < start + length for first, stop in chosen)
        found.append({"id": name, "text": _text(marker), "start": start, "stop": start + length, "selected": selected})
    return found


def points(session: Session) -> list[Json]:
    """Every marker without length. (Resolve gives those one frame.)"""
    markers = _markers(session.timeline)
    return [{"text": _text(marker), "at": whole(frame)} for frame, marker in markers if whole(marker["duration"]) <= 1]


def write_text(session: Session, range_id: str, text: str) -> None:
    """Change a range's text; when that fails, the marker is as it was."""
    timeline = session.timeline
    found = [(frame, marker) for frame, marker in _markers(timeline) if marker.get("customData") == range_id]
    if not found:
        raise HostError("That region is gone", "Try again.")
    frame, marker = found[0]
    field = "note" if _text(marker) == marker.get("note") and marker.get("name") != marker.get("note") else "name"
    new = {**marker, field: text}
    if timeline.DeleteMarkerAtFrame(frame) and _add(timeline, frame, new):
        return
    if frame not in dict(_markers(timeline)) and not _add(timeline, frame, marker):
        said = f"Resolve took the marker '{_text(marker)}' away and does not let it be made again"
        raise HostError(said, "Close any dialog in Resolve and use Edit > Undo.")
    raise HostError(f"Resolve did not change the marker '{_text(marker)}'", "Close any dialog in Resolve and try again.")


def playhead(session: Session) -> int:
    """Where the playhead is, in frames from the timeline's start."""
    timeline = session.timeline
    drop = "DF" in str(timeline.GetSetting("timelineFrameRate")).upper()
    drop = drop or str(timeline.GetSetting("timelineDropFrameTimecode")) == "1"
    rate, labels = session.rate, (timeline.GetCurrentTimecode(), timeline.GetStartTimecode())
    try:
        now, first = (frames_of(str(label), rate, drop) for label in labels)
    except ValueError:
        raise HostError("Resolve does not tell where the playhead is", "Go to the Edit page and try again.") from None
    return now - first


def _chosen(session: Session) -> list[tuple[int, int]]:
    """The frame under the playhead, which some pages do not tell, and the stretch between the marks."""
    timeline = session.timeline
    chosen = []
    with contextlib.suppress(HostError):
        at = playhead(session)
        chosen.append((at, at + 1))
    if has(timeline, "GetMarkInOut"):  # 19.1 and newer
        for marks in dict(timeline.GetMarkInOut() or {}).values():
            if "in" in marks and "out" in marks:
                chosen.append((whole(marks["in"]), whole(marks["out"]) + 1))
    return chosen


def _markers(timeline: Any) -> list[tuple[float, Json]]:
    return sorted(dict(timeline.GetMarkers() or {}).items())


def _text(marker: Json) -> str:
    """The name, or the note where that asks for sound and the name does not."""
    name, note = str(marker.get("name") or ""), str(marker.get("note") or "")
    return note if texts.is_region(note) and not texts.is_region(name) else name


def _id(timeline: Any, frame: float, marker: Json, taken: set[str]) -> str:
    """The customData of a marker, ours or another program's. A copy of ours gets one of its own."""
    data = str(marker.get("customData") or "")
    if data and data not in taken:
        return data
    if data and not data.startswith(PREFIX):
        return f"{data}#{whole(frame)}"
    made_of = [str(timeline.GetUniqueId()), whole(frame), whole(marker["duration"]), _text(marker), data]
    name = PREFIX + hashlib.sha256(json.dumps(made_of).encode("utf-8")).hexdigest()[:12]
    if not timeline.UpdateMarkerCustomData(frame, name):
        raise HostError("Resolve does not let its markers be changed", "Close any dialog in Resolve and try again.")
    return name


def _add(timeline: Any, frame: float, marker: Json) -> bool | None:
    told = [marker[field] for field in ("color", "name", "note", "duration")]
    return bool(timeline.AddMarker(frame, *told, str(marker.get("customData") or "")))
