"""What a search by words finds, and how well."""

from __future__ import annotations

from dataclasses import dataclass

from foley_bridge.library.sound import LibrarySound


@dataclass(frozen=True)
class Found:
    """A sound and how well it fits the words.

    Attributes:
        score: 0-1; 1 when its name has every word.
    """

    sound: LibrarySound
    score: float
