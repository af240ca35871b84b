"""A sound of the library: what the catalogue knows about it, and what of that a person may correct."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any

CAT_FROM = ("file", "metadata", "guess", "user")
CORRECTABLE = ("cat_id", "fx_name", "description", "keywords", "creator", "source", "library", "licence", "url")
_WITH_CAT_ID = ("category", "subcategory", "cat_from")  # corrected together with cat_id
_ID_LENGTH = 12  # base 32: 60 bits, so that among 200 000 sounds two share an id once in 60 million libraries


@dataclass(frozen=True)
class LibrarySound:
    """One distinct content, however many files hold it.

    Attributes:
        id: ``sound_id`` of the fingerprint; any beginning that no other sound shares stands for it.
        paths: the files that hold it, absolute; the first is used.
        name: file name without its suffix.
        cat_id, category, subcategory: UCS, such as "METLImpt", "METAL", "IMPACT"; empty when nothing is known.
        cat_from: where the UCS category comes from: "file" (its name), "metadata", "guess" (its words) or "user".
        fx_name: the UCS file name's own words, or a short title from the metadata.
        creator, source, library: who made it, for which show, in which collection.
        licence, url: on what terms it may be used, and where it was found.
        duration_s: seconds.
        bit_depth: bits a sample, 0 for coded formats.
        format: such as "WAV" or "OGG".
        size, mtime_ns: of the first path, bytes and nanoseconds since 1970.
        fingerprint: of the content; equal for files that sound the same.
        favourite, banned: the user's own marks; searches lift the one a little and leave out the other.
        edited: names of the fields that the user corrected; a rescan keeps them.
    """

    id: str
    paths: tuple[str, ...]
    name: str
    cat_id: str = ""
    category: str = ""
    subcategory: str = ""
    cat_from: str = "guess"
    fx_name: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    creator: str = ""
    source: str = ""
    library: str = ""
    licence: str = ""
    url: str = ""
    duration_s: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    bit_depth: int = 0
    format: str = ""
    size: int = 0
    mtime_ns: int = 0
    fingerprint: str = ""
    favourite: bool = False
    banned: bool = False
    edited: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Every field by name, tuples as lists."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self).items()}


FIELDS = tuple(field.name for field in dataclasses.fields(LibrarySound))


def sound_id(fingerprint: str) -> str:
    """The id of a content: twelve of the letters a-z and digits 2-7, the same on every machine."""
    digest = hashlib.blake2b(fingerprint.encode("utf-8", "surrogateescape"), digest_size=10).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:_ID_LENGTH]


def corrected(fresh: LibrarySound, old: LibrarySound) -> LibrarySound:
    """What a scan found, with the user's corrections and marks of an older state of the same sound laid over it."""
    kept: dict[str, Any] = {name: getattr(old, name) for name in fields_of(old.edited)}
    edited = tuple(name for name in CORRECTABLE if name in {*old.edited, *fresh.edited})
    return dataclasses.replace(
        fresh, **kept, edited=edited, favourite=old.favourite or fresh.favourite, banned=old.banned or fresh.banned
    )


def fields_of(edited: tuple[str, ...]) -> tuple[str, ...]:
    """The fields that corrections of these names hold: a corrected cat_id brings its category's names with it."""
    return tuple(edited) + (_WITH_CAT_ID if "cat_id" in edited else ())
