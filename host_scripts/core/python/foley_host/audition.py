"""The audition page (docs/audition.md): opens it on the reel of the last run, and lays in at once what it sent back last."""

from __future__ import annotations

from typing import Any, Dict

from . import call, notes, task, waiting
from .asking import Question
from .fault import HostError

Json = Dict[str, Any]
COME_BACK = "The audition page is open. When you have sent the choices back, come here again: Apply the choices."


def open_page(host: Any) -> None:
    """Open the page, and lay in what it sends back, where the host lets a script wait for that."""

    def act() -> Any:
        config, project, last = _reel(host)

        def answered(link: Json) -> Any:
            host.open(link["url"])
            if host.lives_on:
                return waiting.begin(host, config, project, last)
            host.say(COME_BACK)
            return None

        asked = Question(host, config, project, "Opening the audition page", answered, may_start=True)
        return asked.ask("audition", {"job": last["job"]})

    task.start(host, act)


def apply_choices(host: Any) -> None:
    """Lay in what was sent back last, be it for the second time; when it is just being made, wait for it."""

    def act() -> Any:
        config, project, last = _reel(host)

        def answered(given: Json) -> Any:
            if "result" not in given:
                raise HostError("nothing was sent back from the audition page yet", "Send the choices back there first.")
            return waiting.lay_at_once(host, config, project, last, given)

        asked = Question(host, config, project, "Asking for the choices", answered, may_start=True)
        return asked.ask("choices", {"job": last["job"], "applied": None, "timeout_s": 0})

    task.start(host, act)


def _reel(host: Any) -> tuple[Json, Json, Json]:
    """The config, the project, and the note of its last run, which made a reel."""
    config, project = call.config(host), host.project()
    last = notes.read(config, project, "last")
    if last is None:
        raise HostError("nothing was laid into this project yet, so there is nothing to choose from", "Generate first.")
    if not last.get("job"):
        raise HostError("the takes of this project were laid by an older version of foley_bridge", "Generate again.")
    return config, project, last
