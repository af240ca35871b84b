"""What a job writes: checked before any work starts, and taken away again when the job does not reach its end."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from foley_bridge.errors import JobError


class Outputs:
    """The files of one job. Each is written whole (temporary file, fsync, rename) under its final name. Leaving the ``with``
    block by an exception removes them, puts back what they replaced, and removes folders made for them: a failed job leaves
    everything as it was."""

    def __init__(self) -> None:
        self._made: list[Path] = []
        self._kept: list[tuple[Path, Path]] = []  # a file that was there before, and its second name meanwhile
        self._folders: list[Path] = []

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            for _, second in self._kept:
                with contextlib.suppress(OSError):
                    second.unlink()
            return
        with contextlib.suppress(OSError):
            for path in self._made:
                path.unlink(missing_ok=True)
        for path, second in self._kept:
            with contextlib.suppress(OSError):
                second.replace(path)
        for folder in reversed(self._folders):
            with contextlib.suppress(OSError):  # not empty: somebody else put something there
                folder.rmdir()

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

    def add(self, path: Path) -> Path:
        """Note a file about to be written; one that is there already is kept aside until the job reaches its end.

        Raises:
            JobError: a folder is in its place, or the file there cannot be kept.
        """
        if path.is_dir():
            raise JobError(f"{path} is a folder, a file is to be written there", "give a file name")
        if any(path == made for made in (*self._made, *(kept for kept, _ in self._kept))):
            return path
        if not path.exists():
            self._made.append(path)
            return path
        second = path.with_name(f".{path.stem[:80]}.{os.getpid()}.before{path.suffix}")
        try:
            try:
                os.link(path, second)
            except OSError:  # a file system without hard links
                shutil.copy2(path, second)
        except OSError as error:
            raise JobError(f"cannot write {path}: {error.strerror or error}", "choose another place") from error
        self._kept.append((path, second))
        return path
