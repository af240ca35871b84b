"""A job under way, and what its steps ask of it: the picture around a cue, the stretch a cue's takes cover, progress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

from foley_bridge.conform import Cut, cut_for
from foley_bridge.engines.exemplar import Exemplar
from foley_bridge.errors import Cancelled, FoleyError, MediaError
from foley_bridge.jobs.cues import Cue, ExampleClip
from foley_bridge.jobs.opening import Opened
from foley_bridge.jobs.outputs import Outputs
from foley_bridge.jobs.request import GenerateRequest, Progress, Watcher
from foley_bridge.media import video
from foley_bridge.timeline.picture import Picture, picture_under

CONTEXT = Fraction(1)  # seconds watched before and after a region, so that its edges are judged like its middle


@dataclass(frozen=True)
class Job:
    """A job under way: what was asked, what was opened, and where things go."""

    request: GenerateRequest
    opened: Opened
    cues: tuple[Cue, ...]
    exemplars: Mapping[ExampleClip, Exemplar]
    outputs: Outputs
    watcher: Watcher

    def progress(self, step: str, cue: Cue | None = None, fraction: float = 0.0) -> None:
        """Tell the watcher."""
        self.watcher(Progress(step, cue.number if cue else 0, len(self.cues), fraction))

    def picture(self, cue: Cue) -> Picture:
        """What is on screen in a region and ``CONTEXT`` around it."""
        start = max(Fraction(0), cue.region.start - CONTEXT)
        end = min(self.opened.duration, cue.region.end + CONTEXT)
        return picture_under(self.opened.timeline, start, end, start_timecode, base=self.opened.base)

    def cut(self, cue: Cue) -> Cut:
        """The stretch of timeline that a cue's takes cover."""
        options = cue.options
        assert options.handles is not None and options.tail is not None  # they have defaults
        return cut_for(cue.region.start, cue.region.end, cue.region.rate, handles=options.handles, tail=options.tail)


def start_timecode(path: str) -> Fraction | None:
    """As `video.start_timecode`; None for what cannot be read, which is told where a region needs it."""
    try:
        return video.start_timecode(path)
    except MediaError:
        return None


@contextmanager
def naming(cue: Cue) -> Iterator[None]:
    """Errors inside say which region they are about."""
    try:
        yield
    except Cancelled:
        raise
    except FoleyError as error:
        raise type(error)(f"region '{cue.region.name}': {error.message}", error.hint) from error
