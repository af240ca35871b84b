"""The Universal Category System: the names by which sound libraries file their sounds.

UCS version 8.2.1, public domain (CC0), by Tim Nielsen, Justin Drury, Kai Paquin and others; https://universalcategorysystem.com.
Its 752 categories lie beside this file as ``ucs_8.2.1.json`` and are read when first asked for.
"""

from __future__ import annotations

import difflib
import functools
import json
from dataclasses import dataclass
from importlib import resources

from foley_bridge.errors import TimelineError
from foley_bridge.library import words

VERSION = "8.2.1"
DEFAULT = "FOLYProp"  # what a performed sound is filed under when nothing more is known
_TELLS_NOTHING = 8  # more categories than this that fit equally well
_FIRST = ("FOLEY", "FOOTSTEPS", "OBJECTS")
_PLAIN = {"FOOTSTEPS": "FEETHmn", "DOORS": "DOORWood"}  # meant when only the category is known; elsewhere its MISC
_STYLISED = {"ARCHIVED", "CARTOON", "CREATURES", "DESIGNED", "LASERS", "MAGIC", "SCIFI"}


@dataclass(frozen=True)
class UcsCategory:
    """One row of the UCS list.

    Attributes:
        cat_id: what file names start with, such as "METLImpt".
        category, subcategory: upper-case names, such as "METAL" and "IMPACT".
        cat_short: the category's short form, such as "METL".
        explanations: a sentence on what belongs here.
        synonyms: words that a search should find it by.
    """

    cat_id: str
    category: str
    subcategory: str
    cat_short: str
    explanations: str
    synonyms: tuple[str, ...]


def all_categories() -> tuple[UcsCategory, ...]:
    """Every category, in the list's own order."""
    return tuple(_table().values())


def category(cat_id: str) -> UcsCategory:
    """The category of a CatID, upper and lower case alike.

    Raises:
        TimelineError: there is no such CatID; the hint names the nearest ones.
    """
    known = _known()
    asked = cat_id.strip().lower()
    if asked in known:
        return _table()[known[asked]]
    near = [known[each] for each in difflib.get_close_matches(asked, known, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(near)}?" if near else "a CatID looks like METLImpt, WOODImpt or FEETHmn"
    raise TimelineError(f"ucs={cat_id}: UCS {VERSION} has no such CatID", hint)


def guess(text: str) -> str:
    """The CatID that fits a few words best, such as "METLImpt" for "metal hit".

    Every word counts, in its one form (``words``): most in the category's name, less in the subcategory's, least among the
    synonyms. Categories of stylised sound (cartoon, science fiction, ...) count half
    unless they are named. Of equal categories FOLEY comes first, then FOOTSTEPS and OBJECTS, then the list's order. If several
    of one category are equal ("metal"), its plainest is meant, mostly MISC. Words that fit nothing, or very many categories
    equally ("hit" alone), tell nothing: DEFAULT.
    """
    asked = _stems(text) - words.filling()
    scores: dict[str, float] = {}
    for word in asked:
        for cat_id, weight in _weights().get(word, ()):
            scores[cat_id] = scores.get(cat_id, 0.0) + weight
    if not scores:
        return DEFAULT
    marks = {cat_id: _mark(cat_id, score, asked) for cat_id, score in scores.items()}
    best = max(marks.values())
    places = _places()
    equal = [_table()[each] for each in sorted((each for each, mark in marks.items() if mark == best), key=places.__getitem__)]
    if len({each.category for each in equal}) == 1:
        plain = _PLAIN.get(equal[0].category)
        meant = [each.cat_id for each in equal if (each.cat_id == plain if plain else each.subcategory == "MISC")]
        return (meant or [equal[0].cat_id])[0]
    return equal[0].cat_id if len(equal) <= _TELLS_NOTHING else DEFAULT


def _mark(cat_id: str, score: float, asked: frozenset[str]) -> tuple[float, int]:
    """(score, place among equals): more is better."""
    name = _table()[cat_id].category
    if name in _STYLISED and not _stems(name) & asked:
        score /= 2
    return score, -(_FIRST.index(name) if name in _FIRST else len(_FIRST))


@functools.cache
def _table() -> dict[str, UcsCategory]:
    content = json.loads(resources.files(__package__).joinpath(f"ucs_{VERSION}.json").read_text("utf-8"))
    return {row[0]: UcsCategory(row[0], row[1], row[2], row[3], row[4], tuple(row[5])) for row in content["categories"]}


@functools.cache
def _known() -> dict[str, str]:
    """CatIDs by their small letters."""
    return {each.lower(): each for each in _table()}


@functools.cache
def _places() -> dict[str, int]:
    """Where each CatID stands in the list."""
    return {each: place for place, each in enumerate(_table())}


@functools.cache
def _weights() -> dict[str, list[tuple[str, float]]]:
    """Every word of the list, in its one form: which CatIDs it speaks for and how loudly, once each."""
    table: dict[str, dict[str, float]] = {}
    for each in all_categories():
        for text, weight in ((" ".join(each.synonyms), 3.0), (each.subcategory, 4.0), (each.category, 8.0)):
            for word in _stems(text):
                table.setdefault(word, {})[each.cat_id] = weight
    return {word: list(found.items()) for word, found in table.items()}


@functools.lru_cache(maxsize=4096)
def _stems(text: str) -> frozenset[str]:
    run = words.tokens(text)
    return frozenset(word for word in (*run, *words.extras(run)) if len(word) > 1 and not word.isdigit())
