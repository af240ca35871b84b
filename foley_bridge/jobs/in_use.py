"""What the packs in use are loaded as, kept by a process from job to job."""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from foley_bridge.errors import PackError
from foley_bridge.home import home

if TYPE_CHECKING:
    from foley_bridge.inference.analogy import Analogy
    from foley_bridge.inference.encoders import Encoders
    from foley_bridge.inference.in_use import InUse
    from foley_bridge.inference.pack import Pack

_once = threading.Lock()  # a worker that warms up and its first job want the same at the same time


def encoders_in_use() -> Encoders | None:
    """As ``inference.in_use.InUse.encoders``."""
    return _in_use().encoders()


def analogy_in_use() -> Analogy | None:
    """As ``inference.in_use.InUse.analogy``."""
    return _in_use().analogy()


def network_in_use() -> Analogy:
    """The same, with an onset network.

    Raises:
        PackError: it has none, or none is in use.
    """
    analogy = analogy_in_use()
    if analogy is None or not analogy.has("onset"):
        why = f"{analogy.pack.id}, the pack in use for analogy, has none" if analogy else "no pack for analogy is installed"
        raise PackError(
            f"detector=network needs an onset network, and {why}",
            "use a pack that has one (foley-bridge packs use NAME --task analogy), or detector=motion",
        )
    return analogy


def pack_for_analogy() -> Pack | None:
    """The pack that makes new sound, without its graphs; as ``Installed.serving``."""
    from foley_bridge.inference.places import ANALOGY

    return _in_use().installed.serving(ANALOGY)


def _in_use() -> InUse:
    with _once:
        return _of(home())


@functools.lru_cache(maxsize=1)
def _of(folder: Path) -> InUse:
    from foley_bridge.inference.in_use import InUse
    from foley_bridge.inference.installed import Installed

    return InUse(Installed(folder))
