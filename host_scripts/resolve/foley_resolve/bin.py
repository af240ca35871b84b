"""The bin Foley of the media pool: takes are imported into it once, and the user's own bin is current again afterwards.

ImportMedia has no destination: it imports into the current bin.
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterator

from foley_host import HostError

from .clips import file_of, same_file
from .session import Session, listed

NAME = "Foley"


class Bin:
    """The bin and what this placement imported into it, so that it can be taken out again."""

    def __init__(self, session: Session) -> None:
        self._pool = session.pool
        self.made = False
        self.imported: list[str] = []  # ids

    def take_in(self, wanted: list[str]) -> dict[str, Any]:
        """Media pool clips by path; those that are not in the bin yet are imported.

        Raises:
            HostError: Resolve does not take a file in.
        """
        with self._current():
            there = self._by_path(wanted)
            missing = [path for path in wanted if path not in there]
            if missing:
                before = {str(media.GetUniqueId()) for media in self._clips()}
                self._pool.ImportMedia(missing)
                after = [str(media.GetUniqueId()) for media in self._clips()]
                self.imported += [name for name in after if name not in before]
                there = self._by_path(wanted)
            if len(there) < len(wanted):  # Resolve may take nothing in twice: it is in another bin
                there = {**self._by_path(wanted, self._everything(self._pool.GetRootFolder())), **there}
            lost = [path for path in wanted if path not in there]
            if lost:
                said = f"Resolve did not import {lost[0]}"
                raise HostError(said, "Close any dialog in Resolve; see that the file is there and can be read; try again.")
            return there

    def forget(self, ids: list[str], made: bool) -> None:
        """Take imported clips out again, and the bin, when it was made for them and nothing else is in it."""
        folder = self._find()
        if folder is None:
            return
        gone = [media for media in listed(folder.GetClipList()) if str(media.GetUniqueId()) in ids]
        if gone:
            self._pool.DeleteClips(gone)
        if made and not listed(folder.GetClipList()) and not listed(folder.GetSubFolderList()):
            self._pool.DeleteFolders([folder])

    def by_id(self, name: str, path: str) -> Any | None:
        """A clip of the bin that was there before, by its id, or else by its file."""
        for media in self._clips():
            if str(media.GetUniqueId()) == name:
                return media
        return self._by_path([path]).get(path)

    @contextlib.contextmanager
    def _current(self) -> Iterator[None]:
        """Our bin as the current one, made where there is none."""
        former = self._pool.GetCurrentFolder()
        try:
            folder = self._find()
            if folder is None:
                self.made = self._pool.AddSubFolder(self._pool.GetRootFolder(), NAME) is not None
                folder = self._find()
            if folder is None or not self._pool.SetCurrentFolder(folder):
                raise HostError(f"Resolve did not make the bin {NAME}", "Close any dialog in Resolve and try again.")
            yield
        finally:
            if former is not None:
                self._go_back(former)

    def _go_back(self, former: Any) -> None:
        """To the user's bin: a courtesy that must not undo what was done, so it is only tried twice."""
        for _ in range(2):
            with contextlib.suppress(Exception):
                if self._pool.SetCurrentFolder(former):
                    return

    def _find(self) -> Any | None:
        root = self._pool.GetRootFolder()
        return next((folder for folder in listed(root and root.GetSubFolderList()) if folder.GetName() == NAME), None)

    def _clips(self) -> list[Any]:
        folder = self._find()
        return listed(folder.GetClipList()) if folder is not None else []

    def _everything(self, folder: Any) -> list[Any]:
        inner = [media for each in listed(folder.GetSubFolderList()) for media in self._everything(each)]
        return [*listed(folder.GetClipList()), *inner]

    def _by_path(self, wanted: list[str], clips: list[Any] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for media in self._clips() if clips is None else clips:
            file = file_of(media)
            for path in wanted:
                if same_file(path, file):
                    found.setdefault(path, media)
        return found
