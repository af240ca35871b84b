"""How often is the sound nearest to another of its category? ``library search --like`` of each sound of an embedded library.

    python benchmarks/like.py [--library DIR] [--json]

Of each sound that has a UCS category, the nearest other sound that has one, by the pack in use; beside it the nearest from
another series (``door_1`` and ``door_2`` in one folder are one: alike, and filed alike), and what chance would give for each.
Categories count whether they are known or were guessed from words; ``guessed`` is the share that was.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foley_bridge.home import home, library_folder
from foley_bridge.inference.in_use import InUse
from foley_bridge.inference.where import Installed
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.finding import find, shown_by_entry
from foley_bridge.library.sound import LibrarySound


def series(sound: LibrarySound) -> str:
    """The folder and the name, without its last number."""
    path = Path(sound.paths[0])
    return f"{path.parent}/{re.sub(r'[_ -]*[0-9]+$', '', path.stem)}"


def chance(kinds: Sequence[str], runs: Sequence[str] | None = None) -> float:
    """The mean over the sounds of the share of the others (of another series, when those are given) that are of their kind."""
    kind = np.unique(kinds, return_inverse=True)[1]
    run = np.arange(len(kind)) if runs is None else np.unique(runs, return_inverse=True)[1]
    others: NDArray[np.bool_] = run[:, None] != run[None]
    same = (kind[:, None] == kind[None]) & others
    asked = others.any(axis=1)
    return float((same.sum(axis=1)[asked] / others.sum(axis=1)[asked]).mean())


def measure(library: Path) -> dict[str, object]:
    """The shares, and chance beside them."""
    catalogue = Catalogue.open(library)
    encoders = InUse(Installed(home())).encoders()
    if encoders is None:
        raise SystemExit("there is no pack in use")
    filed = {sound.id: sound for sound in catalogue.list() if sound.category}
    nearest, elsewhere = [], []
    for sound in filed.values():
        shown = shown_by_entry(catalogue, encoders, sound)
        if shown is None:
            continue
        found = find(catalogue, shown=shown, limit=100)
        others = [hit.sound for hit in found if hit.sound.id in filed and hit.sound.id != sound.id]
        nearest += [each.category == sound.category for each in others[:1]]
        elsewhere += [each.category == sound.category for each in others if series(each) != series(sound)][:1]
    kinds, runs = [sound.category for sound in filed.values()], [series(sound) for sound in filed.values()]
    return {
        "sounds": len(nearest),
        "categories": len(set(kinds)),
        "guessed": round(sum(sound.cat_from == "guess" for sound in filed.values()) / len(filed), 3),
        "nearest": round(sum(nearest) / len(nearest), 3),
        "chance": round(chance(kinds), 3),
        "nearest_of_another_series": round(sum(elsewhere) / len(elsewhere), 3),
        "chance_of_another_series": round(chance(kinds, runs), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--library", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = measure(given.library or library_folder())
    print(json.dumps(figures) if given.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
