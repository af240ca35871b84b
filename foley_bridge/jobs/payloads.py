"""The timelines that came with requests, kept until their jobs have ended."""

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
        """Where a job's timeline lies."""
        return self._folder / job / "timeline.otio"

    def keep(self, job: str, payload: bytes) -> None:
        """Write a job's timeline, whole or not at all; JobError when that cannot be done."""
        path = self.path(job)
        try:
            path.parent.mkdir(parents=True)
            with whole_file(path) as partial:
                partial.write_bytes(payload)
        except (OSError, FoleyError) as error:
            self.forget(job)
            raise JobError(
                f"the request's timeline cannot be kept: {error}", f"make room on the disk of {self._folder}"
            ) from error

    def forget(self, job: str) -> None:
        """Remove a job's timeline, if it has one."""
        shutil.rmtree(self.path(job).parent, ignore_errors=True)

    def forget_all_but(self, jobs: Container[str]) -> None:
        """Remove the timelines of all other jobs."""
        for folder in self._folder.glob("*"):
            if folder.name not in jobs:
                self.forget(folder.name)
