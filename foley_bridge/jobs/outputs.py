"""What a job writes: staged out of sight, and put in its places all at once when the job has reached its end.

Every file is first written into a hidden folder beside its place (the same disk, so that a rename moves it). Publishing writes
down what goes where, and from that moment the job is done: whatever happens then, the renames are carried on when the job is
taken up again. Until that moment nothing of the job can be seen, and what it staged can be used again by the same job after a
crash.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from foley_bridge.errors import JobError
from foley_bridge.media.whole_file import sync_folder, whole_file

_BEGUN, _DONE, _FOLDERS = "publishing.json", "published.json", "folders.json"


def staging(folder: Path, job: str) -> Path:
    """The hidden folder in ``folder`` that a job stages its files in."""
    return folder / f".foley_bridge-{job}"


def sweep(folders: Iterable[Path], job: str, *, made: Iterable[Path] = ()) -> None:
    """Remove what a job staged, and the folders made for it as far as they are empty. Nothing published is touched.

    Args:
        folders: those that the job writes into.
        job: its id.
        made: folders made for it, beside those that it noted itself.
    """
    folders = list(folders)
    own = [*made]
    for folder in folders:
        hidden = staging(folder, job)
        noted = [Path(str(path)) for path in _read(hidden / _FOLDERS) or []]
        # The note lies where others may write too: only the way to the job's own folders is taken away.
        own += [path for path in noted if any(each.is_relative_to(path) for each in folders)]
        shutil.rmtree(hidden, ignore_errors=True)
    for path in sorted(own, key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):  # not empty: it holds what was published, or somebody else's
            path.rmdir()


class Outputs:
    """The files of one job.

    Leaving the ``with`` block by an exception removes everything staged; what was there before stays as it was.

    Args:
        home: the folder in which the job keeps its own notes among what it stages.
        job: its id; the same id finds again what was staged before a crash.
        keep: leave the notes of a published job in place, so that it can be asked for its answer again; ``sweep`` removes them.
    """

    def __init__(self, home: Path, job: str, *, keep: bool = False) -> None:
        self._home, self._job, self._keep = home, job, keep
        self._staged: dict[Path, Path] = {}  # by their place
        self._folders: list[Path] = []

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None or not self._keep:
            sweep([self._home, *(place.parent for place in self._staged)], self._job, made=self._folders)

    # --- before the work ---

    def folder(self, path: Path, what: str) -> None:
        """Make a folder and prove that a file can be written in it.

        Raises:
            JobError: it cannot be made or written; names it.
        """
        missing = []
        at = path
        try:
            while not at.exists() and at != at.parent:
                missing.append(at)
                at = at.parent
            for folder in reversed(missing):
                folder.mkdir()
                self._folders.append(folder)
            with tempfile.TemporaryFile(dir=path) as probe:
                probe.write(b"\0" * 4096)
                probe.flush()
        except OSError as error:
            raise JobError(
                f"cannot write {what} in {path}: {error.strerror or error}", "choose a folder that you can write to"
            ) from error

    def room(self, path: Path, needed: int) -> None:
        """Raises JobError when the disk under ``path`` has less than ``needed`` bytes free."""
        free = shutil.disk_usage(path).free
        if free < needed:
            raise JobError(
                f"the disk under {path} has {free / 1e6:.0f} MB free, this job writes up to {needed / 1e6:.0f} MB",
                "make room, ask for fewer takes, or choose another --media-dir",
            )

    # --- the work ---

    def add(self, place: Path) -> Path:
        """Where to write the file that is to lie at ``place`` in the end.

        Raises:
            JobError: a folder is in its place, or its folder cannot be written.
        """
        if place.is_dir():
            raise JobError(f"{place} is a folder, a file is to be written there", "give a file name")
        self._hidden(self._home)  # first, so that a crash leaves nothing that the notes do not know
        self._staged[place] = self.before(place)
        return self._staged[place]

    def before(self, place: Path) -> Path:
        """Where the file for ``place`` waits, or waited when the job was interrupted; raises as ``add``."""
        return self._hidden(place.parent) / place.name

    def at(self, place: Path) -> Path:
        """Where the file for ``place`` lies now: staged, or where it lay before the job."""
        return self._staged.get(place, place)

    def leave(self, place: Path) -> None:
        """Put nothing at ``place`` after all; what was staged for it goes."""
        self._staged.pop(place).unlink(missing_ok=True)

    @property
    def places(self) -> tuple[Path, ...]:
        """Where the files are to lie in the end."""
        return tuple(self._staged)

    def note(self, name: str) -> Path:
        """The path of a note that the job keeps for itself, until it is swept."""
        return self._hidden(self._home) / name

    def _hidden(self, folder: Path) -> Path:
        hidden = staging(folder, self._job)
        if hidden.is_symlink():
            raise JobError(f"{hidden} is a link that somebody put there", "remove it, or choose another place")
        if not hidden.is_dir():
            try:
                hidden.mkdir()
            except OSError as error:
                raise JobError(f"cannot write in {folder}: {error.strerror or error}", "choose another place") from error
            if folder == self._home:  # from here on a crash leaves something to sweep
                self._note_folders()
        return hidden

    def _note_folders(self) -> None:
        hidden = staging(self._home, self._job)
        if self._folders:
            known = _read(hidden / _FOLDERS) or []
            _write(hidden / _FOLDERS, list(dict.fromkeys([*known, *map(str, self._folders)])))

    # --- the end ---

    def publish(self, answer: Mapping[str, Any]) -> None:
        """Put every file in its place.

        Args:
            answer: what the job answers, as JSON; kept with ``keep``.

        Raises:
            JobError: a file cannot be put in its place; names it. Those that were put already are taken back, and what they
                replaced is there again.
            MediaError: the disk is full before the first of them.
        """
        self._note_folders()
        moves = [[str(staged), str(place), None] for place, staged in self._staged.items()]
        for move in moves:
            move[2] = _second_name(Path(str(move[0])), Path(str(move[1])))
        _write(self.note(_BEGUN), {"moves": moves, "answer": dict(answer)})
        self._move(moves)

    def published(self, folders: Iterable[Path]) -> dict[str, Any] | None:
        """The answer of the same job when it reached its end before; a publishing that had begun is carried on first.

        Args:
            folders: those that the job writes into.

        Raises:
            JobError: as ``publish``; or the note of what goes where is not this job's own.
        """
        hidden = staging(self._home, self._job)
        done = _read(hidden / _DONE)
        if done is None and (begun := _read(hidden / _BEGUN)) is not None:
            self._check(begun["moves"], set(folders))
            self._staged = {Path(place): Path(staged) for staged, place, _ in begun["moves"]}
            self._move(begun["moves"])
            done = _read(hidden / _DONE)
        return None if done is None else dict(done["answer"])

    def _check(self, moves: list[list[str | None]], folders: set[Path]) -> None:
        """The note lies where others may write too: it may only put this job's staged files into this job's folders."""
        for source, target, second in moves:
            staged, place = Path(str(source)), Path(str(target))
            own = self._hidden(place.parent) / place.name if place.parent in folders else None
            if staged != own or second not in (None, f"{own}.before"):
                raise JobError(f"the note of what goes where was changed: {place} is none of the job's", "submit the job again")

    def _move(self, moves: list[list[str | None]]) -> None:
        moved: list[tuple[Path, Path, str | None]] = []
        try:
            for source, target, second in moves:
                staged, place = Path(str(source)), Path(str(target))
                if staged.exists():  # it does not after a crash that came between the renames
                    staged.replace(place)
                moved.append((staged, place, second))
            for folder in {place.parent for _, place, _ in moved}:
                sync_folder(folder)
            self.note(_BEGUN).replace(self.note(_DONE))
        except OSError as error:
            for staged, place, second in reversed(moved):
                with contextlib.suppress(OSError):
                    place.replace(staged)
                    if second is not None:
                        Path(second).replace(place)
            self.note(_BEGUN).unlink(missing_ok=True)
            where = moves[min(len(moved), len(moves) - 1)][1]
            raise JobError(
                f"cannot write {where}: {error.strerror or error}",
                "close it in the program that has it open, or choose another place",
            ) from error


def _second_name(staged: Path, place: Path) -> str | None:
    """A second name for a file that is about to be replaced, so that it can be put back; None when there is none."""
    if not place.exists():
        return None
    second = staged.with_name(f"{staged.name}.before")
    try:
        second.unlink(missing_ok=True)
        try:
            os.link(place, second)
        except OSError:  # a file system without hard links
            shutil.copy2(place, second)
    except OSError as error:
        raise JobError(f"cannot write {place}: {error.strerror or error}", "choose another place") from error
    return str(second)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _write(path: Path, content: Any) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content), "utf-8")
