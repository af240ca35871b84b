"""The host scripts for Resolve, found where they lie in the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "host_scripts"
sys.path[:0] = [str(SCRIPTS / "core" / "python"), str(SCRIPTS / "resolve")]

from foley_host import HostError  # noqa: E402
from foley_host.place import lay, place_result  # noqa: E402
from foley_resolve import label, laying, placing, session, undo, windows  # noqa: E402
from foley_resolve.host import ResolveHost  # noqa: E402

__all__ = [
    "SCRIPTS",
    "HostError",
    "ResolveHost",
    "label",
    "lay",
    "laying",
    "place_result",
    "placing",
    "session",
    "undo",
    "windows",
]
