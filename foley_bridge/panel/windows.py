"""A region in windows: stretches of at most a minute that are looped, each with a second of picture and sound around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

from foley_bridge.timeline.time import ceil_frame, exact_rate, floor_frame

LONGEST_S = 60
AROUND_S = 1


@dataclass(frozen=True)
class Window:
    """A window of a region, in frames of the timeline.

    Attributes:
        number: from 1.
        first, last: what its media cover: from frame ``first`` up to, not including, ``last``.
        loop_first, loop_last: what is looped, likewise.
        rate: frames per second.
    """

    number: int
    first: int
    last: int
    loop_first: int
    loop_last: int
    rate: Fraction

    @property
    def frames(self) -> int:
        """How many frames its media cover."""
        return self.last - self.first

    @property
    def start(self) -> Fraction:
        """Timeline seconds at which its media start."""
        return self.first / self.rate

    @property
    def end(self) -> Fraction:
        """Timeline seconds at which its media end."""
        return self.last / self.rate

    def to_json(self) -> dict[str, Any]:
        """As docs/audition.md has it."""
        return {
            "number": self.number,
            "start_s": float(self.start),
            "end_s": float(self.end),
            "loop_start_s": float(self.loop_first / self.rate),
            "loop_end_s": float(self.loop_last / self.rate),
            "frames": self.frames,
        }


def windows_of(start: Fraction, end: Fraction, *, rate: Fraction, duration: Fraction) -> list[Window]:
    """The windows of a region, as long as each other to a frame, so that none is a mere rest.

    Args:
        start, end: the region, timeline seconds; windows begin and end on whole frames around it.
        rate: frames per second.
        duration: of the timeline; there is nothing before 0 and after it.
    """
    around, all_frames = ceil_frame(Fraction(AROUND_S), rate), max(1, ceil_frame(duration, rate))
    first = min(max(0, floor_frame(start, rate)), all_frames - 1)
    last = max(first + 1, min(ceil_frame(end, rate), all_frames))
    most = max(1, floor_frame(Fraction(LONGEST_S), rate))
    count = ceil((last - first) / most)
    seams = [first + (last - first) * k // count for k in range(count + 1)]
    return [
        Window(number, max(0, since - around), min(all_frames, until + around), since, until, rate)
        for number, (since, until) in enumerate(pairwise(seams), start=1)
    ]


def exact(time: Mapping[str, Any]) -> Fraction:
    """The exact seconds of a time as a result gives it (docs/json.md)."""
    on_grid = time["value"] / exact_rate(time["rate"])
    return on_grid if float(on_grid) == time["seconds"] else Fraction(time["seconds"])
