"""The child process in which foreign timeline code runs, because OpenTimelineIO's C++ may die on what it reads.

Run by ``files.py`` as a script: ``child.py json`` reads OTIO JSON from standard input, ``child.py file PATH`` reads PATH
through the adapter for its extension; both touch everything that the program will touch later, and write the timeline as OTIO
JSON to standard output. ``child.py write PATH`` writes OTIO JSON from standard input to PATH through an adapter.
A fault that Python sees ends with exit code 3 and one line on standard error.
"""

from __future__ import annotations

import contextlib
import io
import math
import sys
from typing import Any

MEMORY_LIMIT = 8 << 30  # bytes of address space; a hostile file should not take the machine down with it


def main() -> int:
    """Read, walk, and write back out."""
    limit_memory()
    try:
        answer = carry_out(sys.argv[1], sys.stdin.buffer.read(), *sys.argv[2:])
    except Exception as error:  # whatever an adapter raises is a fault of the file, told in one line
        print(fault(error), file=sys.stderr)
        return 3
    sys.stdout.buffer.write(answer)
    return 0


def limit_memory() -> None:
    """For this process, where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def carry_out(task: str, data: bytes, path: str = "") -> bytes:
    """One task; ``data`` is OTIO JSON, which "file" does without. Raises whatever OpenTimelineIO and its adapters raise."""
    import opentimelineio as otio

    with contextlib.redirect_stdout(io.StringIO()):  # adapters may print; standard output carries the timeline alone
        if task == "file":
            read = otio.adapters.read_from_file(path)
        else:
            read = otio.adapters.read_from_string(data.decode(), "otio_json")
        if task == "write":
            write(otio, read, path)
            return b""
        walk(read)
        return bytes(otio.adapters.write_to_string(read, "otio_json", indent=-1).encode())


def fault(error: Exception) -> str:
    """What was raised, in one line; what we say ourselves (``FoleyError``) needs no name before it."""
    ours = hasattr(error, "hint") and hasattr(error, "message")
    said = " ".join(str(error.message if ours else error).split())[:500] or "no reason given"  # type: ignore[attr-defined]
    return said if ours else f"{type(error).__name__}: {said}"


def walk(read: Any) -> None:
    """Visit, copy and measure everything, so that what kills the reader kills it here."""
    for timeline in read if type(read).__name__ == "SerializableCollection" else [read]:
        timeline.clone()
        with contextlib.suppress(Exception):  # a timeline without a length is judged by whoever needs the length
            timeline.duration()
        if hasattr(timeline, "find_children"):
            for child in timeline.find_children():
                with contextlib.suppress(Exception):
                    child.trimmed_range()
        if hasattr(timeline, "video_tracks"):
            timeline.video_tracks()


def write(otio: Any, timeline: Any, path: str) -> None:
    """Write through the adapter for a path's extension.

    OTIO refuses to label times at rates that broadcast timecode does not name (15, 14.96), and FCP7 XML wants a label beside
    each frame number. This process is ours alone, so there such times get the label that counting frames gives.
    """
    labelled = otio.opentime.to_timecode

    def to_timecode(time: Any, rate: float | None = None, drop_frame: bool | None = None) -> str:
        rate = time.rate if rate is None else rate
        if otio.opentime.RationalTime.is_smpte_timecode_rate(rate):
            return str(labelled(time, rate, drop_frame))
        base = math.ceil(rate)
        seconds, frames = divmod(round(time.value_rescaled_to(rate)), base)
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frames:02d}"

    otio.opentime.to_timecode = to_timecode
    options = {"use_empty_mob_ids": True} if path.lower().endswith(".aaf") else {}
    otio.adapters.write_to_file(timeline, path, **options)


if __name__ == "__main__":
    sys.exit(main())
