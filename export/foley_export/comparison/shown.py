"""What both packs are asked about: the regions of reels, with what is on screen there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from foley_bridge.engines.looked_at import Image, pictures_of
from foley_bridge.errors import FoleyError, MediaError
from foley_bridge.jobs.opening import Opened, open_request
from foley_bridge.media.movie_file import start_timecode
from foley_bridge.timeline.picture import picture_under
from foley_bridge.timeline.regions import Region
from foley_export.errors import ExportError


@dataclass(frozen=True)
class Shown:
    """A region to be judged.

    Attributes:
        reel: file name of its reel.
        name: the region's.
        duration_s: how long it is.
        pictures: uint8 (height, width, 3), one a second.
    """

    reel: str
    name: str
    duration_s: float
    pictures: list[Image]


def regions_of(reels: Sequence[Path], note: Callable[[str], None]) -> list[Shown]:
    """All regions of the reels that show something.

    Args:
        note: is told of each region that is left out.

    Raises:
        TimelineError: a reel cannot be read, or marks no region.
        ExportError: no region shows anything.
    """
    found = []
    for reel in reels:
        opened = open_request(reel, ())
        for region in opened.regions:
            try:
                pictures = _pictures(opened, region)
            except FoleyError as error:
                note(f"{reel.name}, {region.name}: left out: {error.message}")
                continue
            if pictures:
                found.append(Shown(reel.name, region.name, float(region.end - region.start), pictures))
            else:
                note(f"{reel.name}, {region.name}: left out: it shows nothing")
    if not found:
        raise ExportError("none of the reels' regions shows a picture", "relink the reels' media")
    return found


def _pictures(opened: Opened, region: Region) -> list[Image]:
    picture = picture_under(opened.timeline, region.start, region.end, _start_timecode, base=opened.base)
    return pictures_of(picture, region.start, region.end)


def _start_timecode(path: str) -> Fraction | None:
    try:
        return start_timecode(path)
    except MediaError:
        return None
