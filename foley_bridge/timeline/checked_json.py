"""OTIO JSON looked over before OpenTimelineIO's C++ reads it: size, nesting, required objects.

What is handed on is written anew from what was looked at, so that no second reading of the same bytes can differ.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from foley_bridge.errors import TimelineError

MAX_BYTES = 64 << 20
MAX_NESTING = 256
EXCHANGE = "convert it to .otio, or export the timeline again"

_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def checked_json(path: Path, data: bytes) -> bytes:
    """The same OTIO JSON, written anew from what was checked, so that no second reading of it can differ."""
    if len(data) > MAX_BYTES:
        raise TimelineError(f"{path}: the timeline in it is over {MAX_BYTES >> 20} MB")
    depth = 0
    for match in _STRUCTURE.finditer(data):
        if match[0] in (b"[", b"{"):
            depth += 1
            if depth > MAX_NESTING:
                raise TimelineError(f"{path} is nested deeper than {MAX_NESTING} levels", "flatten its nested timelines")
        elif match[0] in (b"]", b"}"):
            depth -= 1
    try:
        root = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError) as error:
        raise TimelineError(f"{path} is not OpenTimelineIO: not JSON ({error})", EXCHANGE) from None
    if not isinstance(root, dict) or not isinstance(root.get("OTIO_SCHEMA"), str):
        raise TimelineError(f"{path} is JSON but not OpenTimelineIO: no OTIO_SCHEMA at its top", EXCHANGE)
    if fault := _first_fault(root):
        raise TimelineError(f"{path} is not a sound OpenTimelineIO file: {fault}", EXCHANGE)
    return json.dumps(root).encode()


_OBJECTS = {  # what must be there as an object, and what must be a list of objects when it is there
    "Timeline": (("tracks",), ()),
    "SerializableCollection": ((), ("children",)),
    "Stack": ((), ("children", "markers", "effects")),
    "Track": ((), ("children", "markers", "effects")),
    "Clip": ((), ("markers", "effects")),
    "Gap": ((), ("markers", "effects")),
    "Marker": (("marked_range",), ()),
    "Transition": (("in_offset", "out_offset"), ()),
    "TimeRange": (("start_time", "duration"), ()),
}


def _first_fault(root: dict[str, Any]) -> str | None:
    """Where a required object is null or of another kind, in words; None when nothing is. Walks without recursion."""
    pending: list[tuple[str, Any]] = [("", root)]
    while pending:
        place, node = pending.pop()
        if isinstance(node, list):
            pending.extend((f"{place}[{index}]", item) for index, item in enumerate(node))
        if not isinstance(node, dict):
            continue
        schema = str(node.get("OTIO_SCHEMA", "")).partition(".")[0]
        required, lists = _OBJECTS.get(schema, ((), ()))
        for key in required:
            if not isinstance(node.get(key), dict):
                return f"{place}.{key} is {_kind(node, key)}".lstrip(".")
        for key in lists:
            items = node.get(key, [])
            if not isinstance(items, list):
                return f"{place}.{key} is {_kind(node, key)}".lstrip(".")
            for index, item in enumerate(items):
                if not isinstance(item, dict) or "OTIO_SCHEMA" not in item:
                    return f"{place}.{key}[{index}] is not an object of OpenTimelineIO".lstrip(".")
        if schema == "Timeline" and not str(node["tracks"].get("OTIO_SCHEMA", "")).startswith("Stack."):
            return f"{place}.tracks is not a stack".lstrip(".")
        if schema == "RationalTime":
            for key in ("value", "rate"):
                if isinstance(node.get(key), bool) or not isinstance(node.get(key), int | float):
                    return f"{place}.{key} is not a number".lstrip(".")
        pending.extend((f"{place}.{key}", item) for key, item in node.items())
    return None


def _kind(node: dict[str, Any], key: str) -> str:
    return "missing" if key not in node else "null" if node[key] is None else "not what belongs there"
