"""The encoders of the pack that is in use: whoever works for long asks for them before each piece of work."""

from __future__ import annotations

import threading

from foley_bridge.home import home
from foley_bridge.inference.encoders import TASK, Encoders
from foley_bridge.inference.installed import Installed


def encoders_in_use() -> Encoders | None:
    """For whoever asks once: those of the pack that serves this user now; as ``InUse.encoders``."""
    return InUse(Installed(home())).encoders()


class InUse:
    """The encoders of the pack that serves now: kept as long as it is the same, made anew once another is used.

    Args:
        installed: where to look, each time they are asked for.
    """

    def __init__(self, installed: Installed) -> None:
        self._installed = installed
        self._lock = threading.Lock()
        self._kept: Encoders | None = None

    def encoders(self) -> Encoders | None:
        """None when no pack has the task; raises PackError when the one in use cannot be used."""
        pack = self._installed.serving(TASK)
        with self._lock:
            if pack is None:
                self._kept = None
            elif self._kept is None or self._kept.pack.hash != pack.hash:
                self._kept = None  # its memory goes before the new one's comes
                self._kept = Encoders(pack)
            return self._kept
