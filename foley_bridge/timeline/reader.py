"""The child process that meets a timeline file first, because OpenTimelineIO's C++ may die on it.

Run by ``files.read`` as a script: ``reader.py json`` reads OTIO JSON from standard input, ``reader.py file PATH`` reads PATH
through the adapter for its extension. It touches everything that the program will touch later, and writes the timeline as
OTIO JSON to standard output. A fault that Python sees ends with exit code 3 and one line on standard error.
"""

from __future__ import annotations

import contextlib
import io
import sys

MEMORY_LIMIT = 8 << 30  # bytes of address space; a hostile file should not take the machine down with it


def main() -> int:
    """Read, walk, and write back out."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import opentimelineio as otio

    try:
        with contextlib.redirect_stdout(io.StringIO()):  # adapters may print; standard output carries the timeline alone
            if sys.argv[1] == "json":
                read = otio.adapters.read_from_string(sys.stdin.buffer.read().decode(), "otio_json")
            else:
                read = otio.adapters.read_from_file(sys.argv[2])
            walk(otio, read)
            text = otio.adapters.write_to_string(read, "otio_json")
    except Exception as error:  # whatever an adapter raises is a fault of the file, told in one line
        print(f"{type(error).__name__}: {error}".splitlines()[0][:500], file=sys.stderr)
        return 3
    sys.stdout.buffer.write(text.encode())
    return 0


def walk(otio: object, read: object) -> None:
    """Visit, copy and measure everything, so that what kills the reader kills it here."""
    timelines = read if type(read).__name__ == "SerializableCollection" else [read]
    for timeline in timelines:  # type: ignore[attr-defined]
        timeline.clone()
        with contextlib.suppress(Exception):  # a timeline without a length is judged by whoever needs the length
            timeline.duration()
        if hasattr(timeline, "find_children"):
            for child in timeline.find_children():
                with contextlib.suppress(Exception):
                    child.trimmed_range()
        if hasattr(timeline, "video_tracks"):
            timeline.video_tracks()


if __name__ == "__main__":
    sys.exit(main())
