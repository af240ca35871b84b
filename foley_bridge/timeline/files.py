"""Timelines in and out of files: OTIO, and by extension FCP7 XML, FCPX XML, EDL and AAF through their OTIO adapters.

OpenTimelineIO's C++ reader dies on hostile input and takes its process along. So size, nesting and required objects are
checked first, then a child process that may die reads the file (``child.py``), and only what survived is read here.
Files are written whole or not at all.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import opentimelineio as otio

from foley_bridge.errors import TimelineError
from foley_bridge.timeline import layout
from foley_bridge.timeline.time import exact_rate, nominal_rate, rate_text, rational, seconds_of

MAX_BYTES = 64 << 20
MAX_NESTING = 256
CHILD_TIMEOUT_S = 120
SUFFIXES = (".otio", ".otiod", ".xml", ".fcpxml", ".edl", ".aaf")
WRITTEN = (".otio", ".xml", ".fcpxml", ".edl", ".aaf")

_EXCHANGE = "convert it to .otio, or export the timeline again"
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


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
        text = _in_child(path, "read", _checked_json(path, data), ["json"])
    else:
        if suffix in (".xml", ".fcpxml") and re.search(rb"<!ENTITY", data, re.IGNORECASE):
            raise TimelineError(f"{path}: XML that defines entities is not read", _EXCHANGE)
        if suffix == ".fcpxml":
            _refuse_fractional_fcpx(path, data)
        text = _in_child(path, "read", b"", ["file", str(content)])
    found = otio.adapters.read_from_string(_checked_json(path, text).decode(), "otio_json")
    timeline = _only_timeline(path, found)
    _adopt_fcp7(timeline)
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


def _checked_json(path: Path, data: bytes) -> bytes:
    """The same OTIO JSON, written anew from what was checked, so that no second reading of it can differ."""
    if len(data) > MAX_BYTES:
        raise TimelineError(f"{path}: the timeline in it is over {MAX_BYTES >> 20} MB")
    depth = 0
    for match in _STRUCTURE.finditer(data):
        if match[0] in (b"[", b"{"):
            depth += 1
            if depth > MAX_NESTING:
                raise TimelineError(f"{path} is nested deeper than {MAX_NESTING} levels", "flatten its nested timelines")
        elif match[0] in (b"]", b"}"):
            depth -= 1
    try:
        root = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError) as error:
        raise TimelineError(f"{path} is not OpenTimelineIO: not JSON ({error})", _EXCHANGE) from None
    if not isinstance(root, dict) or not isinstance(root.get("OTIO_SCHEMA"), str):
        raise TimelineError(f"{path} is JSON but not OpenTimelineIO: no OTIO_SCHEMA at its top", _EXCHANGE)
    if fault := _first_fault(root):
        raise TimelineError(f"{path} is not a sound OpenTimelineIO file: {fault}", _EXCHANGE)
    return json.dumps(root).encode()


_OBJECTS = {  # what must be there as an object, and what must be a list of objects when it is there
    "Timeline": (("tracks",), ()),
    "SerializableCollection": ((), ("children",)),
    "Stack": ((), ("children", "markers", "effects")),
    "Track": ((), ("children", "markers", "effects")),
    "Clip": ((), ("markers", "effects")),
    "Gap": ((), ("markers", "effects")),
    "Marker": (("marked_range",), ()),
    "Transition": (("in_offset", "out_offset"), ()),
    "TimeRange": (("start_time", "duration"), ()),
}


def _first_fault(root: dict[str, Any]) -> str | None:
    """Where a required object is null or of another kind, in words; None when nothing is. Walks without recursion."""
    pending: list[tuple[str, Any]] = [("", root)]
    while pending:
        place, node = pending.pop()
        if isinstance(node, list):
            pending.extend((f"{place}[{index}]", item) for index, item in enumerate(node))
        if not isinstance(node, dict):
            continue
        schema = str(node.get("OTIO_SCHEMA", "")).partition(".")[0]
        required, lists = _OBJECTS.get(schema, ((), ()))
        for key in required:
            if not isinstance(node.get(key), dict):
                return f"{place}.{key} is {_kind(node, key)}".lstrip(".")
        for key in lists:
            items = node.get(key, [])
            if not isinstance(items, list):
                return f"{place}.{key} is {_kind(node, key)}".lstrip(".")
            for index, item in enumerate(items):
                if not isinstance(item, dict) or "OTIO_SCHEMA" not in item:
                    return f"{place}.{key}[{index}] is not an object of OpenTimelineIO".lstrip(".")
        if schema == "Timeline" and not str(node["tracks"].get("OTIO_SCHEMA", "")).startswith("Stack."):
            return f"{place}.tracks is not a stack".lstrip(".")
        if schema == "RationalTime":
            for key in ("value", "rate"):
                if isinstance(node.get(key), bool) or not isinstance(node.get(key), int | float):
                    return f"{place}.{key} is not a number".lstrip(".")
        pending.extend((f"{place}.{key}", item) for key, item in node.items())
    return None


def _kind(node: dict[str, Any], key: str) -> str:
    return "missing" if key not in node else "null" if node[key] is None else "not what belongs there"


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
    hint = "use .otio" if verb == "written" else _EXCHANGE
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


# --- media paths ---


def local_path(url: str, base: Path) -> Path | None:
    """The file that a media reference means: file:// URL, Windows or POSIX path, absolute or from ``base``.

    None when it is not a local file at all (http and the like, or nothing).
    """
    if not url.strip():
        return None
    if url.lower().startswith("file:"):
        rest = url[5:]
        if rest.startswith("//"):
            host, slash, tail = rest[2:].partition("/")
            rest = slash + tail if host.lower() in ("", "localhost") else f"//{host}{slash}{tail}"
            if re.match(r"[A-Za-z]:$", host):  # file://C:/clip.mov, as some programs write it
                rest = f"{host}{slash}{tail}"
        choices = [unquote(rest), rest]
    elif re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", url):
        return None
    else:
        choices = [url, unquote(url)]
    paths = [_from_base(choice, base) for choice in choices]
    return next((path for path in paths if _exists(path)), paths[0])


def _from_base(text: str, base: Path) -> Path:
    text = re.sub(r"^/+(?=[A-Za-z]:[\\/])", "", text)
    return Path(text) if re.match(r"[A-Za-z]:[\\/]|\\\\", text) else base / text


def is_file(path: Path) -> bool:
    """Whether a file lies there; a name that the system does not even look up (too long, a zero inside) is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


