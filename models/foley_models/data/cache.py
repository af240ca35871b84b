"""Features kept on disk: one file per clip, named by everything that it depends on, there whole or not at all.

A file is an ``.npz`` without pickles, one member per picture and sound, so that a moment is read without the others; the
archive's own checksums tell when it is damaged.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.media.whole_file import whole_file
from foley_models.data.clips import Moments
from foley_models.errors import ModelError

FORMAT = 1
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)


class Cache:
    """A folder of features.

    Args:
        folder: made when it is not there.
        settings: of the features; with others, files have other names.

    Raises:
        ModelError: the folder cannot be made.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._settings = {"format": FORMAT, **settings}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{folder}: cannot be made, {error.strerror}", "give another --cache") from error

    def path(self, what: Mapping[str, Any]) -> Path:
        """Where the features of a clip lie that is described by ``what``."""
        said = json.dumps({**self._settings, **what}, sort_keys=True, ensure_ascii=False)
        key = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self.folder / key[:2] / f"{key}.npz"


def keep(path: Path, moments: Moments) -> None:
    """Write a clip's features.

    Raises:
        MediaError: they cannot be written; then nothing of them is there.
    """
    members: dict[str, NDArray[Any]] = {"times": moments.times}
    for number in range(len(moments.times)):
        members[f"picture-{number}"], members[f"sound-{number}"] = moments.pictures[number], moments.sounds[number]
    with whole_file(path) as temporary:
        path.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, array in members.items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


def members_in(path: Path, *names: str) -> list[NDArray[Any]] | None:
    """Some of a kept clip: "times", "picture-K", "sound-K"; None when there is no such file, or that of it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [_member(archive, name) for name in names]
    except _DAMAGED:
        return None


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)
