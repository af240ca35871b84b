"""Where editors keep what a user adds to them, on each system. The rules are read from the hosts' own documentation
(docs/hosts.md); which folders are there is looked up here and nowhere else."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from foley_bridge.errors import HostError

TITLES = {"reaper": "REAPER", "resolve": "DaVinci Resolve", "blender": "Blender", "ardour": "Ardour"}
OLDEST = {"blender": (4, 2), "ardour": (7,)}
"""Of hosts that keep a folder for each version: the oldest that the scripts run in."""
_INSIDE = {
    "reaper": "REAPER's resource folder (Options > Show REAPER resource path in explorer/finder)",
    "resolve": "the folder of DaVinci Resolve that has a folder Fusion in it",
    "blender": "a version's user folder, such as …/blender/4.2, or the folder named portable",
    "ardour": "Ardour's configuration folder, such as ~/.config/ardour7",
}


@dataclass(frozen=True)
class Place:
    """Where a host's user folder may be.

    Attributes:
        folder: itself; or, with ``versions``, the folder that has one for each version.
        versions: a pattern for the names of those; its group is the version.
        signs: when one of these folders is there, the host is, and ``folder`` may be made. Empty: the folder itself.
    """

    folder: PurePath
    versions: str = ""
    signs: tuple[PurePath, ...] = ()


@dataclass(frozen=True)
class Site:
    """A host's user folder that is there.

    Attributes:
        host: ``reaper``, ``resolve``, ``blender`` or ``ardour``.
        root: the folder.
        title: the host with its version, for people.
        named: it was not found, but named by the user.
    """

    host: str
    root: Path
    title: str
    named: bool = False


def places(host: str, platform: str, environment: Mapping[str, str], home: str) -> list[Place]:
    """Where to look for a host.

    Args:
        host: one of ``TITLES``.
        platform: as ``sys.platform`` says it; other than ``win32`` and ``darwin`` are taken as Linux.
        environment: variables.
        home: the user's home folder.
    """
    windows, mac = platform == "win32", platform == "darwin"
    flavour = PureWindowsPath if windows else PurePosixPath
    user = flavour(home)
    roaming = flavour(environment.get("APPDATA") or user / "AppData" / "Roaming")
    local = flavour(environment.get("LOCALAPPDATA") or user / "AppData" / "Local")
    support = user / "Library" / "Application Support"
    config = flavour(environment.get("XDG_CONFIG_HOME") or user / ".config")
    if host == "reaper":
        return [Place((roaming if windows else support if mac else config) / "REAPER")]
    if host == "ardour":
        folder = local if windows else user / "Library" / "Preferences" if mac else config
        return [Place(folder, r"[Aa]rdour(\d+)")]
    if host == "blender":
        named = environment.get("BLENDER_USER_RESOURCES")
        folder = roaming / "Blender Foundation" / "Blender" if windows else support / "Blender" if mac else config / "blender"
        return [*([Place(flavour(named))] if named else []), Place(folder, r"(\d+\.\d+)")]
    maker = flavour("Blackmagic Design", "DaVinci Resolve")
    if windows:
        own = roaming / maker / "Support"
        shared = flavour(environment.get("PROGRAMDATA") or r"C:\ProgramData") / maker
    elif mac:
        own, shared = support / maker, flavour("/Library/Application Support") / maker
    else:
        own, shared = user / ".local" / "share" / "DaVinciResolve", flavour("/opt/resolve")
    return [Place(own, signs=(own, shared))]


def found(host: str) -> list[Site]:
    """The folders of a host on this machine, its newest version first."""
    sites = []
    for place in _places_here(host):
        folder = Path(place.folder)
        if not place.versions:
            if any(_is_folder(Path(sign)) for sign in place.signs or (place.folder,)):
                sites.append(Site(host, folder, TITLES[host]))
            continue
        versions = [(_number(match[1]), path, match[1]) for path, match in _versions(folder, place.versions)]
        sites += [
            Site(host, path, f"{TITLES[host]} {version}")
            for number, path, version in sorted(versions, reverse=True)
            if number >= OLDEST[host]
        ]
    return sites


def sites_of(host: str, into: Path | None) -> list[Site]:
    """The folders to install into: those found, or the one named.

    Raises:
        HostError: there is none.
    """
    if into is not None:
        root = into.expanduser().resolve()
        if not _is_folder(root):
            raise HostError(f"{root}: there is no such folder", f"give {_INSIDE[host]}")
        inside = [path.name for place in _places_here(host) if place.versions for path, _ in _versions(root, place.versions)]
        if inside:
            raise HostError(f"{root}: has folders of versions in it, {', '.join(sorted(inside))}", "name one of those")
        return [Site(host, root, TITLES[host], named=True)]
    sites = found(host)
    if not sites:
        looked = ", ".join(_looked_at(place) for place in _places_here(host))
        oldest = f" {'.'.join(map(str, OLDEST[host]))} or newer" if host in OLDEST else ""
        raise HostError(
            f"{TITLES[host]}{oldest} was not found; looked for {looked}",
            f"start it once, so that it makes its folders; or name the folder with --into DIR: {_INSIDE[host]}",
        )
    return sites


def _places_here(host: str) -> list[Place]:
    return places(host, sys.platform, os.environ, str(Path.home()))


def _looked_at(place: Place) -> str:
    if place.versions:
        return f"versions in {place.folder}"
    return ", ".join(map(str, place.signs or (place.folder,)))


def _versions(folder: Path, pattern: str) -> list[tuple[Path, re.Match[str]]]:
    try:
        inside = [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []
    return [(path, match) for path in inside if (match := re.fullmatch(pattern, path.name))]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
