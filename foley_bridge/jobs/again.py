"""What a retake asks of a region: its options anew, the engine that answers, and which takes or sounds it does not have yet.

Sounds of the library are chosen as for the reel: by the same words, and by what was seen under the region.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from foley_bridge.engines import recommend
from foley_bridge.engines.alike import alike
from foley_bridge.engines.arrange import take_seed
from foley_bridge.engines.recommend import Choice
from foley_bridge.errors import Cancelled, FoleyError, JobError, LibraryError
from foley_bridge.jobs.choices import HAIR_S
from foley_bridge.jobs.choosing import with_choices
from foley_bridge.jobs.cues import Cue, by_example, cue_of, regions_of
from foley_bridge.jobs.opening import Opened
from foley_bridge.jobs.request import GenerateRequest
from foley_bridge.jobs.sight import Sight, open_library
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.finding import Shown, shown_by_entry
from foley_bridge.timeline.markers import Refused
from foley_bridge.timeline.options import Options, parse_option
from foley_bridge.timeline.regions import Region

Look = Callable[[Cue], Shown]
_OTHER_SOUNDS = ("engine", "seed", "ucs", "pin", "ban")  # who names one of these does not ask for the sounds that are there


@dataclass(frozen=True)
class RetakeRequest:
    """One region of a reel again.

    Attributes:
        reel: what the reel was asked.
        opened: where its timeline is kept.
        base: the folder that relative paths in that start from.
        number: the region's, from 1.
        known: what the reel knows of it (``followups.expand``).
        hits_s: where the onsets are to be, timeline seconds in order; None: where they are.
        options: by name, over those that the region had.
        words: to search the library by, instead of the region's own.
        more: takes that go on after those that the region has.
        like_take: one of those, by its SHA-256: takes that resemble it.
    """

    reel: GenerateRequest
    opened: Path
    base: Path
    number: int
    known: Mapping[str, Any]
    hits_s: Sequence[float] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    words: str | None = None
    more: bool = False
    like_take: str | None = None

    @property
    def like(self) -> Mapping[str, Any] | None:
        """The take of ``like_take``."""
        return next((take for take in self.known["takes"] if take["id"] == self.like_take), None)

    @property
    def goes_on(self) -> bool:
        """Whether takes are wanted that the region does not have."""
        return self.more or self.like is not None


@dataclass(frozen=True)
class Again:
    """A region resolved again.

    Attributes:
        cue: with the sounds that answer, those to be used first.
        takes: which takes of the seed, from 0.
        example: what a retake named as the example instead of the region's own.
        notes: what a person should know.
    """

    cue: Cue
    takes: tuple[int, ...]
    example: str | None = None
    notes: tuple[str, ...] = ()


def resolve(request: RetakeRequest, opened: Opened, sight: Sight, look: Look) -> Again:
    """Settle what a retake asks; no sound is read yet.

    Args:
        sight: what pictures are looked at with.
        look: what is on screen in a cue's region; asked where it has a say.

    Raises:
        FoleyError: what it asks cannot be; names the region, option or take.
    """
    region = _region(request, opened)
    given = Options(**{name: parse_option(name, value, region.rate) for name, value in request.options.items()})  # type: ignore[arg-type]
    like = request.like["source"] if request.like is not None else {}
    example = like.get("like") if given.like is None else given.like
    named = replace(given, engine=_engine(request, given), like=example, takes=given.takes or 1)
    if request.hits_s is not None:  # where the editor put them is where they are to be
        named = replace(named, hits="markers", offset=given.offset or Fraction(0))
        region = replace(region, hits=_hits(request.hits_s, region))
    said = region.options.engine or request.reel.options.get("engine")
    region = replace(region, words=request.words or region.words, options=named.over(region.options))
    cue = cue_of(request.number, region, opened, request.reel, sight)
    if said is None and cue.engine == request.known["engine"]:  # as the reel asked, so that the same take is the same file
        cue = replace(cue, options=replace(cue.options, engine=given.engine))
    if cue.engine != "recommend":
        return Again(cue, _takes_of_seed(request, cue), example)
    wanted = cue.options.takes or 1
    cue = _with_sounds(request, cue, given, sight, look)
    first = len(request.known["takes"]) if request.goes_on else 0
    count = min(wanted, len(cue.choices)) if request.goes_on else wanted
    few = (f"the sound library has only {count} more that fit as well",) if count < wanted else ()
    cue = replace(cue, options=replace(cue.options, takes=count))
    blind = sight.notes if sight.fault is not None and recommend.wants_ranked(cue.region, cue.options) else ()
    return Again(cue, tuple(range(first, first + count)), notes=(*blind, *cue.notes, *few))


def _region(request: RetakeRequest, opened: Opened) -> Region:
    regions = regions_of(opened)
    region = regions[request.number - 1] if request.number <= len(regions) else None
    if region is None:
        raise JobError(f"the reel has no region {request.number}", f"it has {len(regions)}")
    if isinstance(region, Refused):
        raise region.error
    return region


def _hits(hits_s: Sequence[float], region: Region) -> tuple[Fraction, ...]:
    """One on the region's first frame may lie a hair before it: few of a frame's times are a float, let alone a microsecond."""
    early = region.start - Fraction(HAIR_S)
    hits = tuple(region.start if early <= hit < region.start else hit for hit in map(Fraction, hits_s))
    outside = [hit for hit in hits if not region.start <= hit < region.end]
    if outside:
        raise JobError(
            f"hits_s: {float(outside[0]):g} s lies outside region '{region.name}'",
            f"it goes from {float(region.start):g} s to {float(region.end):g} s of the timeline",
        )
    return hits


def _engine(request: RetakeRequest, given: Options) -> str | None:
    """The engine that was named, or that what was named asks for; else the one that answered (None where the region failed).

    A take that is to be resembled says itself which made it: one newly made has ``computed`` in its source.
    """
    if given.engine is not None:
        return given.engine
    if given.like is not None:  # by what answered, where that takes an example
        engine = str(request.known["engine"])
        return engine if engine in ("transfer", "analogy") else by_example()
    if given.pin or request.words:
        return "recommend"
    if request.like is not None:
        source = request.like["source"]
        return "recommend" if "library_id" in source else "analogy" if "computed" in source else "transfer"
    return str(request.known["engine"]) or None


# --- takes of an example: which of the seed's ---


def _takes_of_seed(request: RetakeRequest, cue: Cue) -> tuple[int, ...]:
    assert cue.options.takes is not None and cue.options.seed is not None  # they have defaults
    if not request.goes_on:
        return tuple(range(cue.options.takes))
    seed = cue.options.seed
    had = {take["seed"] for take in request.known["takes"] if "library_id" not in take["source"]}
    new = (take for take in itertools.count() if take_seed(seed, take) not in had)
    return tuple(itertools.islice(new, cue.options.takes))


# --- sounds of the library: which ---


def _with_sounds(request: RetakeRequest, cue: Cue, given: Options, sight: Sight, look: Look) -> Cue:
    assert request.reel.catalogue is not None  # `cue_of` looked
    catalogue = open_library(request.reel.catalogue)
    had = list(dict.fromkeys(id for take in request.known["takes"] if (id := take["source"].get("library_id"))))
    if not request.goes_on:
        if had and not request.words and all(getattr(given, name) is None for name in _OTHER_SOUNDS):
            cue = replace(cue, options=replace(cue.options, pin=tuple(had)))  # the same sounds, laid anew
        asked, fault = _asked(cue, sight, look)
        return with_choices(cue, asked, _picked(asked, catalogue, cue, fault or sight.fault), sight, fault)
    asked, fault = _asked(cue, sight, look)
    pinned = given.pin or ()
    never = [id for id in had if not any(id.startswith(name) for name in pinned)]
    asked = replace(asked, pin=pinned, ban=(*asked.ban, *never))
    like = request.like["source"].get("library_id") if request.like is not None else None
    if like is None and not (asked.words or asked.ucs or pinned or asked.shown):  # it says only which sounds it has
        like = next(iter(had), None)
    try:
        if like is not None:
            choices = _alike(like, asked, catalogue, sight)
            asked, fault = replace(asked, shown=None), None  # the picture had no say
        else:
            choices = _picked(asked, catalogue, cue, fault or sight.fault)
    except LibraryError as error:
        raise LibraryError(
            f"region '{cue.region.name}': the sound library has no more sounds for it", "use other words"
        ) from error
    cue = replace(cue, options=replace(cue.options, pin=asked.pin, ban=asked.ban))
    return with_choices(cue, asked, choices, sight, fault)


def _asked(cue: Cue, sight: Sight, look: Look) -> tuple[recommend.Ask, FoleyError | None]:
    """What a cue asks of the library, and why its picture has no say in it, where that is a fault."""
    shown, fault = None, None
    if sight.encoders is not None and recommend.wants_ranked(cue.region, cue.options):
        try:
            shown = look(cue)
        except Cancelled:
            raise
        except FoleyError as error:
            fault = error
    return recommend.ask(cue.region, cue.options, shown), fault


def _picked(asked: recommend.Ask, catalogue: Catalogue, cue: Cue, fault: FoleyError | None) -> tuple[Choice, ...]:
    (answer,) = recommend.pick([asked], catalogue)
    if isinstance(answer, FoleyError):
        why = fault if fault is not None and not (asked.words or asked.ucs) else answer
        raise type(why)(f"region '{cue.region.name}': {why.message}", why.hint)
    return answer


def _alike(like: str, asked: recommend.Ask, catalogue: Catalogue, sight: Sight) -> tuple[Choice, ...]:
    """Sounds like one of the library, by how it sounds, too, where that is known."""
    sound = catalogue.get(like)
    shown = shown_by_entry(catalogue, sight.encoders, sound) if sight.encoders is not None else None
    return alike(sound, replace(asked, shown=shown), catalogue)
