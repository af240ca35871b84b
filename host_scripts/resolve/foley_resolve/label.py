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


def data(region: str, key: str, takes: list[Json], placed: list[str], at: int) -> str:
    """The customData of a clip's marker.

    Args:
        takes: with ``path`` and ``offset``, as in a plan.
        placed: ids of the placement and of the changes of take since.
        at: frame of the timeline at which the file would begin, as the clip is laid.
    """
    files = [take["path"] for take in takes]
    folder = _folder(files)
    names = [paths.name(file) for file in files] if folder else files
    carried = {"region": region, "key": key, "placed": placed, "at": at, "folder": folder, "takes": names}
    carried["offsets"] = [take["offset"] for take in takes]
    return PREFIX + json.dumps(carried, ensure_ascii=False, separators=(",", ":"))


def read(item: Any) -> Json | None:
    """``region``, ``key``, ``placed``, ``at``, ``takes`` (paths), ``offsets``, ``note`` of a clip of ours; else None."""
    return told(copied(item))


def told(markers: list[Any]) -> Json | None:
    """The same from a clip's copied markers."""
    for marker in markers:
        found = parsed(str(marker[1].get("customData") or ""))
        if found:
            return {**found, "note": str(marker[1].get("note") or "")}
    return None


def owned(items: list[Any], first: int) -> dict[str, Json]:
    """What ``read`` gives of the clips that are ours, by their ids.

    A copy that the user makes carries the same marker. So of several clips with one region and key, ours are those that play
    their file where it was laid, trimmed or cut in two or not; one that is alone may have been moved.

    Args:
        first: Resolve's number of the timeline's first frame.
    """
    found = [(item, told) for item, told in ((item, read(item)) for item in items) if told is not None]
    kin = [(told["region"], told["key"]) for _, told in found]
    ours = {}
    for item, told in found:
        alone = kin.count((told["region"], told["key"])) == 1
        if alone or whole(item.GetStart()) - whole(item.GetLeftOffset()) - first == told["at"]:
            ours[str(item.GetUniqueId())] = told
    return ours


def disown(item: Any) -> bool:
    """Let a clip be the user's for good; true when it is. The marker stays."""
    for marker in copied(item):
        if is_ours(marker):
            item.UpdateMarkerCustomData(marker[0], "")
    return read(item) is None


def write(item: Any, name: str, note: str, custom: str) -> bool:
    """Give a clip its marker; true when it can be read again."""
    added = item.AddMarker(0, COLOR, name, note, 1, custom)
    return bool(added) and read(item) == {**(parsed(custom) or {}), "note": note}


def copied(item: Any) -> list[tuple[int, Json]]:
    """All markers of a clip, to be put on another."""
    return [(whole(frame), dict(marker)) for frame, marker in dict(item.GetMarkers() or {}).items()]


def put(item: Any, markers: list[Any]) -> bool:
    """Put copied markers on a clip; true when they are there."""
    for frame, marker in markers:
        shown = [marker[field] for field in ("color", "name", "note", "duration")]
        item.AddMarker(frame, *shown, str(marker.get("customData") or ""))
    frames = [frame for frame, _ in copied(item)]
    return all(frame in frames for frame, _ in markers)


def is_ours(marker: Any) -> bool:
    """Whether a copied marker is the one by which we know a clip."""
    return parsed(str(marker[1].get("customData") or "")) is not None


def parsed(custom: str) -> Json | None:
    """What a customData of ours says; None of another one."""
    if not custom.startswith(PREFIX):
        return None
    try:
        found = json.loads(custom[len(PREFIX) :])
        folder = found["folder"]
        takes = [paths.join(folder, name) if folder else name for name in found["takes"]]
        return {**{name: found[name] for name in ("region", "key", "placed", "at", "offsets")}, "takes": takes}
    except (ValueError, KeyError, TypeError):
        return None


def _folder(takes: list[str]) -> str:
    """The folder that all takes lie in; empty when they do not, or when it and a name do not make the path again."""
    folders = {take[: -len(paths.name(take)) - 1] for take in takes}
    folder = folders.pop() if len(folders) == 1 else ""
    whole_again = all(paths.join(folder, paths.name(take)) == take for take in takes)
    return folder if whole_again else ""
