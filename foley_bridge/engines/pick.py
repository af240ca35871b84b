"""Which sounds of the library answer which cue of a reel, in which order.

Every cue has its own ranking: by words, by what is on screen where somebody looked (``library.finding``), and by how a sound's
length fits the region. Then the cues choose in turn, as at a table: each its first sound, in reel order, then each its second,
and so on, and a sound that another cue has already taken counts for less. So take k of a cue never depends on how many takes
anybody asks for.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from foley_bridge.engines.behaviour import BED, category_of, expected
from foley_bridge.errors import FoleyError, LibraryError
from foley_bridge.library.finding import WORDS, Hit, Searched, Shown, find, mixed
from foley_bridge.library.sound import LibrarySound
from foley_bridge.timeline.options import MOST_TAKES, Options
from foley_bridge.timeline.regions import Region

NEAR = 0.15
"""Sounds whose scores differ by no more than this share are near-equals: a used one gives way, a seed shuffles them."""
GOOD = 0.5
"""A sound with less than this share of the best one's score is not proposed."""
LEAST_WORDS = 0.25
"""Nor is one whose words (of a region without words: its picture) fit less than this: better nothing than a cowbell for a
dog's bark. Where both count, the picture may make up for words."""
MOST_CHOICES = MOST_TAKES + 8
"""Of each cue; some to spare for files that turn out to be gone."""

_SEARCHED = 200
_ENOUGH_BED_S = 10.0  # a bed this long may be repeated
_NARROW = 0.9  # what is left of a sound's score when stereo is asked and it is mono


@dataclass(frozen=True)
class Ask:
    """What a cue asks of the library.

    Attributes:
        words: what it should sound like.
        ucs: a CatID to choose from; None for all.
        length_s: of the region.
        seed: 0 keeps the order of rank, others shuffle near-equals.
        pin, ban: ids or beginnings of them; see ``Options``.
        channels: of the takes, as in ``Options``.
        shown: what is on screen; None where nobody looked.
    """

    words: str
    length_s: float
    ucs: str | None = None
    seed: int = 0
    pin: tuple[str, ...] = ()
    ban: tuple[str, ...] = ()
    channels: str | None = None
    shown: Shown | None = None


@dataclass(frozen=True)
class Choice:
    """A sound for a cue.

    Attributes:
        sound: which.
        words: 0-1, how well its words fit; 1 when it is pinned; None where there were none.
        score: 0-1, by words, picture and length.
        cat_id: what tells how it behaves here (``behaviour.category_of``).
        picture: 0-1, how well it goes with what is on screen; None where nobody knows.
    """

    sound: LibrarySound
    words: float | None
    score: float
    cat_id: str
    picture: float | None = None


class Catalogue(Searched, Protocol):
    """What choosing needs of the library (``library.catalogue.Catalogue``)."""

    def get(self, sound: str, /) -> LibrarySound: ...


def ask(region: Region, options: Options, shown: Shown | None = None) -> Ask:
    """What a region, its options settled, asks of the library, by what is on screen, too, where somebody looked."""
    return Ask(
        words=region.words,
        length_s=float(region.end - region.start),
        ucs=options.ucs,
        seed=options.seed or 0,
        pin=options.pin or (),
        ban=options.ban or (),
        channels=options.channels,
        shown=shown,
    )


def wants_ranked(region: Region, options: Options) -> bool:
    """Whether a region asks for other sounds than those that it pins."""
    return bool(region.words or options.ucs or not options.pin)


def pick(
    asks: Sequence[Ask | None], catalogue: Catalogue, *, asking: Callable[[int], None] = lambda number: None
) -> list[tuple[Choice, ...] | FoleyError]:
    """The sounds for every cue of a reel, best first, each once.

    Take k is made from the k-th; where a cue has fewer, its takes begin again with the first, varied by seed.

    Args:
        asks: in reel order; None for cues that want nothing from the library.
        catalogue: where to look.
        asking: told the place of each ask before the library is searched for it; may raise to stop.

    Returns:
        Per cue, up to ``MOST_CHOICES`` (none for None), or what is wrong with it: nothing found, or a pin
        that cannot be. One cue's fault does not keep the others from choosing.
    """
    answers: list[tuple[Choice, ...] | FoleyError] = [()] * len(asks)
    tables: dict[int, _Table] = {}

    @functools.cache
    def said(words: str, ucs: str | None) -> list[Hit]:
        return [Hit(each.sound, each.score, each.score) for each in catalogue.search(words, ucs=ucs, limit=_SEARCHED)]

    def search(asked: Ask) -> list[Hit]:
        if asked.shown is None:
            return said(asked.words, asked.ucs)
        hits = find(catalogue, asked.words, asked.shown, ucs=asked.ucs, limit=_SEARCHED)
        # All of a category may come, embedded or not; who is not among so many nearest is known to lie farther away.
        if not asked.words and asked.ucs is not None and len(hits) < _SEARCHED:
            known = {hit.sound.id for hit in hits}
            hits += [hit for hit in said("", asked.ucs) if hit.sound.id not in known]
        return hits

    for number, each in enumerate(asks):
        if each is None:
            continue
        asking(number)
        try:
            pinned, ranked = _pinned(each, catalogue), _ranked(each, search)
            worth = [choice.score * (1 - NEAR * _chance(choice.sound.id, each.seed)) for choice in ranked]
            tables[number] = _Table(pinned, ranked, np.array(worth))
        except FoleyError as error:
            answers[number] = error
    reel = _Reel(tables)
    for turn in range(MOST_CHOICES):
        # What is pinned goes first: nobody else should take it by rank in the same turn.
        for number, table in tables.items():
            if turn < len(table.pinned):
                reel.take(number, table.pinned[turn])
        for number, table in tables.items():
            if turn >= len(table.pinned):
                reel.take_best(number, table)
    for number, choices in reel.taken.items():
        answers[number] = tuple(choices)
    return answers


