"""Which pack stands on which side: drawn for each region by a seed, kept in a key that the page does not have.

A comparison is a folder: ``compare.html`` to judge in, ``sounds/`` that it plays, and ``key.json``, which says what was what
and is read again when judgements are revealed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foley_export.errors import ExportError

FORM = 1
KEY = "key.json"
PAGE = "compare.html"
SOUNDS = "sounds"
SIDES = ("left", "right")


@dataclass(frozen=True)
class KeptRegion:
    """A region in the key.

    Attributes:
        reel, region: file name of the reel, name of the region.
        left: the pack on the left, "a" or "b"; the other one is on the right.
        judged: False where both packs found the same, and so it is not on the page.
        found: by pack, ``[{path, start_s, distance}]``, nearest first.
    """

    reel: str
    region: str
    left: str
    judged: bool
    found: dict[str, list[dict[str, Any]]]

    def pack_on(self, side: str) -> str:
        """ "a" or "b"."""
        return self.left if side == "left" else "ba"["ab".index(self.left)]


@dataclass(frozen=True)
class Key:
    """What is what in a comparison.

    Attributes:
        id: of the comparison: judgements name it.
        seed: of the sides.
        packs: names of pack "a" and "b".
        regions: in the page's order, which counts from 1.
    """

    id: str
    seed: int
    packs: dict[str, str]
    regions: list[KeptRegion]

    def write(self, folder: Path) -> None:
        said = {"foley_bridge_comparison": FORM, **asdict(self)}
        (folder / KEY).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Key:
        """Raises ExportError when there is no comparison."""
        said = read_json(folder / KEY, "foley_bridge_comparison", "give the folder of a comparison with --out")
        try:
            regions = [KeptRegion(**each) for each in said["regions"]]
            return cls(said["id"], said["seed"], said["packs"], regions)
        except (KeyError, TypeError) as error:
            raise ExportError(f"{folder / KEY} is no key of a comparison: {error}", "compare again") from error


def left_pack(seed: int, number: int) -> str:
    """Which pack stands on the left in a region: "a" or "b", either as likely as the other."""
    return random.Random(f"{seed}/{number}").choice("ab")


def read_json(path: Path, mark: str, hint: str) -> Mapping[str, Any]:
    """A JSON object that has a mark of this form.

    Raises:
        ExportError: there is none.
    """
    try:
        said = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror or error}", hint) from error
    except ValueError as error:
        raise ExportError(f"{path} is no JSON: {error}", hint) from error
    if not isinstance(said, dict) or said.get(mark) != FORM:
        raise ExportError(f"{path} is not of this form ({mark}: {FORM})", hint)
    return said
