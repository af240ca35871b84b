"""Films kept on disk, named by everything that they depend on, there whole or not at all.

A film is three files: its pictures and its sound, plain ``.npy`` that are mapped into memory, and what is known of it,
``.json``, which is written last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.media.whole_file import whole_file
from foley_models.errors import ModelError

if TYPE_CHECKING:
    from foley_models.analogy.data.films import Film

FORMAT = 1


class Store:
    """A folder of films.

    Args:
        folder: made when it is not there.
        settings: of clips, for JSON; with others, films have other names.

    Raises:
        ModelError: the folder cannot be made.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._settings = {"films": FORMAT, **settings}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{folder}: cannot be made, {error.strerror}", "give another --cache") from error

    def path(self, what: Mapping[str, Any], suffix: str) -> Path:
        """Where a part of a film lies that is described by ``what``."""
        said = json.dumps({**self._settings, **what}, sort_keys=True, ensure_ascii=False)
        key = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self.folder / key[:2] / f"{key}{suffix}"

    def has(self, what: Mapping[str, Any]) -> bool:
        """Is it there?"""
        return self.path(what, ".json").is_file()

    def keep(self, what: Mapping[str, Any], film: Film) -> None:
        """Write a film.

        Raises:
            MediaError: it cannot be written; then it is not there.
        """
        for suffix, array in ((".frames.npy", film.frames), (".samples.npy", film.samples)):
            with whole_file(self._place(what, suffix)) as temporary, temporary.open("wb") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        about = {
            "name": film.name,
            "events": [list(event) for event in film.events],
            "starts": film.starts.tolist(),
            "frames": len(film.frames),
            "action": film.action,
            "seen": film.seen,
            "heard": film.heard,
        }
        with whole_file(self._place(what, ".json")) as temporary:
            temporary.write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")

    def _place(self, what: Mapping[str, Any], suffix: str) -> Path:
        path = self.path(what, suffix)
        path.parent.mkdir(exist_ok=True)
        return path

    def about(self, what: Mapping[str, Any]) -> dict[str, Any]:
        """What is known of a film.

        Raises:
            ModelError: it is gone, or damaged.
        """
        path = self.path(what, ".json")
        try:
            said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _gone(path, error) from error
        return said

    def film(self, what: Mapping[str, Any], about: Mapping[str, Any]) -> Film:
        """A film whose pictures and sound are read when they are looked at.

        Raises:
            ModelError: it is gone, or damaged.
        """
        from foley_models.analogy.data.films import Film, FilmEvent

        return Film(
            name=about["name"],
            frames=_mapped(self.path(what, ".frames.npy")),
            samples=_mapped(self.path(what, ".samples.npy")),
            events=tuple(FilmEvent(float(time), action, material) for time, action, material in about["events"]),
            starts=about["starts"],
            action=about["action"],
            seen=about["seen"],
            heard=about["heard"],
        )


def _mapped(path: Path) -> NDArray[Any]:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _gone(path, error) from error


def _gone(path: Path, error: Exception) -> ModelError:
    return ModelError(
        f"{path}: a film that was kept there cannot be read, {error}", "delete the cache's folder and start again"
    )
