"""A job under way, and what its steps ask of it: the picture around a cue, the stretch a cue's takes cover, progress."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from foley_bridge.conform import Cut, Take, cut_for
from foley_bridge.engines import transfer
from foley_bridge.engines.candidate import Detection
from foley_bridge.engines.exemplar import Exemplar
from foley_bridge.errors import Cancelled, FoleyError
from foley_bridge.jobs.cues import Cue, ExampleClip
from foley_bridge.jobs.in_use import network_in_use
from foley_bridge.jobs.looking import allowed_picture
from foley_bridge.jobs.opening import Opened
from foley_bridge.jobs.outputs import Outputs
from foley_bridge.jobs.request import GenerateRequest, Progress, Watcher
from foley_bridge.timeline.picture import Picture

if TYPE_CHECKING:
    from foley_bridge.inference.analogy import Analogy

CONTEXT = Fraction(1)  # seconds watched before and after a region, so that its edges are judged like its middle
_OPENED, _WORKED = 0.02, 0.9  # of the whole job: where the regions begin and end, as far as can be told beforehand
_LOOKED_FIRST = 0.2  # where they begin when pictures are looked at first, to choose sounds by
_LOOKED = 0.8  # of a region: looking at its picture, and making new sound
_SEEN_TO_MAKE = 0.2  # of a region whose sound is made: looking at its picture


@dataclass(frozen=True)
class Done:
    """A region, done: the key of what it was asked, what was seen, its takes best first, what a person should know."""

    key: str
    detection: Detection
    takes: tuple[Take, ...]
    notes: tuple[str, ...]


@dataclass
class Job:
    """A job under way: what was asked, what was opened, and where things go."""

    request: GenerateRequest
    opened: Opened
    cues: tuple[Cue, ...]
    exemplars: Mapping[ExampleClip, Exemplar]
    outputs: Outputs
    watcher: Watcher
    frames: int = 0
    _begins: float = _OPENED
    _pictures: dict[int, Picture] = field(default_factory=dict)
    _spans: dict[int, tuple[float, float]] = field(default_factory=dict)  # of the cues laid end to end, seconds
    _telling: threading.RLock = field(default_factory=threading.RLock)
    _told: Progress | None = None
    _network: Analogy | None = None

    def look(self, cue: Cue) -> Detection:
        """The onsets of a cue; raises as ``transfer.look`` and ``network``."""
        return transfer.look(cue.region, cue.options, self.picture(cue), partial(self._looking, cue), self.network(cue))

    def network(self, cue: Cue) -> Analogy | None:
        """What says the onsets of a cue: the pack in use whose onset network does, the same all through the job; None where
        motion or HIT markers do.

        Raises:
            PackError: no pack with an onset network is in use.
        """
        if cue.options.detector != "network" or transfer.is_tapped(cue.region, cue.options):
            return None
        if self._network is None:
            self._network = network_in_use()
        return self._network

    def seen_by(self, cue: Cue) -> dict[str, str]:
        """What a take's source says of the network that saw its onsets; empty where none did. Raises as ``network``."""
        network = self.network(cue)
        if network is None:
            return {}
        return {"detector": "network", "detector_pack": network.pack.id, "detector_pack_sha256": network.pack.hash}

    def looking_first(self, cue: Cue, share: float) -> None:
        """Tell the watcher how much of all pictures was looked at to choose sounds by, 0-1."""
        self._begins = _LOOKED_FIRST
        self._tell("looking for sounds", cue, share, _OPENED + (self._begins - _OPENED) * share)

    def choosing(self, cue: Cue) -> None:
        """Tell the watcher that the library is asked for a cue's sounds."""
        self._tell("looking for sounds", cue, 1.0, self._begins)

    def _looking(self, cue: Cue, time_s: float) -> None:
        """Tell the watcher that a picture at a timeline time was looked at."""
        self.frames += 1
        spans = self.picture(cue).spans
        first, last = float(spans[0].start), float(spans[-1].end)
        share = min(1.0, max(0.0, (time_s - first) / (last - first)))
        looked = _SEEN_TO_MAKE if cue.engine == "analogy" else _LOOKED
        self._tell("looking at the picture", cue, share, self._of_regions(cue, looked * share))

    def making(self, cue: Cue, share: float) -> None:
        """Tell the watcher how much of a region's new sound is made, 0-1."""
        begins, early = _SEEN_TO_MAKE, self.early(cue)
        whole = self._of_regions(cue, begins + (_LOOKED - begins) * share)
        heard = self.request.roots.to_remote(str(early)) if early.exists() and early.stat().st_size else None
        self._tell("making sound", cue, share, whole, heard)

    def early(self, cue: Cue) -> Path:
        """A WAV in which the beginning of one of a cue's takes can be heard while it is made; gone when the job has ended."""
        return self.outputs.note(f"early_{cue.number}.wav")

    def alive(self) -> None:
        """Ask the watcher whether to go on, from another thread, while something runs that cannot."""
        with self._telling:
            if self._told is not None:
                self.watcher(self._told)

    def writing_takes(self, cue: Cue, share: float) -> None:
        """Tell the watcher how much of a region's takes is written, 0-1."""
        self._tell("writing takes", cue, share, self._of_regions(cue, _LOOKED + (1 - _LOOKED) * share))

    def finishing(self, step: str, share: float = 0.0, *, begins: float) -> None:
        """Tell the watcher about a step after the regions; ``begins``: where in the rest of the job, 0-1."""
        self._tell(step, None, share, _WORKED + (1 - _WORKED) * (begins + (1 - begins) * 0.9 * share))

    def _tell(self, step: str, cue: Cue | None, share: float, whole: float, early: str | None = None) -> None:
        with self._telling:
            self._told = Progress(step, cue.number if cue else 0, self.opened.count, share, self.frames, whole, early)
            self.watcher(self._told)

    def _of_regions(self, cue: Cue, share: float) -> float:
        if len(self._spans) != len(self.cues):
            ends = list(accumulate((float(each.region.end - each.region.start) for each in self.cues), initial=0.0))
            self._spans = {each.number: span for each, span in zip(self.cues, pairwise(ends), strict=True)}
        begins, ends_at = self._spans[cue.number]
        whole = self._spans[self.cues[-1].number][1]
        return self._begins + (_WORKED - self._begins) * (begins + (ends_at - begins) * share) / whole

    def picture(self, cue: Cue) -> Picture:
        """What is on screen in a region and ``CONTEXT`` around it.

        Raises:
            JobError: media that may not be read.
        """
        if cue.number not in self._pictures:
            start = max(Fraction(0), cue.region.start - CONTEXT)
            end = min(self.opened.duration, cue.region.end + CONTEXT)
            self._pictures[cue.number] = self._picture(start, end)
        return self._pictures[cue.number]

    def picture_over(self, start: Fraction, end: Fraction) -> Picture:
        """What is on screen between two times, as far as the timeline goes, a frame of it at least; raises as ``picture``."""
        frame, whole = 1 / self.opened.rate, self.opened.duration
        first = max(Fraction(0), min(start, whole - frame))
        return self._picture(first, min(max(end, first + frame), whole))

    def whole_picture(self) -> Picture:
        """What is on screen over the whole timeline; raises as ``picture``."""
        return self._picture(Fraction(0), self.opened.duration)

    def _picture(self, start: Fraction, end: Fraction) -> Picture:
        return allowed_picture(self.opened.timeline, start, end, base=self.opened.base, roots=self.request.roots)

    def cut(self, cue: Cue) -> Cut:
        """The stretch of timeline that a cue's takes cover."""
        options = cue.options
        assert options.handles is not None and options.tail is not None  # they have defaults
        return cut_for(cue.region.start, cue.region.end, cue.region.rate, handles=options.handles, tail=options.tail)


@contextmanager
def naming(cue: Cue) -> Iterator[None]:
    """Errors inside say which region they are about."""
    try:
        yield
    except Cancelled:
        raise
    except FoleyError as error:
        raise type(error)(f"region '{cue.region.name}': {error.message}", error.hint) from error
