"""The adapter: what docs/host_scripts.md asks of a host, for DaVinci Resolve."""

from __future__ import annotations

import re
import tempfile
import webbrowser
from pathlib import Path
from typing import Any, Callable, Dict

from foley_host import HostError, call

from . import clips, placing, regions
from .memory import Memory
from .session import MENU, NEVER_SAVED, Session

Json = Dict[str, Any]
CHOOSE_FOLDER = f"{MENU} > Choose the folder for takes"


class ResolveHost:
    """DaVinci Resolve as the host-independent scripts see it.

    Args:
        session: the open project.
        windows: where messages and questions go (windows.py).
        config: path of foley_bridge.json; its work folder holds what is remembered between two scripts.
    """

    name = "Resolve"
    grid = "frames"
    undo_hint = f"{MENU} > Undo last Foley placement"
    mark_hint = 'Set a marker (M), drag its end to give it a length, and name it, such as "FOLEY footsteps".'
    select_hint = "Put the playhead into the region, or set the marks In and Out around it."

    def __init__(self, session: Session, windows: Any, config: str) -> None:
        self.session = session
        self.config = config
        self.version = session.named
        self.options = {"handles": "0"}  # level and fades are in the file: Resolve's scripts can set neither
        self._windows = windows
        self.lives_on = bool(windows.lives_on)
        self._moved = False
        self._lengths: dict[str, int] = {}  # by timeline: to look at every clip takes a while

    def project(self) -> Json:
        project, timeline = self.session.project, self.session.timeline
        rate, name = self.session.rate, str(timeline.GetUniqueId())
        if name not in self._lengths:
            self._lengths[name] = clips.length(self.session)
        return {
            "id": f"{project.GetUniqueId()}-{name}",
            "name": f"{project.GetName()} - {timeline.GetName()}",
            "folder": self._folder(),
            "rate": f"{rate.numerator}/{rate.denominator}",
            "start": self.session.start,
            "length": self._lengths[name],
            "sample_rate": 48000,  # Resolve does not tell
        }

    def ranges(self) -> list[Json]:
        return regions.ranges(self.session)

    def points(self) -> list[Json]:
        return regions.points(self.session)

    def tracks(self) -> list[Json]:
        return clips.tracks(self.session)

    def own_tracks(self) -> list[Json]:
        return clips.own_tracks(self.session)

    def place(self, plan: Json) -> Json:
        self._tell_of_page()
        return self._kept(placing.place(self.session, plan))

    def take_back(self, receipt: Json) -> None:
        placing.take_back(self.session, receipt)
        self.memory.drop(receipt)

    def settle(self) -> None:
        """Save: Resolve can lose on saving what it showed before."""
        try:  # a project that has no place makes Resolve wait for a dialog
            saved = self.session.project.GetName() != NEVER_SAVED and self.session.manager.SaveProject()
        except Exception as error:
            raise HostError(f"Resolve did not save the project: {error}", "Save it, and try again.") from None
        if not saved:
            raise HostError("Resolve did not save the project", "Close any dialog in Resolve, save it, and try again.")

    def choose(self, clip: Json, number: int) -> None:
        self._tell_of_page()
        self._kept(placing.choose(self.session, clip, number))

    def write_text(self, range_id: str, text: str) -> None:
        regions.write_text(self.session, range_id, text)

    def chosen_clip(self) -> Json | None:
        return clips.chosen_clip(self.session, regions.playhead(self.session))

    def chosen_takes(self) -> list[str]:
        return clips.chosen_takes(self.session, regions.playhead(self.session))

    def say(self, message: str) -> None:
        if self._moved:
            message += "\nResolve was taken to its Edit page: only there can scripts take clips away."
            self._moved = False
        self._windows.say(message)

    def ask(self, question: str) -> bool:
        return bool(self._windows.ask(question))

    def ask_text(self, question: str, text: str) -> str | None:
        typed: str | None = self._windows.ask_text(question, text)
        return typed

    def show(self, fraction: float | None, text: str = "") -> bool:
        return bool(self._windows.show(fraction, text))

    def later(self, tick: Callable[[], bool]) -> None:
        """Gives back when the ticks are over: the script may not live on, but Resolve's own window is free all the while."""
        self._windows.later(lambda: self.session.is_there and tick())

    def open(self, path: str) -> None:
        webbrowser.open(path if "://" in path else Path(path).as_uri())

    @property
    def memory(self) -> Memory:
        return Memory(str(call.config(self)["work"]), str(self.session.project.GetUniqueId()))

    def _kept(self, receipt: Json) -> Json:
        """Remember what was done; what no undo would know of is taken back."""
        try:
            self.memory.keep(receipt)
        except Exception as error:
            placing.take_back(self.session, receipt)
            said = f"What was laid could not be noted for undo: {getattr(error, 'strerror', None) or error}"
            raise HostError(said, "See that foley_bridge's work folder can be written, and try again.") from error
        return receipt

    def _tell_of_page(self) -> None:
        self._moved = self._moved or self.session.resolve.GetCurrentPage() != "edit"

    def _folder(self) -> str | None:
        """Resolve's projects lie in a database. Takes go where the user said once, or beside the first clip's file; where no
        file is there, into the home folder."""
        name = str(self.session.project.GetName())
        if name == NEVER_SAVED:
            return None
        at_home = Path.home() / "Foley" / re.sub(r'[<>:"/\\|?*]', "_", name)
        return self.memory.folder or clips.first_folder(self.session) or str(at_home)

    def folder_first(self) -> None:
        """See that takes can be written, before anybody waits for them.

        Raises:
            HostError: they cannot.
        """
        folder = self._folder()
        try:
            if folder and Path(folder).exists():
                with tempfile.TemporaryFile(dir=folder):
                    pass
        except OSError as error:
            said = f"Takes cannot be written into {folder}: {error.strerror or error}"
            raise HostError(said, f"Choose another folder: {CHOOSE_FOLDER}.") from None
