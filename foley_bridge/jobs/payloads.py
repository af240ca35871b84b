"""What the daemon keeps for jobs, a folder for each: what came with its request, and a reel's timeline as it was opened."""

from __future__ import annotations

import shutil
from collections.abc import Container
from pathlib import Path

from foley_bridge.errors import FoleyError, JobError
from foley_bridge.media.whole_file import whole_file


class Payloads:
    """Args: folder: theirs alone; made when it is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, job: str) -> Path:
        """Where what came with a job's request lies: a timeline, or a reel as it was frozen."""
        return self._folder / job / "timeline.otio"

    def opened(self, job: str) -> Path:
        """Where a reel's timeline lies as it was opened (``kept.py``)."""
        return self._folder / job / "opened.otio"

    def keep(self, job: str, payload: bytes) -> None:
        """Write what came with a job's request, whole or not at all; JobError when that cannot be done."""
        path = self.path(job)
        try:
            path.parent.mkdir(parents=True)
            with whole_file(path) as partial:
                partial.write_bytes(payload)
        except (OSError, FoleyError) as error:
            self.forget(job)
            raise JobError(
                f"what came with the request cannot be kept: {error}", f"make room on the disk of {self._folder}"
            ) from error

    def used(self, job: str) -> None:
        """A job is done: what came with its request goes, and what others go on with stays."""
        self.path(job).unlink(missing_ok=True)
        if not self.opened(job).exists():
            self.forget(job)

    def forget(self, job: str) -> None:
        """Remove everything of a job."""
        shutil.rmtree(self._folder / job, ignore_errors=True)

    def forget_all_but(self, waiting: Container[str], done: Container[str]) -> None:
        """Remove everything of all other jobs, and of those that are done what came with their requests."""
        for folder in self._folder.glob("*"):
            if folder.name in done:
                self.used(folder.name)
            elif folder.name not in waiting:
                self.forget(folder.name)
