"""How commands ask a daemon: the options that say which one, and a job from its submission to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from foley_bridge.cli.stopping import held
from foley_bridge.errors import BridgeError, Cancelled, FoleyError

if TYPE_CHECKING:
    from foley_bridge.bridge.client import Client
    from foley_bridge.bridge.private import Reached

CANCEL_S = 10.0
SOME_FAILED = 1

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Endpoint = Annotated[
    str | None,
    typer.Option(
        metavar="tcp://HOST:PORT", envvar="FOLEY_BRIDGE_ENDPOINT", help="Ask the daemon at this address, not the one here."
    ),
]
Keys = Annotated[
    Path | None,
    typer.Option(metavar="DIR", envvar="FOLEY_BRIDGE_KEYS", help="Folder with this seat's keys, for a daemon that wants keys."),
]
Seat = Annotated[str | None, typer.Option(metavar="NAME", envvar="FOLEY_BRIDGE_SEAT", help="Whose keys in that folder.")]
Private = Annotated[bool, typer.Option("--private", help="Work by itself, even when a daemon is running.")]


def absolute(path: Path) -> str:
    """A path as the daemon wants it, which does not know this command's folder and refuses '..'."""
    return str(path.resolve() if ".." in path.parts else path.absolute())


def daemon(endpoint: str | None, keys: Path | None, seat: str | None) -> Client:
    """The daemon that runs; BridgeError when none does."""
    from foley_bridge.bridge.client import Client
    from foley_bridge.bridge.private import running

    found = running(endpoint, keys=keys, seat=seat)
    if found is None:  # perhaps somebody else's, at the usual place
        found = Client(keys=keys, seat=seat)
        found.ping()
    return found


class Finished(NamedTuple):
    """A job that is done: its id, and its result (docs/json.md)."""

    job: str
    result: dict[str, Any]


def finished(
    reached: Reached, params: Mapping[str, Any], seen: Callable[[dict[str, Any]], None], *, forbidden: str = ""
) -> Finished:
    """Have a job done; when the user stops it, it is cancelled first, and nothing of it is left.

    Args:
        reached: the daemon.
        params: of ``submit`` (docs/protocol.md).
        seen: is told the job object, often.
        forbidden: what else to do when the daemon's folders forbid it: a daemon serves many, a command only its user.

    Raises:
        FoleyError: the job failed, with the worker's own words; or nobody answers.
        Cancelled: it was stopped, here or by somebody else.
    """
    client = reached.client
    job = None
    try:
        with held():  # a job whose id got lost could not be cancelled
            job = client.submit(params)["job"]
        view = client.follow(job, seen, patience_s=reached.patience_s)
    except (Cancelled, KeyboardInterrupt):
        if job is None:
            raise
        with held():
            client.cancel(job)
            view = client.wait(job, CANCEL_S)
        if view["state"] != "done":  # then it was too late: its files are there
            raise
    except BridgeError as error:
        if job is None or reached.private:
            raise
        hint = f"{error.hint}; it goes on with this job then: foley-bridge jobs wait {job}"
        raise BridgeError(error.message, hint) from error
    except FoleyError as error:
        _widen(error, forbidden)
        raise
    if view["state"] == "cancelled":
        raise Cancelled(f"job {job} was cancelled", "nothing of it was kept")
    if view["state"] == "failed":
        from foley_bridge.bridge.wire import error_from

        failure = error_from(view["error"])
        _widen(failure, forbidden)
        raise failure
    return Finished(job, client.result(job).result["result"])


def given(**paths: Path | None) -> dict[str, Path]:
    """Those that are there."""
    return {name: path for name, path in paths.items() if path is not None}


def status_of(result: dict[str, Any]) -> int:
    """The exit status that a result stands for."""
    return SOME_FAILED if any(region["error"] is not None for region in result["regions"]) else 0


def _widen(error: FoleyError, forbidden: str) -> None:
    if forbidden and "outside the daemon's" in error.message:
        error.hint = f"{error.hint}; or {forbidden}"
