"""How a panel runs: one line of JSON from the daemon that started it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from foley_bridge.jobs.roots import Roots


@dataclass(frozen=True)
class PanelSettings:
    """How a panel runs.

    Attributes:
        endpoint: of the daemon's requests.
        keys, seat: a folder of CURVE keys and whose in it, for a daemon that wants them; else None.
        token: the first part of every path; who does not know it learns nothing.
        host: an address of loopback.
        port: that is wanted; a free one when it is taken or 0.
        cache: a folder of our own for what was made; may be deleted at any time.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
        roots: what the daemon's jobs may read and write, and how seats name it.
    """

    endpoint: str
    keys: Path | None
    seat: str | None
    token: str = field(repr=False)
    host: str
    port: int
    cache: Path
    log_level: str
    roots: Roots

    @classmethod
    def from_line(cls, line: bytes) -> PanelSettings:
        """From what the daemon writes (``bridge/panel_process.py``)."""
        said = json.loads(line)
        return cls(
            endpoint=said["endpoint"],
            keys=None if said["keys"] is None else Path(said["keys"]),
            seat=said["seat"],
            token=said["token"],
            host=said["host"],
            port=said["port"],
            cache=Path(said["cache"]),
            log_level=said["log_level"],
            roots=Roots.from_json(said["roots"]),
        )
