"""Installing a host's scripts, upgrading and removing them: what is to be done, and doing it in every folder of the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from foley_bridge import __version__
from foley_bridge.errors import HostError
from foley_bridge.hosts import changes as changing
from foley_bridge.hosts import config, known
from foley_bridge.hosts.changes import Changes, Listed, at, digest, now
from foley_bridge.hosts.contents import BASE, contents, source
from foley_bridge.hosts.places import TITLES, Site, sites_of

AFTER = {
    "reaper": "In REAPER: Actions > Show action list > New action > Load ReaScript, choose 'Foley - Set up.lua' in {base}, "
    "and run it.",
    "resolve": "In DaVinci Resolve (start it again if it is running): Workspace > Scripts > Foley.",
    "blender": "In Blender (start it again if it is running): Edit > Preferences > Add-ons, tick Foley Bridge; "
    "then the Video Sequencer's sidebar has Foley.",
    "ardour": "In Ardour: Edit > Lua Scripts > Script Manager. Under Action Scripts take an empty slot, Add/Set, choose an "
    "action of Foley, which is then in Edit > Lua Scripts; under Action Hooks: New Hook, 'Foley: Timer'.",
}
"""What the user does next, in the host's own words."""


@dataclass(frozen=True)
class Planned:
    """What is to be done in one folder of a host.

    Attributes:
        site: the folder.
        changes: what is done.
        kept: files of ours that the user has changed, and that therefore stay.
        same: how many files are as they should be.
        version: that was installed there; None for none.
    """

    site: Site
    changes: Changes
    kept: tuple[PurePosixPath, ...]
    same: int
    version: str | None

    def to_json(self) -> dict[str, Any]:
        """As ``install-host --json`` prints it (docs/json.md)."""

        def paths(places: Sequence[PurePosixPath]) -> list[str]:
            return sorted(str(at(self.site.root, place)) for place in places)

        return {
            "title": self.site.title,
            "folder": str(self.site.root),
            "scripts": str(at(self.site.root, BASE[self.site.host])),
            "before": self.version,
            "written": paths(list(self.changes.write)),
            "removed": paths(self.changes.remove),
            "set_aside": paths(self.changes.aside),
            "kept": paths(self.kept),
            "unchanged": self.same,
        }


def plan_install(host: str, into: Path | None, asked: Mapping[str, str | None]) -> list[Planned]:
    """What installing does, in each folder of a host.

    Args:
        host: one of ``places.TITLES``.
        into: the host's folder; None for all that are found.
        asked: ``endpoint``, ``keys`` and ``seat`` for the config, where the user names them.

    Raises:
        HostError: the host is not found, or something in the way cannot be read.
    """
    scripts = source()
    planned = []
    for site in sites_of(host, into):
        base = BASE[host]
        listed = changing.read_list(site.root, base)
        said = config.config(asked, config.read(at(site.root, base / config.NAME)))
        files = {**contents(host, scripts, site.root), base / config.NAME: config.as_bytes(said)}
        planned.append(_planned(site, files, listed))
    return planned


def _planned(site: Site, files: dict[PurePosixPath, bytes], listed: Listed | None) -> Planned:
    base = BASE[site.host]
    before = listed.files if listed is not None else {}
    todo, kept, same = Changes(site.root), [], 0
    for place, data in files.items():
        there = now(site.root, place)
        if there == data:
            same += 1
            continue
        todo.write[place] = data
        is_config = place == base / config.NAME and config.read(at(site.root, place)) is not None
        if there is not None and before.get(place) != digest(there) and not is_config:
            todo.aside.append(place)
    for place, sha in before.items():
        if place not in files and (there := now(site.root, place)) is not None:
            if digest(there) == sha:
                todo.remove.append(place)
            else:
                kept.append(place)
    made = changing.missing_folders(site.root, list(files))
    folders = tuple(dict.fromkeys((*(listed.folders if listed is not None else ()), *made)))
    todo.folders = [folder for folder in folders if not any(place.is_relative_to(folder) for place in files)]
    new = Listed(
        __version__, {place: digest(data) for place, data in files.items()}, tuple(sorted(set(folders) - set(todo.folders)))
    )
    if new != listed:
        todo.write[base / changing.NAME] = changing.list_bytes(new)
    return Planned(site, todo, tuple(kept), same, listed.version if listed is not None else None)


def plan_uninstall(host: str, into: Path | None) -> list[Planned]:
    """What removing does, in each folder of a host that has its scripts.

    Raises:
        HostError: none has.
    """
    sites = sites_of(host, into) if into is not None else known.sites(host)
    planned = []
    for site in sites:
        base = BASE[host]
        listed = changing.read_list(site.root, base)
        if listed is None:
            continue
        there = {place: data for place in listed.files if (data := now(site.root, place)) is not None}
        ours = [place for place, data in there.items() if digest(data) == listed.files[place]]
        kept = tuple(place for place in there if place not in ours)
        todo = Changes(site.root, remove=[*ours, base / changing.NAME], folders=list(listed.folders))
        planned.append(Planned(site, todo, kept, 0, listed.version))
    if not planned:
        where = f" in {into}" if into is not None else ""
        raise HostError(
            f"no scripts for {TITLES[host]} are installed{where}", "name the folder with --into DIR if it is elsewhere"
        )
    return planned


def install(planned: Sequence[Planned]) -> None:
    """Do what ``plan_install`` says.

    Raises:
        HostError: foley-call does not start; or a folder cannot be changed: nothing is changed in that one then.
    """
    config.check_call(config.foley_call())
    config.make_work()
    for one in planned:
        changing.carry_out(one.changes)
        known.remember(one.site)


def uninstall(planned: Sequence[Planned]) -> None:
    """Do what ``plan_uninstall`` says; raises HostError as ``install`` does."""
    for one in planned:
        changing.carry_out(one.changes)
        known.forget(one.site)


def after(planned: Planned) -> str:
    """What the user does next."""
    return AFTER[planned.site.host].format(base=at(planned.site.root, BASE[planned.site.host]))
