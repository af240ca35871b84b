"""A source of clips for the tests of what goes on around them: quick to make, and faulty where that is wanted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from foley_models.data import Clip, Moments, Skipped

from foley_bridge.errors import MediaError


class Numbers:
    """Clips whose pictures and sounds are full of their own number; each moment a second after the one before.

    Args:
        videos: how many clips each has.
        unreadable: clips that raise an error, as they should.
        odd: clips that raise another.
        deadly: clips that end the process that makes them.
    """

    missing = 0
    skipped: Sequence[Skipped] = ()

    def __init__(
        self,
        videos: Sequence[int],
        *,
        moments: int = 3,
        another: str = "moment",
        unreadable: Sequence[int] = (),
        odd: Sequence[int] = (),
        deadly: Sequence[int] = (),
        ready: bool = False,
    ) -> None:
        self.another, self.ready, self._moments = another, ready, moments
        self._unreadable, self._odd, self._deadly = unreadable, odd, deadly
        self.clips = [
            Clip(f"{video}/{clip}", f"label {video % 2}", str(video))
            for video, many in enumerate(videos)
            for clip in range(many)
        ]

    def what(self, index: int) -> Mapping[str, Any]:
        return {"numbers": index, "moments": self._moments}

    def make(self, index: int) -> Moments:
        if index in self._deadly:
            os._exit(9)
        if index in self._odd:
            raise ZeroDivisionError("no such rate")
        if index in self._unreadable:
            raise MediaError(f"clip {index}: is not readable", "export it again")
        many, place = self._moments, int(self.clips[index].name.partition("/")[2])
        return Moments(
            times=place * many + np.arange(many, dtype=np.float64),
            pictures=np.full((many, 224, 224, 3), index, np.uint8),
            sounds=(np.full((many, 64, 100), index) + np.arange(many)[:, None, None] / 8).astype(np.float16),
        )