@dataclass(frozen=True)
class _Table:
    """What one cue has to choose from. worth: float64 (ranked,), of the ranked ones in the order of the cue's seed."""

    pinned: Sequence[Choice]
    ranked: Sequence[Choice]
    worth: np.ndarray


class _Reel:
    """What every cue has taken so far, and how often every sound was."""

    def __init__(self, tables: Mapping[int, _Table]) -> None:
        sounds = (choice.sound.id for table in tables.values() for choice in (*table.pinned, *table.ranked))
        self._place = {sound: place for place, sound in enumerate(dict.fromkeys(sounds))}
        self._fresh = np.ones(len(self._place))  # falls with every time that a sound is taken
        self._ranked = {number: np.array(self._places(table.ranked), int) for number, table in tables.items()}
        self._left = {number: table.worth.copy() for number, table in tables.items()}
        self.taken: dict[int, list[Choice]] = {number: [] for number in tables}

    def _places(self, choices: Sequence[Choice]) -> list[int]:
        return [self._place[choice.sound.id] for choice in choices]

    def take(self, number: int, choice: Choice) -> None:
        self.taken[number].append(choice)
        self._fresh[self._place[choice.sound.id]] *= 1 - NEAR

    def take_best(self, number: int, table: _Table) -> None:
        """The best of those left, if any; of equals the first."""
        left = self._left[number]
        if left.any():
            best = int(np.argmax(left * self._fresh[self._ranked[number]]))
            left[best] = 0
            self.take(number, table.ranked[best])


def _pinned(asked: Ask, catalogue: Catalogue) -> list[Choice]:
    found: dict[str, Choice] = {}
    for name in asked.pin:
        try:
            sound = catalogue.get(name)
        except LibraryError as error:
            raise LibraryError(f"pin={error.message}", error.hint) from error
        if _banned(sound, asked):
            raise LibraryError(f"{sound.name} ({sound.id}) is named by pin= and by ban=", "take it out of one of them")
        found[sound.id] = Choice(sound, 1.0 if asked.words else None, 1.0, category_of(sound, asked.words, asked.ucs))
    return list(found.values())


def _ranked(asked: Ask, search: Callable[[Ask], Sequence[Hit]]) -> list[Choice]:
    """Good sounds, best first; none when only what is pinned is wanted."""
    if not asked.words and asked.ucs is None:
        if asked.pin:
            return []
        if asked.shown is None:
            raise LibraryError("there are no words to choose a sound by", "write what it should sound like, or pin=ID")
    least = LEAST_WORDS * (WORDS if asked.words and asked.shown is not None else 1.0)
    fitting = []
    for found in search(asked):
        sound, worth = found.sound, _worth(found, asked)
        pinned = any(sound.id.startswith(name) for name in asked.pin)
        if worth < least or pinned or _banned(sound, asked) or _hardly_named(found, asked):
            continue
        cat_id = category_of(sound, asked.words, asked.ucs)
        fit = length_fit(sound.duration_s, asked.length_s, expected(cat_id)) * _width_fit(sound, asked.channels)
        fitting.append(Choice(sound, found.words if asked.words else None, worth * fit, cat_id, found.picture))
    fitting.sort(key=lambda choice: -choice.score)  # stable: equals stay in the search's order
    good = [choice for choice in fitting if choice.score >= GOOD * fitting[0].score]
    if not good and not asked.pin:
        named = f"'{asked.words}'" if asked.words else "this picture" if asked.ucs is None else ""
        within = f" in ucs={asked.ucs}" if asked.ucs else ""
        banned = " that is not banned" if asked.ban else ""
        raise LibraryError(f"the sound library has nothing for {named}{within}{banned}", 'use other words, or like="FILE"')
    return good


def _hardly_named(found: Hit, asked: Ask) -> bool:
    """Whether words must fit, and do not: a picture that nobody knows does not make up for them."""
    return bool(asked.words) and found.picture is None and (found.words or 0.0) < LEAST_WORDS


def _worth(found: Hit, asked: Ask) -> float:
    """0-1, but for the length. Where only a category is asked for, all in it fit, and the picture says which better."""
    if asked.words or asked.ucs is None:
        return found.score
    return 1.0 if asked.shown is None else mixed(1.0, found.picture)


def _banned(sound: LibrarySound, asked: Ask) -> bool:
    return any(sound.id.startswith(name) for name in asked.ban)


def _chance(sound_id: str, seed: int) -> float:
    """0-1, 0 for seed 0: the same for the same sound and seed, whatever else is in the library."""
    if seed == 0:
        return 0.0
    digest = hashlib.blake2b(f"{seed} {sound_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def length_fit(length_s: float, region_s: float, behaves: str) -> float:
    """0.2-1, how well a sound's length fits a region's: a bed should not have to be repeated often, and of nothing should most
    be thrown away."""
    length_s, region_s = max(length_s, 0.01), max(region_s, 0.01)
    if behaves == BED:
        enough = min(1.0, (length_s / min(region_s, _ENOUGH_BED_S)) ** 0.5)
        waste = (60 * max(1.0, region_s) / length_s) ** 0.25
        return max(0.2, min(1.0, enough, waste))
    return max(0.2, min(1.0, (2 * max(1.0, region_s) / length_s) ** 0.5))


def _width_fit(sound: LibrarySound, channels: str | None) -> float:
    return _NARROW if channels == "stereo" and sound.channels == 1 else 1.0
