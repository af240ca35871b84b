"""Where host scripts may be installed: the folders that are found, and those that a user named, noted in the home folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from foley_bridge.errors import HostError
from foley_bridge.home import home
from foley_bridge.hosts.places import TITLES, Site, found

_NOTES = "hosts.json"


def sites(host: str) -> list[Site]:
    """The folders of a host: those that are found, and those that were named when something was installed there."""
    here = found(host)
    noted = [
        Site(host, Path(root), TITLES[host], named=True) for name, root in _noted() if name == host and Path(root).is_dir()
    ]
    return here + [site for site in noted if not _is_among(site, here)]


def remember(site: Site) -> None:
    """Something is installed there; raises HostError when that cannot be noted."""
    if not _is_among(site, sites(site.host)):
        _note([*_noted(), (site.host, str(site.root))])


def forget(site: Site) -> None:
    """Nothing is installed there any more; raises as ``remember`` does."""
    noted = _noted()
    left = [each for each in noted if each != (site.host, str(site.root))]
    if left != noted:
        _note(left)


def _is_among(site: Site, others: list[Site]) -> bool:
    return site.root.resolve() in [other.root.resolve() for other in others]


def _noted() -> list[tuple[str, str]]:
    try:
        said = json.loads((home() / _NOTES).read_text("utf-8"))
        return [(str(name), str(root)) for name, root in said["named"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _note(noted: list[tuple[str, str]]) -> None:
    path = home() / _NOTES
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(json.dumps({"named": noted}, indent=2) + "\n", "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise HostError(f"{path}: cannot be written, {error.strerror or error}", "make room, and do the same again") from error
