"""The marked regions of a scene: colour strips and pairs of markers, with ids that outlive moving, renaming and saving.

A region as a strip is a colour strip whose name begins with FOLEY, best muted, so that it does not cover the picture. Its id
lies on the strip. Text that is longer than a name may be lies there, too, until somebody renames the strip.
"""

from __future__ import annotations

import contextlib
from typing import Any

from . import api, marks, notes
from .foley_host import HostError
from .foley_host.text import is_region
from .marks import Known, Pair, Point

MARKERS = "markers"


def ranges(scene: Any) -> list[dict[str, Any]]:
    """Every region, in time order. New ids are kept in the project, but while Blender draws, when nothing may be written."""
    found = _strips(scene) + _pairs(scene)
    if not any(each["selected"] for each in found):
        for each in found:
            each["selected"] = each["start"] <= scene.frame_current - scene.frame_start < each["stop"]
    return sorted(found, key=lambda each: (each["start"], each["stop"]))


def points(scene: Any) -> list[dict[str, Any]]:
    """Markers that belong to no pair."""
    left = marks.pairs(_markers(scene))[1]
    return [{"text": point.name, "at": point.frame - scene.frame_start} for point in left]


def is_mark(strip: Any) -> bool:
    """Whether a strip marks a region."""
    return bool(strip.type == "COLOR" and (is_region(strip.name) or notes.read(strip).get("kind") == "region"))


def write_text(scene: Any, region: str, text: str) -> None:
    """Change a region's text."""
    strip = next((strip for strip, note in _marked(scene) if note["id"] == region), None)
    if strip:
        name(strip, region, text)
        return
    pair = next((pair for pair, known in _known(scene) if known.id == region), None)
    if not pair:
        raise HostError("the region is gone", "Mark it again.")
    if len(text.encode("utf-8")) > marks.MARKER_BYTES:
        said = f"'{text}' does not fit into the name of a marker, which holds {marks.MARKER_BYTES} letters"
        raise HostError(said, "Mark this region with a strip: Foley > Mark Region.")
    for marker in scene.timeline_markers:
        if marker.frame == pair.start and is_region(marker.name):
            marker.name = text
            break
    _known(scene)


def name(strip: Any, region: str, text: str) -> None:
    """Make a strip the mark of a region."""
    strip.name = marks.cut(text)
    notes.write(strip, {"schema": 1, "kind": "region", "id": region, "text": text, "name": strip.name})


def mark(scene: Any, start: int, stop: int, text: str) -> Any:
    """A new region as a muted colour strip above everything else. start, stop: frames of Blender."""
    editor = scene.sequence_editor_create()
    strips = api.strips_of(scene)
    channel = max([strip.channel for strip in strips], default=0) + 1
    marking = [strip.channel for strip in strips if is_mark(strip)]
    for lower in sorted(set(marking)):
        there = [strip for strip in strips if strip.channel == lower]
        if all(api.stop(strip) <= start or api.start(strip) >= stop for strip in there):
            channel = lower
            break
    if channel >= len(api.channels_of(scene)):
        raise HostError("there is no free channel for a region", "Move a strip of the topmost channel down.")
    strip = api.new_colour(api.strips_in(editor), marks.cut(text), channel, start, stop - start)
    strip.mute = True
    strip.color = (0.85, 0.45, 0.1)
    name(strip, marks.new_id(text, start, stop, {note["id"] for _, note in _marked(scene)}), text)
    return strip


def span(scene: Any) -> tuple[int, int] | None:
    """Frames of Blender that the user means: the preview range, else from the first to the last selected strip."""
    if scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end + 1
    chosen = [strip for strip in api.strips_of(scene) if strip.select]
    return (min(map(api.start, chosen)), max(map(api.stop, chosen))) if chosen else None


def _strips(scene: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": note["id"],
            "text": _text(scene, strip, note),
            "start": api.start(strip) - scene.frame_start,
            "stop": api.stop(strip) - scene.frame_start,
            "selected": bool(strip.select),
        }
        for strip, note in _marked(scene)
    ]


def _marked(scene: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Strips that mark regions, each with its note and an id of its own (a copy of a strip comes with the other's)."""
    strips = sorted((strip for strip in api.strips_of(scene) if is_mark(strip)), key=lambda strip: str(strip.name))
    taken: set[str] = set()
    found = []
    for strip in sorted(strips, key=lambda strip: notes.read(strip).get("name") != strip.name):
        note = notes.read(strip)
        if note.get("kind") != "region" or not note.get("id") or note["id"] in taken:
            text = _text(scene, strip, note)
            id_ = marks.new_id(text, api.start(strip), api.stop(strip), taken)
            note = {"schema": 1, "kind": "region", "id": id_, "text": text, "name": strip.name}
            _keep(strip, note)
        taken.add(note["id"])
        found.append((strip, note))
    return found


def _text(scene: Any, strip: Any, note: dict[str, Any]) -> str:
    """A mark's text: what was written, until the strip is renamed; with FOLEY before it when the new name has none."""
    if note.get("name") == strip.name and note.get("text"):
        return str(note["text"])
    text = marks.unnumbered(strip.name, {other.name for other in api.strips_of(scene)})
    if note.get("text") and text == marks.unnumbered(str(note.get("name")), set()):
        return str(note["text"])  # a copy
    return text if is_region(text) else f"FOLEY {text}"


def _markers(scene: Any) -> list[Point]:
    return [Point(marker.name, marker.frame, bool(marker.select)) for marker in scene.timeline_markers]


def _pairs(scene: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": known.id,
            "text": pair.text,
            "start": pair.start - scene.frame_start,
            "stop": pair.stop - scene.frame_start,
            "selected": pair.selected,
        }
        for pair, known in _known(scene)
    ]


def _known(scene: Any) -> list[tuple[Pair, Known]]:
    """Pairs of markers with what is remembered of them on the scene."""
    note = notes.read(scene)
    before = [Known(*each) for each in note.get(MARKERS, [])]
    seen = marks.pairs(_markers(scene))[0]
    now = marks.recognised(before, seen)
    if now != before:
        _keep(scene, {**note, "schema": 1, MARKERS: [[each.id, each.text, each.start, each.stop] for each in now]})
    return list(zip(seen, now))


def _keep(holder: Any, note: dict[str, Any]) -> None:
    with contextlib.suppress(AttributeError):  # Blender is drawing; the next action writes it
        notes.write(holder, note)
