"""A reel's timeline opened again, as it was kept or in a newer version, and the reel's regions found in it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from foley_bridge.errors import JobError, TimelineError
from foley_bridge.jobs.opening import Opened, localise, open_again
from foley_bridge.jobs.reel_regions import ReelRegion
from foley_bridge.jobs.roots import Roots
from foley_bridge.timeline import files
from foley_bridge.timeline.exchange import counted
from foley_bridge.timeline.layout import timeline_duration, timeline_rate
from foley_bridge.timeline.markers import Refused
from foley_bridge.timeline.options import Options
from foley_bridge.timeline.place import clear_foley
from foley_bridge.timeline.regions import Region, find_regions, parse_region
from foley_bridge.timeline.time import floor_frame, rate_text, seconds_of


def open_kept(path: Path, named: Path, regions: tuple[str, ...], *, base: Path, roots: Roots) -> Opened:
    """The timeline that a reel was made from, as it was before the reel's takes were laid.

    Args:
        path: where the daemon kept it; ours, so nothing in it needs to be distrusted.
        named: the file that it was read from.
        regions: those that the reel's request gave beside those marked.
        base: the folder that relative paths in it start from.
        roots: how seats name the media, which have this machine's names in it.

    Raises:
        JobError: it is not there.
    """
    if not path.is_file():
        raise JobError(
            "the timeline that the reel was made from is not kept any more", "give the timeline to write into: --timeline FILE"
        )
    return open_again(otio.adapters.read_from_file(str(path), "otio_json"), named, regions, base=base, roots=roots)


def open_newer(path: Path, *, rate: Fraction, roots: Roots) -> Opened:
    """A newer version of a reel's timeline, our own clips taken out.

    Args:
        path: of the file.
        rate: of the reel.
        roots: how seats name the media.

    Raises:
        TimelineError: not a readable timeline.
        JobError: it runs at another rate than the reel.
    """
    timeline = files.read(path)
    named = localise(timeline, roots)
    found = timeline_rate(timeline)
    if found != rate:
        raise JobError(
            f"{path} runs at {rate_text(found)} frames per second, the reel, and with it its takes, at {rate_text(rate)}",
            "run generate on that timeline",
        )
    gone = clear_foley(timeline)
    start = timeline.global_start_time
    refused: list[Refused] = []
    regions, notes = find_regions(timeline, refused=refused)
    return Opened(
        timeline=timeline,
        base=files.folder_of(path),
        rate=found,
        duration=timeline_duration(timeline),
        record_start=seconds_of(start) if start is not None else Fraction(0),
        regions=tuple(regions),
        refused=tuple(refused),
        seats_names=named,
        notes=(*notes, *((f"taken out of {path.name} first: {counted(gone, 'clip')} of ours",) if gone else ())),
    )


class Finder:
    """Finds a reel's regions in a timeline, each at most once.

    Args:
        opened: the timeline.
        wanted: all that are looked for.
        given: texts of regions that no marker asked for (``regions`` of the reel's request).
        newer: whether it is another timeline than the one that the reel was made from.
    """

    def __init__(self, opened: Opened, wanted: Sequence[ReelRegion], given: Sequence[str], *, newer: bool) -> None:
        self._opened, self._newer = opened, newer
        self._ids = {region.id for region in wanted} - {None}
        self._by_range = {_range(region): region for region in opened.regions}
        self._by_id: dict[str | None, list[Region]] = {}
        for region in opened.regions if newer else ():
            self._by_id.setdefault(region.id, []).append(region)
        self._given = set()
        for text in given:
            with contextlib.suppress(TimelineError):  # past the end of a newer timeline
                self._given.add(_range(parse_region(text, opened.rate, opened.duration, record_start=opened.record_start)))

    def find(self, wanted: ReelRegion) -> tuple[Region, tuple[str, ...]]:
        """Where a region is now, under the name and text that its takes were made for, and what a person should know of it."""
        rate = self._opened.rate
        found = self._marked(wanted)
        if found is None:
            here = Region(wanted.name, wanted.text, "", Options(), wanted.start, wanted.end, rate, id=wanted.id)
            at_hand = not self._newer or _range(wanted) in self._given
            return here, () if at_hand else ("it is not marked any more: its takes lie where they were made for",)
        notes = []
        if found.text != wanted.text:
            notes.append(f"its marker says '{found.text}' now; its takes were made for '{wanted.text}'")
        if moved := moved_frames(wanted, found):
            notes.append(f"it was moved by {moved:+d} frames since its takes were made, and they with it")
        lengths = [round((each.end - each.start) * rate) for each in (wanted, found)]
        if lengths[0] != lengths[1]:
            notes.append(f"it is {lengths[1]} frames long now; its takes were made for {lengths[0]}")
        return replace(found, name=wanted.name, text=wanted.text, notes=()), tuple(notes)

    def _marked(self, wanted: ReelRegion) -> Region | None:
        """In a newer timeline the nearest of the same id, else the same range if it is no other's; nobody else gets it then."""
        named = [] if wanted.id is None else self._by_id.get(wanted.id, [])
        same = self._by_range.get(_range(wanted))
        if same is not None and self._newer and same.id in self._ids:
            same = None
        found = min(named, key=lambda each: abs(each.start - wanted.start), default=same)
        if found is not None:
            self._by_range.pop(_range(found), None)
            if found in self._by_id.get(found.id, []):
                self._by_id[found.id].remove(found)
        return found


def _range(region: Region | ReelRegion) -> tuple[float, float]:
    return float(region.start), float(region.end)


def moved_frames(wanted: ReelRegion, found: Region) -> int:
    """By how many frames a region lies later now than when its takes were made."""
    return floor_frame(found.start, found.rate) - floor_frame(wanted.start, found.rate)
