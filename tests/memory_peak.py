"""A process's own peak of memory. ``getrusage`` counts what the process was forked from, too: of a child of a large pytest it
tells nothing."""

from __future__ import annotations

from pathlib import Path


def peak_kb() -> int:
    """Of the process that asks, since it began to run its program; Linux only."""
    lines = Path("/proc/self/status").read_text("ascii", errors="replace").splitlines()
    (found,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(found.split()[1])
