"""Krishnamurthy's two experiments with test videos (section 5): does a picture go with a sound, and which sounds go with it?

Correlation (5.1): balanced pairs drawn from the test videos by the data set's own rule, of each about as many; a distance head
says of each whether it is correlated. Recommendation (5.2): of every test video one picture and the second of sound around
it; all those seconds are the list from which the nearest are recommended to each picture, by the encoders' own embeddings.
What is drawn is the same for all runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from foley_bridge.inference.features import Floats, normalised
from foley_bridge.stage.scene import stream
from foley_models.bootstrap import Doubles
from foley_models.data import PairData
from foley_models.data.pairs import Sought
from foley_models.errors import ModelError
from foley_models.recommendation.checkpoint import Loaded
from foley_models.recommendation.embedding import batched, embedded
from foley_models.recommendation.scores import Findings, Measured
from foley_models.retrieval import chance, matches, nearest

TOP = 10
PAIRS = 3000
"""Of the paper, half of them correlated (section 5.1)."""


def evaluate(
    runs: Sequence[Loaded],
    data: PairData,
    *,
    spec: str,
    device: torch.device,
    top: int = TOP,
    pairs: int = PAIRS,
    note: Callable[[str], None] = lambda _: None,
) -> Findings:
    """Measure networks on a data set's test split.

    Args:
        runs: read with ``checkpoint.load``.
        data: the test split.
        spec: as ``--data`` says it.
        top: how many sounds are recommended.
        pairs: of the correlation experiment, half of them correlated.
        note: is told what is being done.

    Raises:
        ModelError: a network wants other features, or clips cannot be read.
    """
    for run in runs:
        if (run.picture, run.sound) != (data.picture_features, data.sound_features):
            raise ModelError(f"{run.path} was trained with other features", "train it again")
        run.network.to(device)
    note(f"recommending {top} of {len(data)} sounds")
    found = _recommended(runs, data, device, top)
    telling = [run for run in runs if not run.system.contrastive]
    drawn = drawn_pairs(data, pairs)
    if telling:
        note(f"telling {len(drawn.pictures)} pairs apart")
    told = iter(_told(telling, data, drawn, device))
    once = np.ones(len(data))
    truth = ([{name} for name in data.names], [{label} for label in data.labels])
    counts = {"category": once, "sample": once}
    guessed = {"category": chance(data.labels, truth[1], top), "sample": chance(data.names, truth[0], top)}
    if telling:
        counts["accuracy"], guessed["accuracy"] = drawn.per_clip(np.ones(len(drawn.clips)), len(data)), 0.5
    return Findings(
        about={
            "data": spec,
            "split": data.split,
            "clips": len(data),
            "labels": len(set(data.labels)),
            "missing": data.missing,
            "skipped": len(data.skipped),
            "pairs": len(drawn.clips) if telling else None,
            "top": top,
        },
        described=f"{spec}, {data}",
        counts=counts,
        chance=guessed,
        runs=[
            Measured(run.path, run.system, run.trained, own if run.system.contrastive else {"accuracy": next(told), **own})
            for run, own in zip(runs, found, strict=True)
        ],
    )


def _recommended(runs: Sequence[Loaded], data: PairData, device: torch.device, top: int) -> list[dict[str, Doubles]]:
    pictures, sounds = (
        embedded(
            [getattr(run.network, encoder) for run in runs],
            batched(data.test_pair(index)[side] for index in range(len(data))),
            device,
        )
        for side, encoder in enumerate(("picture", "sound"))
    )
    found = []
    for v, a in zip(pictures, sounds, strict=True):
        best = nearest(v, a, top)
        found.append(
            {
                "category": matches(best, data.labels, [{label} for label in data.labels]).astype(float),
                "sample": matches(best, data.names, [{name} for name in data.names]).astype(float),
            }
        )
    return found


# --- correlation ---


@dataclass(frozen=True, eq=False)
class DrawnPairs:
    """Pairs to be told apart.

    Attributes:
        pictures, sounds: where they lie, of each pair.
        correlated: bool (pairs,).
        clips: int (pairs,), whose picture it is.
    """

    pictures: list[Sought]
    sounds: list[Sought]
    correlated: NDArray[np.bool_]
    clips: NDArray[np.int64]

    def per_clip(self, values: Doubles, clips: int) -> Doubles:
        """Sums of the pairs' values: pairs of one clip are alike, and count as one item when items are resampled."""
        return np.bincount(self.clips, weights=values, minlength=clips).astype(np.float64)


def drawn_pairs(data: PairData, count: int) -> DrawnPairs:
    """Half correlated, half not; of each clip as many as of any other, give or take one of each."""
    pictures, sounds, correlated, clips = [], [], [], []
    for epoch, index in _rounds(len(data), count // 2):
        for goes_with in (True, False):
            picture, sound = data.drawn(epoch, index, correlated=goes_with)
            pictures.append(picture)
            sounds.append(sound)
            correlated.append(goes_with)
            clips.append(index)
    return DrawnPairs(pictures, sounds, np.array(correlated), np.array(clips))


def _rounds(clips: int, count: int) -> Iterator[tuple[int, int]]:
    """(epoch, clip): all clips in an order of each epoch's own, until it is enough."""
    for number in range(count):
        epoch, place = divmod(number, clips)
        if not place:
            order = stream(0, "tested pairs", epoch).permutation(clips)
        yield epoch, int(order[place])


def _told(runs: Sequence[Loaded], data: PairData, drawn: DrawnPairs, device: torch.device) -> list[Doubles]:
    """How many of each clip's pairs each run tells right. What several pairs share is embedded once."""
    if not runs:
        return []
    pictures, sounds = sorted(set(drawn.pictures), key=_place), sorted(set(drawn.sounds), key=_place)
    images = (normalised(data.read(at, at)[0], data.picture_features) for at in pictures)
    mels: Iterator[Floats] = (data.read(at, at)[1][None].astype(np.float32) for at in sounds)
    v_of = embedded([run.network.picture for run in runs], batched(images), device)
    a_of = embedded([run.network.sound for run in runs], batched(mels), device)
    v_at, a_at = ({at: number for number, at in enumerate(each)} for each in (pictures, sounds))
    rows, columns = [v_at[at] for at in drawn.pictures], [a_at[at] for at in drawn.sounds]
    told = []
    with torch.inference_mode():
        for run, v, a in zip(runs, v_of, a_of, strict=True):
            logits = run.network.head(*(torch.from_numpy(each).to(device) for each in (v[rows], a[columns])))
            right = logits.argmax(dim=1).bool().cpu().numpy() == drawn.correlated
            told.append(drawn.per_clip(right.astype(float), len(data)))
    return told


def _place(at: Sought) -> tuple[int, int]:
    return at.clip, at.moment
