"""What a data set is made of: clips of videos, and the moments of each at which picture and sound go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clip:
    """A stretch of a video.

    Attributes:
        name: no other clip of the data set has it.
        label: the category it counts as (Table 1b); only evaluation and "another label" look at it.
        video: which video it is a part of, by name.
    """

    name: str
    label: str
    video: str


@dataclass(frozen=True, eq=False)
class Moments:
    """A clip's features: k moments, each a picture and the second of sound around it.

    Attributes:
        times: float64 (k,), seconds in the video at which each second of sound begins.
        pictures: uint8 (k, size, size, 3), RGB, resized, not yet normalised.
        sounds: float16 (k, mels, frames), normalised log-mels.
    """

    times: NDArray[np.float64]
    pictures: NDArray[np.uint8]
    sounds: NDArray[np.float16]


class Skipped(NamedTuple):
    """A clip that is left out. why: in words."""

    name: str
    why: str


class Source(Protocol):
    """Where clips come from. Sources go to worker processes: they hold paths and numbers, nothing that is open."""

    @property
    def clips(self) -> Sequence[Clip]:
        """All that there should be, in an order that does not change; those of one video follow each other."""

    @property
    def another(self) -> str:
        """What makes a sound uncorrelated: "label", it is of a clip with another label; "moment", it is of another video or of
        another moment of the same one."""

    @property
    def missing(self) -> int:
        """How many are listed but not there."""

    @property
    def skipped(self) -> Sequence[Skipped]:
        """What is there and is known to be of no use."""

    @property
    def ready(self) -> bool:
        """Can every clip be made? Else each is made once before training begins, to know which cannot."""

    def what(self, index: int) -> Mapping[str, Any]:
        """Everything that a clip's features depend on besides the features' settings, for JSON."""

    def make(self, index: int) -> Moments:
        """A clip's features.

        Raises:
            FoleyError: it cannot be read, or has nothing to learn from; says why.
        """
