"""From a menu entry to what it does: the files in Foley/ call ``run`` with the names that Resolve gives its scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from foley_host import HostError, actions, call, selftest
from foley_host.fault import readable

from . import observing
from . import windows as windows_
from .host import ResolveHost
from .session import Session
from .undo import undo_last

CONFIG = "foley_bridge.json"


def choose_folder(host: ResolveHost, fusion: Any) -> None:
    """Ask where the takes of this project go, and remember it."""
    folder: str | None = fusion.RequestDir() if fusion is not None else None
    if folder:
        host.memory.keep_folder(str(Path(folder).resolve()))
        host.say(f"The takes of this project go to {Path(folder).resolve()} from now on.")


def before(action: Callable[[ResolveHost], Any]) -> Callable[[ResolveHost], Any]:
    """An action that makes takes: first of all, see that they can be written."""

    def checked(host: ResolveHost) -> None:
        host.folder_first()
        action(host)

    return checked


def self_test(host: ResolveHost) -> None:
    """The test that all hosts have, and what this Resolve was seen to do."""
    said = selftest.run(host)
    try:
        said += f" Send {observing.write_down(host.session, str(call.config(host)['work']))}, too."
    except Exception as error:
        said += f"\n{readable(error)}"
    host.say(said)


ACTIONS: dict[str, Callable[[ResolveHost], Any]] = {
    "generate": before(lambda host: actions.generate(host, "all")),
    "generate_selected": before(lambda host: actions.generate(host, "selected")),
    "recommend": before(actions.recommend),
    "next_take": actions.next_take,
    "previous_take": actions.previous_take,
    "use_as_example": actions.use_as_example,
    "clear": actions.clear,
    "progress": actions.progress,
    "place_ready": actions.place_ready,
    "audition": actions.audition,
    "apply_choices": actions.apply_choices,
    "open_report": actions.open_report,
    "check": actions.check,
    "self_test": self_test,
    "undo_last": lambda host: host.say(undo_last(host)),
}


def run(action: str, folder: str, scope: dict[str, Any]) -> None:
    """Do what a menu entry is for.

    Args:
        action: its name, as in ACTIONS; or ``choose_folder``.
        folder: where foley_host, foley_resolve and foley_bridge.json are.
        scope: the script's globals, in which Resolve puts ``resolve``, ``fusion`` and ``bmd``.
    """
    resolve, fusion, bmd = scope.get("resolve"), scope.get("fusion"), scope.get("bmd")
    window: Any = windows_.Console()
    try:
        if resolve is None:
            raise HostError("Resolve is not there", "Start this from its menu: Workspace > Scripts > Foley.")
        session = Session(resolve)
        window = windows_.of(session.is_studio, fusion, bmd)
        host = ResolveHost(session, window, str(Path(folder, CONFIG)))
        if action == "choose_folder":
            choose_folder(host, fusion)
        else:
            ACTIONS[action](host)
    except Exception as error:
        window.say(readable(error))
