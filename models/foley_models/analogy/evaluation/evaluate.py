"""Table 1's measures of sounds that systems make for the test's pairs (sections 4.2 and 4.3).

Of each sound: is it of the material that the classifier hears in the conditional example, of the action that it hears in the
input's own sound, has it as many onsets as that, and when? Onsets are compared over the time that a mel covers, 1.858 s of a
clip's 2, since nothing beyond it is ever generated; the published figure is of all 2 s, as released.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from foley_bridge.inference.clips import levelled, mel
from foley_models.analogy.data.films import Films
from foley_models.analogy.evaluation import onsets
from foley_models.analogy.evaluation.classifier import SoundClassifier, classify
from foley_models.analogy.evaluation.keeping import Keeper
from foley_models.analogy.evaluation.makers import About, Coded, Maker
from foley_models.analogy.evaluation.onsets import Onsets
from foley_models.analogy.evaluation.pairs import Pair
from foley_models.analogy.evaluation.sounding import clip

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
MEASURES = ("material", "action", "count", "ap", "ap_random", "ap_published")


@dataclass(frozen=True, eq=False)
class Measured:
    """A system's sounds, measured.

    Attributes:
        about: which system.
        values: of each measure, float64 (pairs,), 0-1; not a number where a pair says nothing.
    """

    about: About
    values: Mapping[str, Doubles]


@dataclass(frozen=True, eq=False)
class Findings:
    """All that was found.

    Attributes:
        about: what it was measured with, for JSON.
        pairs: in the order of the values.
        chance: of each classifier, 0-1.
        rows: the systems.
        notes: what a reader should know, one sentence each.
    """

    about: Mapping[str, Any]
    pairs: Sequence[Pair]
    chance: Mapping[str, float]
    rows: Sequence[Measured]
    notes: Sequence[str]


def evaluate(
    pairs: Sequence[Pair],
    films: Films,
    makers: Sequence[Maker],
    judges: Mapping[str, SoundClassifier],
    *,
    about: Mapping[str, Any],
    device: torch.device,
    notes: Sequence[str] = (),
    keep: Path | None = None,
    seed: int = 0,
    on_progress: Callable[[str, int, int], None] = lambda what, done, count: None,
) -> Findings:
    """Let every system make a sound for every pair, and measure them.

    Args:
        judges: the classifiers, "material" and "action" or one of them, in eval mode on ``device``.
        keep: folder for what is made (``Keeper``).
        about, notes: what else the findings are to say of themselves.

    Raises:
        ModelError: ``keep`` cannot be written.
    """
    rows = [row for maker in makers for row in maker.rows]
    measured = [{measure: np.full(len(pairs), np.nan) for measure in MEASURES} for _ in rows]
    keeper = None if keep is None else Keeper(keep, films, [row.system for row in rows])
    truths: dict[int, _Truth] = {}
    for number, pair in enumerate(pairs):
        on_progress("pairs", number, len(pairs))
        given, example = (clip(films, place, device) for place in (pair.input, pair.conditional))
        if pair.target not in truths:
            truths = {pair.target: _Truth.of(given.samples, films, judges)}
        truth = truths[pair.target]
        wanted = _Truth.of(example.samples, films, judges).labels
        made: list[Floats] = []
        timbres: list[Floats | None] = []
        for maker in makers:
            sounds = maker.make(number, given, example)
            made += sounds
            timbres += [maker.timbre(example) if isinstance(maker, Coded) else None] * len(sounds)
        for values, sound, timbre in zip(measured, made, timbres, strict=True):
            found = _Truth.of(sound, films, judges)
            material = found.labels if timbre is None else _labels(timbre, films, judges)
            told = {
                **{name: material[name] == wanted[name] for name in judges if name == "material"},
                **{name: found.labels[name] == truth.labels[name] for name in judges if name == "action"},
                "count": onsets.same_count(truth.onsets, found.onsets),
                "ap": onsets.average_precision(truth.onsets, found.onsets),
                "ap_random": onsets.random_average_precision(truth.onsets, len(found.onsets.places), seed + number),
                "ap_published": onsets.average_precision_published(truth.whole, found.whole),
            }
            for measure, value in told.items():
                values[measure][number] = np.nan if value is None else float(value)
        if keeper is not None:
            keeper.keep(number, pair, given, example, made)
    on_progress("pairs", len(pairs), len(pairs))
    if keeper is not None:
        keeper.finish()
    return Findings(
        about={**about, "split": films.split, "films": len(films), "pairs": len(pairs), "targets": _targets(pairs)},
        pairs=pairs,
        chance={name: 1 / len(judge.config.labels) for name, judge in judges.items()},
        rows=[Measured(row, values) for row, values in zip(rows, measured, strict=True)],
        notes=[*notes, *_notes(measured, rows)],
    )


@dataclass(frozen=True, eq=False)
class _Truth:
    """What is heard in a sound. labels: of each classifier; onsets: in what a mel covers; whole: in all of it."""

    labels: Mapping[str, int]
    onsets: Onsets
    whole: Onsets

    @classmethod
    def of(cls, sound: Floats, films: Films, judges: Mapping[str, SoundClassifier]) -> _Truth:
        covered, rate = films.sound.frames * films.sound.hop, films.sound.sample_rate
        return cls(_labels(sound, films, judges), onsets.heard(sound[:covered], rate), onsets.heard(sound, rate))


def _labels(sound: Floats, films: Films, judges: Mapping[str, SoundClassifier]) -> dict[str, int]:
    mels = mel(levelled(sound, films.sound), films.sound)
    return {name: int(classify(judge, mels)[0]) for name, judge in judges.items()}


def _targets(pairs: Sequence[Pair]) -> int:
    return len({pair.target for pair in pairs})


def _notes(measured: Sequence[Mapping[str, Doubles]], rows: Sequence[About]) -> list[str]:
    lost = {row.system: int(np.isnan(values["ap_published"]).sum()) for row, values in zip(rows, measured, strict=True)}
    said = ", ".join(f"{system} {count}" for system, count in lost.items() if count)
    return [f"Pairs with no onset in either sound, which the published onset AP leaves out: {said}."] if said else []
