"""Ending the daemon that runs here, in order: for whoever did not start it in a terminal of his own."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from foley_bridge.bridge.places import STATE_FILE
from foley_bridge.bridge.private import at_home, running_state
from foley_bridge.errors import BridgeError
from foley_bridge.home import home

END_S = 30.0
_LOOK_EVERY_S = 0.05


def end(*, keys: Path | None = None, seat: str | None = None) -> dict[str, Any] | None:
    """End the daemon of this user's; what it has not done goes on when it runs again.

    Args:
        keys, seat: as for ``Client``, for a daemon that wants keys.

    Returns:
        ``pid``, and ``unfinished``, how many jobs wait for the next one; None when none runs.

    Raises:
        BridgeError: it may not be ended, or does not end.
    """
    client = at_home(keys=keys, seat=seat)
    if client is None:
        return None
    with client:
        said, queue = client.ping(), client.request("capabilities").result["queue"]
    pid = int(said["pid"])
    try:
        os.kill(pid, signal.SIGTERM)  # Windows ends it without a word, which costs no job either
    except OSError as error:
        raise BridgeError(
            f"the daemon (process {pid}) cannot be ended: {error.strerror or error}", "end it as the user who started it"
        ) from error
    deadline = time.monotonic() + END_S
    while _still_runs(pid):
        if time.monotonic() > deadline:
            raise BridgeError(
                f"the daemon (process {pid}) was told to end and still runs", f"its state is {home() / STATE_FILE}"
            )
        time.sleep(_LOOK_EVERY_S)
    return {"pid": pid, "unfinished": queue["waiting"] + queue["running"]}


def _still_runs(pid: int) -> bool:
    if os.name == "nt":
        return False  # it was ended at once, and left its state behind
    state = running_state()
    return state is not None and state["pid"] == pid
