"""Search by words: what was asked for, what each sound is worth for it, and the order.

A word's *credit* for a sound is the best of where it stands:

    1.0   in the file's name or title            0.6   in the name of its UCS category or subcategory
    0.8   in its description, keywords, folders   0.4   among the category's synonyms;  0.2 in its explanation

A word that people use in its place is worth 0.5. A compound that no sound has counts by its parts; a word that nothing has and
that UCS does not know is taken for a typing mistake, and words near it count, at half their credit.

A sound's *score* is the mean of its words' credits, so 1 says that its name has every word. Words that say how a sound is
rather than what ("heavy") count half, numbers a quarter, rare words a little more than common ones. Favourites are lifted by
0.05. Of equals those come first whose category is the one that the words together name (``ucs.guess``), then those with the
shorter name; then they are ordered by name and id.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import LibraryError
from foley_bridge.library import ucs, words
from foley_bridge.library.sound import LibrarySound

NAME, TEXT, CATEGORY, SYNONYM, EXPLANATION = 1.0, 0.8, 0.6, 0.4, 0.2
NUMBER_WEIGHT, QUALIFIER_WEIGHT = 0.25, 0.5
ALIKE = 0.5
NEAR = 0.5
RARITY = 0.25
FAVOURITE = 0.05
MOST_WORDS = 24  # of a query; what follows is not looked at
NAME_COLUMN, ALL_COLUMN = "name_words", "all_words"

Credits = NDArray[np.float64]
Places = NDArray[np.int64]
_QUOTED = re.compile(r'(?:(?<=\s)|^)(-?)["“”„]([^"“”„]*)["“”„]|(?:(?<=\s)|^)-(?=[^\s-])(\S+)')


@dataclass(frozen=True)
class Found:
    """A sound and how well it fits the words.

    Attributes:
        score: 0-1; 1 when its name has every word. 0 when no words were asked for.
    """

    sound: LibrarySound
    score: float


@dataclass(frozen=True)
class Query:
    """Words taken apart.

    Attributes:
        terms: single words, in their one form.
        phrases: rows of words that must stand in a sound's texts as they are.
        without: words or phrases that must not.
        plain: what was asked for as it was typed, without what must not be there.
        empty: nothing was asked for, so that everything fits.
    """

    terms: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...]
    without: tuple[tuple[str, ...], ...]
    plain: str
    empty: bool


@dataclass(frozen=True)
class Ask:
    """A question to the full-text index: which sounds have words in a column.

    Attributes:
        how: "any" of the words, all of them as a "phrase", or one "near" the single word.
        edits: for "near", how many letters may be wrong; the first may not.
    """

    how: Literal["any", "phrase", "near"]
    column: str
    words: tuple[str, ...]
    edits: int = 0


@dataclass(frozen=True)
class Worth:
    """What words make of every sound, by place.

    Attributes:
        fits: it may be found, has what must be there and not what must not.
        score: 0-1, with a favourite's lift above; 0 where no word is there, and where it does not fit.
    """

    fits: NDArray[np.bool_]
    score: Credits


class Library(Protocol):
    """What a search needs of a catalogue's version; places are indices into its arrays."""

    kind: NDArray[np.int16]
    favourite: NDArray[np.bool_]
    name_length: NDArray[np.int16]
    order: NDArray[np.int32]

    def __len__(self) -> int: ...
    def look_up(self, asks: Sequence[Ask]) -> list[Places]: ...


