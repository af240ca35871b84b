"""What the audition page sends back: waited for beside everything else, and laid in when it is there.

One ``foley-call`` of a project waits (docs/protocol.md, ``--follow`` of ``choices``); the host looks from its own timer whether
it has answered. A note says who looks, so that only one does, and so that a host which was closed finds it again.
"""

from __future__ import annotations

import contextlib
from typing import Any, Dict

from . import call, notes, task
from .fault import HostError, readable
from .place import place_result

Json = Dict[str, Any]
SILENT_S = 60  # foley-call says every few seconds that it waits; without that it is gone
AWAY = "What the audition page sends back is not waited for any more: "
AGAIN = "Open the audition page again, or choose Apply the choices."
FIRST = "Choices that the audition page sent back were not laid in. Lay them in first?"


def lay(host: Any, config: Json, project: Json, last: Json, given: Json) -> Json:
    """Lay in what was sent back.

    Args:
        last: the note of the run whose reel it is.
        given: the result of a job of kind ``apply``, and its job object.
    """
    job = given["job"]
    outcome = place_result(host, given["result"], last["asked"], job.get("key") or job["job"])
    if not outcome["again"]:
        with contextlib.suppress(HostError):  # it would be laid in once more
            notes.write(config, project, "last", {**last, "applied": job["job"]})
    return outcome


def begin(host: Any, config: Json, project: Json, last: Json) -> Any:
    """Wait for what comes back from the reel of the last run, unless somebody does. Gives the next step."""
    return _Waiter(host, config, project).begin(last)


def take_up(host: Any) -> None:
    """Go on waiting where nobody does any more, and lay in what came meanwhile."""

    def find() -> Any:
        config, project = call.config(host), host.project()
        note = notes.read(config, project, "waiting")
        if note is None or notes.looked_after(note):
            return None
        return _Waiter(host, config, project).take_over(note)

    task.start(host, find)


def before_another(host: Any, config: Json, project: Json) -> None:
    """Put an end to the waiting: there is going to be another reel. What was sent back and not laid in can be before.

    Raises:
        HostError: it cannot be laid in.
    """
    note = notes.read(config, project, "waiting")
    if note is None:
        return
    last, reply = notes.read(config, project, "last"), call.reply(config, note["run"])
    ready = reply is not None and reply.get("ok") and not notes.looked_after(note)
    if last is not None and reply is not None and ready and host.ask(FIRST):
        outcome = lay(host, config, project, last, reply["result"])
        if outcome["again"]:
            raise HostError(outcome["message"])
        host.say(outcome["message"])
    stop(config, project)


def stop(config: Json, project: Json) -> None:
    """Put an end to the waiting. Who waits sees it by his note, ``foley-call`` by its request."""
    note = notes.read(config, project, "waiting")
    if note is not None:
        notes.drop(config, project, "waiting", note["run"])


class _Waiter:
    """Who waits, as steps."""

    def __init__(self, host: Any, config: Json, project: Json) -> None:
        self.host, self.config, self.project = host, config, project
        self.owner = notes.Owner(host, "waiting")
        self.note: Json = {}
        self.since = self.looked = 0

    def begin(self, last: Json) -> Any:
        note = notes.read(self.config, self.project, "waiting")
        if note is not None and note["job"] == last["job"]:
            return None if notes.looked_after(note) else self.take_over(note)
        stop(self.config, self.project)
        return self._await(last["job"], last.get("applied"))

    def take_over(self, note: Json) -> Any:
        """Go on with what somebody waited for who is gone."""
        if call.reply(self.config, note["run"]) is None and not self.host.lives_on:
            stop(self.config, self.project)
            return None
        self.since = call.now()
        self.note = self.owner.take(self.config, self.project, note)
        return self.look

    def _await(self, job: str, applied: str | None) -> Any:
        """Have foley-call wait for what is sent back after a job of kind apply."""
        run = call.name(self.host)
        call.launch(self.host, self.config, run, "choices", {"job": job, "applied": applied})
        self.since = call.now()
        self.note = self.owner.take(self.config, self.project, {"run": run, "job": job, "applied": applied})
        return self.look

    def look(self) -> Any:
        """Look whether something came, once a second: this goes on for hours."""
        if call.now() == self.looked:
            return self.look
        self.looked = call.now()
        if not self.owner.mine(self.config, self.project, self.note):
            return None
        if call.reply(self.config, self.note["run"]) is not None:
            return self.answered
        heard = (call.progress(self.config, self.note["run"]) or {}).get("at_s") or 0
        if self.looked - max(self.since, heard) > SILENT_S:
            self.since = self.looked
            call.relaunch(self.host, self.config, self.note["run"])
        return self.look

    def answered(self) -> Any:
        """Lay in what came, say what became of it, and wait for more."""
        reply = call.reply(self.config, self.note["run"])
        if reply is None:  # a foley-call that was started since has cleared it away, and will write its own
            return self.look
        if self.host.project()["id"] != self.project["id"]:
            notes.leave(self.config, self.project, "waiting", self.note)
            said = f"choices for project '{self.project['name']}' were sent back, and another project is open now"
            raise HostError(said, "Open it again, and choose Place what is ready.")
        last = notes.read(self.config, self.project, "last")
        if last is None or last.get("job") != self.note["job"]:
            stop(self.config, self.project)
            return None
        goes_on, applied, message = self._take(last, reply)
        step = None
        if not goes_on or not self.host.lives_on:
            stop(self.config, self.project)
        else:
            call.clear(self.config, self.note["run"])
            try:
                step = self._await(self.note["job"], applied)
            except HostError as error:
                stop(self.config, self.project)
                message += f"\n{AWAY}{readable(error)}"
        if message:
            self.host.say(message)
        return step

    def _take(self, last: Json, reply: Json) -> tuple[bool, str | None, str]:
        """Lay in what came; gives whether to wait on, after which job, and what to say."""
        if reply.get("ok"):
            if last.get("applied") == reply["result"]["job"]["job"]:
                return True, last["applied"], ""  # Apply the choices was quicker
            with contextlib.suppress(HostError):  # the last heartbeat is there
                notes.keep(self.config, self.project, "waiting", self.note, placing=True)
            message = lay(self.host, self.config, self.project, last, reply["result"])["message"]
            return True, reply["result"]["job"]["job"], message
        kind = (reply.get("error") or {}).get("kind")
        refused = readable(call.refused(self.host, reply))
        job = call.progress(self.config, self.note["run"]) or {}
        if job.get("state") == "failed":
            return True, self.note.get("applied"), f"The choices could not be applied: {refused}"
        return False, None, "" if kind == "Cancelled" else f"{AWAY}{refused}\n{AGAIN}"
