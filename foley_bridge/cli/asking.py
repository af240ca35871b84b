"""How commands ask a daemon: the options that say which one, and a job from its submission to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foley_bridge.cli.stopping import held
from foley_bridge.errors import BridgeError, Cancelled, FoleyError

if TYPE_CHECKING:
    from foley_bridge.bridge.client import Client
    from foley_bridge.bridge.private import Reached

CANCEL_S = 10.0

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


def finished(reached: Reached, params: Mapping[str, Any], seen: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Have a job done; when the user stops it, it is cancelled first, and nothing of it is left.

    Args:
        reached: the daemon.
        params: of ``submit`` (docs/protocol.md).
        seen: is told the job object, often.

    Returns:
        The job's result (docs/json.md).

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
        _widen(error, reached)
        raise
    if view["state"] == "cancelled":
        raise Cancelled(f"job {job} was cancelled", "nothing of it was kept")
    if view["state"] == "failed":
        from foley_bridge.bridge.wire import error_from

        failure = error_from(view["error"])
        _widen(failure, reached)
        raise failure
    result: dict[str, Any] = client.result(job).result["result"]
    return result


def _widen(error: FoleyError, reached: Reached) -> None:
    """A daemon serves many, a command only its user: what the daemon's folders forbid, the command can do by itself."""
    if not reached.private and "outside the daemon's" in error.message:
        error.hint = f"{error.hint}; or give --private"
