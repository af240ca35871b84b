"""What the audition page sends back: waited for beside everything else, and laid in when it is there.

One ``foley-call`` of a project waits (docs/protocol.md, ``--follow`` of ``choices``); the host looks from its own timer whether
it has answered. A note says who looks, so that only one does, and so that a host which was closed finds it again.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Dict

from . import call, notes, task
from .fault import HostError, readable
from .place import place_result

Json = Dict[str, Any]
SILENT_S = 60  # foley-call says every few seconds that it waits; without that it is gone
AWAY = "What the audition page sends back is not waited for any more: "
AGAIN = "Open the audition page again, or choose Apply the choices."
LAYING = "Choices are being laid in"
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


def lay_at_once(host: Any, config: Json, project: Json, before: Json, given: Json) -> Any:
    """Lay in what was sent back last. Gives the next step: he who waits ends what he is laying in, and is relieved.

    Args:
        before: the note of the run whose reel it is, as it was when this was asked for.
        given: the result of a job of kind ``apply``, and its job object.

    Raises:
        HostError: there is another reel since.
    """
    return _Waiter(host, config, project).at_once(before, given)


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
    """There is going to be another reel: what was sent back and not laid in can be before. (The waiting ends with the other.)

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
        stop(config, project)
        host.say(outcome["message"])


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
            if notes.looked_after(note):
                return None
            reply = call.reply(self.config, note["run"])
            if reply is None or reply.get("ok"):
                return self.take_over(note)  # else it gave up, such as when the daemon ended
        stop(self.config, self.project)
        return self._await(last["job"], last.get("applied"))

    def take_over(self, note: Json) -> Any:
        """Go on with what somebody waited for who is gone."""
        if call.reply(self.config, note["run"]) is None and not self.host.lives_on:
            stop(self.config, self.project)
            return None
        self.since, self.looked = 0, call.now()  # a foley-call that is gone is seen at once
        self.note = self.owner.take(self.config, self.project, note)
        return self.look

    def _await(self, job: str, applied: str | None) -> Any:
        """Have foley-call wait for what is sent back after a job of kind apply."""
        run = call.name(self.host)
        call.launch(self.host, self.config, run, "choices", {"job": job, "applied": applied})
        self.since = self.looked = call.now()
        self.note = self.owner.take(self.config, self.project, {"run": run, "job": job, "applied": applied})
        return self.look

    def look(self) -> Any:
        """Look whether something came, once a second: this goes on for hours."""
        now = call.now()
        if now == self.looked:
            return self.look
        if now - self.looked > SILENT_S:  # this machine slept, and so did foley-call
            self.since = now
        self.looked = now
        if not self.owner.mine(self.config, self.project, self.note):
            return None
        if call.reply(self.config, self.note["run"]) is not None:
            return self.answered
        heard = (call.progress(self.config, self.note["run"]) or {}).get("at_s") or 0
        asked = call.is_file(call.work_file(self.config, self.note["run"], ".json"))  # if not, an end was put to it
        if asked and now - max(self.since, heard) > SILENT_S:
            self.since = now
            call.relaunch(self.host, self.config, self.note["run"])
        return self.look

    def answered(self) -> Any:
        """Lay in what came, say what became of it, and wait for more."""
        reply = call.reply(self.config, self.note["run"])
        if not self.owner.mine(self.config, self.project, self.note):
            return None
        if reply is None:  # a foley-call that was started since has cleared it away, and will write its own
            return self.look
        if not self._is_open():
            notes.leave(self.config, self.project, "waiting", self.note)
            said = f"choices for project '{self.project['name']}' were sent back, and it is not the one that is open now"
            raise HostError(said, "Open it again, and choose Place what is ready.")
        last = notes.read(self.config, self.project, "last")
        if last is None or last.get("job") != self.note["job"]:
            stop(self.config, self.project)
            return None
        return self._go_on(*self._take(last, reply))

    def at_once(self, before: Json, given: Json) -> Any:
        """Lay in what was sent back last, see ``lay_at_once``."""
        note, job = notes.read(self.config, self.project, "waiting"), given["job"]["job"]
        if note is not None and note.get("placing") and notes.looked_after(note):
            if not self.host.show(0, LAYING):
                return functools.partial(self.at_once, before, given)
            self.host.show(None, "")
            return None
        self.host.show(None, "")
        last = notes.read(self.config, self.project, "last") or before
        if last.get("job") != before["job"]:
            raise HostError("sound was generated anew meanwhile", "Open the audition page again.")
        if last.get("applied") == job != before.get("applied"):
            return None  # he has laid it in
        if note is None or note["job"] != last["job"]:
            self.host.say(lay(self.host, self.config, self.project, last, given)["message"])
            return None
        self.note = self.owner.take(self.config, self.project, note)
        return self._go_on(True, job, self._lay(last, given))

    def _is_open(self) -> bool:
        """Whether the project is the one that is open; there may be none."""
        try:
            return bool(self.host.project()["id"] == self.project["id"])
        except Exception:
            return False

    def _go_on(self, waits: bool, applied: str | None, message: str) -> Any:
        """Wait for what comes after a job of kind apply, where the host lets a script do that, and say something."""
        step = None
        if not waits or not self.host.lives_on:
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
            return True, reply["result"]["job"]["job"], self._lay(last, reply["result"])
        kind = (reply.get("error") or {}).get("kind")
        refused = readable(call.refused(self.host, reply))
        job = call.progress(self.config, self.note["run"]) or {}
        if job.get("state") == "failed":
            return True, self.note.get("applied"), f"The choices could not be applied: {refused}"
        return False, None, "" if kind == "Cancelled" else f"{AWAY}{refused}\n{AGAIN}"

    def _lay(self, last: Json, given: Json) -> str:
        """Lay in what was sent back, and say meanwhile that this is going on; gives what to say of it."""
        with contextlib.suppress(HostError):  # the last heartbeat is there
            notes.keep(self.config, self.project, "waiting", self.note, placing=True)
        return str(lay(self.host, self.config, self.project, last, given)["message"])
