"""What may be found at all: UCS category, length, channels; how many sounds a search gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from foley_bridge.errors import LibraryError, TimelineError
from foley_bridge.library import ucs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from foley_bridge.library.snapshot import Snapshot

MOST = 10_000  # sounds that a search gives at most


def category(cat_id: str) -> ucs.UcsCategory:
    """As ``ucs.category``, with the library's error."""
    try:
        return ucs.category(cat_id)
    except TimelineError as error:
        raise LibraryError(error.message, error.hint) from error


def kinds(asked: str) -> list[int]:
    """Places in ``ucs.all_categories()`` of a CatID, or of all categories of a name or short form, such as RAIN.

    Raises:
        LibraryError: there is no such category.
    """
    every = ucs.all_categories()
    wanted = asked.strip().lower()
    exact = [place for place, each in enumerate(every) if each.cat_id.lower() == wanted]
    named = [place for place, each in enumerate(every) if wanted in (each.category.lower(), each.cat_short.lower())]
    if exact and every[exact[0]].cat_short.lower() != wanted:
        return exact
    return named or [every.index(category(asked))]


def conditions(
    ucs: str | None, length_s: tuple[float | None, float | None], channels: int | None
) -> Callable[[Snapshot], NDArray[np.bool_]]:
    """What says of each sound whether a search may find it; banned ones never.

    Raises:
        LibraryError: there is no such category, or a number that cannot be.
    """
    import numpy as np

    from foley_bridge.library import search

    wanted = None if ucs is None else np.array(kinds(ucs))
    low, high = search.length_bounds(length_s)

    def allowed(library: Snapshot) -> NDArray[np.bool_]:
        allowed = ~library.banned & (library.duration_s >= low) & (library.duration_s <= high)
        if wanted is not None:
            allowed &= np.isin(library.kind, wanted)
        if channels is not None:
            allowed &= library.channels == channels
        return allowed

    return allowed


def within(limit: int) -> int:
    """How many sounds are wanted.

    Raises:
        LibraryError: none, or too many.
    """
    if not 1 <= limit <= MOST:
        raise LibraryError(f"limit {limit}: is out of range", f"from 1 to {MOST}")
    return limit
