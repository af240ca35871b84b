"""What the packs in use are loaded as: whoever works for long asks for it before each piece of work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from foley_bridge.home import home
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.installed import Installed
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import ANALOGY, RECOMMENDATION

_Loaded = TypeVar("_Loaded", bound="Encoders | Analogy")


def encoders_in_use() -> Encoders | None:
    """For whoever asks once: those of the pack that serves this user now; as ``InUse.encoders``."""
    return InUse(Installed(home())).encoders()


class InUse:
    """What the packs are loaded as that serve now: kept as long as a pack is the same, made anew once another is used.

    Args:
        installed: where to look, each time something is asked for.
    """

    def __init__(self, installed: Installed) -> None:
        self.installed = installed
        self._encoders = _Kept(installed, RECOMMENDATION, Encoders)
        self._analogy = _Kept(installed, ANALOGY, Analogy)

    def encoders(self) -> Encoders | None:
        """None when no pack has the task; raises PackError when the one in use cannot be used."""
        return self._encoders.now()

    def analogy(self) -> Analogy | None:
        """None when no pack has the task; raises PackError when the one in use cannot be used."""
        return self._analogy.now()


class _Kept(Generic[_Loaded]):
    """What the pack for one task is loaded as."""

    def __init__(self, installed: Installed, task: str, load: Callable[[Pack], _Loaded]) -> None:
        self._installed, self._task, self._load = installed, task, load
        self._lock = threading.Lock()
        self._kept: _Loaded | None = None

    def now(self) -> _Loaded | None:
        pack = self._installed.serving(self._task)
        with self._lock:
            if pack is None:
                self._kept = None
            elif self._kept is None or self._kept.pack.hash != pack.hash:
                self._kept = None  # its memory goes before the new one's comes
                self._kept = self._load(pack)
            return self._kept