class _Index:
    """The index's answers, each fetched once; many at once cost little more than one."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._known: dict[Ask, Places] = {}

    def fetch(self, asks: Iterable[Ask]) -> None:
        new = [ask for ask in dict.fromkeys(asks) if ask not in self._known]
        self._known.update(zip(new, self.library.look_up(new) if new else (), strict=True))

    def __getitem__(self, ask: Ask) -> Places:
        self.fetch([ask])
        return self._known[ask]


def parse(text: str) -> Query:
    """Words as typed: ``"a phrase"`` in quotes must be there as it stands, ``-word`` and ``-"a phrase"`` must not."""
    phrases: list[tuple[str, ...]] = []
    without: list[tuple[str, ...]] = []
    plain = _QUOTED.sub(" ", text)
    said = [plain]
    for minus, quoted, word in _QUOTED.findall(text):
        if run := words.tokens(quoted or word):
            (without if minus or word else phrases).append(run)
            said += [] if minus or word else [quoted]
    found = list(dict.fromkeys(words.together(words.tokens(plain))))
    terms = [each for each in found if each not in words.filling()] or found
    room = max(0, MOST_WORDS - len(phrases))
    return Query(
        terms=tuple(terms[:room]),
        phrases=tuple(phrases[:MOST_WORDS]),
        without=tuple(without[:MOST_WORDS]),
        plain=" ".join(said),
        empty=not terms and not phrases and (bool(without) or not text.strip()),
    )


def rank(query: Query, library: Library, allowed: NDArray[np.bool_], limit: int) -> list[tuple[int, float]]:
    """The best sounds among those allowed: (place, score), best first."""
    return best_of(query, library, worth(query, library, allowed), limit)


def worth(query: Query, library: Library, allowed: NDArray[np.bool_]) -> Worth:
    """What words make of every sound of those allowed."""
    index = _Index(library)
    index.fetch(itertools.chain(*map(_term_asks, query.terms), *map(_phrase_asks, query.phrases + query.without)))
    fits = allowed.copy()
    total = np.zeros(len(library))
    weights = 0.0
    for run in query.phrases:
        credit = _phrase_credit(index, run)
        fits &= credit > 0
        total += credit
        weights += 1
    for term in query.terms:
        credit = term_credit(index, term)
        weight = weight_of(term, float(credit.sum()), len(library))
        total += weight * credit
        weights += weight
    for run in query.without:
        fits &= ~_has(index, run)
    total = np.where(fits, total / max(weights, 1e-9), 0.0)
    total[library.favourite & (total > 0)] += FAVOURITE
    return Worth(fits, np.round(total, 6))  # sums of the same credits in another order are equal


def best_of(query: Query, library: Library, found: Worth, limit: int) -> list[tuple[int, float]]:
    """The best sounds of those that words find, all where none were asked for: (place, score), best first."""
    total = found.score
    places = np.flatnonzero(found.fits if query.empty else total > 0)
    if query.empty:
        places = places[np.argsort(library.order[places])]
    else:
        if len(places) > limit:  # a full sort only of those that may be among the best
            least = np.partition(total[places], len(places) - limit)[len(places) - limit]
            places = places[total[places] >= least]
        keys = (library.order[places], library.name_length[places], -_meant(query.plain)[library.kind[places]], -total[places])
        places = places[np.lexsort(keys)]
    return [(int(place), float(min(total[place], 1.0)) if not query.empty else 0.0) for place in places[:limit]]


def _meant(plain: str) -> NDArray[np.int8]:
    """(categories + 1,): 2 for the category that words together name, 1 for others of its name."""
    meant = ucs.guess(plain)
    found = np.zeros(len(ucs.all_categories()) + 1, dtype=np.int8)
    if meant != ucs.DEFAULT:
        name = ucs.category(meant).category
        found[:-1] = [2 if each.cat_id == meant else int(each.category == name) for each in ucs.all_categories()]
    return found


def weight_of(term: str, found: float, sounds: int) -> float:
    """How much a word counts that so many of all sounds have, credits added up: a rare word a little more."""
    kind = NUMBER_WEIGHT if term.isdigit() else QUALIFIER_WEIGHT if term in words.qualifiers() else 1.0
    return kind * math.log(1 + sounds / (1 + found)) ** RARITY


def term_credit(index: _Index, term: str) -> Credits:
    """What a word is worth for every sound, 0-1."""
    credit = _loose_credit(index, term)
    _raise(credit, index[Ask("any", NAME_COLUMN, (term,))], NAME)
    if (pair := words.parts(term)) and credit.max(initial=0.0) < TEXT:
        credit = np.maximum(credit, sum(_loose_credit(index, part) for part in pair) / len(pair))
    if others := words.alike().get(term):
        _raise(credit, index[Ask("any", ALL_COLUMN, others)], ALIKE)
    if credit.any() or term in words.lexicon() or term.isdigit():
        return credit
    for edits in range(1, edits_allowed(term) + 1):
        for column, worth in ((ALL_COLUMN, TEXT), (NAME_COLUMN, NAME)):
            _raise(credit, index[Ask("near", column, (term,), edits)], NEAR * worth)
            _raise(credit, index[Ask("any", column, swapped(term))], NEAR * worth)
        if credit.any():
            break
    for each in near_words(term):
        credit = np.maximum(credit, NEAR * kind_credit(each)[index.library.kind])
    return credit


def _loose_credit(index: _Index, term: str) -> Credits:
    """The credit of a word wherever it stands, names not told from other texts."""
    credit = kind_credit(term)[index.library.kind]
    _raise(credit, index[Ask("any", ALL_COLUMN, (term,))], TEXT)
    return credit


def _raise(credit: Credits, places: Places, worth: float) -> None:
    credit[places] = np.maximum(credit[places], worth)


def _term_asks(term: str) -> list[Ask]:
    """What is asked for every word; the rest only when that finds nothing."""
    asks = [Ask("any", ALL_COLUMN, (term,)), Ask("any", NAME_COLUMN, (term,))]
    return asks + [Ask("any", ALL_COLUMN, others) for others in [words.alike().get(term)] if others]


def edits_allowed(term: str) -> int:
    """How many letters of a word may be wrong."""
    return 0 if len(term) < 4 else 1 if len(term) < 7 else 2


def swapped(term: str) -> tuple[str, ...]:
    """The word with each two neighbouring letters changed round."""
    return tuple(term[:at] + term[at + 1] + term[at] + term[at + 2 :] for at in range(len(term) - 1))


def near_words(term: str) -> list[str]:
    """Words of the UCS list that a mistyped word may mean."""
    return difflib.get_close_matches(term, sorted(words.lexicon()), n=2, cutoff=0.8) if edits_allowed(term) else []


@functools.lru_cache(maxsize=4096)
def kind_credit(term: str) -> Credits:
    """What a word is worth by UCS category alone: (categories + 1,), the last for sounds without one. Not to be written to."""
    found = _kind_words().get(term, {})
    credit = np.zeros(len(ucs.all_categories()) + 1)
    for place, worth in found.items():
        credit[place] = worth
    return credit


@functools.cache
def _kind_words() -> dict[str, dict[int, float]]:
    """Every word of the UCS list: in which categories, and what it is worth there."""
    table: dict[str, dict[int, float]] = {}
    for place, each in enumerate(ucs.all_categories()):
        for worth, texts in (
            (EXPLANATION, (each.explanations,)),
            (SYNONYM, each.synonyms),
            (CATEGORY, (each.category, each.subcategory, each.cat_id)),
        ):
            for word in set(_with_extras(texts)) - {"misc", "general"}:
                table.setdefault(word, {})[place] = worth
    return table


def _with_extras(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        run = words.tokens(text)
        yield from run
        yield from words.extras(run)


def _phrase_asks(run: Sequence[str]) -> list[Ask]:
    ways = {tuple(run), tuple(words.together(run)), tuple(words.apart(run))}  # compounds as typed, together, in parts
    return [
        Ask("phrase" if len(way) > 1 else "any", column, way) for column in (ALL_COLUMN, NAME_COLUMN) for way in sorted(ways)
    ]


def _phrase_credit(index: _Index, run: Sequence[str]) -> Credits:
    credit = np.zeros(len(index.library))
    for ask in _phrase_asks(run):
        _raise(credit, index[ask], NAME if ask.column == NAME_COLUMN else TEXT)
    return credit


def _has(index: _Index, run: Sequence[str]) -> NDArray[np.bool_]:
    """Which sounds have it in their texts, or as a word in their category's name."""
    has = _phrase_credit(index, run) > 0
    return has | (kind_credit(run[0])[index.library.kind] >= CATEGORY) if len(run) == 1 else has


def length_bounds(length_s: tuple[float | None, float | None]) -> tuple[float, float]:
    """Shortest and longest length as numbers.

    Raises:
        LibraryError: one is negative or no number, or the shortest is longer than the longest.
    """
    low = 0.0 if length_s[0] is None else float(length_s[0])
    high = float("inf") if length_s[1] is None else float(length_s[1])
    if not 0 <= low <= high:
        raise LibraryError(f"length {length_s[0]} to {length_s[1]} s: is no range", "give the shortest first, such as 0.5-4")
    return low, high
