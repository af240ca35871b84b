"""One generate from start to report, as steps: collect, wait, end. Each can be done again: it goes by what is on disk.

A run that was launched is noted beside the work files until it is placed. So a host that was closed in the middle finds it
again: the same request takes up the same job, whose takes may be there already. Whoever looks after a run says so every few
seconds, and leaves it alone when somebody else does.
"""

from __future__ import annotations

import contextlib
from typing import Any, Dict

from . import call, task, timeline
from . import path as paths
from . import text as texts
from .fault import HostError, readable
from .place import place_result

Json = Dict[str, Any]
HEARTBEAT_S = 5
SELECT = "Select the marked ranges that are to get sound, and try again."
MISSES = 3  # Windows may refuse a file that somebody else looks at; then it is not gone yet
GONE_S = 20  # without a heartbeat: whoever looked after it is gone
PLACING_S = 600  # the same while takes are laid, when there can be none
CLOSED = "The takes are being laid in. Was the editor closed before that was done, and are they to be laid in again?"
__all__ = ["CLOSED", "SELECT", "Run", "generate", "looked_after", "place_result", "saved", "take_up", "told"]


def generate(host: Any, which: str) -> None:
    """Generate into all regions, or the selected ones (``which`` is "all" or "selected")."""
    run = Run(host, which)
    task.start(host, run.collect)


def take_up(host: Any) -> None:
    """Go on with the run of this project that is not yet placed, if there is one and nobody looks after it."""
    run = Run(host, "all")
    task.start(host, run.find)


def saved(host: Any) -> Json:
    """The project.

    Raises:
        HostError: it was never saved, so there is no folder for takes.
    """
    project: Json = host.project()
    if not project.get("folder"):
        raise HostError("this project has not been saved yet, so there is no folder for its takes", "Save it, and try again.")
    return project


def looked_after(pending: Json) -> bool:
    """Whether a run has somebody who waits for it."""
    return bool(abs(call.now() - pending["alive"]) < (PLACING_S if pending.get("placing") else GONE_S))


def told(job: Json | None) -> tuple[float, str]:
    """How far a job is, 0 to 1, and in words."""
    if job is None:
        return 0, "Asking the daemon"
    if job.get("state") == "queued":
        position = job.get("position")
        return 0, f"Waiting: number {position} in the queue" if position else "Waiting"
    progress = job.get("progress") or {}
    text = progress.get("step") or job.get("step") or ""
    if progress.get("regions"):
        text = f"Region {progress.get('region')} of {progress['regions']}: {text}"
    if progress.get("left_s") is not None:
        text += f", {call.whole_seconds(progress['left_s'])} s left"
    return progress.get("fraction") or 0, text


