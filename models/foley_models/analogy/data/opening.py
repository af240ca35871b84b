"""From what ``--data`` says to films."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path

from foley_bridge.inference.clips import ClipPicture, ClipSound, settings_to_json
from foley_models.analogy.data.films import Films, Source
from foley_models.analogy.data.greatest_hits import GreatestHits
from foley_models.analogy.data.stage import COUNTS, Stage
from foley_models.analogy.data.store import Store
from foley_models.analogy.data.videos import Videos
from foley_models.data.filling import Said, fill
from foley_models.data.pairs import SPLITS
from foley_models.errors import ModelError

KNOWN = "give stage, stage:FILMS, stage:FILMS:dubbed, greatest-hits:FOLDER or videos:FOLDER"


def open_films(
    spec: str,
    *,
    split: str,
    picture: ClipPicture,
    sound: ClipSound,
    cache: Path | None,
    workers: int | None = None,
    on_progress: Said | None = None,
) -> Films:
    """One split of a data set. All its films are drawn or read now, those that are not kept yet.

    Args:
        spec: as in docs/analogy.md.
        split: "train", "validation" or "test".
        picture, sound: what clips will be.
        cache: folder for films, shared by data sets and runs; None: one that goes when the films do.
        workers: processes; 0: none, it is done here; None: as many as there are cores, where it is much.
        on_progress: is told how many films are there, of how many.

    Raises:
        ModelError: there is no such data set, or nothing in it that clips can be taken from.
    """
    if split not in SPLITS:
        raise ModelError(f"{split!r}: there is no such split", f"use {', '.join(SPLITS)}")
    source = _source(spec, split, least_s=picture.frames / picture.fps)
    passing = cache is None
    folder = Path(tempfile.mkdtemp(prefix="foley-films-")) if cache is None else cache
    store = Store(folder, {"picture": settings_to_json(picture), "sound": settings_to_json(sound)})
    films = Films(source, store, split, picture, sound)
    if passing:
        weakref.finalize(films, shutil.rmtree, folder, ignore_errors=True)
    films.leave_out(fill(films, workers=workers, on_progress=on_progress))
    if not len(films):
        why = films.skipped[0].why if films.skipped else ""
        raise ModelError(f"--data {spec}: {films}: there is nothing to take clips from", why)
    return films


def _source(spec: str, split: str, least_s: float) -> Source:
    kind, _, rest = spec.partition(":")
    if kind == "stage":
        count, _, dubbed = rest.partition(":")
        if dubbed in ("", "dubbed"):
            most = _count(spec, count) if count else COUNTS["train"]
            return Stage(split, most if split == "train" else min(most, COUNTS[split]), dubbed=bool(dubbed))
    if kind == "greatest-hits" and rest:
        return GreatestHits(Path(rest), split)
    if kind == "videos" and rest:
        return Videos(Path(rest), split, least_s)
    raise ModelError(f"--data {spec}: there is no such data set", KNOWN)


def _count(spec: str, said: str) -> int:
    if not said.isdecimal() or not 2 <= int(said) <= 10_000_000:
        raise ModelError(f"--data {spec}: {said!r} is no number of films", "give stage, or stage:5000")
    return int(said)
