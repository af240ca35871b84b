"""From what ``--data`` says to a data set."""

from __future__ import annotations

import re
from pathlib import Path

from foley_models.data.clips import Source
from foley_models.data.filling import Said, fill
from foley_models.data.pairs import SPLITS, PairData
from foley_models.data.reels import Reels
from foley_models.data.stage import COUNTS, Stage
from foley_models.data.vggsound import VggSound
from foley_models.data.videos import Videos
from foley_models.errors import ModelError

KNOWN = "give stage, stage:CLIPS, vggsound:CSV:FOLDER, videos:FOLDER or reels:FOLDER"


def open_data(
    spec: str,
    *,
    split: str,
    cache: Path | None,
    seed: int,
    workers: int | None = None,
    on_progress: Said | None = None,
) -> PairData:
    """One split of a data set. Films are read for it once: what cannot be read is left out.

    Args:
        spec: as in docs/encoders.md.
        split: "train", "validation" or "test".
        cache: folder for features, shared by data sets and runs; None: one that goes with the data set.
        seed: of what is drawn for training.
        workers: processes that read films; 0: none, it is done here; None: as many as there are cores, where it is much.
        on_progress: is told how many clips are read, of how many.

    Raises:
        ModelError: there is no such data set, or nothing in it to draw pairs from.
    """
    if split not in SPLITS:
        raise ModelError(f"{split!r}: there is no such split", f"use {', '.join(SPLITS)}")
    source = _source(spec, split)
    data = PairData(source, split=split, cache=cache, seed=seed)
    if not source.ready:
        data.leave_out(fill(data, workers=workers, on_progress=on_progress))
    data.check()
    return data


def _source(spec: str, split: str) -> Source:
    kind, _, rest = spec.partition(":")
    if kind == "stage":
        return Stage(split, _count(spec, rest) if rest and split == "train" else COUNTS[split])
    if kind == "vggsound" and (paths := re.fullmatch(r"(.+\.csv):(.+)", rest, re.IGNORECASE)):  # C:\a.csv:D:\b, too
        return VggSound(Path(paths[1]), Path(paths[2]), split)
    if kind == "videos" and rest:
        return Videos(Path(rest), split)
    if kind == "reels" and rest:
        return Reels(Path(rest), split)
    raise ModelError(f"--data {spec}: there is no such data set", KNOWN)


def _count(spec: str, said: str) -> int:
    if not said.isdecimal() or not 2 <= int(said) <= 10_000_000:
        raise ModelError(f"--data {spec}: {said!r} is no number of clips", "give stage, or stage:20000")
    return int(said)
