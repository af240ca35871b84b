"""Which marks in a project ask for sound: pairs of markers, and what keeps a pair the same one. Knows nothing of Blender.

A Blender marker has a name and a frame, no length, and nothing else can be kept on it. So a region is two markers: one named
``FOLEY`` and the words, and the next one named ``END``. What was seen is remembered beside them (by the caller), and the pair
that is most like it is the same one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from .foley_host.text import begins_with, is_region

NAME_BYTES = 61  # what Blender keeps of a strip's name
MARKER_BYTES = 63  # and of a marker's


@dataclass(frozen=True)
class Point:
    """A marker."""

    name: str
    frame: int
    selected: bool = False


@dataclass(frozen=True)
class Pair:
    """Two markers around a region."""

    text: str
    start: int
    stop: int
    selected: bool = False


@dataclass(frozen=True)
class Known:
    """A region as it was last seen."""

    id: str
    text: str
    start: int
    stop: int


def pairs(points: list[Point]) -> tuple[list[Pair], list[Point]]:
    """The pairs, and the markers that belong to none, in time order.

    ``FOLEY words`` opens a region and ``END`` closes it; ``FOLEY words START`` and ``FOLEY words END`` are read, too. A region
    that nothing closes has no length.
    """
    found: list[Pair] = []
    left = []
    for point in sorted(points, key=lambda point: (point.frame, not _closes(point.name))):
        if is_region(point.name) and not _closes(point.name):
            found.append(Pair(_opening(point.name), point.frame, point.frame, point.selected))
        elif _closes(point.name) and found and found[-1].start == found[-1].stop < point.frame:
            found[-1] = replace(found[-1], stop=point.frame, selected=found[-1].selected or point.selected)
        else:
            left.append(point)
    return found, left


def _closes(name: str) -> bool:
    last = re.search(r"(?:^|\s)END\s*$", name, re.IGNORECASE)
    return bool(last) and (is_region(name) or begins_with(name, "END"))


def _opening(name: str) -> str:
    return re.sub(r"\s+START\s*$", "", name, flags=re.IGNORECASE)


def recognised(known: list[Known], seen: list[Pair]) -> list[Known]:
    """``seen`` with ids: those of the known regions that they most likely are, new ones for the others.

    Likeness is the number of things that stayed: text, start, stop. Ties go to the nearest in time. A pair of which all three
    changed since it was last looked at is a new one; two that changed places under one text have changed their ids as well.
    """
    ids: dict[int, str] = {}
    candidates = []
    for number, pair in enumerate(seen):
        for old in known:
            alike = (pair.text == old.text) + (pair.start == old.start) + (pair.stop == old.stop)
            if alike:
                candidates.append((-alike, abs(pair.start - old.start), number, old.id))
    for _, _, number, old_id in sorted(candidates):
        if number not in ids and old_id not in ids.values():
            ids[number] = old_id
    taken = {old.id for old in known}
    for number, pair in enumerate(seen):
        if number not in ids:
            ids[number] = new_id(pair.text, pair.start, pair.stop, taken)
            taken.add(ids[number])
    return [Known(ids[number], pair.text, pair.start, pair.stop) for number, pair in enumerate(seen)]


def new_id(text: str, start: int, stop: int, taken: set[str]) -> str:
    """An id that nobody has. The same mark gets the same one again, so that an undo that forgets it does no harm."""
    number = 0
    while True:
        made = hashlib.sha256(f"{text}\n{start}\n{stop}\n{number}".encode()).hexdigest()[:12]
        if made not in taken:
            return made
        number += 1


def cut(text: str) -> str:
    """What of a text fits into a name."""
    return text.encode("utf-8")[:NAME_BYTES].decode("utf-8", "ignore")


def unnumbered(name: str, names: set[str]) -> str:
    """A strip's name without the ``.001`` that Blender adds to a name that is taken. ``names``: of all strips."""
    match = re.match(r"(.*\S)\.\d{3,}\Z", name, re.DOTALL)
    if not match:
        return name
    in_option = "=" in match[1].split()[-1]  # as in fade=0.001
    return name if in_option and match[1] not in names else match[1]
