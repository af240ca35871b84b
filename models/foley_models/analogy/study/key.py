"""What is what in a study: which clip is of which system. It stays with whoever makes the study; the page does not have it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foley_bridge.media.whole_file import whole_file
from foley_models.errors import ModelError

FORM = 1
KEY = "key.json"
FOLDER = "study"
"""What participants are given."""
PAGE = "study.html"
CLIPS = "clips"
HINT = "give the folder that foley-models study --out has made"


@dataclass(frozen=True)
class KeyPair:
    """A pair's clips, by the names that they have in the study.

    Attributes:
        number: of the pair, in the list that it was taken from.
        example: the conditional example's.
        clips: of each system, the base among them.
    """

    number: int
    example: str
    clips: dict[str, str]


@dataclass(frozen=True)
class Key:
    """A study.

    Attributes:
        id: answers name it.
        base: the system that all others are held against.
        alternatives: those others.
        sets: how many a participant judges. practice: how many of them, the first, are not counted.
        pairs: that sets are drawn from.
    """

    id: str
    base: str
    alternatives: tuple[str, ...]
    sets: int
    practice: int
    pairs: tuple[KeyPair, ...]

    def write(self, folder: Path) -> None:
        """Into the study's folder."""
        with whole_file(folder / KEY) as beside:
            said = {"foley_study": FORM, **asdict(self)}
            beside.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Key:
        """Raises ModelError where there is none."""
        path = folder / KEY
        try:
            said: Any = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ModelError(f"{path}: cannot be read, {error.strerror}", HINT) from error
        except ValueError as error:
            raise ModelError(f"{path}: is not JSON", HINT) from error
        try:
            if said["foley_study"] != FORM:
                raise KeyError("foley_study")
            pairs = tuple(KeyPair(each["number"], each["example"], dict(each["clips"])) for each in said["pairs"])
            return cls(said["id"], said["base"], tuple(said["alternatives"]), said["sets"], said["practice"], pairs)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path}: is no key of a study ({error})", HINT) from error
