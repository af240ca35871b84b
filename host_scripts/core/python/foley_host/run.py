"""One generate from start to report, as steps: collect, wait, end. Each can be done again: it goes by what is on disk.

A run that was launched is noted beside the work files until it is placed. So a host that was closed in the middle finds it
again: the same request takes up the same job, whose takes may be there already. Whoever looks after a run says so every few
seconds, and leaves it alone when somebody else does.
"""

from __future__ import annotations

import contextlib
from typing import Any, Dict

from . import call, notes, task, timeline, waiting
from . import path as paths
from . import text as texts
from .fault import HostError, readable
from .place import place_result
from .starting import Starting, wanted

Json = Dict[str, Any]
SELECT = "Select the marked ranges that are to get sound, and try again."
CLOSED = "The takes are being laid in. Was the editor closed before that was done, and are they to be laid in again?"
__all__ = ["CLOSED", "SELECT", "Run", "generate", "place_result", "saved", "take_up"]


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


class Run:
    """A run of one project: its name, its key, the ranges it was asked for."""

    def __init__(self, host: Any, which: str) -> None:
        self.host, self.which = host, which
        self.owner = notes.Owner(host, "pending")
        self.config: Json = {}
        self.project: Json = {}
        self.pending: Json = {}
        self.daemon: Any = None
        self.since = 0
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
        before = self._noted()
        if before is not None and self._goes_on(before, request):
            return self.go_on
        waiting.before_another(host, self.config, self.project)
        name = call.name(host)
        key = f"{name}-{call.digest(self.project['id'])[:8]}"
        self.pending = {"run": name, "key": key, "request": request, "asked": asked}
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
        if notes.looked_after(before):
            raise HostError("sound for this project is being made already", "Wait for it, or cancel it: Progress / Cancel.")
        reply = call.reply(self.config, before["run"])
        ready = reply if reply is not None and reply.get("ok") and _takes_are_there(reply) else None
        here = call.is_file(call.work_file(self.config, before["run"], ".json"))
        here = here and not call.is_file(call.work_file(self.config, before["run"], ".cancel"))
        if before["request"] == request and here and (ready or reply is None):
            self.pending = before
            return True
        if ready and self.host.ask("Sound made earlier for this project was not laid in. Lay it in first?"):
            self.pending = {**before, "owner": self.owner.name}
            outcome = self.place(ready)
            if outcome["again"]:
                raise HostError(outcome["message"])
            self.host.say(outcome["message"])
        if reply is None:  # somebody may still follow the job: it is to end
            call.cancel(self.config, before["run"])
            call.forget(call.project_file(self.config, "pending", self.project))
        else:
            self._drop(before)
        return False

    def find(self) -> Any:
        """The run that is not yet placed, wherever it stands."""
        self.config, self.project = call.config(self.host), self.host.project()
        before = self._noted()
        if before is None or notes.looked_after(before):
            return None
        self.pending = before
        return self.go_on

    def go_on(self) -> Any:
        """Take up a run: its reply may be there; if not, the same request is sent again, which gives the same job."""
        if call.reply(self.config, self.pending["run"]) is None:
            call.relaunch(self.host, self.config, self.pending["run"])
        return self._launched()

    def _launched(self) -> Any:
        self.pending = self.owner.take(self.config, self.project, self.pending)
        self.since = call.now()
        return self.wait

    def _noted(self) -> Json | None:
        return notes.read(self.config, self.project, "pending")

    def _drop(self, note: Json) -> None:
        """Forget a run."""
        notes.drop(self.config, self.project, "pending", note["run"])

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
            self._drop(self.pending)
            raise call.silent(self.host, self.config)
        if self.host.show(*call.told(job)) and not self.cancelled:
            self.cancelled = True
            self.since = call.now()
            call.cancel(self.config, name)
        if self.cancelled and call.now() - self.since > call.PATIENCE_S:
            self._drop(self.pending)
            raise HostError("the run was cancelled; the daemon has not confirmed it", "Nothing was changed.")
        return self.wait

    def _mine(self) -> bool:
        """Whether this run is still looked after here."""
        return self.owner.mine(self.config, self.project, self.pending)

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
        if self.daemon is None and wanted(self.host, reply):
            self.daemon = Starting(self.host, self.config, self.project)
            return self.start
        self._drop(self.pending)
        raise call.refused(self.host, reply)

    def _same_project(self) -> None:
        """Refuse to lay takes into a project that was opened meanwhile; they wait for theirs."""
        if self.host.project()["id"] != self.project["id"]:
            notes.leave(self.config, self.project, "pending", self.pending)
            said = f"the takes for project '{self.project['name']}' are ready, and another project is open now"
            raise HostError(said, "Open it again, and go on with Progress / Cancel.")

    def _stopped(self) -> None:
        self.host.show(None, "")
        self._drop(self.pending)
        self.host.say("Cancelled. Nothing was changed.")

    def start(self) -> Any:
        """Wait for the daemon, then ask it the same."""
        if not self._mine():
            return None
        try:
            state = self.daemon.look()
        except HostError:
            self._drop(self.pending)
            raise
        if state == "stopped":
            return self._stopped()
        if state == "waiting":
            return self.start
        call.relaunch(self.host, self.config, self.pending["run"])
        return self._launched()

    def place(self, reply: Json) -> Json:
        """Lay the takes in. What was in the way can be cleared, and the same run taken up again."""
        result = reply["result"]["result"]
        with contextlib.suppress(HostError):  # the last heartbeat is there
            notes.keep(self.config, self.project, "pending", self.pending, placing=True)
        outcome = place_result(self.host, result, self.pending["asked"], self.pending["key"])
        if outcome["again"]:
            with contextlib.suppress(HostError):  # what was in the way is to be told
                notes.leave(self.config, self.project, "pending", self.pending)
        else:
            self._drop(self.pending)
        if outcome["ok"]:
            waiting.stop(self.config, self.project)  # of a reel that is not the last any more
            last = {"run": self.pending["run"], "job": reply["result"]["job"]["job"], "asked": self.pending["asked"]}
            try:
                notes.write(self.config, self.project, "last", {**last, "report": result.get("report")})
            except HostError as error:
                outcome["message"] += f"\nThe report cannot be opened from here: {readable(error)}"
        return outcome


def _takes_are_there(reply: Json) -> bool:
    regions = reply["result"]["result"]["regions"]
    return all(call.is_file(take["path"]) for region in regions for take in region["takes"])
