"""From a timeline to its cues: regions with every option settled, the example each one uses, the engine that answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from foley_bridge.errors import JobError, TimelineError
from foley_bridge.jobs.request import DEFAULTS
from foley_bridge.library import ucs
from foley_bridge.timeline.files import local_path
from foley_bridge.timeline.layout import available
from foley_bridge.timeline.options import ENGINES, Options, parse_option
from foley_bridge.timeline.regions import Region
from foley_bridge.timeline.time import seconds_of, timecode

ENGINES_HERE = ("transfer",)


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
        number: 1-based, in timeline order.
        region: its range and text.
        options: every field that has a default is set (``jobs.request.DEFAULTS``).
        engine: which engine answers.
        example: what it should sound like.
        cat_id: the UCS CatID it is named by.
    """

    number: int
    region: Region
    options: Options
    engine: str
    example: ExampleClip
    cat_id: str


def settle(
    timeline: otio.schema.Timeline,
    regions: tuple[Region, ...],
    *,
    base: Path,
    named: Mapping[str, str],
    exemplar: Path | None,
    record_start: Fraction = Fraction(0),
) -> list[Cue]:
    """Settle every region's options, engine and exemplar; nothing is decoded yet.

    Args:
        timeline: where ``like=`` looks for clips by name.
        regions: in timeline order.
        base: the folder that relative paths start from.
        named: the request's own options, by name.
        exemplar: the request's own exemplar.
        record_start: timecode of the timeline's first frame, seconds.

    Raises:
        TimelineError: a bad option.
        JobError: an engine that is not here, or no exemplar; names the region.
    """
    cues = []
    for number, region in enumerate(_told_apart(regions, record_start), start=1):
        asked = Options(**{name: parse_option(name, value, region.rate) for name, value in named.items()})  # type: ignore[arg-type]
        options = region.options.over(asked).over(DEFAULTS)
        example = _example(region, options, timeline, base, exemplar)
        engine = _engine(region, options, example)
        assert example is not None
        cues.append(Cue(number, region, options, engine, example, _cat_id(region, options)))
    return cues


def _told_apart(regions: tuple[Region, ...], record_start: Fraction) -> list[Region]:
    """The regions, those of the same name with their timecode added to it."""
    often = Counter(region.name for region in regions)
    return [
        replace(region, name=f"{region.name} at {timecode(record_start + region.start, region.rate)}")
        if often[region.name] > 1
        else region
        for region in regions
    ]


def _engine(region: Region, options: Options, example: ExampleClip | None) -> str:
    engine = options.engine or ("transfer" if example else None)
    if engine is None:
        raise JobError(
            f"region '{region.name}' does not say what it should sound like",
            'give an example sound: like="FILE" in the region\'s text, or --exemplar FILE for all regions',
        )
    if engine not in ENGINES_HERE:
        known = "is not in this version" if engine in ENGINES else "is unknown"
        raise JobError(f"region '{region.name}': engine '{engine}' {known}", f"use engine={' or '.join(ENGINES_HERE)}")
    if example is None:
        raise JobError(
            f"region '{region.name}': engine '{engine}' needs an example sound", 'give like="FILE", or --exemplar FILE'
        )
    return engine


def _example(
    region: Region, options: Options, timeline: otio.schema.Timeline, base: Path, exemplar: Path | None
) -> ExampleClip | None:
    if options.like is None:
        return ExampleClip(exemplar) if exemplar else None
    for clip in timeline.find_clips():
        found = _clip_range(clip, base) if clip.name == options.like else None
        if found is not None:
            return found
    path = base / Path(options.like).expanduser()
    if path.is_file():
        return ExampleClip(path)
    raise JobError(
        f"region '{region.name}': like={options.like} is neither a clip of this timeline nor a file ({path})",
        "name a clip, or give a path; relative paths start at the timeline's folder",
    )


def _clip_range(clip: otio.schema.Clip, base: Path) -> ExampleClip | None:
    reference = clip.media_reference
    path = local_path(reference.target_url, base) if isinstance(reference, otio.schema.ExternalReference) else None
    if path is None:
        return None
    shown, held = clip.trimmed_range(), available(reference)
    first = held[0] if held else Fraction(0)
    return ExampleClip(path, max(Fraction(0), seconds_of(shown.start_time) - first), seconds_of(shown.duration))


def _cat_id(region: Region, options: Options) -> str:
    if options.ucs is None:
        return ucs.guess(region.words)
    try:
        return ucs.category(options.ucs).cat_id
    except TimelineError as error:
        raise TimelineError(f"region '{region.name}': {error.message}", error.hint) from error
