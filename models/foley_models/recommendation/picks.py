"""Krishnamurthy's Gameplay experiment (section 5.2) for everybody: sounds that designers picked for pictures, out of many.

Designers did not listen to all of a large library, so their picks are an approximate truth: many a good recommendation counts
as wrong. The figures compare models, and say little by themselves.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from foley_bridge.errors import MediaError
from foley_bridge.inference.features import Floats, picture
from foley_bridge.media.images import read_images
from foley_models.data.clips import Skipped
from foley_models.errors import ModelError
from foley_models.recommendation.checkpoint import Loaded
from foley_models.recommendation.embedding import batched, embedded
from foley_models.recommendation.evaluate import TOP
from foley_models.recommendation.scores import Findings, Measured
from foley_models.recommendation.sound_vectors import sound_vectors, sounds_in
from foley_models.retrieval import chance, matches, nearest

COLUMNS = ("picture", "sound", "category")


@dataclass(frozen=True)
class Picks:
    """What was picked.

    Attributes:
        sounds: by picture: sounds, as paths relative to the folder.
        categories: of sounds, where the file says them.
    """

    sounds: Mapping[Path, frozenset[str]]
    categories: Mapping[str, str]


def read_picks(path: Path, folder: Path, names: Sequence[str]) -> Picks:
    """Read ``picture,sound[,category]`` rows below a line that says so; several rows for a picture are several sounds.

    Args:
        path: of the CSV; pictures are image files, relative to its folder.
        folder: of the sounds; sounds are relative to it.
        names: of the sounds that are there, ``sounds_in``.

    Raises:
        ModelError: it cannot be read, or a row names what is not there; says which.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise ModelError(f"{path}: cannot be read as CSV in UTF-8", "check the path, and export it again") from error
    heading = [cell.strip().lower() for cell in rows[0]] if rows else []
    if tuple(heading) not in {COLUMNS, COLUMNS[:2]}:
        raise ModelError(f"{path}: its first line is not picture,sound or picture,sound,category", "name the columns there")
    there, sounds, categories = set(names), dict[Path, set[str]](), dict[str, str]()
    for number, row in enumerate(rows[1:], 2):
        cells = [cell.strip() for cell in row] + [""] * (len(COLUMNS) - len(row))
        if not any(cells):
            continue
        image, sound, category = cells[0], _relative(cells[1], folder), cells[2]
        if len(cells) > len(COLUMNS) or not image or not cells[1]:
            raise ModelError(f"{path}, line {number}: a picture and a sound are wanted", "give one sound a row")
        if sound not in there:
            raise ModelError(f"{path}, line {number}: {cells[1]} is no sound in {folder}", "paths are relative to --sounds")
        sounds.setdefault(path.parent / image, set()).add(sound)
        if category and categories.setdefault(sound, category) != category:
            raise ModelError(
                f"{path}, line {number}: {cells[1]} is of {categories[sound]!r} in a row above", "give it one category"
            )
    if not sounds:
        raise ModelError(f"{path}: there are no picks in it", "give a row for each sound picked")
    return Picks({image: frozenset(each) for image, each in sounds.items()}, categories)


def _relative(said: str, folder: Path) -> str:
    at = Path(said)
    if at.is_absolute() and at.is_relative_to(folder.absolute()):
        return at.relative_to(folder.absolute()).as_posix()
    return PurePosixPath(said.replace("\\", "/")).as_posix()


def category_of(name: str, picks: Picks) -> str | None:
    """A sound's category: what the file says, else the folder that it lies in; None at the top, where no folder says one."""
    folder = PurePosixPath(name).parent.as_posix()
    return picks.categories.get(name, None if folder == "." else folder)


def evaluate_picks(
    runs: Sequence[Loaded],
    path: Path,
    folder: Path,
    *,
    cache: Path | None,
    device: torch.device,
    top: int = TOP,
    note: Callable[[str], None] = lambda _: None,
) -> Findings:
    """Measure networks on picks.

    Args:
        runs: read with ``checkpoint.load``, whatever they were trained on.
        path, folder: as for ``read_picks``.
        cache: where the sounds' embeddings are kept; None: nowhere.

    Raises:
        ModelError: picks that cannot be used; networks that were trained with different features.
    """
    if len({(run.picture, run.sound) for run in runs}) > 1:
        raise ModelError("these runs were trained with different features", "evaluate them one after the other")
    names = sounds_in(folder)
    picks = read_picks(path, folder, names)
    for run in runs:
        run.network.to(device)
    images, unseen = _pictures(list(picks.sounds), runs[0])
    names, vectors, unheard = sound_vectors(runs, folder, names, cache=cache, device=device, note=note)
    asked, lost = [], {each.name for each in unheard}
    for at in images:
        if picks.sounds[at] <= lost:
            unseen.append(Skipped(str(at), "none of its sounds can be read"))
        else:
            asked.append(at)
    if not asked:
        raise ModelError(f"{path}: none of its pictures can be used: {unseen[0].name}: {unseen[0].why}", "check the files")
    seen = embedded([run.network.picture for run in runs], batched(images[at] for at in asked), device)
    categories = [category_of(name, picks) for name in names]
    samples = [picks.sounds[at] - lost for at in asked]
    of_category = dict(zip(names, categories, strict=True))
    kinds = [{kind for sound in each if (kind := of_category[sound]) is not None} for each in samples]
    measured = []
    for run, v, a in zip(runs, seen, vectors, strict=True):
        best = nearest(v, a.vectors, top, starts=a.starts)
        right = {"category": matches(best, categories, kinds), "sample": matches(best, names, samples)}
        measured.append(Measured(run.path, run.system, run.trained, {name: each.astype(float) for name, each in right.items()}))
    once, segments = np.ones(len(asked)), len(vectors[0].vectors)
    known = len({each for each in categories if each is not None})
    return Findings(
        about={
            "picks": str(path),
            "sounds": str(folder),
            "pictures": len(asked),
            "picked": sum(map(len, samples)),
            "list": len(names),
            "segments": segments,
            "categories": known,
            "skipped": [each._asdict() for each in (*unseen, *unheard)],
            "top": top,
        },
        described=f"{path.name}, {len(asked)} pictures, {sum(map(len, samples))} picks out of {len(names)} sounds "
        f"({segments} segments) of {known} categories in {folder}",
        counts={"category": once, "sample": once},
        chance={"category": chance(categories, kinds, top), "sample": chance(names, samples, top)},
        runs=measured,
        notes=[
            "Picks are no exhaustive truth: a good sound that nobody picked counts as wrong. Compare models, not figures.",
            *(f"Left out: {each.name}: {each.why}" for each in (*unseen, *unheard)),
        ],
    )


def _pictures(paths: Sequence[Path], run: Loaded) -> tuple[dict[Path, Floats], list[Skipped]]:
    """Features of images, and those that cannot be read."""
    read, lost = {}, []
    for path in paths:
        try:
            frame = next(iter(read_images([path], [Fraction(0)], rate=Fraction(1))))
        except MediaError as error:
            lost.append(Skipped(str(path), error.message))
        else:
            read[path] = picture(frame.image, run.picture)
    return read, lost