# --- writing ---


def write(
    timeline: otio.schema.Timeline, path: str | Path, *, base: Path | None = None, folder: Path | None = None
) -> tuple[str, ...]:
    """Write a timeline as its extension says, whole or not at all; the timeline itself stays as it is.

    Formats other than OTIO count whole frames of the timeline's rate, so times in samples are rounded to frames there.

    Args:
        base: the folder that relative media paths start from; when it is not the folder written to, they are made absolute.
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
    if base is not None and base.absolute() != (folder or path.parent).absolute():
        _make_absolute(copy, base)
    notes: tuple[str, ...] = ()
    if suffix != ".otio":
        rate = layout.timeline_rate(copy)
        if suffix == ".edl" and len(copy.audio_tracks()):
            raise TimelineError(f"{path}: an EDL holds no sound clips here, so they would be lost", "use .otio, .xml or .aaf")
        if suffix == ".fcpxml" and rate.denominator != 1:
            raise TimelineError(
                f"{path}: FCPX XML is written at whole frame rates only, not {rate_text(rate)}", "use .otio, .xml or .aaf"
            )
        notes = _lost_in(suffix, copy, rate)
        _for_exchange(copy, rate, suffix)
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


def _lost_in(suffix: str, timeline: otio.schema.Timeline, rate: Fraction) -> tuple[str, ...]:
    """What a format, or its adapter, cannot say of this timeline."""
    notes = []
    items = [timeline.tracks, *timeline.find_children(descended_from_type=otio.core.Item)]
    if suffix == ".xml":
        base = nominal_rate(rate)
        if rate not in (base, base * Fraction(1000, 1001)):
            told = f"other programs will read {base * 1000}/1001; frame numbers are right"
            notes.append(f"FCP7 XML has no {rate_text(rate)} frames per second: {told}")
        return tuple(notes)
    if any(item.markers for item in items):
        notes.append(f"markers do not all survive in {suffix}")
    if disabled := sum(not item.enabled for item in items):
        notes.append(f"{suffix} cannot say that something is disabled: {disabled} disabled clips or tracks will play")
    return tuple(notes)


def _references(timeline: otio.schema.Timeline) -> list[Any]:
    clips = timeline.find_clips()
    return [reference for clip in clips for reference in clip.media_references().values()]


def _make_absolute(timeline: otio.schema.Timeline, base: Path) -> None:
    for reference in _references(timeline):
        if isinstance(reference, otio.schema.ExternalReference):
            path = local_path(reference.target_url or "", base)
            if path is not None and not re.match(r"(?i)file:/|/|[A-Z]:[\\/]|\\\\", reference.target_url):
                reference.target_url = str(path)
        elif isinstance(reference, otio.schema.ImageSequenceReference):
            path = local_path(reference.target_url_base or ".", base)
            if path is not None and not re.match(r"(?i)file:/|/|[A-Z]:[\\/]|\\\\", reference.target_url_base):
                reference.target_url_base = str(path)


def _for_exchange(timeline: otio.schema.Timeline, rate: Fraction, suffix: str) -> None:
    """Give a copy the shape that the adapters can write: every range named, times of sound in frames, files as URLs."""
    if timeline.global_start_time is None:
        timeline.global_start_time = rational(Fraction(0), rate)
    for track in timeline.tracks.find_children(descended_from_type=otio.schema.Track):
        _frame_grid(track, rate)
    for item in [timeline.tracks, *timeline.find_children(descended_from_type=otio.core.Item)]:
        for marker in item.markers:
            marker.marked_range = _in_frames(marker.marked_range, _picture_rate(marker.marked_range.start_time, rate))
    for reference in _references(timeline):
        if isinstance(reference, otio.schema.ExternalReference) and suffix in (".xml", ".fcpxml"):
            reference.target_url = _as_url(reference.target_url)
    if suffix == ".xml":
        _tell_fcp7(timeline)


def _frame_grid(track: otio.schema.Track, rate: Fraction) -> None:
    """Name every child's range; where times count samples, round positions (not lengths, which would add up) to frames."""
    sound = track.kind == otio.schema.TrackKind.Audio
    for place in layout.children_of(track):
        child = place.item
        if child.source_range is not None and not sound and _is_picture_rate(child.source_range.duration):
            continue
        source, _ = layout.trimmed(child)
        start, end = round(place.start * rate), round(place.end * rate)
        child.source_range = otio.opentime.TimeRange(rational(source, rate), rational((end - start) / rate, rate))
    for clip in track:
        if not isinstance(clip, otio.schema.Clip):
            continue
        reference = clip.media_reference
        if reference is None or isinstance(reference, otio.schema.MissingReference):
            continue
        if reference.available_range is None:
            reference.available_range = clip.source_range
        elif sound or not _is_picture_rate(reference.available_range.start_time):
            reference.available_range = _in_frames(reference.available_range, rate)


