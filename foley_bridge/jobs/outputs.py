"""What a job writes: checked before any work starts, and taken away again when the job does not reach its end."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from foley_bridge.errors import JobError


class Outputs:
    """The files of one job. Each is written whole (temporary file, fsync, rename); leaving the ``with`` block by an exception
    removes those that were not there before, and folders made for them, so that a failed job leaves nothing behind."""

    def __init__(self) -> None:
        self._made: list[Path] = []
        self._folders: list[Path] = []

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            return
        for path in self._made:
            path.unlink(missing_ok=True)
        for folder in reversed(self._folders):
            if not any(folder.iterdir()):
                folder.rmdir()

    def folder(self, path: Path, what: str) -> None:
        """Make a folder and prove that a file can be written in it.

        Raises:
            JobError: it cannot be made or written; names it.
        """
        missing = []
        at = path
        while not at.exists() and at != at.parent:
            missing.append(at)
            at = at.parent
        try:
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
        """Note a file about to be written; one that is there already is not ours to remove."""
        if path.is_dir():
            raise JobError(f"{path} is a folder, a file is to be written there", "give a file name")
        if not path.exists():
            self._made.append(path)
        return path
