"""Laying a plan into the project, reading back what is really there, and taking it back when that is not what was meant."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from . import check
from . import plan as plans
from .fault import HostError, readable

Json = Dict[str, Any]
MOST_NOTES = 5  # in a message


def place_result(host: Any, result: Json, asked: list[Json], key: str = "") -> Json:
    """Plan a result (docs/json.md, ``generate``), place it, read it back.

    Args:
        asked: the ranges as they were when sound was asked for.
        key: the request's idempotency key.

    Returns:
        ``ok``: it was done, and is really so. ``message``: for the user. ``laid``: ids of the regions that have their takes.
        ``cleared``: of those where an editor wants no sound, and no clip of ours lies now. ``refused``: ``{region, message}``
        of those that were left out. ``again``: the same result can be laid yet, when what was in its way is gone.
    """
    refused: list[Json] = []
    try:
        project, ranges, before = host.project(), host.ranges(), host.own_tracks()
        made = plans.make(host.grid, project, result, before, ranges, asked, key)
        refused = made.refused
        if made.plan is None:
            said = "Nothing was laid, and nothing was changed."
            if made.silent:
                said = f"{_without_sound(made.silent)} Nothing was changed."
            return _outcome(said, [], refused, cleared=made.silent)
        lay(host, project, made.plan, before)
    except Exception as error:
        said = readable(error)
        if not isinstance(error, Unlaid):
            said += "\nNothing was changed."
        stale = isinstance(error, HostError) and error.stale
        return _outcome(said, [], refused, again=not stale)
    laid = [add["region"] for add in made.plan["add"]]
    return _outcome(_success(host, made.plan["add"], made.silent), laid, refused, _notes(result, laid), cleared=made.silent)


class Unlaid(HostError):
    """A plan that was not laid, with what became of the project in its message."""


def lay(host: Any, project: Json, plan: Json, before: list[Json]) -> None:
    """Place a plan and make sure of it.

    Raises:
        Unlaid: it did not come out as planned. What was done is taken back; the message says whether that worked.
    """

    def read_back() -> list[str]:
        return check.placed(host.grid, project, plan, before, host.own_tracks())

    try:
        receipt = host.place(plan)
    except Exception as error:
        raise _unlaid(host, project, before, readable(error)) from error
    try:
        wrong = read_back()
        if not wrong and settles(host):
            host.settle()
            wrong = read_back()
    except Exception as error:
        wrong = [readable(error)]
    if not wrong:
        return
    said = f"{host.name} did not do what it was asked to: {_some(wrong)}"
    try:
        host.take_back(receipt)
        if settles(host):
            host.settle()
    except Exception as error:
        said += f"\nTaking it back failed: {readable(error)}"
    raise _unlaid(host, project, before, said)


def _unlaid(host: Any, project: Json, before: list[Json], said: str) -> Unlaid:
    """What went wrong, and whether our tracks are as they were."""
    try:
        left = check.same(host.grid, project, before, host.own_tracks())
    except Exception as error:
        left = [readable(error)]
    if not left:
        return Unlaid(f"{said}\nNothing was laid; the project is as it was.")
    return Unlaid(f"{said}\nThe project is NOT as it was: {_some(left)}", f"Take that back by hand: {host.undo_hint}.")


def settles(host: Any) -> bool:
    """Whether a host has to save before what it shows is the truth."""
    return callable(getattr(host, "settle", None))


def _some(faults: list[str]) -> str:
    """The first few of many sentences."""
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return "; ".join(faults[:3]) + more + "."


def _success(host: Any, adds: list[Json], silent: list[str]) -> str:
    said = []
    if adds:
        tracks = sorted({add["track"] for add in adds})
        where = f"track{'' if len(tracks) == 1 else 's'} {', '.join(tracks)}"
        takes = sum(len(add["takes"]) for add in adds)
        said = [f"{count(len(adds), 'region')} done, {count(takes, 'take')} laid on {where}."]
    if silent:
        said.append(_without_sound(silent))
    return " ".join([*said, f"Undo: {host.undo_hint}"])


def _without_sound(silent: list[str]) -> str:
    return f"{count(len(silent), 'region')} without sound, as chosen."


def count(number: int, thing: str) -> str:
    """A number of things in words."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _notes(result: Json, laid: list[str]) -> list[str]:
    """What a person should know of what was laid, the first few sentences."""
    notes = list(result.get("notes") or [])
    for region in result["regions"]:
        if region.get("id") in laid:
            notes += [f"'{region['name']}': {note}" for note in region.get("notes") or []]
    if len(notes) > MOST_NOTES:
        notes = [*notes[:MOST_NOTES], f"{len(notes) - MOST_NOTES} more are in the report"]
    return notes


def _outcome(
    message: str,
    laid: list[str],
    refused: list[Json],
    notes: Sequence[str] = (),
    *,
    cleared: Sequence[str] = (),
    again: bool = False,
) -> Json:
    lines = [message]
    if refused:
        lines += ["Not done:", *(f"- {each['message']}" for each in refused)]
    if notes:
        lines += ["Good to know:", *(f"- {note}" for note in notes)]
    done = {"laid": laid, "cleared": list(cleared), "refused": refused}
    return {"ok": bool(laid or cleared), "message": "\n".join(lines), **done, "again": again}
