"""Timelines in and out of files: OTIO, and by extension REAPER projects, FCP7 XML, FCPX XML, EDL and AAF by OTIO adapters.

OpenTimelineIO's C++ reader dies on hostile input and takes its process along. So size, nesting and required objects are
checked first, then a child process that may die reads the file (``child.py``), and only what survived is read here.
Files are written whole or not at all.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import opentimelineio as otio

from foley_bridge.errors import TimelineError
from foley_bridge.timeline import layout
from foley_bridge.timeline.checked_json import EXCHANGE, MAX_BYTES, checked_json
from foley_bridge.timeline.exchange import adopt_fcp7, for_exchange, lost_in
from foley_bridge.timeline.media_paths import make_absolute
from foley_bridge.timeline.resolve import adopt_resolve
from foley_bridge.timeline.time import rate_text

CHILD_TIMEOUT_S = 120
SUFFIXES = (".otio", ".otiod", ".rpp", ".xml", ".fcpxml", ".edl", ".aaf")
WRITTEN = (".otio", ".rpp", ".xml", ".fcpxml", ".edl", ".aaf")

# --- reading ---


def read(path: str | Path) -> otio.schema.Timeline:
    """The one timeline in a file.

    Keep the returned object alive while using its tracks; OTIO empties them when it goes.

    Raises:
        TimelineError: missing, a folder, empty, too large, nested too deep, not what its extension says, without required
            objects, without a timeline or with several; names the file.
    """
    path = Path(path)
    content = path / "content.otio" if path.suffix.lower() == ".otiod" else path
    suffix = content.suffix.lower()
    if suffix == ".otioz":
        raise TimelineError(f"{path}: a zipped .otioz bundle cannot be read in place", "unzip it and give its content.otio")
    if suffix not in SUFFIXES:
        raise TimelineError(f"{path}: {suffix or 'no extension'} is not a timeline format", f"use one of {', '.join(SUFFIXES)}")
    data = _bytes_of(content)
    if suffix == ".otio":
        text = _in_child(path, "read", checked_json(path, data), ["json"])
    else:
        if suffix in (".xml", ".fcpxml") and re.search(rb"<!ENTITY", data, re.IGNORECASE):
            raise TimelineError(f"{path}: XML that defines entities is not read", EXCHANGE)
        if suffix == ".fcpxml":
            _refuse_fractional_fcpx(path, data)
        text = _in_child(path, "read", b"", ["file", str(content)])
    found = otio.adapters.read_from_string(checked_json(path, text).decode(), "otio_json")
    timeline = _only_timeline(path, found)
    adopt_fcp7(timeline)
    adopt_resolve(timeline)
    return timeline


def folder_of(path: str | Path) -> Path:
    """The folder that relative media paths in a timeline file start from."""
    path = Path(path).absolute()
    return path if path.suffix.lower() == ".otiod" else path.parent


def _bytes_of(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise TimelineError(f"{path} is a folder, not a timeline file")
        if not path.exists():
            raise TimelineError(f"{path}: there is no such file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise TimelineError(f"{path} is {size / (1 << 20):.0f} MB; timelines over {MAX_BYTES >> 20} MB are not read")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise TimelineError(f"{path} cannot be read: {error.strerror or error}") from error
    if not data.strip():
        raise TimelineError(f"{path} is empty")
    return data


def _refuse_fractional_fcpx(path: Path, data: bytes) -> None:
    """The FCPX XML adapter cuts 23.976 off to 23 without a word, and every clip lands elsewhere."""
    for ticks, scale in re.findall(rb'frameDuration="(\d{1,12})/(\d{1,12})s"', data):
        if int(ticks) and int(scale) % int(ticks):
            fault = f"{path} is at {int(scale)}/{int(ticks)} frames per second: FCPX XML is read at whole rates only"
            raise TimelineError(fault, "export OTIO or FCP7 XML (.xml)")


def _in_child(path: Path, verb: str, data: bytes, arguments: list[str]) -> bytes:
    """What the child process answers; ``verb`` is what is done to ``path``, for messages."""
    script = Path(__file__).with_name("child.py")
    # -P: this folder holds a time.py, which must not hide the standard library's
    command = [sys.executable, "-P", str(script), *arguments]
    hint = "use .otio" if verb == "written" else "save it from REAPER again" if path.suffix.lower() == ".rpp" else EXCHANGE
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=CHILD_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise TimelineError(f"{path} was not {verb} within {CHILD_TIMEOUT_S} s", hint) from None
    if done.returncode == 3:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise TimelineError(f"{path} cannot be {verb} as {path.suffix.lower()}: {' '.join(reason)}", hint)
    if done.returncode:
        raise TimelineError(f"{path} cannot be {verb}: it crashes OpenTimelineIO", hint)
    return done.stdout


def _only_timeline(path: Path, found: object) -> otio.schema.Timeline:
    if isinstance(found, otio.schema.Timeline):
        return found
    if not isinstance(found, otio.schema.SerializableCollection):
        raise TimelineError(f"{path} holds a {type(found).__name__}, not a timeline")
    timelines = [child for child in found if isinstance(child, otio.schema.Timeline)]
    if len(timelines) == 1:
        return timelines[0].clone()
    if timelines:
        names = ", ".join(repr(timeline.name) for timeline in timelines)
        raise TimelineError(f"{path} holds {len(timelines)} timelines: {names}", "export the one you mean by itself")
    kinds = ", ".join(sorted({type(child).__name__ for child in found})) or "nothing"
    raise TimelineError(f"{path} is a SerializableCollection of {kinds}, without a timeline", "export the timeline itself")


# --- writing ---


def write(
    timeline: otio.schema.Timeline, path: str | Path, *, base: Path | None = None, folder: Path | None = None
) -> tuple[str, ...]:
    """Write a timeline as its extension says, whole or not at all; the timeline itself stays as it is.

    Formats other than OTIO and REAPER projects count whole frames of the timeline's rate: times in samples are rounded there.

    Args:
        base: the folder that relative media paths start from; when it is not the folder written to, they are made absolute, as
            they always are in formats other than OTIO and REAPER projects.
        folder: where the file will lie in the end; None when that is where it is written.

    Returns:
        Notes for the user about what the format cannot say.

    Raises:
        TimelineError: not a format that can be written, one that would lose the sound, or a folder that cannot be written to.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        raise TimelineError(f"{path}: {suffix or 'no extension'} is not a format to write", f"use one of {', '.join(WRITTEN)}")
    copy = timeline.clone()
    moved = base is not None and base.absolute() != (folder or path.parent).absolute()
    if moved or suffix not in (".otio", ".rpp"):  # other programs look for relative media anywhere but here
        make_absolute(copy, (base or folder or path.parent).absolute())
    notes: tuple[str, ...] = ()
    if suffix == ".rpp":
        _place_project(copy, base, folder or path.parent)
        notes = lost_in(suffix, copy, layout.timeline_rate(copy))
    elif suffix != ".otio":
        rate = layout.timeline_rate(copy)
        if suffix == ".edl" and len(copy.audio_tracks()):
            raise TimelineError(f"{path}: an EDL holds no sound clips here, so they would be lost", "use .otio, .xml or .aaf")
        if suffix == ".fcpxml" and rate.denominator != 1:
            raise TimelineError(
                f"{path}: FCPX XML is written at whole frame rates only, not {rate_text(rate)}", "use .otio, .xml or .aaf"
            )
        notes = lost_in(suffix, copy, rate)
        for_exchange(copy, rate, suffix)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{suffix}")
    try:
        text = otio.adapters.write_to_string(copy, "otio_json").encode()
        if suffix == ".otio":
            partial.write_bytes(text)
        else:
            _in_child(path, "written", text, ["write", str(partial)])
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise TimelineError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return notes


def _place_project(timeline: otio.schema.Timeline, base: Path | None, folder: Path) -> None:
    """Tell the adapter of REAPER projects where the paths in one start from, and where it will lie."""
    told = timeline.metadata.get("rpp")
    start = str((base or folder).absolute())
    timeline.metadata["rpp"] = {**(told if hasattr(told, "items") else {}), "from": start, "to": str(folder.absolute())}
