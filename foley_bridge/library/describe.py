"""A catalogue entry out of what is known of a file: its name, its folders, its tags, a librarian's CSV, the user's options.

What wins, field by field:

    category                  CSV · file name (UCS) · tags · a guess from the words
    fx_name                   CSV · file name (UCS) · tags · a title
    creator, source           CSV · --source · tags · file name (UCS) · bext's originator
    licence                   CSV · --licence · tags
    description, library, url CSV · tags
    keywords                  CSV, or else all that tags say; and those of the UCS file name, and categories UCS does not know

Above all stand the user's own corrections, which the catalogue keeps. A file that no longer says anything of a field leaves it
as it was known.
"""

from __future__ import annotations

import dataclasses
import os.path
from collections.abc import Sequence

from foley_bridge.library import ucs, ucs_filename
from foley_bridge.library.metadata import Metadata
from foley_bridge.library.sound import LibrarySound, fields_of
from foley_bridge.library.tags import Words, first_of, keywords_from, stated_category
from foley_bridge.library.text import clean, words

_KEPT_WHEN_SILENT = ("fx_name", "description", "keywords", "creator", "source", "library", "licence", "url")
_TELLING = 200  # characters of a description that a category is guessed from


def describe(path: str, folders: Sequence[str], found: Metadata, *, row: Words, licence: str, source: str) -> LibrarySound:
    """The entry of one file, without what the scan adds: id, fingerprint, size and time are empty.

    Args:
        path: the file.
        folders: names of the folders it lies in, below the one that was added, the nearest first.
        found: what it is and says.
        row: what a librarian's CSV says of it; empty when there is none.
        licence, source: what the user says of everything added; may be empty.
    """
    stem = os.path.splitext(os.path.basename(path))[0]  # noqa: PTH119, PTH122 (called for every file of a library)
    named = ucs_filename.parse(stem)
    options = {"licence": clean(licence), "source": clean(source)}
    said = [row, options, *found.words]
    from_name = {"fx_name": named.fx_name, "creator": named.creator, "source": named.source} if named else {}
    fx_name = first_of("fx_name", [row, from_name, *found.words])
    title = first_of("title", said)
    if not fx_name and words(title).casefold() != words(stem).casefold():
        fx_name = title
    keywords, unknown = _keywords(row, found.words)
    if named:
        keywords = keywords_from(", ".join((*keywords, *named.keywords)))
    description = first_of("description", said)
    row_category = stated_category(row)
    tags_category = next((category for each in found.words if (category := stated_category(each))), None)
    if row_category or named or tags_category:
        category = row_category or (named.category if named else tags_category)
        cat_from = "metadata" if row_category or not named else "file"
    else:
        own = " ".join((words(stem), fx_name, *keywords, *unknown, description[:_TELLING]))
        category, cat_from = _guessed(own, folders), "guess"
    return LibrarySound(
        id="",
        paths=(path,),
        name=clean(stem),
        cat_id=category.cat_id if category else "",
        category=category.category if category else "",
        subcategory=category.subcategory if category else "",
        cat_from=cat_from,
        fx_name=fx_name,
        description=description,
        keywords=keywords_from(", ".join((*keywords, *unknown))),
        creator=first_of("creator", [*said, from_name, {"creator": clean(found.originator)}]),
        source=first_of("source", [*said, from_name]),
        library=first_of("library", said),
        licence=first_of("licence", said),
        url=first_of("url", said),
        duration_s=found.duration_s,
        sample_rate=found.sample_rate,
        channels=found.channels,
        bit_depth=found.bit_depth,
        format=found.format,
    )


def settled(fresh: LibrarySound, old: LibrarySound) -> LibrarySound:
    """A fresh description, with what only the older one of the same sound knows; a guess takes no stated category's place."""
    corrected = fields_of(old.edited)  # the catalogue keeps these itself
    kept = {
        name: getattr(old, name)
        for name in _KEPT_WHEN_SILENT
        if not getattr(fresh, name) and getattr(old, name) and name not in corrected
    }
    if fresh.cat_from == "guess" and old.cat_from in ("file", "metadata") and "cat_id" not in corrected:
        kept |= {name: getattr(old, name) for name in ("cat_id", "category", "subcategory", "cat_from")}
    return dataclasses.replace(fresh, **kept)


def overlaid(sound: LibrarySound, row: Words) -> LibrarySound:
    """A known sound with what a CSV says of another file that holds it."""
    new = {name: row[name] for name in _KEPT_WHEN_SILENT if row.get(name) and name != "keywords"}
    keywords, unknown = _keywords(row, ())
    changes: dict[str, object] = {**new, "keywords": keywords_from(", ".join((*keywords, *unknown))) or sound.keywords}
    category = stated_category(row)
    if category:
        changes |= {
            "cat_id": category.cat_id, "category": category.category, "subcategory": category.subcategory,
            "cat_from": "metadata",
        }  # fmt: skip
    return dataclasses.replace(sound, **changes)  # type: ignore[arg-type]


def _keywords(row: Words, tags: Sequence[Words]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(keywords, categories that are none of UCS's): both are words to find the sound by."""
    keywords = keywords_from(row["keywords"]) if row.get("keywords") else keywords_from(*(t.get("keywords", "") for t in tags))
    unknown = [each for each in (row, *tags) if not stated_category(each)]
    names = [each.get(name, "") for each in unknown for name in ("category", "subcategory")]
    return keywords, keywords_from(*names, *(each.get("genre", "") for each in (row, *tags)))


def _guessed(own: str, folders: Sequence[str]) -> ucs.UcsCategory | None:
    """The category that fits a sound's own words and its folder's, asking folders farther up only when those tell nothing."""
    asked = own
    for at in range(max(1, len(folders))):
        asked = " ".join((asked, *(words(each) for each in folders[at : at + 1])))
        cat_id = ucs.guess(asked)
        if cat_id != ucs.DEFAULT:
            return ucs.category(cat_id)
    return None