def _is_picture_rate(time: otio.opentime.RationalTime) -> bool:
    return 1 < time.rate < 1000


def _picture_rate(time: otio.opentime.RationalTime, rate: Fraction) -> Fraction:
    return exact_rate(time.rate) if _is_picture_rate(time) else rate


def _in_frames(span: otio.opentime.TimeRange, rate: Fraction) -> otio.opentime.TimeRange:
    start = seconds_of(span.start_time)
    end = round((start + seconds_of(span.duration)) * rate)
    first = round(start * rate)
    return otio.opentime.TimeRange(rational(first / rate, rate), rational((end - first) / rate, rate))


def _as_url(target: str) -> str:
    if re.match(r"[A-Za-z]:[\\/]", target):
        return "file:///" + quote(target.replace("\\", "/"), safe="/:")
    return "file://" + quote(target) if target.startswith("/") else target


# --- what FCP7 XML can say and its adapter leaves out: disabled items, track names, comments, our metadata ---

_FCP7 = "fcp_xml"
_OURS = "foley_bridge"


def _tell_fcp7(timeline: otio.schema.Timeline) -> None:
    for item in timeline.find_children(descended_from_type=otio.core.Item):
        told: dict[str, Any] = {}
        if not item.enabled:
            told["enabled"] = "FALSE"
        if isinstance(item, otio.schema.Track) and item.name:
            told["name"] = item.name
        if isinstance(item, otio.schema.Clip) and _OURS in item.metadata:
            told["comments"] = {"mastercomment4": json.dumps({_OURS: _plain(item.metadata[_OURS])})}
        if told:
            item.metadata[_FCP7] = {**_plain(item.metadata.get(_FCP7, {})), **told}


def _adopt_fcp7(timeline: otio.schema.Timeline) -> None:
    items = [timeline.tracks, *timeline.find_children(descended_from_type=otio.core.Item)]
    for item in items:
        told = _plain(item.metadata.get(_FCP7, {}))
        if isinstance(told, dict):
            if str(told.get("enabled", "")).upper() == "FALSE":
                item.enabled = False
            comments = told.get("comments")
            if isinstance(comments, dict) and _OURS not in item.metadata:
                ours = _ours_in(comments.get("mastercomment4"))
                if ours is not None:
                    item.metadata[_OURS] = ours
        for marker in item.markers:
            told = _plain(marker.metadata.get(_FCP7, {}))
            if not marker.comment and isinstance(told, dict) and isinstance(told.get("comment"), str):
                marker.comment = told["comment"]


def _ours_in(comment: object) -> dict[str, Any] | None:
    if not isinstance(comment, str) or not comment.startswith(f'{{"{_OURS}"'):
        return None
    try:
        ours = json.loads(comment)[_OURS]
    except (ValueError, RecursionError):
        return None
    return ours if isinstance(ours, dict) else None


def _plain(value: Any) -> Any:
    """OTIO's dictionaries and vectors as plain ones."""
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return value
    return [_plain(item) for item in value]
