"""Which file holds which sound: what the catalogue knew, what a scan finds, and where a file's content belongs.

A sound is a content. A file whose content is known goes to the sound that has it: a duplicate when another file still holds
it, moved when none does. A file whose content changed keeps its sound (and with it the user's corrections) when no other file
holds the old content. Otherwise it is a new sound, whose id follows from its content. Decisions are made file by file in a
fixed order (new paths first, each group by path), so they do not depend on threads or on where an earlier scan was stopped.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from foley_bridge.library.fingerprint import Print, whole_hash
from foley_bridge.library.sound import sound_id
from foley_bridge.library.walk import Walked

Kind = Literal["new", "same", "changed", "moved", "duplicate"]
_Stat = tuple[int, int]


@dataclass(frozen=True)
class Place:
    """Where a file belongs.

    Attributes:
        sound: the id.
        kind: "new" sound; "same" content as before; "changed" content of the sound; content "moved" here; "duplicate".
        fingerprint: of the sound now.
        first: the file is the one that the sound is described by.
    """

    sound: str
    kind: Kind
    fingerprint: str
    first: bool


class Ledger:
    """The files of the catalogue while a scan goes on.

    Args:
        known: `Catalogue.all_files()`.
        walked: what the scan's walk found.
        again: paths that are to be read again although they did not change.
        tick: called while whole files are read; may raise to stop.

    Attributes:
        unread: new paths, then changed ones, each by path.
        gone: known paths that are there no more; those in a closed place are not among them.
        claimed: gone paths whose content was found elsewhere.
        leaving: (sound, path) of files that are no longer among the sound's; emptied by the caller.
    """

    def __init__(
        self,
        known: Mapping[str, tuple[str, int, int, str]],
        walked: Walked,
        again: Iterable[str],
        tick: Callable[[], None],
    ) -> None:
        self._walked = walked
        self._tick = tick
        self._files: dict[str, dict[str, _Stat]] = defaultdict(dict)  # sound to its files
        self._home: dict[str, str] = {}  # file to its sound
        self._print: dict[str, str] = {}  # sound to its fingerprint
        self._by_base: dict[str, list[str]] = defaultdict(list)  # a fingerprint's base to the sounds that have it
        self._whole: dict[str, str] = {}  # hashes of whole files, by path
        self._described_by: dict[str, str] = {}  # sounds described in this scan, and after which file
        for path, (sound, size, mtime_ns, fingerprint) in known.items():
            self._files[sound][path] = (size, mtime_ns)
            self._home[path] = sound
            if sound not in self._print:
                self._set_print(sound, fingerprint)
        found = walked.files
        new = [path for path in found if path not in known]
        self._doubtful = {
            path for path, seen in found.items() if path in known and known[path][1:3] != (seen.size, seen.mtime_ns)
        }
        self.unread = [*new, *sorted(self._doubtful | {path for path in again if path in known})]
        self.gone = {path for path in known if path not in found and _below(path, walked.roots) and not self.closed_above(path)}
        self.leaving: list[tuple[str, str]] = []
        self.claimed: set[str] = set()

    def closed_above(self, path: str) -> str | None:
        """The closed place that a path lies in, or is."""
        while True:
            if path in self._walked.closed:
                return path
            above = os.path.dirname(path)  # noqa: PTH120
            if above == path:
                return None
            path = above

    def place(self, path: str, content: Print) -> Place:
        """Where a file that was read belongs; the ledger then has it there.

        Raises:
            OSError: the whole of the file had to be read, and could not be.
        """
        home = self._home.get(path)
        sound = self._holder(path, content)
        kind: Kind
        if sound is not None and sound == home:
            kind = "same"
        elif sound is not None:
            kind = "moved" if self._take_over(sound, path) else "duplicate"
        elif home is not None and self._alive(home, path) is None:
            sound, kind = home, "changed"
            self._set_print(home, self._unused_print(path, content, home))
        else:
            fingerprint = self._unused_print(path, content, None)
            sound, kind = self._unused_id(fingerprint), "new"
            self._set_print(sound, fingerprint)
        if home is not None and home != sound:
            self._leave(path, home)
            if not self._files[home]:
                self._bury(home)
        self._files[sound][path] = (content.size, content.mtime_ns)
        self._home[path] = sound
        self._doubtful.discard(path)
        first = next(each for each in self._files[sound] if each == path or not self._lost(each)) == path
        if first:
            self._described_by[sound] = path
        return Place(sound, kind, self._print[sound], first)

    def heirs(self) -> list[str]:
        """Files that come first in their sound now that the one before them is gone, and that it is not described by yet."""
        found = []
        for sound in sorted({self._home[path] for path in self.gone}):
            left = [path for path in self._files[sound] if path not in self.gone]
            first_was = next(iter(self._files[sound]))
            if left and first_was in self.gone and self._described_by.get(sound) != left[0] and left[0] in self._walked.files:
                found.append(left[0])
        return found

    def _holder(self, path: str, content: Print) -> str | None:
        """The sound that has this content; its equal fingerprint is confirmed by another of its files, if there is one."""
        home = self._home.get(path)
        for sound in sorted(self._by_base.get(content.base, ()), key=lambda each: each != home):
            if sound == home and path not in self._doubtful:
                return sound
            other = self._alive(sound, path)
            if other is None:
                _, _, whole = self._print[sound].partition(":")
                if not whole or whole == self._hash(path):
                    return sound
            elif content.whole or self._same(other, path):
                return sound
        return None

    def _same(self, other: str, path: str) -> bool:
        try:
            known = self._hash(other)
        except OSError:
            return False
        return known == self._hash(path)

    def _hash(self, path: str) -> str:
        if path not in self._whole:
            self._whole[path] = whole_hash(path, self._tick)
        return self._whole[path]

    def _alive(self, sound: str, path: str) -> str | None:
        """A file, other than ``path``, that still has the sound's content."""
        return next((each for each in self._files[sound] if each != path and not self._lost(each)), None)

    def _lost(self, path: str) -> bool:
        """The file is gone, or has or may have another content than the catalogue knows."""
        if path in self.gone or path in self._doubtful:
            return True
        if path in self._walked.files:
            return False
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:
            return True
        return (status.st_size, status.st_mtime_ns) != self._files[self._home[path]][path]

    def _take_over(self, sound: str, path: str) -> bool:
        """Whether ``path`` takes the place of a file that is gone, or of those in no folder of this scan that are not there."""
        alive = self._alive(sound, path) is not None
        other = next((each for each in self._files[sound] if each in self.gone and each not in self.claimed), None)
        if other is not None and alive:  # it leaves at the end, so that heirs are known even to a scan begun again
            self.claimed.add(other)
            return True
        if alive:
            return False
        if other is not None:
            self.gone.remove(other)
            self._leave(other, sound)
            return True
        for other in [each for each in self._files[sound] if not _below(each, self._walked.roots)]:
            self._leave(other, sound)
        return True

    def _leave(self, path: str, sound: str) -> None:
        del self._files[sound][path], self._home[path]
        self.leaving.append((sound, path))

    def _bury(self, sound: str) -> None:
        """A sound that no file holds any more."""
        self._by_base[self._print[sound].partition(":")[0]].remove(sound)
        del self._files[sound], self._print[sound]

    def _set_print(self, sound: str, fingerprint: str) -> None:
        if sound in self._print:
            self._by_base[self._print[sound].partition(":")[0]].remove(sound)
        self._print[sound] = fingerprint
        self._by_base[fingerprint.partition(":")[0]].append(sound)

    def _unused_print(self, path: str, content: Print, home: str | None) -> str:
        """The content's fingerprint; with the hash of the whole where another content has the same base."""
        others = [each for each in self._by_base.get(content.base, ()) if each != home]
        return f"{content.base}:{self._hash(path)}" if others else content.base

    def _unused_id(self, fingerprint: str) -> str:
        """The fingerprint's id; another where a sound whose content has changed since still has that."""
        sound, number = sound_id(fingerprint), 2
        while sound in self._print:
            sound, number = sound_id(f"{fingerprint}#{number}"), number + 1
        return sound


def _below(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(root.rstrip(os.sep) + os.sep) for root in roots)
