"""What the library proposes for the cues of a reel: their pictures looked at first, then chosen for all at once, so that it
does not propose one sound everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from foley_bridge.engines import recommend
from foley_bridge.engines.looked_at import pictures_of
from foley_bridge.engines.recommend import Choice
from foley_bridge.errors import Cancelled, EngineError, FoleyError, LibraryError
from foley_bridge.jobs import keys
from foley_bridge.jobs.cues import Cue, Failed, failure
from foley_bridge.jobs.job import Job
from foley_bridge.jobs.kept import KeptLook, kept_looks
from foley_bridge.jobs.sight import Sight, open_library
from foley_bridge.library.finding import Shown, shown_by_pictures
from foley_bridge.timeline.picture import Picture
from foley_bridge.timeline.regions import Region


@dataclass
class Looks:
    """What was seen under the regions, by their numbers.

    Attributes:
        seen: points of their pictures, and what these were made from.
        faults: why a region's picture could not be looked at.
    """

    seen: dict[int, KeptLook] = field(default_factory=dict)
    faults: dict[int, FoleyError] = field(default_factory=dict)


def look_under(job: Job, cues: Sequence[Cue], sight: Sight, kept_at: Path | None) -> Looks:
    """Look at the pictures of the cues that ask the library; what was seen before an interruption is not looked at again.

    Args:
        job: under way.
        sight: what to look with.
        kept_at: where the reel's timeline is kept; None when it is not.
    """
    looks = Looks()
    asking = [cue for cue in cues if cue.engine == "recommend" and recommend.wants_ranked(cue.region, cue.options)]
    if sight.encoders is None or not asking:
        return looks
    before = kept_looks(kept_at, sight.encoders.pack.hash) if kept_at is not None else {}
    for done, cue in enumerate(asking):
        job.looking_first(cue, done / len(asking))
        try:
            made_of = keys.looked_at(job, cue)
            known = before.get(cue.number)
            if known is None or known.made_of != made_of:
                shown = shown_in(job.picture(cue), cue.region, sight, _telling(job, cue, done, len(asking)))
                known = KeptLook(made_of, shown.points)
            looks.seen[cue.number] = known
        except Cancelled:
            raise
        except FoleyError as error:
            looks.faults[cue.number] = error
    return looks


def _telling(job: Job, cue: Cue, done: int, of: int) -> Callable[[float], None]:
    start, end = float(cue.region.start), float(cue.region.end)

    def seen(time_s: float) -> None:
        job.frames += 1
        job.looking_first(cue, (done + (time_s - start) / (end - start)) / of)

    return seen


def shown_in(picture: Picture, region: Region, sight: Sight, seen: Callable[[float], None]) -> Shown:
    """What is on screen in a region, as a search is shown it.

    Args:
        picture: of the region.
        sight: with encoders.
        seen: told the timeline time of each moment looked at; may raise to stop.

    Raises:
        EngineError, MediaError: nothing is, or it cannot be read. PackError: the pack cannot look at it.
    """
    assert sight.encoders is not None
    faults: list[FoleyError] = []
    images = pictures_of(picture, region.start, region.end, seen=seen, left_out=faults.append)
    if images:
        return shown_by_pictures(sight.encoders, images)
    raise faults[0] if faults else EngineError("nothing is on screen there", "write what it should sound like")


def choose(job: Job, cues: Sequence[Cue], sight: Sight, looks: Looks, failed: list[Failed]) -> list[Cue]:
    """The cues with the sounds that the library has for them; those for which it has none are put among the failed."""
    if not any(cue.engine == "recommend" for cue in cues):
        return [*cues]
    assert job.request.catalogue is not None  # `settle` looked
    asks = []
    for cue in cues:
        known = looks.seen.get(cue.number)
        shown = Shown(sight.encoders.space, known.points, sight.encoders.score) if sight.encoders and known else None
        asks.append(recommend.ask(cue.region, cue.options, shown) if cue.engine == "recommend" else None)
    picked: Sequence[tuple[Choice, ...] | FoleyError]
    try:
        library = open_library(job.request.catalogue)
        picked = recommend.pick(asks, library, asking=lambda place: job.choosing(cues[place]))
    except LibraryError as error:
        picked = [() if each is None else error for each in asks]
    settled = []
    for cue, asked, choices in zip(cues, asks, picked, strict=True):
        fault = looks.faults.get(cue.number) or sight.fault
        if isinstance(choices, FoleyError):
            why = fault if fault is not None and asked is not None and not (asked.words or asked.ucs) else choices
            failed.append(failure(cue.number, cue.region, type(why)(f"region '{cue.region.name}': {why.message}", why.hint)))
        elif asked is None:
            settled.append(cue)
        else:
            settled.append(with_choices(cue, asked, choices, sight, looks.faults.get(cue.number)))
    return settled


def with_choices(cue: Cue, asked: recommend.Ask, choices: tuple[Choice, ...], sight: Sight, fault: FoleyError | None) -> Cue:
    """A cue with what was chosen for it.

    Args:
        asked: what the library was asked.
        choices: what it answered.
        sight: what the picture was looked at with.
        fault: why it could not be looked at.
    """
    notes = []
    if fault is not None:
        notes.append(f"its sounds were chosen by words alone, its picture could not be looked at: {fault.message}")
    if asked.shown is not None and asked.words and choices and not any(choice.words for choice in choices):
        notes.append(f"the sound library has nothing for '{asked.words}': its sounds were chosen by the picture alone")
    return replace(cue, choices=choices, by_pack=sight.pack if asked.shown else (), notes=tuple(notes))
