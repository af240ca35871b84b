"""The test's pairs (section 4): inputs, each with three conditional examples from other films.

They are drawn from films, or read from a list of the released one's shape: of each target the three examples, ``NAME_SECONDS``
each. Whether example and input match is asked of the clips: do the same materials sound in both, and is there the same kind of
action? The paper's text speaks of both; the released code compares actions alone, for both halves of the table.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foley_bridge.stage.scene import stream
from foley_models.analogy.data.batching import Place
from foley_models.analogy.data.films import Films, first_sample
from foley_models.errors import ModelError

EXAMPLES = 3
"""Conditional examples of each target; the paper's test has 194 targets, and so 582 pairs."""
SHAPE = 'give a JSON object such as {"NAME_3.0667": ["OTHER_7.5333", …]}, names of films and seconds'


@dataclass(frozen=True)
class Pair:
    """An input and a conditional example.

    Attributes:
        target: which input it is, from 0; what belongs to one target is drawn together by the bootstrap.
        input, conditional: where they lie.
        same_materials, same_actions: what is heard in one and in the other; None: nothing is known of one of them.
    """

    target: int
    input: Place
    conditional: Place
    same_materials: bool | None
    same_actions: bool | None


def drawn_pairs(films: Films, count: int, *, seed: int = 0) -> list[Pair]:
    """Pairs by chance: films in random order, each giving one target until all have; then again, at other times.

    Args:
        count: how many pairs; the last target has fewer than ``EXAMPLES`` where that does not divide it.

    Raises:
        ModelError: there are too few films.
    """
    if len(films) <= EXAMPLES:
        raise ModelError(f"{films}: too few for a test", f"each input needs {EXAMPLES} other films")
    pairs: list[Pair] = []
    for target in range(-(-count // EXAMPLES)):
        turn, number = divmod(target, len(films))
        film = int(stream(seed, "targets", turn).permutation(len(films))[number])
        rng = stream(seed, "target", target)
        place = _place(films, film, rng)
        others = [film + 1 + int(other) for other in rng.permutation(len(films) - 1)[:EXAMPLES]]
        examples = [_place(films, other % len(films), rng) for other in others]
        pairs += [_pair(films, target, place, example) for example in examples]
    return pairs[:count]


def listed_pairs(films: Films, path: Path) -> tuple[list[Pair], int]:
    """Pairs of a list.

    Returns:
        those whose films are there, and how many are left out.

    Raises:
        ModelError: it is no such list, or none of its pairs can be used.
    """
    said = _read(path)
    numbers = {name: number for number, name in enumerate(films.names)}
    pairs: list[Pair] = []
    lost = 0
    for target, (name, examples) in enumerate(said.items()):
        place = _find(films, numbers, name, path)
        for example in examples:
            other = _find(films, numbers, example, path)
            if place is None or other is None:
                lost += 1
            else:
                pairs.append(_pair(films, target, place, other))
    if not pairs:
        raise ModelError(f"{path}: none of its {lost} pairs is among {films}", "give the --data that it belongs to")
    return pairs, lost


def _place(films: Films, film: int, rng: Any) -> Place:
    starts = films.about(film)["starts"]
    return Place(film, int(starts[rng.integers(len(starts))]))


def _pair(films: Films, target: int, place: Place, example: Place) -> Pair:
    materials, actions = (
        one == other if one and other else None for one, other in zip(_heard(films, place), _heard(films, example), strict=True)
    )
    return Pair(target, place, example, materials, actions)


def _heard(films: Films, place: Place) -> tuple[set[str], set[str]]:
    """Materials and actions of all that begins in a clip, as far as somebody could tell."""
    begin_s = place.start / films.picture.fps
    end_s = begin_s + films.sound.samples / films.sound.sample_rate
    events = [event for event in films.about(place.film)["events"] if begin_s <= event[0] < end_s]
    return {material for _, _, material in events if material}, {action for _, action, _ in events if action}


def _find(films: Films, numbers: dict[str, int], said: str, path: Path) -> Place | None:
    name, _, seconds = said.rpartition("_")
    try:
        start = round(float(seconds) * films.picture.fps)
    except (ValueError, OverflowError):
        raise ModelError(f"{path}: {said!r} is no clip", SHAPE) from None
    film = numbers.get(name)
    if film is None or start < 0 or start + films.picture.frames > films.about(film)["frames"]:
        return None
    if first_sample(start, films.picture, films.sound) + films.sound.samples > len(films[film].samples):
        return None
    return Place(film, start)


def _read(path: Path) -> dict[str, Sequence[str]]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read, {error.strerror}", SHAPE) from error
    except ValueError as error:
        raise ModelError(f"{path}: is not JSON", SHAPE) from error
    if not isinstance(said, dict) or not all(
        isinstance(each, list) and all(isinstance(clip, str) for clip in each) for each in said.values()
    ):
        raise ModelError(f"{path}: is no list of test pairs", SHAPE)
    return said
