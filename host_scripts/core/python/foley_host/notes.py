"""What is kept of a project between two scripts, beside the work files: a note of each kind, as JSON.

``pending`` is the run that is not yet placed, ``last`` the run placed last, ``waiting`` says that somebody waits for what the
audition page sends back. Whoever looks after something says so in its note every few seconds, and leaves alone what another
looks after.
"""

from __future__ import annotations

import contextlib
from typing import Any, Dict

from . import call
from .fault import HostError

Json = Dict[str, Any]
BEAT_S = 5  # how often he who looks after something says so
GONE_S = 20  # without that: he is gone
PLACING_S = 600  # the same while takes are laid, when he can say nothing
MISSES = 3  # Windows may refuse a file that somebody else looks at; then it is not gone yet
_FIELDS = {
    "pending": ("run", "key", "owner", "alive", "request", "asked"),
    "last": ("run",),
    "waiting": ("run", "job", "owner", "alive"),
}


def read(config: Json, project: Json, kind: str) -> Json | None:
    """A note; None when there is none. One that means nothing is forgotten."""
    path = call.project_file(config, kind, project)
    with contextlib.suppress(HostError):
        found = call.read_json(path)
        if found is None or all(name in found for name in _FIELDS[kind]):
            return found
    call.forget(path)  # damaged, or of another version
    return None


def write(config: Json, project: Json, kind: str, note: Json) -> None:
    """Write a note as it is."""
    call.write_json(call.project_file(config, kind, project), note)


def keep(config: Json, project: Json, kind: str, note: Json, *, placing: bool = False) -> None:
    """Note something, that somebody looks after it, and whether he is laying it in, when he cannot say more."""
    write(config, project, kind, {**note, "alive": call.now(), "placing": placing})


def leave(config: Json, project: Json, kind: str, note: Json) -> None:
    """Note something for whoever takes it up next."""
    write(config, project, kind, {**note, "alive": 0, "placing": False})


def drop(config: Json, project: Json, kind: str, run: str) -> None:
    """Forget a note, and the work files of its run; takes and reports stay."""
    call.forget(call.project_file(config, kind, project))
    call.clear(config, run)


def looked_after(note: Json) -> bool:
    """Whether somebody looks after what is noted."""
    return bool(abs(call.now() - note["alive"]) < (PLACING_S if note.get("placing") else GONE_S))


class Owner:
    """Who looks after a note of some kind."""

    def __init__(self, host: Any, kind: str) -> None:
        self.name = call.name(host)
        self.kind = kind
        self._beat = self._missed = 0

    def take(self, config: Json, project: Json, note: Json) -> Json:
        """Look after a note from now on; gives it as it is then."""
        note = {**note, "owner": self.name}
        keep(config, project, self.kind, note)
        self._beat = call.now()
        return note

    def mine(self, config: Json, project: Json, note: Json) -> bool:
        """Whether it is still looked after here, and nobody took it over or put an end to it; says so now and then."""
        kept = read(config, project, self.kind)
        if kept is None:
            self._missed += 1
            return self._missed < MISSES
        self._missed = 0
        if kept["run"] != note["run"] or kept["owner"] != self.name:
            return False
        if call.now() - self._beat >= BEAT_S:
            with contextlib.suppress(HostError):  # once later does as well
                keep(config, project, self.kind, note)
                self._beat = call.now()
        return True
