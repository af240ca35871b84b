"""A folder of long videos that nobody has labelled, such as recordings of play (the paper's Gameplay set).

Each is cut into clips of ten seconds. A sound is uncorrelated with a picture when it is from another video, or from another
moment of the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foley_bridge.errors import FoleyError, MediaError
from foley_bridge.media import audio, video
from foley_models.data.clips import Clip, Moments, Skipped
from foley_models.data.film import FileState, Stretch, pieces
from foley_models.data.splitting import of_split
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
        self.clips: list[Clip] = []
        self.stretches: list[Stretch] = []
        self.skipped: list[Skipped] = []
        names = [name for name in files_under(folder) if Path(name).suffix.lower() in SUFFIXES]
        for name in of_split(names, split, f"videos in {folder}"):
            path = folder / name
            try:
                state = FileState.of(name, path.stat())
                length = min(video.probe(path).duration, audio.probe(path).duration)
                if video.probe(path).still:
                    raise MediaError(f"{path}: is a single picture")
            except (FoleyError, OSError) as error:
                self.skipped.append(Skipped(name, str(error)))
                continue
            for start, part in pieces(length):
                self.clips.append(Clip(f"{name} {float(start):g}-{float(start + part):g} s", name, name))
                self.stretches.append(Stretch(path, state, start, part))

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
