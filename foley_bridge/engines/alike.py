"""Sounds of the library that resemble one: by its words in its category, its words, its category, and by how it sounds."""

from __future__ import annotations

from dataclasses import replace

from foley_bridge.engines.pick import Ask, Catalogue, Choice, pick
from foley_bridge.errors import FoleyError, LibraryError
from foley_bridge.library.sound import LibrarySound


def alike(sound: LibrarySound, asked: Ask, catalogue: Catalogue) -> tuple[Choice, ...]:
    """Sounds like one, those that share its words and its category first, each once; where it is known how they sound, what
    sounds like it comes first among those, and last of all by itself.

    Args:
        sound: of the library; it is not among them.
        asked: what the cue asks of the library, with what must not be proposed; its own words do not count. What it
            shows is the sound, not the region's picture; None where nobody knows how it sounds.
        catalogue: where to look.

    Raises:
        LibraryError: there are none.
    """
    asked = replace(asked, pin=(), ban=(*asked.ban, sound.id))
    words, cat_id = sound.fx_name or sound.name, sound.cat_id or None
    found: dict[str, Choice] = {}
    for each in (
        replace(asked, words=words, ucs=cat_id),
        replace(asked, words=words, ucs=None),
        replace(asked, words="", ucs=cat_id),
        replace(asked, words="", ucs=None),
    ):
        if not each.words and each.ucs is None and each.shown is None:
            continue
        (answer,) = pick([each], catalogue)
        if not isinstance(answer, FoleyError):
            for choice in answer:
                found.setdefault(choice.sound.id, replace(choice, picture=None))  # it is not the picture that it is near to
        elif not isinstance(answer, LibraryError):
            raise answer
    if not found:
        raise LibraryError(f"the sound library has nothing more like {sound.name}", "search it by other words")
    return tuple(found.values())
