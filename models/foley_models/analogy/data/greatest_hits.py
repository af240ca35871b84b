"""Greatest Hits as published (Owens et al., 2016): a drumstick strikes and scratches things, and somebody wrote down when.

A recording is a film: ``NAME_denoised.mp4`` (preferred, as the authors do), ``NAME_denoised_thumb.mp4`` (the same in the small
release) or ``NAME_mic.mp4``, and ``NAME_times.txt`` with a line ``time material action motion`` a hit. The published lists of
names say what is for training and for test; where there is none for validation, a part of the training's films is kept back for
it, and where there is none at all, films are shared out.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from foley_bridge.errors import MediaError
from foley_bridge.inference.clips import ClipPicture, ClipSound
from foley_bridge.media import audio, video
from foley_models.analogy.data import files
from foley_models.analogy.data.films import Film, FilmEvent, heard_from
from foley_models.data.clips import Skipped
from foley_models.data.film import FileState
from foley_models.data.splitting import held_out, shared_out
from foley_models.data.videos import files_under
from foley_models.errors import ModelError

SUFFIXES = ("_denoised.mp4", "_denoised_thumb.mp4", "_mic.mp4")
TIMES = "_times.txt"
UNKNOWN = "None"  # of a material or an action that nobody could tell


class GreatestHits:
    """Films of one split.

    Args:
        folder: is looked through with all that is in it.
        split: "train", "validation" or "test".

    Raises:
        ModelError: the folder cannot be read, has too few films, or a list that cannot be read.
    """

    def __init__(self, folder: Path, split: str) -> None:
        found = files_under(folder)
        self._movies: dict[str, Path] = {}
        for suffix in reversed(SUFFIXES):
            self._movies |= {_name(name, suffix): folder / name for name in found if name.endswith(suffix)}
        self._times = {_name(name, TIMES): folder / name for name in found if name.endswith(TIMES)}
        self.skipped: list[Skipped] = []
        self.missing = 0
        listed = _listed(folder, split)
        if listed is None:
            usable, self.skipped = shared_out(self._movies, split, f"films of Greatest Hits in {folder}", self._look)
            self.names = list(usable)
        else:
            self.names = [name for name in listed if name in self._movies]
            self.missing = len(listed) - len(self.names)

    def _look(self, name: str) -> None:
        path = self._movies[name]
        if video.probe(path).still:
            raise MediaError(f"{path}: is a single picture")
        audio.probe(path)

    def what(self, index: int) -> Mapping[str, Any]:
        """Which files."""
        name = self.names[index]
        said = [path for path in (self._movies[name], self._times.get(name)) if path is not None]
        return {"greatest-hits": files.VERSION, "files": [FileState.of(path.name, path.stat()).to_json() for path in said]}

    def make(self, index: int, picture: ClipPicture, sound: ClipSound) -> Film:
        """All of the recording."""
        name = self.names[index]
        frames, samples = files.read(self._movies[name], Fraction(0), None, picture, sound)
        events = _events(self._times[name]) if name in self._times else ()
        starts = heard_from(samples, len(frames), events, picture, sound)
        if not len(starts):
            raise files.nothing_heard(self._movies[name], picture)
        action, material = (
            _only(words) for words in ([event.action for event in events], [event.material for event in events])
        )
        return Film(name, frames, samples, events, starts, action, seen=material, heard=material)


def _only(words: list[str]) -> str:
    """What they all are; "" where they differ."""
    return words[0] if len(set(words)) == 1 else ""


def _name(path: str, suffix: str) -> str:
    return path.rpartition("/")[2].removesuffix(suffix)


def _listed(folder: Path, split: str) -> list[str] | None:
    """The names that the published lists have for a split; None where there are no lists."""
    lists = {each: folder / f"{each}.txt" for each in ("train", "validation", "test")}
    if not (lists["train"].is_file() and lists["test"].is_file()):
        return None
    if split == "test" or lists["validation"].is_file():
        return _lines(lists[split])
    names = _lines(lists["train"])
    back = held_out(names)
    return [name for name in names if (name in back) == (split == "validation")]


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read, {error}", "give the published list: a name a line") from error
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _events(path: Path) -> tuple[FilmEvent, ...]:
    """What somebody has written down, in order of time; what nobody could tell is "".

    Raises:
        MediaError: a line is none.
    """
    events = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot be read, {error}") from error
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        try:
            time_s, material, action = float(words[0]), words[1], words[2]
        except (IndexError, ValueError) as error:
            raise MediaError(f"{path}, line {number}: is no time, material, action and motion: {line[:80]!r}") from error
        if not 0 <= time_s < 1e5:
            raise MediaError(f"{path}, line {number}: {words[0]} is no time")
        events.append(FilmEvent(time_s, "" if action == UNKNOWN else action, "" if material == UNKNOWN else material))
    return tuple(sorted(events))
