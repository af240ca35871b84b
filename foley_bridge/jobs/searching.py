"""A search of the sound library: by words, by what a picture shows, by another sound, words with either.

What the sounds are to be near to is a function of the encoders (``Near``), so that nothing is decoded before it is known that
a pack can look at it and that the library was embedded with that pack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foley_bridge.errors import FoleyError, LibraryError

if TYPE_CHECKING:
    from foley_bridge.inference.encoders import Encoders
    from foley_bridge.library.catalogue import Catalogue
    from foley_bridge.library.finding import Hit, Shown
    from foley_bridge.timeline.picture import Picture

Near = Callable[["Encoders"], "Shown"]


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        hits: best first.
        notes: what a person should know.
    """

    hits: list[Hit]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """As ``library.search`` answers, and as the command prints it."""
        return {"sounds": [_told(hit) for hit in self.hits], "notes": self.notes}


def search(
    catalogue: Catalogue, words: str, near: Near | None, in_use: Callable[[], Encoders | None], conditions: Mapping[str, Any]
) -> Found:
    """Search.

    Args:
        words: as a person types them.
        near: what the sounds are to be near to; None: words say it all.
        in_use: gives the encoders of the pack in use; asked only where they are needed.
        conditions: of ``library.finding.find``: ``ucs``, ``length_s``, ``channels``, ``limit``.

    Raises:
        LibraryError: no pack can look and listen, or no sound is embedded for it; or as ``Catalogue.search``.
        MediaError: there is nothing to be seen or heard. PackError: the pack in use cannot be used.
    """
    from foley_bridge.library.finding import find

    if near is None:
        return Found(find(catalogue, words, **conditions), [])
    encoders = in_use()
    if encoders is None:
        raise LibraryError(
            "no pack in use can look at pictures and listen to sounds",
            "foley-bridge packs says which are installed, foley-bridge packs add FOLDER adds one",
        )
    notes = _embedded_enough(catalogue, encoders)
    return Found(find(catalogue, words, near(encoders), **conditions), notes)


def _embedded_enough(catalogue: Catalogue, encoders: Encoders) -> list[str]:
    """Notes when not all sounds are embedded for the pack in use, or it is the one that ships; LibraryError when none is
    embedded."""
    there, count = catalogue.embedded(encoders.space)
    if count and not there:
        raise LibraryError(
            f"{catalogue.folder}: none of its sounds is embedded for the pack in use, {encoders.pack.id}",
            "embed them with foley-bridge library embed",
        )
    notes = []
    if there < count:
        notes.append(
            f"{there} of {count} sounds are embedded, the others are not looked at: foley-bridge library embed embeds them"
        )
    if encoders.pack.ships:
        notes.append(f"{encoders.pack.id} knows drawn scenes only: of real pictures and sounds it can tell little")
    return notes


def by_picture(path: Path, start_s: float = 0.0, duration_s: float | None = None) -> Near:
    """Near to what a movie shows from a second on (to its end when no duration is given), or an image."""

    def near(encoders: Encoders) -> Shown:
        from foley_bridge.engines.looked_at import picture_file
        from foley_bridge.library.finding import shown_by_pictures

        return shown_by_pictures(encoders, picture_file(path, start_s, duration_s))

    return near


def by_region(picture: Callable[[], Picture], start: Fraction, end: Fraction) -> Near:
    """Near to what is on screen in a stretch of a timeline. picture: gives what is there; asked when it is looked at."""

    def near(encoders: Encoders) -> Shown:
        from foley_bridge.engines.looked_at import pictures_of
        from foley_bridge.library.finding import shown_by_pictures

        faults: list[FoleyError] = []
        images = pictures_of(picture(), start, end, left_out=faults.append)
        if faults and not images:
            raise faults[0]
        return shown_by_pictures(encoders, images)

    return near


def by_sound(named: str, catalogue: Catalogue, file: Callable[[str], Path]) -> Near:
    """Near to a sound: ``lib:ID`` is one of the library, anything else a file, whose path ``file`` looks at."""

    def near(encoders: Encoders) -> Shown:
        from foley_bridge.library.finding import shown_by_entry, shown_by_file
        from foley_bridge.timeline.media_paths import is_file
        from foley_bridge.timeline.options import LIBRARY

        if not named.lower().startswith(LIBRARY):
            return shown_by_file(encoders, file(named))
        sound = catalogue.get(named[len(LIBRARY) :])
        there = next((path for path in map(Path, sound.paths) if is_file(path)), Path(sound.paths[0]))
        return shown_by_entry(catalogue, encoders, sound) or shown_by_file(encoders, there)

    return near


def _told(hit: Hit) -> dict[str, Any]:
    picture = None if hit.picture is None else round(hit.picture, 6)
    scores = {"score": hit.score, "words_score": hit.words, "picture_score": picture, "at_s": hit.start_s}
    return {**hit.sound.to_json(), **scores}
