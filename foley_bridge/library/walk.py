"""Which sound files lie in some folders: each once, however links lead there, and which places could not be looked into.

Paths are text here: a Path object for every file and step would cost more than reading the file's header.
"""

# ruff: noqa: PTH100, PTH112, PTH113, PTH116, PTH118, PTH119, PTH120, PTH122

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from foley_bridge.library.metadata import SUFFIXES

_SYSTEM = {"$RECYCLE.BIN", "System Volume Information", "@eaDir", "#recycle", "__MACOSX"}  # deleted files, and systems' own
_HIDDEN_ON_WINDOWS = 0x2


@dataclass(frozen=True)
class Seen:
    """A file that is there.

    Attributes:
        size: bytes. mtime_ns: nanoseconds since 1970.
        folders: names of the folders it lies in, up to the one given, the nearest first.
    """

    size: int
    mtime_ns: int
    folders: tuple[str, ...]


@dataclass
class Walked:
    """What a walk found.

    Attributes:
        roots: the folders and files that were given, absolute.
        files: path to what is there; in the order of their paths.
        closed: place to why nobody can say what lies there: missing, unreadable, empty where there may be a drive.
    """

    roots: tuple[str, ...]
    files: dict[str, Seen] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)


def walk(folders: Sequence[str | os.PathLike[str]], tick: Callable[[int], None]) -> Walked:
    """Look through folders, and single files, for sounds.

    Links are followed once everything real has been seen, and only to what has not been. Hidden files and folders (also
    foley_bridge's own, where jobs prepare their files), and systems' bins are left out.

    Args:
        tick: called with the number of sounds seen so far, often; may raise to stop.
    """
    roots = tuple(sorted({os.path.abspath(folder) for folder in folders}))
    walked = Walked(roots)
    visit = _Visit(walked, tick)
    for root in roots:
        if os.path.isdir(root):
            visit.waiting.append((root, os.path.realpath(root), (os.path.basename(root),)))
            visit.run()
        elif os.path.lexists(root):
            visit.file(root, os.path.realpath(root), (os.path.basename(os.path.dirname(root)),))
        else:
            walked.closed[root] = "is not there"
    visit.follow_links()
    walked.files = dict(sorted(walked.files.items()))
    return walked


class _Visit:
    """One walk's state: which real places were seen, and which links still have to be looked at."""

    def __init__(self, walked: Walked, tick: Callable[[int], None]) -> None:
        self.walked = walked
        self.tick = tick
        self.waiting: deque[tuple[str, str, tuple[str, ...]]] = deque()  # (path, real path, names)
        self.links: list[tuple[str, tuple[str, ...]]] = []
        self.seen: set[str] = set()  # real paths, of folders and files

    def run(self) -> None:
        while self.waiting:
            path, real, names = self.waiting.popleft()
            if real not in self.seen:
                self.seen.add(real)
                self.folder(path, real, names)

    def folder(self, path: str, real: str, names: tuple[str, ...]) -> None:
        try:
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            self.walked.closed[path] = f"cannot be looked into, {error.strerror or error}"
            return
        if not entries:
            self.walked.closed[path] = "is empty, as where a drive is not mounted"
        for entry in entries:
            self.tick(len(self.walked.files))
            if _hidden(entry):
                continue
            if entry.is_symlink() or (os.name == "nt" and _is_junction(entry.path)):
                self.links.append((entry.path, names))
            elif _is_folder(entry):
                self.waiting.append((entry.path, os.path.join(real, entry.name), (entry.name, *names)))
            else:
                self.file(entry.path, os.path.join(real, entry.name), names, entry)

    def file(self, path: str, real: str, names: tuple[str, ...], entry: os.DirEntry[str] | None = None) -> None:
        if os.path.splitext(path)[1].lower() not in SUFFIXES or real in self.seen:
            return
        try:
            status = entry.stat() if entry else os.stat(path)
        except OSError:
            return  # gone since it was listed
        if stat.S_ISREG(status.st_mode):
            self.seen.add(real)
            self.walked.files[path] = Seen(status.st_size, status.st_mtime_ns, names)

    def follow_links(self) -> None:
        while self.links:
            links, self.links = sorted(self.links), []
            for path, names in links:
                real = os.path.realpath(path)
                if os.path.isdir(real):
                    self.waiting.append((path, real, (os.path.basename(path), *names)))
                    self.run()
                elif os.path.isfile(real):
                    self.file(path, real, names)
                else:
                    self.walked.closed[path] = "is a link that leads nowhere"


def _hidden(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in _SYSTEM:
        return True
    if os.name != "nt":
        return False
    try:
        return bool(getattr(entry.stat(follow_symlinks=False), "st_file_attributes", 0) & _HIDDEN_ON_WINDOWS)
    except OSError:
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_junction(path: str) -> bool:
    """Windows' other kind of link to a folder, which Python calls no link."""
    return os.path.normcase(os.path.realpath(path)) != os.path.normcase(
        os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    )
