"""One question to the daemon through ``foley-call``, as steps: asked, waited for, answered."""

from __future__ import annotations

from typing import Any, Callable, Dict

from . import call
from .starting import Starting, wanted

Json = Dict[str, Any]


class Question:
    """A method of the daemon's, or of ``foley-call`` itself.

    Args:
        shown: what is shown while nothing more is known.
        answered: the step that takes the result.
        may_start: whether a daemon may be started for it.
    """

    def __init__(self, host: Any, config: Json, project: Json, shown: str, answered: Callable[[Json], Any], *, may_start: bool):
        self.host, self.config, self.project = host, config, project
        self.shown, self.answered, self.may_start = shown, answered, may_start
        self.name = call.name(host)
        self.since = 0
        self.daemon: Any = None

    def ask(self, method: str, params: Json) -> Any:
        """Ask; gives the next step."""
        self.since = call.now()
        call.launch(self.host, self.config, self.name, method, params)
        return self.wait

    def wait(self) -> Any:
        """Look for the reply."""
        reply = call.reply(self.config, self.name)
        if reply is None:
            return self._still()
        self.host.show(None, "")
        if not reply.get("ok") and self.may_start and self.daemon is None and wanted(self.host, reply):
            self.daemon = Starting(self.host, self.config, self.project)
            return self.start
        call.clear(self.config, self.name)
        if not reply.get("ok"):
            raise call.refused(self.host, reply)
        return self.answered(reply["result"])

    def _still(self) -> Any:
        job = call.progress(self.config, self.name)
        if job is None and call.now() - self.since > 2 * call.PATIENCE_S:
            self.host.show(None, "")
            call.clear(self.config, self.name)
            raise call.silent(self.host, self.config)
        fraction, text = (0.0, self.shown) if job is None else call.told(job)
        if self.host.show(fraction, text) and job is not None:  # it can be given up: who waits in vain ends by himself
            self.host.show(None, "")
            call.clear(self.config, self.name)
            return None
        return self.wait

    def start(self) -> Any:
        """Wait for the daemon, then ask it the same."""
        state = self.daemon.look()
        if state == "waiting":
            return self.start
        self.host.show(None, "")
        if state == "stopped":
            call.clear(self.config, self.name)
            return None
        self.since = call.now()
        call.relaunch(self.host, self.config, self.name)
        return self.wait
