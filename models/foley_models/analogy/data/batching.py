"""Clips, and pairs of clips that do not overlap (the pretext task, section 3.1), out of films, in batches.

What is drawn is a function of (seed, epoch, number of the batch): a run that goes on where it was killed sees what it would
have seen. With augmentation a clip begins at any picture of its film, else at whole seconds: that is the published shift of
up to half a second, and the same for pictures and sound.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foley_bridge.inference import clips as shown
from foley_bridge.inference.clips import ClipSound
from foley_bridge.stage.scene import stream
from foley_models.analogy.data.augmenting import augmented
from foley_models.analogy.data.films import Films, first_sample
from foley_models.errors import ModelError

SHARE_S = 6.0  # of a film that an epoch has one clip, or one pair, of
CONDITIONS = ("same film", "random")


class ClipBatch(NamedTuple):
    """Clips.

    Attributes:
        pictures: float32 (n, 3, frames, size, size), normalised; None where none were asked for.
        samples: float32 (n, samples), levelled.
        films: int64 (n,), which film.
        starts: int64 (n,), the first sample in it.
    """

    pictures: Tensor | None
    samples: Tensor
    films: Tensor
    starts: Tensor


class PairBatch(NamedTuple):
    """Conditional examples and the clips that sound is to be made for."""

    conditional: ClipBatch
    target: ClipBatch


class Place(NamedTuple):
    """Where a clip lies: a film's index, the picture it begins at."""

    film: int
    start: int


def clips(
    films: Films,
    *,
    size: int,
    seed: int,
    epoch: int,
    first: int = 0,
    pictures: bool = True,
    augment: bool = True,
    rest: bool = False,
) -> Generator[ClipBatch]:
    """An epoch's clips: one of each film, of a long one as many as it has six seconds.

    Args:
        size: clips in a batch.
        seed, epoch: what is drawn depends on them.
        first: the batch to begin with, to go on in the middle of an epoch.
        pictures: are they wanted?
        augment: clips begin anywhere, pictures are changed; else they are as networks see them in use.
        rest: also a last batch of what is left over at the epoch's end.
    """
    turns = _turns(films, np.ones(len(films), np.bool_), seed, epoch)
    for number, some in _batches(turns, size, first, rest):
        places = [_alone(films, film, stream(seed, "clip", epoch, number * size + k), augment) for k, film in enumerate(some)]
        yield _batch(films, places, ("pictures", seed, epoch, number), pictures, augment)


def pairs(
    films: Films,
    *,
    size: int,
    seed: int,
    epoch: int,
    first: int = 0,
    condition: str = "same film",
    augment: bool = True,
    rest: bool = False,
) -> Generator[PairBatch]:
    """An epoch's pairs: one of each film, of a long one as many as it has six seconds.

    Args:
        condition: where the conditional example is from: "same film", another time of it; "random", another film.
        size, seed, epoch, first, augment, rest: as for ``clips``.

    Raises:
        ModelError: no film is long enough for two clips, or there is only one.
    """
    if condition not in CONDITIONS:
        raise ValueError(f"{condition!r} is none of {CONDITIONS}")
    within = condition == "same film"
    usable = np.array([not within or _spread(films, film) >= films.picture.frames for film in range(len(films))])
    if not usable.any() or (not within and len(films) < 2):
        least = 2 * films.picture.frames / films.picture.fps
        raise ModelError(
            f"{films.split}: there is no film that two clips can be taken from", f"films of {least:g} s and more, two of them"
        )
    turns = _turns(films, usable, seed, epoch)
    for number, some in _batches(turns, size, first, rest):
        drawn = [
            _pair(films, film, stream(seed, "pair", epoch, number * size + k), within, augment) for k, film in enumerate(some)
        ]
        conditional = _batch(films, [pair[0] for pair in drawn], ("conditional", seed, epoch, number), True, augment)
        target = _batch(films, [pair[1] for pair in drawn], ("target", seed, epoch, number), True, augment)
        yield PairBatch(conditional, target)


def mels(samples: Tensor, sound: ClipSound) -> Tensor:
    """What networks hear of a batch: float32 (n, samples), levelled, to (n, 1, mels, frames)."""
    return torch.from_numpy(shown.mel(samples.numpy(), sound))


# --- which clips ---


def _turns(films: Films, usable: NDArray[np.bool_], seed: int, epoch: int) -> NDArray[np.int64]:
    """int64 (k,): the films whose turn it is, one after another."""
    share = SHARE_S * films.picture.fps
    times = [max(1, int(films.about(film)["frames"] / share)) if usable[film] else 0 for film in range(len(films))]
    return stream(seed, "order", epoch).permutation(np.repeat(np.arange(len(films)), times))


def _batches(turns: NDArray[np.int64], size: int, first: int, rest: bool) -> Generator[tuple[int, list[int]]]:
    """(number, films) of each batch."""
    for number in range(first, -(-len(turns) // size)):
        some = turns[number * size : (number + 1) * size].tolist()
        if len(some) == size or rest:
            yield number, some


def _starts(films: Films, film: int) -> NDArray[np.int64]:
    starts: NDArray[np.int64] = films.about(film)["starts"]
    return starts


def _spread(films: Films, film: int) -> int:
    """How far apart two clips of a film can begin, pictures."""
    starts = _starts(films, film)
    return int(starts[-1] - starts[0])


def _drawn(starts: NDArray[np.int64], rng: np.random.Generator, augment: bool, fps: int) -> int:
    """One of the places that a clip can begin at: without augmentation a whole second, where there is one among them."""
    whole = starts[starts % fps == 0]
    among = starts if augment or not len(whole) else whole
    return int(among[rng.integers(len(among))])


def _alone(films: Films, film: int, rng: np.random.Generator, augment: bool) -> Place:
    return Place(film, _drawn(_starts(films, film), rng, augment, films.picture.fps))


def _pair(films: Films, film: int, rng: np.random.Generator, within: bool, augment: bool) -> tuple[Place, Place]:
    """A conditional example and a target."""
    fps, apart, starts = films.picture.fps, films.picture.frames, _starts(films, film)
    if not within:
        other = (film + 1 + int(rng.integers(len(films) - 1))) % len(films)
        return _alone(films, other, rng, augment), _alone(films, film, rng, augment)
    target = _drawn(starts[(starts - starts[0] >= apart) | (starts[-1] - starts >= apart)], rng, augment, fps)
    return Place(film, _drawn(starts[np.abs(starts - target) >= apart], rng, augment, fps)), Place(film, target)


# --- what they are ---


def _batch(films: Films, places: Sequence[Place], draw: tuple[str, int, int, int], pictures: bool, augment: bool) -> ClipBatch:
    what, seed, epoch, number = draw
    seen, heard = [], []
    for k, place in enumerate(places):
        film = films[place.film]
        first = first_sample(place.start, films.picture, films.sound)
        heard.append(np.array(film.samples[first : first + films.sound.samples]))
        if pictures:
            frames = film.frames[place.start : place.start + films.picture.frames]
            if augment:
                rng = stream(seed, what, epoch, number, k)
                seen.append(shown.normalised(augmented(frames, films.picture.size, rng), films.picture))
            else:
                seen.append(shown.pictures(frames, films.picture))
    starts = first_sample(np.array([place.start for place in places]), films.picture, films.sound)
    return ClipBatch(
        pictures=torch.from_numpy(np.stack(seen)) if pictures else None,
        samples=torch.from_numpy(shown.levelled(np.stack(heard), films.sound)),
        films=torch.tensor([place.film for place in places]),
        starts=torch.from_numpy(starts),
    )
