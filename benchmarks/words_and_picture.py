"""Does the picture help words to find the right sound? Held-out scenes of the stage ask a library of other held-out ones.

    python benchmarks/words_and_picture.py --pack DIR [--queries 240] [--sounds 480] [--folder KEPT]

The library is made of scenes' own sounds, embedded by the pack. Their names are as a real library's are: some say action and
material, some only one of the two, some nothing ("REC_0123"), and some are wrong (another sound's words). Each query is a
scene of its own, seen at the moments at which a region is looked at, with words as an editor types them: exact, the action
alone, the material alone, or another word for the action. A sound is right when action and material are those of the scene.

first: the first sound is right. in ten: one of the first ten is. of ten: how many of the first ten are. By words alone, by the
picture alone, and by both with several weights of the words (``library.finding.WORDS`` is the product's); the differences
from words alone, with their standard error over the queries.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import unittest.mock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from foley_models.data.stage import KINDS, LENGTH_S, Stage

from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.features import SoundFeatures, moments
from foley_bridge.inference.pack import Pack
from foley_bridge.library import finding
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.finding import Hit, Shown, find, shown_by_pictures
from foley_bridge.library.scan import scan
from foley_bridge.stage.draw import draw_at
from foley_bridge.stage.scene import Scene
from foley_bridge.stage.sound import sound

WEIGHTS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.3)
NAMES = {"both": 0.35, "action": 0.15, "material": 0.15, "nothing": 0.2, "wrong": 0.15}
OTHER_WORDS = {"hit": "knock", "scratch": "scrape", "footsteps": "walking"}
SIZE = (398, 224)
TOP = 10


@dataclass(frozen=True)
class Query:
    """A scene that asks.

    Attributes:
        label: action and material.
        shown: what is on screen.
    """

    label: tuple[str, str]
    shown: Shown

    def words(self, wording: str) -> str:
        """As an editor types them."""
        action, material = self.label
        return {
            "exact": f"{material} {action}",
            "action": action,
            "material": material,
            "other word": f"{OTHER_WORDS[action]} {material}",
        }[wording]


def main() -> None:
    """Make library and queries, ask, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=240)
    parser.add_argument("--sounds", type=int, default=480)
    parser.add_argument("--folder", type=Path, help="where library and sounds are kept, for the next time")
    args = parser.parse_args()
    encoders = Encoders(Pack.open(args.pack))
    stage = Stage("test", args.queries + args.sounds)
    with contextlib.ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        labels = make_sounds(stage, range(args.queries, args.queries + args.sounds), folder / "sounds")
        catalogue = Catalogue.open(folder / "library", create=True)
        scan(catalogue, [folder / "sounds"])
        catalogue.embed(encoders)
        queries = [asked(stage.scene(index), encoders) for index in range(args.queries)]
        print(f"{encoders.pack.id}: {args.sounds} sounds of {len(KINDS)} kinds, {args.queries} scenes ask")
        print(f"names: {', '.join(f'{share:.0%} {name}' for name, share in NAMES.items())}\n")
        alone = judged(queries, labels, lambda query: find(catalogue, "", query.shown, limit=TOP))
        for wording in ("exact", "action", "material", "other word"):
            told(wording, alone, asked_with(queries, labels, catalogue, wording))


def make_sounds(stage: Stage, indices: Sequence[int], folder: Path) -> dict[str, tuple[str, str]]:
    """A WAV for each scene, where it is not there yet: what its file's name is, and what it really is."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, labels = np.random.default_rng(0), {}
    for number, index in enumerate(indices):
        label = KINDS[index % len(KINDS)]
        name = f"{named(label, rng)} {number:04d}"
        labels[name] = label
        path = folder / f"{name}.wav"
        if not path.exists():
            soundfile.write(path, sound(stage.scene(index)), SoundFeatures().sample_rate)
    return labels


def named(label: tuple[str, str], rng: np.random.Generator) -> str:
    """What somebody called it."""
    how = rng.choice([*NAMES], p=[*NAMES.values()])
    others = [kind for kind in KINDS if kind[0] != label[0] and kind[1] != label[1]]
    action, material = others[rng.integers(len(others))] if how == "wrong" else label
    return {"action": action, "material": material, "nothing": "REC"}.get(how, f"{material} {action}")


def asked(scene: Scene, encoders: Encoders) -> Query:
    """A scene, looked at as a region is."""
    seen = [draw_at(scene, float(time), SIZE) for time in moments(Fraction(0), LENGTH_S)]
    return Query((scene.action, scene.material), shown_by_pictures(encoders, seen))


def asked_with(
    queries: Sequence[Query], labels: dict[str, tuple[str, str]], catalogue: Catalogue, wording: str
) -> dict[str, np.ndarray]:
    """By words alone, and by both with each weight."""
    found = {"words alone": judged(queries, labels, lambda query: find(catalogue, query.words(wording), limit=TOP))}
    for weight in WEIGHTS:
        with unittest.mock.patch.object(finding, "WORDS", weight):
            made = judged(queries, labels, lambda query: find(catalogue, query.words(wording), query.shown, limit=TOP))
        found[f"both, words {weight}"] = made
    return found


def judged(queries: Sequence[Query], labels: dict[str, tuple[str, str]], ask: Callable[[Query], Sequence[Hit]]) -> np.ndarray:
    """(queries, 3): first, in ten, of ten."""
    rows = []
    for query in queries:
        right = [labels[hit.sound.name] == query.label for hit in ask(query)]
        rows.append((float(right[:1] == [True]), float(any(right)), sum(right) / TOP))
    return np.array(rows)


def told(wording: str, alone: np.ndarray, found: dict[str, np.ndarray]) -> None:
    """A table: percent, and the difference from words alone with its standard error."""
    print(f"words: {wording}\n\n| | first | in ten | of ten |\n|---|---|---|---|")
    base = found["words alone"]
    for name, rows in {**found, "picture alone": alone}.items():
        cells = []
        for column in range(3):
            change = rows[:, column] - base[:, column]
            error = change.std(ddof=1) / np.sqrt(len(change)) if len(change) > 1 else 0.0
            by = "" if name == "words alone" else f" ({100 * change.mean():+.1f} ± {100 * error:.1f})"
            cells.append(f"{100 * rows[:, column].mean():.1f}{by}")
        print(f"| {name} | {' | '.join(cells)} |")
    print()


if __name__ == "__main__":
    main()
