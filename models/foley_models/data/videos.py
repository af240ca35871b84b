"""A folder of long videos that nobody has labelled, such as recordings of play (the paper's Gameplay set).

Each is cut into clips of ten seconds. A sound is uncorrelated with a picture when it is from another video, or from another
moment of the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from foley_bridge.errors import MediaError
from foley_bridge.media import audio, video
from foley_models.data.clips import Clip, Moments
from foley_models.data.film import FileState, Stretch, pieces
from foley_models.data.splitting import shared_out
from foley_models.errors import ModelError

SUFFIXES = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mxf", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv"}


class Videos:
    """The clips of one split.

    Args:
        folder: is looked through with all that is in it.
        split: "train", "validation" or "test".

    Raises:
        ModelError: the folder cannot be read, or has too few videos.
    """

    another = "moment"
    ready = False
    missing = 0

    def __init__(self, folder: Path, split: str) -> None:
        self._folder = folder
        self.clips: list[Clip] = []
        self.stretches: list[Stretch] = []
        names = [name for name in files_under(folder) if Path(name).suffix.lower() in SUFFIXES]
        videos, self.skipped = shared_out(names, split, f"videos in {folder}", self._look)
        for name, (state, length) in videos.items():
            for start, part in pieces(length):
                self.clips.append(Clip(f"{name} {float(start):g}-{float(start + part):g} s", name, name))
                self.stretches.append(Stretch(folder / name, state, start, part))

    def _look(self, name: str) -> tuple[FileState, Fraction]:
        """A video and how long it has both a picture and sound."""
        path = self._folder / name
        if video.probe(path).still:
            raise MediaError(f"{path}: is a single picture")
        return FileState.of(name, path.stat()), min(video.probe(path).duration, audio.probe(path).duration)

    def what(self, index: int) -> Mapping[str, Any]:
        """Which stretch of which file."""
        return self.stretches[index].what()

    def make(self, index: int) -> Moments:
        """All of the stretch."""
        return self.stretches[index].make()


def files_under(folder: Path) -> list[str]:
    """All files in a folder and the folders in it, but hidden ones, relative to it, "/" between their parts, in order.

    Raises:
        ModelError: there is no such folder.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: there is no such folder")
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))
