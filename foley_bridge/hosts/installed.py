"""Whether what is installed in the hosts of this machine is whole, up to date, and still finds its way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from foley_bridge import __version__
from foley_bridge.errors import HostError
from foley_bridge.hosts import changes as changing
from foley_bridge.hosts import config, known
from foley_bridge.hosts.changes import at, digest, now
from foley_bridge.hosts.contents import BASE, contents, source
from foley_bridge.hosts.places import TITLES, Site


@dataclass(frozen=True)
class State:
    """How it is with one folder of a host.

    Attributes:
        site: the folder.
        version: of foley_bridge that installed its scripts there; None: they are not installed.
        faults: what is wrong, in words; nothing when all is well.
    """

    site: Site
    version: str | None
    faults: tuple[str, ...] = ()


def states() -> Iterator[State]:
    """Every folder of a host that is found, or that a user named when installing."""
    for host in TITLES:
        for site in known.sites(host):
            listed = changing.read_list(site.root, BASE[host])
            if listed is None:
                yield State(site, None)
            else:
                yield State(site, listed.version, tuple(_faults(site, listed)))


def _faults(site: Site, listed: changing.Listed) -> Iterator[str]:
    base = BASE[site.host]
    if listed.version != __version__:
        yield f"they are of version {listed.version}, this is {__version__}"
    else:
        try:
            here = {place: digest(data) for place, data in contents(site.host, source(), site.root).items()}
        except HostError as error:
            yield error.message
            return
        if here != {place: sha for place, sha in listed.files.items() if place != base / config.NAME}:
            yield "they are not those of this foley_bridge"
    missing = [place for place in listed.files if not at(site.root, place).is_file()]
    if missing:
        yield f"missing: {', '.join(place.name for place in missing[:5])}"
    said = config.read(at(site.root, base / config.NAME))
    if said is None:
        yield f"{config.NAME} cannot be read"
    else:
        yield from config.faults(said)
    changed = [place for place, sha in listed.files.items() if _is_changed(site, place, sha) and place.name != config.NAME]
    if changed:
        yield f"changed by somebody: {', '.join(place.name for place in changed[:5])}"


def _is_changed(site: Site, place: PurePosixPath, sha: str) -> bool:
    try:
        data = now(site.root, place)
    except HostError:
        return True
    return data is not None and digest(data) != sha
