"""A folder of videos that nobody has labelled (as CountixAV's), in films of ten seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foley_bridge.inference.clips import ClipPicture, ClipSound
from foley_models.analogy.data import files
from foley_models.analogy.data.films import Film, heard_from
from foley_models.data import videos
from foley_models.data.film import Stretch


class Videos:
    """Films of one split.

    Args:
        folder: is looked through with all that is in it.
        split: "train", "validation" or "test".
        least_s: what is shorter is left out.

    Raises:
        ModelError: the folder cannot be read, or has too few videos.
    """

    missing = 0

    def __init__(self, folder: Path, split: str, least_s: float) -> None:
        found = videos.Videos(folder, split)
        self.skipped = found.skipped
        cut = [
            (clip.name, stretch)
            for clip, stretch in zip(found.clips, found.stretches, strict=True)
            if stretch.length_s is not None and stretch.length_s >= least_s
        ]
        self.names = [name for name, _ in cut]
        self._stretches: list[Stretch] = [stretch for _, stretch in cut]

    def what(self, index: int) -> Mapping[str, Any]:
        """Which stretch of which file."""
        return {**self._stretches[index].what(), "videos": files.VERSION}

    def make(self, index: int, picture: ClipPicture, sound: ClipSound) -> Film:
        """All of the stretch."""
        stretch = self._stretches[index]
        frames, samples = files.read(stretch.path, stretch.start_s, stretch.length_s, picture, sound)
        starts = heard_from(samples, len(frames), (), picture, sound)
        if not len(starts):
            raise files.nothing_heard(stretch.path, picture)
        return Film(self.names[index], frames, samples, (), starts)
