"""Where foley_bridge keeps what is its own: the daemon's journal, the sound library's catalogue.

``FOLEY_BRIDGE_HOME`` names another folder; otherwise it is the platform's folder for a user's application data.
"""

from __future__ import annotations

import os
from pathlib import Path

from foley_bridge.errors import BridgeError


def home() -> Path:
    """The folder, made if it is not there yet (readable by its owner only).

    Raises:
        BridgeError: it cannot be made.
    """
    named = os.environ.get("FOLEY_BRIDGE_HOME")
    if named:
        folder = Path(named).expanduser().absolute()
    else:
        import platformdirs

        folder = Path(platformdirs.user_data_dir("foley_bridge", appauthor=False))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BridgeError(
            f"{folder}: foley_bridge's own folder cannot be made, {error.strerror or error}",
            "name another place with FOLEY_BRIDGE_HOME",
        ) from error
    return folder


def library_folder() -> Path:
    """The sound library's catalogue: ``FOLEY_BRIDGE_LIBRARY``, or ``library`` under home."""
    named = os.environ.get("FOLEY_BRIDGE_LIBRARY")
    return Path(named).expanduser().absolute() if named else home() / "library"