class Run:
    """A run of one project: its name, its key, the ranges it was asked for."""

    def __init__(self, host: Any, which: str) -> None:
        self.host, self.which = host, which
        self.owner = call.name(host)
        self.config: Json = {}
        self.project: Json = {}
        self.pending: Json = {}
        self.starter = ""
        self.since = self.beat = self.missed = 0
        self.cancelled = False

    # --- collect ---

    def collect(self) -> Any:
        """What is asked for; the run of before when that asked for the same."""
        host = self.host
        self.config, self.project = call.config(host), saved(host)
        asked = self._chosen()
        params: Json = {
            "kind": "generate",
            "options": host.options or {},
            "timeline": {
                "inline": timeline.build(self.project, host.tracks(), asked, host.points()),
                "base": self.project["folder"],
            },
            "sample_rate": self.project.get("sample_rate") or 48000,
        }
        request = call.digest(call.encode(params))
        before = call.pending(self.config, self.project)
        if before is not None and self._goes_on(before, request):
            return self.go_on
        name = call.name(host)
        key = f"{name}-{call.digest(self.project['id'])[:8]}"
        self.pending = {"run": name, "key": key, "owner": self.owner, "request": request, "asked": asked}
        folder = paths.join(self.project["folder"], "Foley", name)
        out = {"out": paths.join(folder, "takes.otio"), "media_dir": folder, "report": paths.join(folder, "report.html")}
        if getattr(host, "poke", None):
            params["poke"] = host.poke
        call.launch(host, self.config, name, "submit", {**params, **out, "key": key})
        return self._launched()

    def _chosen(self) -> list[Json]:
        """The ranges that are to get sound, as a note of a run keeps them."""
        host = self.host
        regions = [each for each in host.ranges() if texts.is_region(each["text"])]
        if not regions:
            said = "there is no region to fill: no marked range has a name that begins with FOLEY"
            raise HostError(said, getattr(host, "mark_hint", None) or 'Mark a range and name it, such as "FOLEY footsteps".')
        if self.which == "selected":
            regions = [each for each in regions if each.get("selected")]
            if not regions:
                hint = getattr(host, "select_hint", None) or SELECT
                raise HostError("no region is selected", hint)
        return [{name: each[name] for name in ("id", "text", "start", "stop")} for each in regions]

    def _goes_on(self, before: Json, request: str) -> bool:
        """Whether a run of before is taken up. If not it is out of the way: laid, or dropped."""
        if looked_after(before):
            raise HostError("sound for this project is being made already", "Wait for it, or cancel it: Progress / Cancel.")
        reply = call.reply(self.config, before["run"])
        ready = reply if reply is not None and reply.get("ok") and _takes_are_there(reply) else None
        here = call.is_file(call.work_file(self.config, before["run"], ".json"))
        here = here and not call.is_file(call.work_file(self.config, before["run"], ".cancel"))
        if before["request"] == request and here and (ready or reply is None):
            self.pending = {**before, "owner": self.owner}
            return True
        if ready and self.host.ask("Sound made earlier for this project was not laid in. Lay it in first?"):
            self.pending = {**before, "owner": self.owner}
            outcome = self.place(ready)
            if outcome["again"]:
                raise HostError(outcome["message"])
            self.host.say(outcome["message"])
        if reply is None:  # somebody may still follow the job: it is to end
            call.cancel(self.config, before["run"])
            call.forget(call.project_file(self.config, "pending", self.project))
        else:
            call.drop(self.config, self.project, before["run"])
        return False

    def find(self) -> Any:
        """The run that is not yet placed, wherever it stands."""
        self.config, self.project = call.config(self.host), self.host.project()
        before = call.pending(self.config, self.project)
        if before is None or looked_after(before):
            return None
        self.pending = {**before, "owner": self.owner}
        return self.go_on

    def go_on(self) -> Any:
        """Take up a run: its reply may be there; if not, the same request is sent again, which gives the same job."""
        if call.reply(self.config, self.pending["run"]) is None:
            call.relaunch(self.host, self.config, self.pending["run"])
        return self._launched()

    def _launched(self) -> Any:
        call.keep(self.config, self.project, self.pending)
        self.since = self.beat = call.now()
        return self.wait

    # --- wait ---

    def wait(self) -> Any:
        """Look for the reply; show how far the job is."""
        name = self.pending["run"]
        if not self._mine():
            self.host.show(None, "")
            return None
        if call.reply(self.config, name) is not None:
            self.host.show(None, "")
            return self.end
        job = call.progress(self.config, name)
        if job is None and call.now() - self.since > call.PATIENCE_S:
            call.drop(self.config, self.project, name)
            raise call.silent(self.host, self.config)
        if self.host.show(*told(job)) and not self.cancelled:
            self.cancelled = True
            self.since = call.now()
            call.cancel(self.config, name)
        if self.cancelled and call.now() - self.since > call.PATIENCE_S:
            call.drop(self.config, self.project, name)
            raise HostError("the run was cancelled; the daemon has not confirmed it", "Nothing was changed.")
        return self.wait

    def _mine(self) -> bool:
        """Whether this run is still looked after here, and nobody took it over; says so now and then."""
        kept = call.pending(self.config, self.project)
        if kept is None:
            self.missed += 1
            return self.missed < MISSES
        self.missed = 0
        if kept["run"] != self.pending["run"] or kept["owner"] != self.owner:
            return False
        if call.now() - self.beat >= HEARTBEAT_S:
            with contextlib.suppress(HostError):  # once later does as well
                call.keep(self.config, self.project, self.pending)
                self.beat = call.now()
        return True

    # --- the end ---

    def end(self) -> Any:
        """Place what came, or say what went wrong."""
        name = self.pending["run"]
        reply = call.reply(self.config, name)
        if reply is None:  # a foley-call that was started since has cleared it away, and will write its own
            return self.wait
        kind = (reply.get("error") or {}).get("kind")
        if kind == "Cancelled" or call.is_file(call.work_file(self.config, name, ".cancel")):
            return self._stopped()
        if reply.get("ok"):
            self._same_project()
            self.host.say(self.place(reply)["message"])
            return None
        if kind == "BridgeError" and not self.starter and self._may_start(reply):
            return self.start
        call.drop(self.config, self.project, name)
        raise call.refused(self.host, reply)

    def _same_project(self) -> None:
        """Refuse to lay takes into a project that was opened meanwhile; they wait for theirs."""
        if self.host.project()["id"] != self.project["id"]:
            call.leave(self.config, self.project, self.pending)
            said = f"the takes for project '{self.project['name']}' are ready, and another project is open now"
            raise HostError(said, "Open it again, and go on with Progress / Cancel.")

    def _stopped(self) -> None:
        self.host.show(None, "")
        call.drop(self.config, self.project, self.pending["run"])
        self.host.say("Cancelled. Nothing was changed.")

    def _may_start(self, reply: Json) -> bool:
        message = call.refused(self.host, reply).message
        if "another version" in message:  # there is one, and a second would not help
            return False
        return bool(self.host.ask(f"The foley_bridge daemon does not answer ({message}). Start it?"))

    def start(self) -> Any:
        """Start a daemon that may write beside this project."""
        self.starter = call.name(self.host)
        self.since = call.now()
        call.launch(self.host, self.config, self.starter, "start", {"allow": [self.project["folder"]]})
        return self.starting

    def starting(self) -> Any:
        """Wait for the daemon, then ask it the same."""
        if not self._mine():
            return None
        reply = call.reply(self.config, self.starter)
        if reply is None and call.now() - self.since <= 2 * call.PATIENCE_S:
            if self.host.show(0, "Starting the daemon"):
                return self._stopped()
            return self.starting
        call.clear(self.config, self.starter)
        if reply is None or not reply.get("ok"):
            call.drop(self.config, self.project, self.pending["run"])
            raise call.silent(self.host, self.config) if reply is None else call.refused(self.host, reply)
        call.relaunch(self.host, self.config, self.pending["run"])
        return self._launched()

    def place(self, reply: Json) -> Json:
        """Lay the takes in. What was in the way can be cleared, and the same run taken up again."""
        result = reply["result"]["result"]
        with contextlib.suppress(HostError):  # the last heartbeat is there
            call.keep(self.config, self.project, self.pending, placing=True)
        outcome = place_result(self.host, result, self.pending["asked"], self.pending["key"])
        if outcome["again"]:
            with contextlib.suppress(HostError):  # what was in the way is to be told
                call.leave(self.config, self.project, self.pending)
        else:
            call.drop(self.config, self.project, self.pending["run"])
        if outcome["ok"]:
            last = {"run": self.pending["run"], "report": result.get("report")}
            try:
                call.write_json(call.project_file(self.config, "last", self.project), last)
            except HostError as error:
                outcome["message"] += f"\nThe report cannot be opened from here: {readable(error)}"
        return outcome


def _takes_are_there(reply: Json) -> bool:
    regions = reply["result"]["result"]["regions"]
    return all(call.is_file(take["path"]) for region in regions for take in region["takes"])
