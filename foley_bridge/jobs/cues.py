"""From a timeline to its cues: regions with every option settled, the example each one uses, the engine that answers.

What the library proposes for them comes later (``choosing``).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from foley_bridge.engines.recommend import Choice
from foley_bridge.errors import FoleyError, JobError, LibraryError, PackError, TimelineError
from foley_bridge.jobs.in_use import pack_for_analogy
from foley_bridge.jobs.names import ENGINES_HERE
from foley_bridge.jobs.opening import Opened
from foley_bridge.jobs.request import DEFAULTS, GenerateRequest
from foley_bridge.jobs.sight import Sight
from foley_bridge.library import ucs
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.timeline.layout import available
from foley_bridge.timeline.markers import Refused
from foley_bridge.timeline.media_paths import is_file, local_path
from foley_bridge.timeline.options import ENGINES, LIBRARY, Options, parse_option
from foley_bridge.timeline.regions import Region
from foley_bridge.timeline.time import seconds_of, timecode


@dataclass(frozen=True)
class ExampleClip:
    """Where an exemplar lies: a file, or a stretch of one when it is a clip of the timeline. Times in seconds of the file."""

    path: Path
    start: Fraction = Fraction(0)
    duration: Fraction | None = None


@dataclass(frozen=True)
class Cue:
    """A region resolved.

    Attributes:
        number: 1-based, in timeline order, those that cannot be used counted too.
        region: its range and text.
        options: every field that has a default is set (``jobs.request.DEFAULTS``).
        engine: which engine answers.
        example: what it should sound like; None where the words say it.
        choices: sounds that the library has for its words and its picture, take by take.
        by_pack: the pack that has a say in its takes, and what of it their sound depends on, as a take's source names them.
        notes: what a person should know of how they were chosen.
    """

    number: int
    region: Region
    options: Options
    engine: str
    example: ExampleClip | None
    choices: tuple[Choice, ...] = ()
    by_pack: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """A region that cannot be done: where it is (timeline seconds), and why."""

    number: int
    name: str
    text: str
    start: Fraction
    end: Fraction
    error: FoleyError
    id: str | None = None


def settle(opened: Opened, request: GenerateRequest, sight: Sight) -> tuple[list[Cue], list[Failed]]:
    """Settle every region's options, engine and exemplar; no sound is read yet, and no picture.

    Raises:
        TimelineError, JobError: the fault of the first region, when none can be done.
    """
    cues, failed = [], []
    for number, region in enumerate(regions_of(opened), start=1):
        if isinstance(region, Refused):
            failed.append(Failed(number, region.text, region.text, region.start, region.end, region.error, region.id))
            continue
        try:
            cues.append(cue_of(number, region, opened, request, sight))
        except FoleyError as error:
            failed.append(failure(number, region, error))
    if not cues:
        raise min(failed, key=lambda each: each.number).error
    return cues, failed


def regions_of(opened: Opened) -> list[Region | Refused]:
    """The regions of a timeline in the order that numbers them, under names that tell them apart."""
    both: list[Region | Refused] = [*opened.regions, *opened.refused]
    often = Counter(region.name for region in opened.regions)

    def named(region: Region) -> Region:
        if often[region.name] == 1:
            return region
        return replace(region, name=f"{region.name} at {timecode(opened.record_start + region.start, region.rate)}")

    in_order = sorted(both, key=lambda each: (each.start, each.end))
    return [each if isinstance(each, Refused) else named(each) for each in in_order]


def failure(number: int, region: Region, error: FoleyError) -> Failed:
    """A region that cannot be done."""
    return Failed(number, region.name, region.text, region.start, region.end, error, region.id)


def cue_of(number: int, region: Region, opened: Opened, request: GenerateRequest, sight: Sight) -> Cue:
    """A region resolved, but for what the library proposes.

    Args:
        sight: whether the library can be searched by what is on screen.

    Raises:
        TimelineError, JobError, LibraryError: it cannot be; names it.
    """
    named = {name: parse_option(name, value, region.rate) for name, value in request.options.items()}
    options = region.options.over(Options(**named)).over(DEFAULTS)  # type: ignore[arg-type]
    if options.ucs is not None:
        try:
            options = replace(options, ucs=ucs.category(options.ucs).cat_id)
        except TimelineError as error:
            raise TimelineError(f"region '{region.name}': {error.message}", error.hint) from error
    example = _example(region, options, opened, request) if options.engine != "recommend" else None
    engine = _engine(region, options, example, request, sight)
    return Cue(number, region, options, engine, example)


def _engine(region: Region, options: Options, example: ExampleClip | None, request: GenerateRequest, sight: Sight) -> str:
    has_library = request.catalogue is not None and request.catalogue.is_dir()
    asks_library = has_library and (region.words or options.ucs or options.pin or sight.encoders is not None)
    engine = options.engine or (by_example() if example else "recommend" if asks_library else None)
    if engine is None and has_library and sight.fault is not None:
        raise type(sight.fault)(f"region '{region.name}' has no words, and {sight.fault.message}", sight.fault.hint)
    if engine is None:
        say = "add a sound library (foley-bridge library add FOLDER) and write in words what it should sound like"
        if has_library:
            say = "write what it should sound like, or foley-bridge library embed, to choose by what is on screen"
        raise JobError(
            f"region '{region.name}' does not say what it should sound like",
            f'give an example sound: like="FILE" in the region\'s text, or --exemplar FILE for all regions; or {say}',
        )
    if engine not in ENGINES_HERE:
        known = "is not in this version" if engine in ENGINES else "is unknown"
        raise JobError(f"region '{region.name}': engine '{engine}' {known}", f"use engine={' or '.join(ENGINES_HERE)}")
    if engine in ("transfer", "analogy") and example is None:
        raise JobError(
            f"region '{region.name}': engine '{engine}' needs an example sound", 'give like="FILE", or --exemplar FILE'
        )
    if engine == "analogy":
        _need_pack(region)
    if engine == "recommend" and not has_library:
        raise JobError(
            f"region '{region.name}': engine '{engine}' needs a sound library", "make one: foley-bridge library add FOLDER"
        )
    return engine


def by_example() -> str:
    """The engine for a region that names an example and no engine: ``analogy`` where a pack has it. The pack that ships knows
    drawn scenes alone, and is to be asked for by name."""
    with contextlib.suppress(PackError):
        pack = pack_for_analogy()
        if pack is not None and not pack.ships:
            return "analogy"
    return "transfer"


def _need_pack(region: Region) -> None:
    try:
        pack = pack_for_analogy()
    except PackError as error:
        raise PackError(f"region '{region.name}': {error.message}", error.hint) from error
    if pack is None:
        raise JobError(
            f"region '{region.name}': engine 'analogy' needs a pack that has it, and none is installed",
            "add one (foley-bridge packs add FOLDER), or use engine=transfer",
        )


def _example(region: Region, options: Options, opened: Opened, request: GenerateRequest) -> ExampleClip | None:
    base = opened.base

    def allowed(example: ExampleClip) -> ExampleClip:
        request.roots.media_file(str(example.path.absolute()), f"region '{region.name}': the example sound")
        return example

    if options.like is None:
        return allowed(ExampleClip(request.exemplar)) if request.exemplar else None
    for clip in opened.timeline.find_clips():
        found = _clip_range(clip, base) if clip.name == options.like else None
        if found is not None:
            return allowed(found)
    if options.like.lower().startswith(LIBRARY):
        return ExampleClip(_library_file(region, options.like[len(LIBRARY) :].lower(), request))
    path = Path(request.roots.to_local(options.like))
    with contextlib.suppress(RuntimeError):  # "~somebody" who is not here
        path = path.expanduser()
    path = base / path
    if is_file(path):
        return allowed(ExampleClip(path))
    raise JobError(
        f"region '{region.name}': like={options.like} is neither a clip of this timeline nor a file ({path})",
        f"name a clip, give a path (relative ones start at the timeline's folder), or a sound of the library as {LIBRARY}ID",
    )


def _library_file(region: Region, sound_id: str, request: GenerateRequest) -> Path:
    if request.catalogue is None or not request.catalogue.is_dir():
        raise JobError(f"region '{region.name}': there is no sound library", "make one: foley-bridge library add FOLDER")
    try:
        sound = Catalogue.open(request.catalogue).get(sound_id)
    except LibraryError as error:
        raise LibraryError(f"region '{region.name}': {error.message}", error.hint) from error
    return next((path for path in map(Path, sound.paths) if is_file(path)), Path(sound.paths[0]))


def _clip_range(clip: otio.schema.Clip, base: Path) -> ExampleClip | None:
    reference = clip.media_reference
    path = local_path(reference.target_url, base) if isinstance(reference, otio.schema.ExternalReference) else None
    if path is None:
        return None
    shown, held = clip.trimmed_range(), available(reference)
    first = held[0] if held else Fraction(0)
    return ExampleClip(path, max(Fraction(0), seconds_of(shown.start_time) - first), seconds_of(shown.duration))
