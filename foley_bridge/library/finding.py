"""Sounds found by words, by what is shown (a picture's points, or a sound's), or by both.

By both, a sound's score is ``WORDS`` x how well its words fit + the rest x how near its best segment lies, over the best by
words, the nearest, and the nearest of those whose words fit as well as those; of each of them both are known. So the picture
chooses among the many sounds that the words name equally well, and finds those that are called something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import LibraryError, MediaError
from foley_bridge.library import hearing, rows, search
from foley_bridge.library.conditions import conditions, within
from foley_bridge.library.nearest import nearest
from foley_bridge.library.segments import Held, content_of
from foley_bridge.library.sound import LibrarySound

if TYPE_CHECKING:
    from foley_bridge.library.snapshot import Snapshot

WORDS = 0.7
"""The words' part of a score, where something is shown as well."""
UNKNOWN = 0.5
"""What a sound that nobody has embedded counts as by what is shown, beside words: neither for it nor against it."""
MOST_POINTS = 30  # that a search begins from, and their mean
_LEAST_LISTED = 100  # sounds of each list are looked at, or as many as are wanted
Floats = NDArray[np.float32]
_Value = TypeVar("_Value")


class Searched(Protocol):
    """What is searched: ``library.catalogue.Catalogue``."""

    def search(
        self,
        words: str,
        *,
        ucs: str | None = None,
        length_s: tuple[float | None, float | None] = (None, None),
        channels: int | None = None,
        limit: int = 20,
    ) -> Sequence[search.Found]: ...
    def on_segments(self, space: str, ask: Callable[[Snapshot, Held], _Value], /) -> _Value: ...


class Encoders(hearing.Encoders, Protocol):
    """What makes points, as a search sees it: ``inference.encoders.Encoders``."""

    def score(self, distance: float) -> float:
        """What a distance between two points means: 0-1."""

    def embed_pictures(self, images: Sequence[NDArray[np.uint8]]) -> Floats:
        """A point for each picture."""

    def embed_sounds(self, samples: Floats, sample_rate: int) -> tuple[Floats, Floats]:
        """The starts of a recording's segments, seconds, and a point for each."""


@dataclass(frozen=True)
class Shown:
    """What a search is to be near to.

    Attributes:
        space: that the points are of.
        points: float32 (q, dimension), each of length 1.
        score: what a distance between two points means, 0-1.
    """

    space: str
    points: Floats
    score: Callable[[float], float]


@dataclass(frozen=True)
class Hit:
    """A sound that was found.

    Attributes:
        score: 0-1, by all that was asked.
        words: 0-1, how well its words fit; None where none were asked for.
        picture: 0-1, how near it lies to what was shown; None where nothing was, or nobody has embedded it.
        start_s: where in it its best segment begins, seconds; None as for ``picture``.
    """

    sound: LibrarySound
    score: float
    words: float | None = None
    picture: float | None = None
    start_s: float | None = None


def find(
    catalogue: Searched,
    words: str = "",
    shown: Shown | None = None,
    *,
    ucs: str | None = None,
    length_s: tuple[float | None, float | None] = (None, None),
    channels: int | None = None,
    limit: int = 20,
) -> list[Hit]:
    """The best sounds for words, for what is shown, or for both; banned ones are left out.

    Args:
        words: as for ``Catalogue.search``; what they say must be there, or must not, holds for all.
        shown: None to search by words alone.
        ucs, length_s, channels, limit: as there.

    Raises:
        LibraryError: no sound is embedded in the space of what is shown; else as ``Catalogue.search``.
    """
    query = search.parse(words)
    if shown is None:
        found = catalogue.search(words, ucs=ucs, length_s=length_s, channels=channels, limit=limit)
        return [Hit(each.sound, each.score, None if query.empty else each.score) for each in found]
    allowed, wanted = conditions(ucs, length_s, channels), within(limit)

    def ask(library: Snapshot, held: Held) -> list[Hit]:
        return _Asked(library, held, query, shown, allowed(library)).best(wanted) if len(library) else []

    return catalogue.on_segments(shown.space, ask)


def mixed(words: float, picture: float | None) -> float:
    """A score by both, 0-1. picture: None where nobody knows."""
    return WORDS * words + (1 - WORDS) * (UNKNOWN if picture is None else picture)


