"""The Universal Category System: the names by which sound libraries file their sounds.

UCS version 8.2.1, public domain (CC0), by Tim Nielsen, Justin Drury, Kai Paquin and others; https://universalcategorysystem.com.
Its 752 categories lie beside this file as ``ucs_8.2.1.json`` and are read when first asked for.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from dataclasses import dataclass
from importlib import resources

from foley_bridge.errors import TimelineError

VERSION = "8.2.1"
DEFAULT = "FOLYProp"  # what a performed sound is filed under when nothing more is known
_TELLS_NOTHING = 8  # more categories than this that fit equally well
_FIRST = ("FOLEY", "FOOTSTEPS", "OBJECTS")
_PLAIN = {"FOOTSTEPS": "FEETHmn", "DOORS": "DOORWood"}  # meant when only the category is known; elsewhere its MISC
_STYLISED = {"ARCHIVED", "CARTOON", "CREATURES", "DESIGNED", "LASERS", "MAGIC", "SCIFI"}
_FILLING = {"a", "an", "and", "at", "in", "into", "of", "on", "or", "the", "to", "with", "foley", "sound"}


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
    known = {each.lower(): each for each in _table()}
    asked = cat_id.strip().lower()
    if asked in known:
        return _table()[known[asked]]
    near = [known[each] for each in difflib.get_close_matches(asked, known, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(near)}?" if near else "a CatID looks like METLImpt, WOODImpt or FEETHmn"
    raise TimelineError(f"ucs={cat_id}: UCS {VERSION} has no such CatID", hint)


def guess(words: str) -> str:
    """The CatID that fits a few words best, such as "METLImpt" for "metal hit".

    Every word counts: most in the category's name, less in the subcategory's, least among the synonyms. Endings (-s, -ed,
    -ing) are cut off first, so "hits" finds "hit". Categories of stylised sound (cartoon, science fiction, ...) count half
    unless they are named. Of equal categories FOLEY comes first, then FOOTSTEPS and OBJECTS, then the list's order. If several
    of one category are equal ("metal"), its plainest is meant, mostly MISC. Words that fit nothing, or very many categories
    equally ("hit" alone), tell nothing: DEFAULT.
    """
    asked = _stems(words) - _FILLING
    marks: dict[str, tuple[float, int]] = {}
    for each in _search_table():
        named = len(asked & each.category)
        score = 8.0 * named + 4 * len(asked & each.subcategory) + 3 * len(asked & each.synonyms)
        if each.stylised and not named:
            score /= 2
        marks[each.cat_id] = (score, -each.place)
    best = max(marks.values())
    equal = [category(cat_id) for cat_id, mark in marks.items() if mark == best]
    if best[0] == 0:
        return DEFAULT
    if len({each.category for each in equal}) == 1:
        plain = _PLAIN.get(equal[0].category)
        meant = [each.cat_id for each in equal if (each.cat_id == plain if plain else each.subcategory == "MISC")]
        return (meant or [equal[0].cat_id])[0]
    return equal[0].cat_id if len(equal) <= _TELLS_NOTHING else DEFAULT


@dataclass(frozen=True)
class _Searchable:
    """A category's words, as stems; each stands only in the weightiest place."""

    cat_id: str
    category: frozenset[str]
    subcategory: frozenset[str]
    synonyms: frozenset[str]
    stylised: bool
    place: int


@functools.cache
def _table() -> dict[str, UcsCategory]:
    content = json.loads(resources.files(__package__).joinpath(f"ucs_{VERSION}.json").read_text("utf-8"))
    return {row[0]: UcsCategory(row[0], row[1], row[2], row[3], row[4], tuple(row[5])) for row in content["categories"]}


@functools.cache
def _search_table() -> tuple[_Searchable, ...]:
    return tuple(
        _Searchable(
            cat_id=each.cat_id,
            category=(own := _stems(each.category)),
            subcategory=(sub := _stems(each.subcategory) - own),
            synonyms=_stems(" ".join(each.synonyms)) - own - sub,
            stylised=each.category in _STYLISED,
            place=_FIRST.index(each.category) if each.category in _FIRST else len(_FIRST),
        )
        for each in all_categories()
    )


def _stems(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in re.findall(r"[a-z0-9]+", text.lower()))


def _stem(word: str) -> str:
    """The word without -s, -es, -ed, -ing, a doubled last letter or a last -e; short words are left alone."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
        return word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word
