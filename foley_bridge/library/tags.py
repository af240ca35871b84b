"""What tags and columns are called, everywhere, and which of a sound's fields they tell.

Soundminer, BaseHead, iXML, ASWG, INFO, ID3, Vorbis, MP4 and manifests mean the same few things by many names. Names are
compared without case, blanks and signs, by what follows the last of ``. / :`` (``com.apple.quicktime.description``).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence

from foley_bridge.library import ucs
from foley_bridge.library.text import clean

Words = dict[str, str]  # a field's name -> what a source says of it

NAMES: Mapping[str, tuple[str, ...]] = {  # the first name that says anything counts
    "cat_id": ("catid", "ucscatid"),
    "category": ("category", "ucscategory", "categoryfull", "mediacategorypost"),
    "subcategory": ("subcategory", "ucssubcategory"),
    "fx_name": ("fxname",),
    "title": ("title", "tracktitle", "songtitle", "tit2", "name"),
    "description": (
        "description", "bwdescription", "bwfdescription", "mediacomment", "longdescription", "subject", "comment", "comments",
        "notes", "note", "usercomments", "synopsis",
    ),
    "keywords": ("keywords", "keyword", "tags"),
    "genre": ("genre",),
    "creator": (
        "designer", "creator", "recordist", "artist", "author", "composer", "manufacturer", "medialibrarymanufacturername",
        "creatorid", "shortid", "engineer", "rightsowner",
    ),
    "source": ("source", "sourceid", "show", "project"),
    "library": ("library", "medialibrary", "album", "cdtitle"),
    "licence": ("licence", "license", "usagerights", "licenceurl", "licenseurl", "copyright", "copyrighturl", "rights"),
    "url": ("url", "website", "purl", "weburl", "contact", "sourceurl"),
}  # fmt: skip
_FIELD_OF = {name: (field, rank) for field, names in NAMES.items() for rank, name in enumerate(names)}
_RECORDER_LINE = re.compile(r"^[a-z]?(?!NOTE=)[A-Z][A-Z0-9]*=.*$", re.MULTILINE)  # field recorders: sTAKE=04, sSPEED=025.000-ND
_MACHINE_NOTE = re.compile(r"processed by sox|lavf[\d.]+|[0-9A-F ]{24,}", re.IGNORECASE)  # what programs leave in comments
_LETTERS = re.compile(r"[^\W\d_]{2}")
_URL = re.compile(r"https?://[^\s<>\"']+")
_BARE_URL = re.compile(r"www\.\S+|[\w-]+\.(?:com|org|net|io|de|fr|co\.uk)(?:/\S*)?")
_MOST_KEYWORDS = 100


def plain(name: str) -> str:
    """A tag's or a column's name as it is compared."""
    return re.sub(r"[^a-z0-9]", "", re.split(r"[./:]", name.strip())[-1].lower())


def fields_from(named: Iterable[tuple[str, str]]) -> Words:
    """What (name, text) pairs say, by field. Of several names for a field the first in ``NAMES`` counts."""
    best: dict[str, tuple[int, str]] = {}
    for name, text in named:
        field, rank = _FIELD_OF.get(plain(name), ("", 0))
        text = _telling(field, text)
        if text and (field not in best or rank < best[field][0]):
            best[field] = (rank, text)
    words = {field: text for field, (_, text) in best.items()}
    if "url" not in words and (link := _URL.search(" ".join(words.get(each, "") for each in ("source", "description")))):
        words["url"] = link.group().rstrip(".,;)")
        if words.get("description") == link.group():
            del words["description"]
    return words


def _telling(field: str, text: str) -> str:
    """The text as it is kept; empty when it tells nothing."""
    if field == "description":
        text = clean(_RECORDER_LINE.sub("", text))
        return "" if _MACHINE_NOTE.fullmatch(text) else text
    if field == "url":
        link = _URL.search(text) or _BARE_URL.fullmatch(text.strip())
        return link.group() if link else ""
    if field in ("title", "licence"):  # a bare date or number
        return clean(text) if _LETTERS.search(text) else ""
    return clean(text) if field else ""


def first_of(field: str, sources: Sequence[Words]) -> str:
    """What the first source says that says anything of a field."""
    return next((each[field] for each in sources if each.get(field)), "")


def keywords_from(*texts: str) -> tuple[str, ...]:
    """Keywords out of lists with commas, semicolons or bars; each once."""
    found: dict[str, str] = {}
    for text in texts:
        for word in re.split(r"[,;|\n]", text):
            word = clean(word.strip(" $#*"), 100)
            if word:
                found.setdefault(word.casefold(), word)
    return tuple(found.values())[:_MOST_KEYWORDS]


def stated_category(words: Words) -> ucs.UcsCategory | None:
    """The UCS category that a source names: by its CatID, or by category and subcategory; None when it names none."""
    by_id, by_names = _categories()
    cat_id = words.get("cat_id", "").partition("-")[0].strip().lower()
    if cat_id in by_id:
        return by_id[cat_id]
    category, subcategory = words.get("category", ""), words.get("subcategory", "")
    if not subcategory:  # Soundminer's CategoryFull: DOORS-WOOD
        category, _, subcategory = category.partition("-")
    return by_names.get((category.strip().upper(), subcategory.strip().upper()))


@functools.cache
def _categories() -> tuple[dict[str, ucs.UcsCategory], dict[tuple[str, str], ucs.UcsCategory]]:
    every = ucs.all_categories()
    return {each.cat_id.lower(): each for each in every}, {(each.category, each.subcategory): each for each in every}
