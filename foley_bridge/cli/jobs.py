"""``jobs``: what the daemon has to do, is doing and has done."""

from __future__ import annotations

import json
import time
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from foley_bridge.cli import show
from foley_bridge.cli.asking import Endpoint, Json, Keys, Seat, daemon

NOT_ALL = 1
FAILED = 2
CANCELLED = 130
CANCEL_S = 5.0

app = typer.Typer(help="List, show, wait for or cancel jobs.", no_args_is_help=True, rich_markup_mode=None)

Job = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, or its key.")]


class State(StrEnum):
    """Where a job stands."""

    queued = "queued"
    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"


@app.command("list")
def list_jobs(
    state: Annotated[
        list[State] | None,
        typer.Option(metavar="STATE", help="Only queued, running, done, failed or cancelled ones; may be given again."),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="The newest so many.")] = 20,
    endpoint: Endpoint = None,
    keys: Keys = None,
    seat: Seat = None,
    as_json: Json = False,
) -> None:
    """List jobs, the newest first."""
    with daemon(endpoint, keys, seat) as client:
        found = client.jobs(states=[each.value for each in state] if state else None, limit=limit)
    if as_json:
        print(json.dumps({"jobs": found}, indent=2))
    elif not found:
        print("no jobs")
    else:
        rows = [
            [view["job"], _kind(view), view["state"], _where(view), _at(view["created"]), view["key"] or ""] for view in found
        ]
        show.table(["job", "kind", "state", "", "came at", "key"], rows)


@app.command("show")
def show_job(job: Job, endpoint: Endpoint = None, keys: Keys = None, seat: Seat = None, as_json: Json = False) -> None:
    """Show how a job stands."""
    with daemon(endpoint, keys, seat) as client:
        view = client.status(job)
    _print(view, as_json)


@app.command("wait")
def wait_for_job(
    job: Job,
    timeout: Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="Wait no longer than this.")] = None,
    endpoint: Endpoint = None,
    keys: Keys = None,
    seat: Seat = None,
    as_json: Json = False,
) -> int:
    """Wait until a job has ended, and follow its progress. Ctrl-C ends the waiting, not the job."""
    ends_at = None if timeout is None else time.monotonic() + timeout
    with show.Bar(hidden=as_json) as bar, daemon(endpoint, keys, seat) as client:

        def seen(view: dict[str, Any]) -> None:
            bar.show_job(view)
            if ends_at is not None and time.monotonic() >= ends_at:
                raise _TimeIsUp

        try:
            view = client.follow(job, seen)
        except _TimeIsUp:
            view = client.status(job)
    _print(view, as_json)
    return _status(view)


@app.command("cancel")
def cancel_job(job: Job, endpoint: Endpoint = None, keys: Keys = None, seat: Seat = None, as_json: Json = False) -> None:
    """Cancel a job; nothing of it is left. One that has ended stays as it is."""
    with daemon(endpoint, keys, seat) as client:
        client.cancel(job)
        view = client.wait(job, CANCEL_S)
    _print(view, as_json)


class _TimeIsUp(Exception):
    pass


def _status(view: dict[str, Any]) -> int:
    if view["state"] == "done":
        return NOT_ALL if view["failed_regions"] else 0
    return {"failed": FAILED, "cancelled": CANCELLED}.get(view["state"], NOT_ALL)


def _print(view: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(view, indent=2))
        return
    lines = {
        "job": view["job"],
        "kind": _kind(view),
        "key": view["key"],
        "state": f"{view['state']}{', ' + where if (where := _where(view)) else ''}",
        "came": _at(view["created"]),
        "started": _at(view["started"]),
        "ended": _at(view["finished"]),
        "begun": f"{view['attempts']} times" if view["attempts"] > 1 else None,
    }
    for name, value in lines.items():
        if value:
            print(f"{name + ':':10}{value}")
    if view["error"] is not None:
        show.fault(view["error"]["message"], view["error"]["hint"])


def _kind(view: dict[str, Any]) -> str:
    """What a job does, and for which reel if it is asked of one."""
    return f"{view['kind']} of {view['reel']}" if view["reel"] else str(view["kind"])


def _where(view: dict[str, Any]) -> str:
    """How far a job is, in a few words."""
    progress = view["progress"]
    if view["state"] == "queued":
        return f"place {view['position']} in the queue" if view["position"] else ""
    if view["state"] == "running" and progress:
        left = "" if progress["left_s"] is None else f", about {show.duration(progress['left_s'])} left"
        return f"{view['step']}, {progress['fraction']:.0%}{left}"
    if view["state"] == "running":
        return str(view["step"])
    failed = view["failed_regions"]
    return f"{failed} region{'s' if failed > 1 else ''} could not be done" if failed else ""


def _at(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")