class _Asked:
    """A search of one version of the sounds and their segments. A sound's place is its index in the library's arrays."""

    def __init__(self, library: Snapshot, held: Held, query: search.Query, shown: Shown, allowed: NDArray[np.bool_]) -> None:
        self._library, self._held, self._query, self._shown = library, held, query, shown
        self._worth = search.worth(query, library, allowed)
        self._place_of = library.places_of(held.contents)

    def best(self, wanted: int) -> list[Hit]:
        many = max(wanted, _LEAST_LISTED)
        near = self._nearest(self._worth.fits, many)
        places, ranks = {*near}, dict[int, int]()
        if not self._query.empty:
            score = self._worth.score
            named = [place for place, _ in search.best_of(self._query, self._library, self._worth, many)]
            ranks = {place: rank for rank, place in enumerate(named)}
            if named:
                near |= self._nearest(score >= score[named[-1]], many)
                left = np.zeros(len(self._library), bool)
                left[[place for place in named if place not in near]] = True
                near |= self._nearest(left, len(named))
            places = {*near, *named}
        made = [(place, *self._scores(place, near)) for place in places]
        order = self._library.order

        def key(each: tuple[int, float, float | None, float | None]) -> tuple[float, float, int, int]:
            place, score, *_ = each
            return -score, near[place][0] if place in near else np.inf, ranks.get(place, len(order)), int(order[place])

        made.sort(key=key)
        del made[wanted:]
        found = self._library.rows([place for place, *_ in made])
        return [
            Hit(rows.sound_of(row), score, words, picture, near[place][1] if place in near else None)
            for row, (place, score, words, picture) in zip(found, made, strict=True)
        ]

    def _nearest(self, among: NDArray[np.bool_], wanted: int) -> dict[int, tuple[float, float]]:
        """The places of the nearest sounds: how near each lies, and where in it."""
        if not among.any():
            return {}
        held = self._held
        allowed = (self._place_of >= 0) & among[self._place_of]
        best = nearest(held, self._shown.points, allowed, wanted)
        return {int(self._place_of[held.code[each.place]]): (each.distance, float(held.start_s[each.place])) for each in best}

    def _scores(self, place: int, near: dict[int, tuple[float, float]]) -> tuple[float, float | None, float | None]:
        """A sound's score, by words and by what is shown."""
        picture = self._shown.score(near[place][0]) if place in near else None
        if self._query.empty:
            lift = search.FAVOURITE if self._library.favourite[place] else 0.0
            return round(min(1.0, (picture or 0.0) + lift), 6), None, picture
        words = min(1.0, float(self._worth.score[place]))
        return round(mixed(words, picture), 6), words, picture


# --- what can be shown -------------------------------------------------------------------------------------------------------


def shown_by_pictures(encoders: Encoders, images: Sequence[NDArray[np.uint8]]) -> Shown:
    """Pictures, each and all of them together.

    Args:
        images: uint8 (height, width, 3), RGB, upright.

    Raises:
        LibraryError: there are none.
    """
    if not images:
        raise LibraryError("there is no picture to find sounds by", "take a stretch where something is on screen")
    return _shown(encoders, encoders.embed_pictures(images))


def shown_by_sound(encoders: Encoders, samples: Floats, sample_rate: int) -> Shown:
    """A recording's seconds, each and all of them together.

    Args:
        samples: float32 (n,) or (n, channels), full scale 1.

    Raises:
        MediaError: it has samples that are no numbers.
    """
    return _shown(encoders, encoders.embed_sounds(samples, sample_rate)[1])


def shown_by_file(encoders: Encoders, path: Path) -> Shown:
    """As ``shown_by_sound``, of a file: read as a stream, of a long one seconds evenly spread.

    Raises:
        MediaError: it is missing, or cannot be heard; names it.
    """
    heard = hearing.hear(0, [str(path)], encoders)
    if heard.reason:
        raise MediaError(f"{path}: {heard.reason}", "take another sound")
    return _shown(encoders, encoders.embed_heard(heard.features[_spread(len(heard.features))]))


def shown_by_entry(catalogue: Searched, encoders: Encoders, sound: LibrarySound) -> Shown | None:
    """As ``shown_by_sound``, of a sound of the library: nothing is read but what embedding made; None when it has not yet.

    Raises:
        LibraryError: no sound is embedded in the encoders' space.
    """
    content = content_of(sound.fingerprint)

    def ask(library: Snapshot, held: Held) -> list[Floats]:
        places = np.flatnonzero(held.contents[held.code] == content)
        return [*held.points_at(places[_spread(len(places))], keep=False)]

    points = catalogue.on_segments(encoders.space, ask)
    return _shown(encoders, np.concatenate(points)) if points else None


def _spread(count: int) -> NDArray[np.int64]:
    """Places of at most ``MOST_POINTS`` of so many, evenly spread."""
    return np.unique(np.linspace(0, max(0, count - 1), min(count, MOST_POINTS)).round().astype(np.int64))


def _shown(encoders: Encoders, points: Floats) -> Shown:
    points = points[_spread(len(points))]
    mean = points.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    if len(points) > 1 and length > 1e-6:
        points = np.concatenate([points, (mean / length).astype(np.float32)[None]])
    return Shown(encoders.space, points, encoders.score)
