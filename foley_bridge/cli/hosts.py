"""``install-host``: the scripts that run inside an editor, put where it finds them."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foley_bridge.cli.asking import Endpoint, Json, Keys, Seat, absolute
from foley_bridge.errors import HostError

if TYPE_CHECKING:
    from foley_bridge.hosts.install import Planned


class Host(StrEnum):
    """An editor that has scripts."""

    reaper = "reaper"
    resolve = "resolve"
    blender = "blender"
    ardour = "ardour"


def install_host(
    host: Annotated[Host, typer.Argument(metavar="HOST", help="reaper, resolve, blender or ardour.")],
    into: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The host's own folder, where it is not found: a portable one, all users', another."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Remove what was installed.")] = False,
    endpoint: Endpoint = None,
    keys: Keys = None,
    seat: Seat = None,
    as_json: Json = False,
) -> None:
    """Install, update or remove Foley's scripts in an editor.

    In every version of it that is found. Files that you have changed are never lost: they are kept under another name.
    The scripts ask the daemon that is named here, or else the one of this machine.
    """
    from foley_bridge.hosts import install

    if uninstall:
        planned = install.plan_uninstall(host.value, into)
    else:
        asked = {"endpoint": endpoint, "keys": _keys(keys, seat), "seat": seat}
        planned = install.plan_install(host.value, into, asked)
    if not dry_run:
        (install.uninstall if uninstall else install.install)(planned)
    if as_json:
        done = [one.to_json() for one in planned]
        after = "" if uninstall else install.after(planned[0])
        print(json.dumps({"host": host.value, "dry_run": dry_run, "folders": done, "next": after}, indent=2))
        return
    for one in planned:
        _say(one, dry_run)
    if not dry_run and not uninstall:
        print(install.after(planned[0]))


def _keys(keys: Path | None, seat: str | None) -> str | None:
    if keys is None:
        return None
    folder = Path(absolute(keys))
    if seat is None or not (folder / f"{seat}.key_secret").is_file():
        raise HostError(f"{folder}: there are no keys of seat {seat or '(none named)'}", "give --keys DIR and --seat NAME")
    return str(folder)


def _say(planned: Planned, dry_run: bool) -> None:
    said = planned.to_json()
    verb = "would be " if dry_run else ""
    print(f"{said['title']} in {said['folder']}:")
    for what in ("written", "removed"):
        if dry_run:
            for path in said[what]:
                print(f"  {verb}{what}: {path}")
        elif said[what]:
            print(f"  {what}: {len(said[what])} files")
    for path in said["set_aside"]:
        print(f"  changed by you, {verb}kept beside the new one (.yours): {path}")
    for path in said["kept"]:
        print(f"  changed by you, {verb}left where it is: {path}")
    if not (said["written"] or said["removed"]):
        print("  nothing to do: it is up to date")
