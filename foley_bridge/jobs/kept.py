"""What is kept of a reel for those who go on with it: its timeline as it was opened, how much moves under its regions, and
what the encoders made of their pictures.

A ``generate`` job writes them into a folder of the daemon's while it works; a retake or an apply reads them, so that nothing
that becomes of the user's own file meanwhile is in its way, and no picture is looked at twice. They are ours: no child process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import opentimelineio as otio
from numpy.typing import NDArray

from foley_bridge.engines.candidate import Curve
from foley_bridge.errors import JobError
from foley_bridge.jobs.opening import Opened, open_again
from foley_bridge.jobs.request import GenerateRequest
from foley_bridge.jobs.roots import Roots
from foley_bridge.media.whole_file import whole_file
from foley_bridge.timeline import files

MOTION = "motion.npz"
LOOKS = "looks.npz"
REELS = 2  # timelines held open in a process
_UNREADABLE = (OSError, EOFError, KeyError, ValueError, BadZipFile)

_held: OrderedDict[tuple[Any, ...], Opened] = OrderedDict()


def keep_timeline(path: Path, timeline: otio.schema.Timeline) -> None:
    """Write a timeline as it was opened, whole or not at all.

    Raises:
        OSError, FoleyError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_text(otio.adapters.write_to_string(timeline, "otio_json", indent=-1), "utf-8")


def keep_motion(path: Path, motion: Mapping[int, Curve]) -> None:
    """Write how much moves under regions, by their numbers.

    Args:
        path: of the timeline; lies beside it.
        motion: of regions whose picture was looked at.

    Raises:
        OSError, FoleyError: it cannot be written.
    """
    with whole_file(path.with_name(MOTION)) as partial, partial.open("wb") as file:
        np.savez(file, **{f"{number}": np.stack([each.time_s, each.value]) for number, each in motion.items()})  # type: ignore[arg-type]


def kept_motion(path: Path, number: int) -> Curve:
    """How much moves under a region; empty when nobody looked. path: of the timeline."""
    try:
        with np.load(path.with_name(MOTION), allow_pickle=False) as regions:
            time_s, value = regions[str(number)]
    except _UNREADABLE:
        return Curve(np.zeros(0), np.zeros(0))
    return Curve(time_s, value)


class KeptLook(NamedTuple):
    """What was seen under a region.

    Attributes:
        made_of: what it was made from, as a hash.
        points: float32 (q, dimension), of ``library.finding.Shown``.
    """

    made_of: str
    points: NDArray[np.float32]


def keep_looks(path: Path, looks: Mapping[int, KeptLook], pack: str) -> None:
    """Write what was seen under regions, by their numbers.

    Args:
        path: of the timeline; lies beside it.
        pack: the hash of the pack that saw it.

    Raises:
        OSError, FoleyError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    held: dict[str, Any] = {"pack": np.array(pack)}
    for number, look in looks.items():
        held |= {f"{number} made of": np.array(look.made_of), f"{number}": look.points}
    with whole_file(path.with_name(LOOKS)) as partial, partial.open("wb") as file:
        np.savez(file, **held)


def kept_looks(path: Path, pack: str) -> dict[int, KeptLook]:
    """What was seen under regions; nothing when nobody looked, or with another pack. path: of the timeline."""
    try:
        with np.load(path.with_name(LOOKS), allow_pickle=False) as held:
            if str(held["pack"]) != pack:
                return {}
            return {int(name): KeptLook(str(held[f"{name} made of"]), held[name]) for name in held if name.isdigit()}
    except _UNREADABLE:
        return {}


def base_of(asked: Mapping[str, Any], opened: Path, roots: Roots) -> Path:
    """The folder that relative paths in a kept timeline start from.

    Args:
        asked: the reel's request, params of ``submit``.
        opened: the kept timeline.
        roots: how seats name paths.
    """
    named = asked["timeline"]
    if named.get("base"):
        return roots.media_file(named["base"], "timeline.base")
    return opened.parent if "payload" in named else files.folder_of(roots.media_file(named["path"], "timeline.path"))


def kept_timeline(path: Path, request: GenerateRequest, *, base: Path) -> Opened:
    """A reel's timeline as it was opened, its regions found again. It stays in memory: whoever changes it works on a clone.

    Args:
        path: where it is kept.
        request: the reel's.
        base: the folder that relative paths in it start from.

    Raises:
        JobError: it is not there.
        TimelineError: no region of it can be used.
    """
    try:
        status = path.stat()
        known = (path, status.st_mtime_ns, status.st_size, base, request.regions, request.roots)
        if known not in _held:
            timeline = otio.adapters.read_from_file(str(path), "otio_json")
            _held[known] = open_again(timeline, request.timeline, request.regions, base=base, roots=request.roots)
            while len(_held) > REELS:
                _held.popitem(last=False)
    except (OSError, otio.exceptions.OTIOError) as error:
        raise JobError(
            f"the reel's timeline is not kept any more ({path})", "generate the reel again; one of an older version kept none"
        ) from error
    _held.move_to_end(known)
    return _held[known]
