"""Where a daemon keeps its things and may write, for those who look for one without being one."""

from __future__ import annotations

import tempfile
from pathlib import Path

STATE_FILE = "daemon.json"
"""While a daemon runs: its ``pid``, ``version`` and ``endpoints``."""
JOURNAL_FILE = "journal.sqlite"
PANEL_FOLDER = "panel"
"""What belongs to the audition page: ``cache``, and while a daemon with keys runs, ``seat``."""
LOG_FILE = "serve.log"
"""What a daemon says that was started for an editor."""


def default_output_roots(current: Path) -> tuple[Path, ...]:
    """Folders that jobs may write to when nobody says otherwise: the user's home, the current one, the temporary one."""
    return tuple(dict.fromkeys((Path.home(), current, Path(tempfile.gettempdir()))))
