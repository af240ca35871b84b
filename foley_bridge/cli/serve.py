"""``serve``, ``stop`` and ``keys``: the daemon, and who may ask it from other machines."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from foley_bridge.cli.asking import Json, Keys, Seat, absolute
from foley_bridge.errors import BridgeError


class LogFormat(StrEnum):
    """How the log is written."""

    text = "text"
    json = "json"


class LogLevel(StrEnum):
    """What is logged: this, and what is worse."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


def serve(
    bind: Annotated[
        str, typer.Option(metavar="tcp://HOST:PORT", help="Where to listen. Beyond this machine only with --keys and roots.")
    ] = "tcp://127.0.0.1:5577",
    home: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The daemon's own folder [default: the user's, or FOLEY_BRIDGE_HOME].")
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Jobs done at once.")] = 1,
    queue_limit: Annotated[int, typer.Option(metavar="N", min=1, help="Jobs that may wait.")] = 1000,
    media_root: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Jobs read only below this; may be given again [default: anywhere]."),
    ] = None,
    output_root: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="Jobs write only below this; may be given again [default: home, current, temporary folder]."
        ),
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="REMOTE=LOCAL", help="What seats call REMOTE lies here at LOCAL; may be given again."),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Let in only seats with keys in this folder (foley-bridge keys).")
    ] = None,
    osc: Annotated[bool, typer.Option("--osc/--no-osc", help="Listen to OSC for triggers and status.")] = True,
    osc_bind: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where to listen to OSC [default: 127.0.0.1, two ports above --bind]."),
    ] = None,
    osc_out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where jobs triggered by OSC write [default: osc, in the daemon's folder]."),
    ] = None,
    metrics_bind: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Serve metrics for Prometheus here [default: none].")
    ] = None,
    panel: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where the audition page is, on this machine only, once it is asked for [default: 127.0.0.1, three ports "
            "above --bind, or a free one].",
        ),
    ] = None,
    no_panel: Annotated[bool, typer.Option("--no-panel", help="No audition page.")] = False,
    log_format: Annotated[LogFormat, typer.Option(help="Lines for people, or JSON objects for machines.")] = LogFormat.text,
    log_level: Annotated[LogLevel, typer.Option(help="What is logged: this, and what is worse.")] = LogLevel.info,
    library: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The sound library [default: the user's, or FOLEY_BRIDGE_LIBRARY].")
    ] = None,
    private: Annotated[bool, typer.Option("--private", hidden=True)] = False,
) -> int:
    """Run the daemon, until Ctrl-C.

    Editors and other commands give it jobs. None is lost: what is not done when it ends goes on when it runs again.
    """
    from foley_bridge.bridge.daemon import DaemonSettings, default_osc_bind, run_daemon
    from foley_bridge.bridge.panel_process import default_panel_bind
    from foley_bridge.home import home as users_home
    from foley_bridge.home import library_folder

    if panel is None and not private:
        panel = default_panel_bind(bind)
    return run_daemon(
        DaemonSettings(
            bind=bind,
            home=users_home() if home is None else _folder(home),
            workers=workers,
            queue_limit=queue_limit,
            media_roots=_folders(media_root),
            output_roots=_folders(output_root),
            maps=tuple(_map(text) for text in map_ or ()),
            keys=None if keys is None else _folder(keys),
            osc_bind=(osc_bind or default_osc_bind(bind)) if osc else None,
            osc_out=None if osc_out is None else _folder(osc_out),
            metrics_bind=metrics_bind,
            panel_bind=None if no_panel else panel,
            log_format=log_format.value,
            log_level=log_level.value,
            library=library_folder() if library is None else _folder(library),
            private=private,
        )
    )


def stop(keys: Keys = None, seat: Seat = None, as_json: Json = False) -> None:
    """End the daemon that runs here.

    Such as one that an editor started, or a command with --audition. Jobs that it has not done are not lost: they go on when it
    runs again.
    """
    from foley_bridge.bridge.ending import end

    ended = end(keys=keys, seat=seat)
    if as_json:
        print(json.dumps({"stopped": ended is not None, **(ended or {"pid": None, "unfinished": 0})}, indent=2))
    elif ended is None:
        print("no daemon runs here")
    else:
        rest = f"; {ended['unfinished']} unfinished, which go on when it runs again" if ended["unfinished"] else ""
        print(f"stopped the daemon (process {ended['pid']}){rest}")


def keys(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the keys lie; made if it is not there.")],
    seat: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Make keys for this seat; may be given again.")] = None,
    as_json: Json = False,
) -> None:
    """Make keys for seats on other machines.

    The daemon gets a pair, and so does each seat. A seat is given server.key and NAME.key_secret, and is let in while its
    public key lies in DIR/seats.
    """
    from foley_bridge.bridge.keys import make_keys

    made = [str(path) for path in make_keys(_folder(folder), seat or ())]
    if as_json:
        print(json.dumps({"made": made}, indent=2))
        return
    for path in made:
        print(f"made {path}")
    if not made:
        print("nothing to make: the server's keys are there; name a seat with --seat NAME")


def _folder(path: Path) -> Path:
    return Path(absolute(path))


def _folders(paths: list[Path] | None) -> tuple[Path, ...] | None:
    return tuple(_folder(path) for path in paths) if paths else None


def _map(text: str) -> tuple[str, Path]:
    remote, equals, local = text.partition("=")
    if not (remote and equals and local):
        raise BridgeError(f"--map {text}: is no map", "write --map REMOTE=LOCAL, such as P:\\projects=/mnt/projects")
    return remote, _folder(Path(local))
