"""``audition`` and ``apply``: the page where takes are heard and chosen, and the timeline as it was chosen there."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from foley_bridge.cli import show
from foley_bridge.cli.asking import Endpoint, Json, Keys, Seat, absolute, daemon, finished, given, status_of
from foley_bridge.errors import FoleyError

if TYPE_CHECKING:
    from foley_bridge.bridge.client import Client
    from foley_bridge.bridge.private import Reached


NoOpen = Annotated[bool, typer.Option("--no-open", help="Only print the link to the page.")]


class Undecided(StrEnum):
    """What becomes of regions that nobody chose for."""

    best = "best"
    none = "none"


def audition(
    job: Annotated[
        str | None, typer.Argument(metavar="JOB", help="A job of generate, its id or key [default: the newest].")
    ] = None,
    no_open: NoOpen = False,
    endpoint: Endpoint = None,
    keys: Keys = None,
    seat: Seat = None,
    as_json: Json = False,
) -> None:
    """Open the page where takes are heard and chosen.

    The link that is printed lets in whoever has it, on this machine, until the daemon ends. The daemon is started if none runs.
    """
    from foley_bridge.bridge.starting import staying

    with staying(endpoint, keys=keys, seat=seat) as reached:
        _say_started(reached)
        page = reached.client.audition(job)
    if not as_json:
        print(page["url"])
        if page["job"] is None:
            print("there is no reel yet: foley-bridge generate makes one", file=sys.stderr)
    opened = not no_open and opened_page(page["url"], reached.client.endpoint)
    if as_json:
        print(json.dumps({"url": page["url"], "job": page["job"], "opened": opened}, indent=2))


def apply(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job of generate whose takes were chosen, by id or key.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The timeline to write [default: the job's own --out].")
    ] = None,
    timeline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Lay them into this timeline, a newer version of the one the job was made from."),
    ] = None,
    undecided: Annotated[
        Undecided, typer.Option(help="Regions that nobody chose for keep their best take, or get none.")
    ] = Undecided.best,
    takes_as_tracks: Annotated[
        bool | None,
        typer.Option("--takes-as-tracks/--no-takes-as-tracks", help="Every take on a track of its own [default: as the job]."),
    ] = None,
    preview: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also an MP4 of the whole timeline with the placed sound.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Also a self-contained HTML page.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite --out even when somebody changed it since.")] = False,
    endpoint: Endpoint = None,
    keys: Keys = None,
    seat: Seat = None,
    as_json: Json = False,
) -> int:
    """Write what was chosen on the page into the timeline.

    The daemon that did the job does it: the choices are kept there.
    """
    from foley_bridge.bridge.private import Reached

    params: dict[str, Any] = {"kind": "apply", "job": job, "undecided": undecided.value, "force": force}
    params |= {name: absolute(path) for name, path in given(out=out, preview=preview, report=report).items()}
    params |= {} if timeline is None else {"timeline": {"path": absolute(timeline)}}
    params |= {} if takes_as_tracks is None else {"takes_as_tracks": takes_as_tracks}
    with show.Bar(hidden=as_json) as bar, daemon(endpoint, keys, seat) as client:
        result = finished(Reached(client, private=False), params, bar.show_job).result
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        show.regions(result)
        show.files({"result": result["out"], "preview": result["preview"], "report": result["report"]})
    return status_of(result)


@contextlib.contextmanager
def with_page(endpoint: str | None, keys: Path | None, seat: str | None, writes: Sequence[Path]) -> Iterator[Reached]:
    """The daemon that stays, for a job whose page is to be opened; one that has no page says so before any work.

    Args:
        endpoint, keys, seat: which daemon, as commands are told.
        writes: folders that the job writes to, which one that is started now must allow.
    """
    from foley_bridge.bridge.starting import staying

    with staying(endpoint, keys=keys, seat=seat, writes=writes) as reached:
        _say_started(reached)
        reached.client.audition()
        yield reached


def page_of(client: Client, job: str) -> str | None:
    """A link to the page of a job that is done; None, and why on stderr, when there is none: the job is done all the same."""
    try:
        return str(client.audition(job)["url"])
    except FoleyError as error:
        show.fault(error.message, error.hint)
        return None


def opened_page(link: str, endpoint: str) -> bool:
    """Open a link in the user's browser; says on stderr when it could not be.

    Args:
        link: to the page.
        endpoint: of the daemon that gave it.
    """
    from foley_bridge.bridge.binding import Binding

    binding = Binding.parse(endpoint)
    if not binding.is_local:
        print("no browser was opened: the link leads somewhere only on the daemon's own machine", file=sys.stderr)
        _say_tunnel(link, binding.host.strip("[]"))
        return False
    if not _opened(link):
        print("no browser was opened: open the link in one", file=sys.stderr)
        if here := os.environ.get("SSH_CONNECTION", "").split()[2:3]:
            _say_tunnel(link, here[0])
        return False
    return True


def _say_tunnel(link: str, host: str) -> None:
    """How a browser on another machine gets to the page: it would have the same address there."""
    there = urlsplit(link)
    print(
        f"  to open it where you sit, leave this running there: ssh -N -L {there.port}:{there.netloc} {host}", file=sys.stderr
    )


def _say_started(reached: Reached) -> None:
    if reached.started:
        print("started the daemon, which goes on running: foley-bridge stop ends it", file=sys.stderr)


def _opened(link: str) -> bool:
    """What the browser says goes to stderr: who reads the command's stdout does not wait for the browser's end."""
    import webbrowser

    if sys.platform not in ("win32", "darwin") and not any(map(os.environ.get, ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))):
        return False  # a browser for terminals would take this one
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        return webbrowser.open(link)
    except (webbrowser.Error, OSError):
        return False
    finally:
        os.dup2(kept, 1)
        os.close(kept)
