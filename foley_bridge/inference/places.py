"""Where packs lie (docs/packs.md). Light: the daemon reads this file without the libraries that packs need."""

from __future__ import annotations

import contextlib
import hashlib
from importlib import resources
from pathlib import Path

MANIFEST = "pack.json"
USE = "use.json"
RECOMMENDATION, ANALOGY = "recommendation", "analogy"
TASKS = (RECOMMENDATION, ANALOGY)
"""That packs can serve."""
SHIPPED = "mini"
"""What the pack that ships is called."""


def packs_folder(home: Path) -> Path:
    """Of a user's home; need not be there."""
    return home / "packs"


def shipped_folder() -> Path:
    """Of the pack that ships; need not be there."""
    return Path(str(resources.files("foley_bridge"))) / "packs" / SHIPPED


def folders(packs: Path, shipped: Path) -> dict[str, Path]:
    """Where packs lie, by what they are called: ``NAME@VERSION``; the one that ships is last."""
    found: dict[str, Path] = {}
    with contextlib.suppress(OSError):
        found |= {path.name: path for path in sorted(packs.iterdir()) if "@" in path.name and not path.name.startswith(".")}
    if (shipped / MANIFEST).exists():
        found[SHIPPED] = shipped
    return found


def state(packs: Path) -> str:
    """Another text once another pack is in use, or one was added, removed or changed."""
    said = hashlib.sha256()
    manifests = {name: folder / MANIFEST for name, folder in folders(packs, shipped_folder()).items()}
    for name, path in {**manifests, USE: packs / USE}.items():
        with contextlib.suppress(OSError):
            said.update(f"{name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode("utf-8", "surrogateescape"))
    return said.hexdigest()
