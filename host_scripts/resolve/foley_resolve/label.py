"""What our clips carry: a clip marker whose customData says which region and request they belong to, and their takes.

Resolve keeps clip markers with the project, takes them along when a clip moves, and does not show customData.
"""

from __future__ import annotations

import json
from typing import Any, Dict

from foley_host import path as paths

from .session import whole

PREFIX = "foley_bridge:"
COLOR = "Mint"  # of the markers' palette; clips have another one
CLIP_COLOR = "Teal"
Json = Dict[str, Any]


def data(region: str, key: str, takes: list[Json], placed: list[str]) -> str:
    """The customData of a clip's marker.

    Args:
        takes: with ``path`` and ``offset``, as in a plan.
        placed: ids of the placement and of the changes of take since.
    """
    files = [take["path"] for take in takes]
    folder = _folder(files)
    names = [paths.name(file) for file in files] if folder else files
    told = {"region": region, "key": key, "placed": placed, "folder": folder, "takes": names}
    told["offsets"] = [take["offset"] for take in takes]
    return PREFIX + json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def read(item: Any) -> Json | None:
    """``region``, ``key``, ``placed``, ``takes`` (paths) and ``offsets`` of a clip of ours; None of anybody else's."""
    for marker in dict(item.GetMarkers() or {}).values():
        told = parsed(str(marker.get("customData") or ""))
        if told:
            return told
    return None


def write(item: Any, name: str, note: str, custom: str) -> bool:
    """Give a clip its marker; true when it can be read again."""
    added = item.AddMarker(0, COLOR, name, note, 1, custom)
    return bool(added) and read(item) == parsed(custom)


def copied(item: Any) -> list[tuple[int, Json]]:
    """All markers of a clip, to be put on another."""
    return [(whole(frame), dict(marker)) for frame, marker in dict(item.GetMarkers() or {}).items()]


def put(item: Any, markers: list[Any]) -> bool:
    """Put copied markers on a clip; true when they are there."""
    for frame, marker in markers:
        told = [marker[field] for field in ("color", "name", "note", "duration")]
        if not item.AddMarker(frame, *told, str(marker.get("customData") or "")):
            return False
    return len(copied(item)) == len(markers)


def parsed(custom: str) -> Json | None:
    if not custom.startswith(PREFIX):
        return None
    try:
        told = json.loads(custom[len(PREFIX) :])
        folder = told["folder"]
        takes = [paths.join(folder, name) if folder else name for name in told["takes"]]
        return {**{name: told[name] for name in ("region", "key", "placed", "offsets")}, "takes": takes}
    except (ValueError, KeyError, TypeError):
        return None


def _folder(takes: list[str]) -> str:
    """The folder that all takes lie in; empty when they do not, or when it and a name do not make the path again."""
    folders = {take[: -len(paths.name(take)) - 1] for take in takes}
    folder = folders.pop() if len(folders) == 1 else ""
    whole_again = all(paths.join(folder, paths.name(take)) == take for take in takes)
    return folder if whole_again else ""
