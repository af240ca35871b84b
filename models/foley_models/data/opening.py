"""From what ``--data`` says to a data set."""

from __future__ import annotations

from pathlib import Path

from foley_models.data.clips import Source
from foley_models.data.pairs import SPLITS, PairData
from foley_models.data.stage import COUNTS, Stage
from foley_models.errors import ModelError


def open_data(spec: str, *, split: str, cache: Path | None, seed: int) -> PairData:
    """One split of a data set.

    Args:
        spec: as in docs/encoders.md.
        split: "train", "validation" or "test".
        cache: folder for features, shared by data sets and runs; None: one that goes with the data set.
        seed: of what is drawn for training.

    Raises:
        ModelError: there is no such data set, or nothing in it to draw pairs from.
    """
    if split not in SPLITS:
        raise ModelError(f"{split!r}: there is no such split", f"use {', '.join(SPLITS)}")
    source = _source(spec, split)
    data = PairData(source, range(len(source.clips)), split=split, cache=cache, seed=seed)
    data.check()
    return data


def _source(spec: str, split: str) -> Source:
    kind, _, rest = spec.partition(":")
    if kind == "stage":
        return Stage(split, _count(spec, rest) if rest and split == "train" else COUNTS[split])
    raise ModelError(f"--data {spec}: there is no such data set", "give stage, vggsound:, videos: or reels:")


def _count(spec: str, said: str) -> int:
    if not said.isdecimal() or not 2 <= int(said) <= 10_000_000:
        raise ModelError(f"--data {spec}: {said!r} is no number of clips", "give stage, or stage:20000")
    return int(said)
