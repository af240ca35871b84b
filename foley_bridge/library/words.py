"""Words as sound people write them, brought to one form: what is indexed and what is asked for go through the same mill.

File names are taken apart at ``_``, ``-``, ``CamelCase`` and between letters and digits; accents, plurals, -ing, -ed and
British spellings fall away; "03" is "3". Compounds are known whole and in parts, however they are written: "footsteps",
"foot-step" and "FootStep" all have the words "footstep", "foot" and "step".
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

BREAK = "."  # stands between texts that do not follow on each other, so that no phrase reaches across
LONGEST = 40  # letters of a word that count
_MOST = 400  # words of one text that count

_LETTERS = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_POSSESSIVE = re.compile(r"(?<=\w)['’`]s\b|(?<=\w)['’`](?=\w)", re.IGNORECASE)
_ACCENTS = re.compile("[\u0300-\u036f]")
_VOWEL = re.compile(r"[aeiouy]")


@functools.lru_cache(maxsize=20_000)
def tokens(text: str) -> tuple[str, ...]:
    """The words of a text in their one form, in order; at most 400."""
    text = _POSSESSIVE.sub("", text[: _MOST * LONGEST])
    if text.isascii():
        return tuple(stem(piece.lower()) for piece in _CAMEL.findall(text)[:_MOST])
    text = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
    pieces: list[str] = []
    for run in _LETTERS.findall(text):
        pieces += _CAMEL.findall(run if run.isascii() else run.casefold())
    return tuple(stem(piece.casefold()) for piece in pieces[:_MOST])


def indexed(texts: Iterable[str]) -> str:
    """What the index holds of texts: their words in order, then the compounds they make and the parts of their compounds."""
    pieces = [piece for text in texts if (piece := _piece(text))[0]]
    inside = {word for run, _ in pieces for word in run}
    more = dict.fromkeys(word for _, further in pieces for word in further if word not in inside)
    return f" {BREAK} ".join([*(" ".join(run) for run, _ in pieces), *more])


@functools.lru_cache(maxsize=20_000)
def _piece(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    run = tokens(text)
    return run, tuple(extras(run))


@functools.cache
def filling() -> frozenset[str]:
    """Words that ask for nothing by themselves, in their one form."""
    return frozenset(map(stem, _lists().filling))


@functools.cache
def qualifiers() -> frozenset[str]:
    """Words that say how a sound is rather than what it is, in their one form."""
    return frozenset(map(stem, _lists().qualifiers))


@functools.cache
def alike() -> dict[str, tuple[str, ...]]:
    """For a word those that people use in its place."""
    table: dict[str, set[str]] = {}
    for group in _lists().alike:
        for word in (run := tokens(group)):
            table.setdefault(word, set()).update(each for each in run if each != word)
    return {word: tuple(sorted(found)) for word, found in table.items()}


def extras(run: Sequence[str]) -> list[str]:
    """Further words a row of words stands for: what neighbours make, what compounds are made of, what abbreviations mean."""
    joined, short = _joined(), _short()
    more = [joined[pair] for pair in itertools.pairwise(run) if pair in joined]
    for word in run:
        more += parts(word)
        more += short.get(word, ())
    return more


def together(run: Sequence[str]) -> list[str]:
    """A row of words with neighbours that make a compound as one word."""
    done: list[str] = []
    for word in run:
        whole = _joined().get((done[-1], word)) if done else None
        done[-1:] = [whole] if whole else [*done[-1:], word]
    return done


def apart(run: Sequence[str]) -> list[str]:
    """A row of words with each compound as its parts."""
    return [part for word in run for part in (parts(word) or (word,))]


@functools.lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The one form of a lower-case word."""
    word = word[:LONGEST]
    if word.isdigit():
        return word.lstrip("0") or "0"
    word = _lists().same.get(word, word)
    if len(word) <= 3 or not word.isascii():
        return word
    for ending, left in (("ies", "i"), ("ied", "i"), ("ily", "i"), ("ly", ""), ("ing", ""), ("ed", ""), ("s", "")):
        rest = word.removesuffix(ending)
        if rest == word or len(rest) < 3 or not _VOWEL.search(rest):
            continue
        if (ending == "s" and rest[-1] in "su") or (ending == "ed" and rest[-1] == "e") or (ending == "ly" and len(rest) < 4):
            continue
        word = rest + left
        break
    word = _lists().same.get(word, word)
    if word.endswith("isation") or (word.endswith("ise") and len(word) >= 7):
        word = word.replace("isation", "ization") if word.endswith("isation") else word[:-3] + "ize"
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 3 and word.endswith("y") and word[-2] not in "aeiou":
        word = word[:-1] + "i"
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
        word = word[:-1]
    return word


@functools.cache
def _joined() -> dict[tuple[str, str], str]:
    return {(stem(first), stem(second)): stem(first + second) for first, second in _lists().compounds}


@functools.cache
def _apart() -> dict[str, tuple[str, str]]:
    return {whole: pair for pair, whole in _joined().items()}


@functools.cache
def _short() -> dict[str, tuple[str, ...]]:
    return {stem(word): tokens(meaning) for word, meaning in _lists().short.items()}


@functools.cache
def lexicon() -> frozenset[str]:
    """Every word of the UCS list's names and synonyms, in its one form."""
    from foley_bridge.library import ucs

    return frozenset(
        word
        for each in ucs.all_categories()
        for text in (each.category, each.subcategory, *each.synonyms)
        for word in tokens(text)
    )


@functools.lru_cache(maxsize=100_000)
def parts(word: str) -> tuple[str, ...]:
    """The parts of a compound: one that is known, or a word that nobody knows and that two known words make; or none."""
    if word in _apart():
        return _apart()[word]
    if word.isdigit() or not word.isascii() or len(word) < 7 or word in lexicon():
        return ()
    for cut in range(len(word) - 3, 2, -1):
        pair = stem(word[:cut]), stem(word[cut:])
        if word[cut - 1] != "s" and all(part in _possible_parts() for part in pair):
            return pair
    return ()


@functools.cache
def _possible_parts() -> frozenset[str]:
    return (lexicon() | set(map(stem, _lists().parts))) - set(_lists().no_parts)


@dataclass(frozen=True)
class _Lists:
    """The lists of words.json."""

    filling: tuple[str, ...]
    qualifiers: tuple[str, ...]
    same: dict[str, str]
    short: dict[str, str]
    alike: tuple[str, ...]
    compounds: tuple[tuple[str, str], ...]
    parts: tuple[str, ...]
    no_parts: tuple[str, ...]


@functools.cache
def _lists() -> _Lists:
    content = json.loads(resources.files(__package__).joinpath("words.json").read_text("utf-8"))
    return _Lists(
        filling=tuple(content["filling"]),
        qualifiers=tuple(content["qualifiers"]),
        same=content["same"],
        short=content["short"],
        alike=tuple(content["alike"]),
        compounds=tuple((first, second) for first, second in map(str.split, content["compounds"])),
        parts=tuple(content["parts"]),
        no_parts=tuple(content["no_parts"]),
    )
