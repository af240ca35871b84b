"""Which sounds of the library answer which cue of a reel, in which order.

Every cue has its own ranking, by words and by how a sound's length fits the region. Then the cues choose in turn, as at a
table: each its first sound, in reel order, then each its second, and so on, and a sound that another cue has already taken
counts for less. So take k of a cue never depends on how many takes anybody asks for.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from foley_bridge.engines.behaviour import BED, category_of, expected
from foley_bridge.errors import FoleyError, LibraryError
from foley_bridge.library.search import Found
from foley_bridge.library.sound import LibrarySound
from foley_bridge.timeline.options import Options
from foley_bridge.timeline.regions import Region

NEAR = 0.15
"""Sounds whose scores differ by no more than this share are near-equals: a used one gives way, a seed shuffles them."""
GOOD = 0.5
"""A sound with less than this share of the best one's score is not proposed."""
MOST_CHOICES = 24

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
    """

    words: str
    length_s: float
    ucs: str | None = None
    seed: int = 0
    pin: tuple[str, ...] = ()
    ban: tuple[str, ...] = ()
    channels: str | None = None


@dataclass(frozen=True)
class Choice:
    """A sound for a cue.

    Attributes:
        sound: which.
        words: 0-1, how well its words fit; 1 when it is pinned.
        score: the same, by how its length fits as well.
        cat_id: what tells how it behaves here (``behaviour.category_of``).
    """

    sound: LibrarySound
    words: float
    score: float
    cat_id: str


class Catalogue(Protocol):
    """What choosing needs of the library (``library.catalogue.Catalogue``)."""

    def search(self, words: str, *, ucs: str | None = None, limit: int = 20) -> Sequence[Found]: ...
    def get(self, sound: str, /) -> LibrarySound: ...


def ask(region: Region, options: Options) -> Ask:
    """What a region, its options settled, asks of the library."""
    return Ask(
        words=region.words,
        length_s=float(region.end - region.start),
        ucs=options.ucs,
        seed=options.seed or 0,
        pin=options.pin or (),
        ban=options.ban or (),
        channels=options.channels,
    )


def pick(asks: Sequence[Ask | None], catalogue: Catalogue) -> list[tuple[Choice, ...] | FoleyError]:
    """The sounds for every cue of a reel, best first, each once.

    Take k is made from the k-th; where a cue has fewer, its takes begin again with the first, varied by seed.

    Args:
        asks: in reel order; None for cues that want nothing from the library.
        catalogue: where to look.

    Returns:
        Per cue, up to ``MOST_CHOICES`` and its pinned ones (none for None), or what is wrong with it: nothing found, or a pin
        that cannot be. One cue's fault does not keep the others from choosing.
    """
    answers: list[tuple[Choice, ...] | FoleyError] = [()] * len(asks)
    tables: dict[int, _Table] = {}

    @functools.cache
    def search(words: str, ucs: str | None) -> Sequence[Found]:
        return catalogue.search(words, ucs=ucs, limit=_SEARCHED)

    for number, each in enumerate(asks):
        try:
            if each is not None:
                tables[number] = _Table(_pinned(each, catalogue), _ranking(each, search))
        except FoleyError as error:
            answers[number] = error
    used: Counter[str] = Counter()
    taken: dict[int, list[Choice]] = {number: [] for number in tables}
    turn = 0
    while any(table.left for table in tables.values()):
        # What is pinned goes first: nobody else should take it by rank in the same turn.
        for choosing in (True, False):
            for number, table in tables.items():
                if table.left and (turn < len(table.pinned)) == choosing:
                    choice = table.next(used)
                    used[choice.sound.id] += 1
                    taken[number].append(choice)
        turn += 1
    for number, choices in taken.items():
        answers[number] = tuple(choices)
    return answers


class _Table:
    """What one cue still has to choose from: pinned sounds, then ranked ones, each with its worth in the seed's order."""

    def __init__(self, pinned: Sequence[Choice], ranked: Sequence[tuple[Choice, float]]) -> None:
        self.pinned = pinned
        self._pinned = list(pinned)
        self._ranked = list(ranked)

    @property
    def left(self) -> bool:
        return bool(self._pinned or self._ranked)

    def next(self, used: Counter[str]) -> Choice:
        if self._pinned:
            return self._pinned.pop(0)
        worth = [score * (1 - NEAR) ** used[choice.sound.id] for choice, score in self._ranked]
        return self._ranked.pop(worth.index(max(worth)))[0]


def _pinned(asked: Ask, catalogue: Catalogue) -> list[Choice]:
    found: dict[str, Choice] = {}
    for name in asked.pin:
        try:
            sound = catalogue.get(name)
        except LibraryError as error:
            raise LibraryError(f"pin={error.message}", error.hint) from error
        if _banned(sound, asked):
            raise LibraryError(f"{sound.name} ({sound.id}) is named by pin= and by ban=", "take it out of one of them")
        found[sound.id] = Choice(sound, 1.0, 1.0, category_of(sound, asked.words, asked.ucs))
    return list(found.values())


def _ranking(asked: Ask, search: Callable[[str, str | None], Sequence[Found]]) -> list[tuple[Choice, float]]:
    """Good sounds for the words, best first; none when only what is pinned is wanted."""
    if not asked.words and asked.ucs is None:
        if asked.pin:
            return []
        raise LibraryError("there are no words to choose a sound by", "write what it should sound like, or pin=ID")
    fitting = []
    for found in search(asked.words, asked.ucs):
        sound, words = found.sound, found.score if asked.words else 1.0
        if _banned(sound, asked) or any(sound.id.startswith(name) for name in asked.pin):
            continue
        cat_id = category_of(sound, asked.words, asked.ucs)
        fit = length_fit(sound.duration_s, asked.length_s, expected(cat_id)) * _width_fit(sound, asked.channels)
        fitting.append(Choice(sound, words, words * fit, cat_id))
    fitting.sort(key=lambda choice: -choice.score)  # stable: equals stay in the search's order
    good = [choice for choice in fitting[:MOST_CHOICES] if choice.score > 0 and choice.score >= GOOD * fitting[0].score]
    if not good and not asked.pin:
        named = f"'{asked.words}'" if asked.words else ""
        within = f" in ucs={asked.ucs}" if asked.ucs else ""
        banned = " that is not banned" if asked.ban else ""
        raise LibraryError(f"the sound library has nothing for {named}{within}{banned}", 'use other words, or like="FILE"')
    return [(choice, choice.score * (1 - NEAR * _chance(choice.sound.id, asked.seed))) for choice in good]


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
