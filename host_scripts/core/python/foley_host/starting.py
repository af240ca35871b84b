"""A daemon is started where none answers: the user is asked, and it is waited for."""

from __future__ import annotations

from typing import Any, Dict

from . import call

Json = Dict[str, Any]


def wanted(host: Any, reply: Json) -> bool:
    """Whether nobody answered, and the user wants a daemon to be started."""
    if (reply.get("error") or {}).get("kind") != "BridgeError":
        return False
    message = call.refused(host, reply).message
    if "another version" in message:  # there is one, and a second would not help
        return False
    return bool(host.ask(f"The foley_bridge daemon does not answer ({message}). Start it?"))


class Starting:
    """A daemon that may write beside the project, on its way."""

    def __init__(self, host: Any, config: Json, project: Json) -> None:
        self.host, self.config = host, config
        self.name, self.since = call.name(host), call.now()
        folder = project.get("folder")
        call.launch(host, config, self.name, "start", {"allow": [folder] if folder else []})

    def look(self) -> str:
        """``up`` when it answers, ``stopped`` when the user does not want to wait any more, else ``waiting``.

        Raises:
            HostError: it does not start.
        """
        reply = call.reply(self.config, self.name)
        if reply is None and call.now() - self.since <= 2 * call.PATIENCE_S:
            return "stopped" if self.host.show(0, "Starting the daemon") else "waiting"
        call.clear(self.config, self.name)
        if reply is None:
            raise call.silent(self.host, self.config)
        if not reply.get("ok"):
            raise call.refused(self.host, reply)
        return "up"
