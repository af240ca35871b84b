"""A study made of what ``evaluate analogy --keep`` has kept (section 4.4).

A participant is shown 21 sets, drawn from the pairs: the conditional example, and the input with the sounds of two systems, the
base and an alternative by chance, in random order and on random sides. The first five sets are practice.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foley_bridge.stage.scene import stream
from foley_models.analogy.evaluation.keeping import CONDITIONAL, LIST
from foley_models.analogy.study.key import CLIPS, FOLDER, PAGE, Key, KeyPair
from foley_models.analogy.study.page import page
from foley_models.analogy.study.table import TABLE_2
from foley_models.errors import ModelError

SETS, PRACTICE = 21, 5
BASE = "ours"
HINT = "give the folder that foley-models evaluate analogy --keep has written"


def make(
    kept: Path,
    target: Path,
    *,
    base: str = BASE,
    alternatives: Sequence[str] = (),
    sets: int = SETS,
    practice: int = PRACTICE,
    most: int | None = None,
    seed: int = 0,
) -> Key:
    """Make a study.

    Args:
        kept: folder of movies, and their list.
        target: the study's folder, which is not there yet: ``study/`` is for participants, ``key.json`` is not.
        base: the system that others are held against.
        alternatives: those others; none: all of Table 2 that are there.
        sets, practice: how many sets a participant judges, and how many of them are not counted.
        most: how many of the pairs are taken, at random; None: all.
        seed: of which pairs are taken, and of the clips' names.

    Raises:
        ModelError: there is nothing to make it of, or it cannot be written.
    """
    systems, pairs = _listed(kept)
    others = tuple(alternatives) or tuple(name for name in TABLE_2 if name in systems and name != base)
    for name in (base, *others):
        if name not in systems:
            raise ModelError(f"{kept}: nothing of {name} was kept", f"there are {', '.join(systems)}")
    if not others or base in others or len(set(others)) < len(others):
        raise ModelError(f"{kept}: {base} is to be held against other systems, each once", f"there are {', '.join(systems)}")
    if not 0 <= practice < sets:
        raise ModelError(f"{practice} of {sets} sets for practice leave none to count", "give more --sets")
    if target.exists():
        raise ModelError(f"{target} is there already", "give another --out, or delete it")
    chosen = stream(seed, "pairs").permutation(len(pairs))[:most].tolist()
    from_files = [(pairs[number], (CONDITIONAL, base, *others)) for number in chosen]
    names = [f"{CLIPS}/{number + 1:05d}.mp4" for number in stream(seed, "names").permutation(len(chosen) * (len(others) + 2))]
    told = json.dumps([pairs, base, others, sets, practice, most, seed], sort_keys=True)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        building.chmod(0o755)  # a study may be served by somebody else
        try:
            (building / FOLDER / CLIPS).mkdir(parents=True)
            made = []
            for pair, parts in from_files:
                own = {part: names.pop() for part in parts}
                for part, name in own.items():
                    shutil.copyfile(_movie(kept, part, pair), building / FOLDER / name)
                made.append(KeyPair(pair["number"], own.pop(CONDITIONAL), own))
            key = Key(hashlib.sha256(told.encode()).hexdigest()[:16], base, others, sets, practice, tuple(made))
            (building / FOLDER / PAGE).write_text(page(key), encoding="utf-8", newline="\n")
            key.write(building)
            building.rename(target)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise ModelError(f"{target}: cannot be written, {error.strerror or error}", "give another --out") from error
    return key


def _listed(kept: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Systems and pairs that were kept."""
    path = kept / LIST
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read, {error.strerror}", HINT) from error
    except ValueError as error:
        raise ModelError(f"{path}: is not JSON", HINT) from error
    try:
        systems = [str(name) for name in said["systems"]]
        pairs = [{"number": int(each["number"]), "file": str(each["file"])} for each in said["pairs"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: is no list of what was kept ({error})", HINT) from error
    if not pairs:
        raise ModelError(f"{path}: has no pairs", HINT)
    return systems, pairs


def _movie(kept: Path, part: str, pair: dict[str, Any]) -> Path:
    path = kept / part / pair["file"]
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file", HINT)
    return path
