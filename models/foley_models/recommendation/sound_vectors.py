"""Embeddings of a folder of sounds by several networks, kept: what was embedded once is not decoded again.

A network's embeddings lie in a folder named by its checkpoint's SHA-256, in files of some hundred sounds each. A sound is
known by its path, size and time of change. A process that ends early has what it wrote.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from foley_bridge.errors import MediaError
from foley_bridge.inference.features import Floats, SoundFeatures, log_mel, segments
from foley_bridge.media import audio
from foley_bridge.media.whole_file import whole_file
from foley_models.data.clips import Skipped
from foley_models.errors import ModelError
from foley_models.recommendation.checkpoint import Loaded
from foley_models.recommendation.embedding import BATCH, embedded

FORMAT = 1
MOST_S = 600
"""Of a sound that is longer, the first ten minutes are embedded."""
LOSSLESS = frozenset([".wav", ".wave", ".bwf", ".w64", ".rf64", ".aif", ".aiff", ".caf", ".flac"])
SUFFIXES = LOSSLESS | {".mp3", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".wma"}
_AT_ONCE = 128  # sounds decoded, embedded and kept together
_READERS = 4
Known = tuple[str, int, int]  # a file: path, size, time of change


def sounds_in(folder: Path) -> list[str]:
    """All sounds in a folder and those below it, as paths relative to it, with ``/``, sorted. Hidden ones are left out.

    Raises:
        ModelError: there is no such folder, or no sound in it.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: there is no such folder", "give the folder of the sounds to --sounds")
    found = []
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [Path(at, name) for name in files if not name.startswith(".")]
        found += [path.relative_to(folder).as_posix() for path in paths if path.suffix.lower() in SUFFIXES]
    if not found:
        raise ModelError(f"{folder}: there are no sounds in it", "give the folder of the sounds to --sounds")
    return sorted(found)


@dataclass(frozen=True, eq=False)
class SoundVectors:
    """A network's embeddings of sounds.

    Attributes:
        vectors: float32 (segments, d), sound after sound.
        starts: int (sounds,), the row of each sound's first.
    """

    vectors: Floats
    starts: NDArray[np.int64]


def sound_vectors(
    runs: Sequence[Loaded],
    folder: Path,
    names: Sequence[str],
    *,
    cache: Path | None,
    device: torch.device,
    note: Callable[[str], None] = lambda _: None,
) -> tuple[list[str], list[SoundVectors], list[Skipped]]:
    """Embed sounds with every network.

    Args:
        runs: with networks on the device, of the same features.
        names: of ``sounds_in``.
        cache: where embeddings are kept; None: nowhere.

    Returns:
        the names of the sounds that could be read; of each run, their embeddings; and those that could not be.
    """
    files = {name: _known(folder / name) for name in names}
    kept = [_Kept(run, cache) for run in runs]
    missing = [name for name, file in files.items() if any(file not in each.vectors for each in kept)]
    if missing:
        note(f"embedding {len(missing)} of {len(names)} sounds in {folder}")
    lost: list[Skipped] = []
    with ThreadPoolExecutor(min(_READERS, os.cpu_count() or 1)) as readers:
        for first in range(0, len(missing), _AT_ONCE):
            now = missing[first : first + _AT_ONCE]
            read = list(readers.map(_mels, [folder / name for name in now], [runs[0].sound] * len(now)))
            lost += [Skipped(name, mels) for name, mels in zip(now, read, strict=True) if isinstance(mels, str)]
            good = [(files[name], mels) for name, mels in zip(now, read, strict=True) if not isinstance(mels, str)]
            _embed(kept, good, device)
            note(f"{min(first + _AT_ONCE, len(missing))} of {len(missing)} sounds embedded")
    unread = {name for name, _ in lost}
    there = [name for name in names if name not in unread]
    return there, [each.of([files[name] for name in there]) for each in kept], lost


def _embed(kept: Sequence[_Kept], read: Sequence[tuple[Known, Floats]], device: torch.device) -> None:
    """With the networks that have not all of these sounds yet."""
    wanting = [each for each in kept if any(file not in each.vectors for file, _ in read)]
    if not wanting:
        return
    mels = np.concatenate([mels for _, mels in read])
    batches = (mels[first : first + BATCH] for first in range(0, len(mels), BATCH))
    ends = np.cumsum([len(mels) for _, mels in read])[:-1]
    for each, made in zip(wanting, embedded([each.run.network.sound for each in wanting], batches, device), strict=True):
        each.add({file: rows for (file, _), rows in zip(read, np.split(made, ends), strict=True)})


def _mels(path: Path, settings: SoundFeatures) -> Floats | str:
    """float32 (segments, 1, mels, frames), or why there are none."""
    try:
        samples = audio.load(path, sample_rate=settings.sample_rate, duration_s=MOST_S)
    except MediaError as error:
        return error.message
    return log_mel(segments(samples, settings)[1], settings)


def _known(path: Path) -> Known:
    try:
        state = path.stat()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read, {error.strerror}", "check the folder's permissions") from error
    return str(path.resolve()), state.st_size, state.st_mtime_ns


class _Kept:
    """What a network has embedded, in memory and on disk."""

    def __init__(self, run: Loaded, cache: Path | None) -> None:
        self.run = run
        self.vectors: dict[Known, Floats] = {}
        self._folder: Path | None = None
        if cache is None:
            return
        with run.path.open("rb") as file:
            key = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        self._folder = cache / f"sound-vectors-{FORMAT}" / key
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{self._folder}: cannot be made, {error.strerror}", "give another --cache") from error
        for path in sorted(self._folder.glob("[0-9a-f]*.npz")):
            self._read(path)

    def add(self, made: dict[Known, Floats]) -> None:
        """Keep more."""
        self.vectors |= made
        if self._folder is None:
            return
        names, sizes, changed = zip(*made, strict=True)
        with whole_file(self._folder / f"{secrets.token_hex(8)}.npz") as beside, beside.open("wb") as file:
            np.savez(
                file,
                names=np.array(names),
                sizes=np.array(sizes, np.int64),
                changed=np.array(changed, np.int64),
                counts=np.array([len(rows) for rows in made.values()], np.int64),
                vectors=np.concatenate(list(made.values())),
            )

    def of(self, files: Sequence[Known]) -> SoundVectors:
        """In the order asked for."""
        rows = [self.vectors[file] for file in files]
        counts = np.array([len(each) for each in rows], np.int64)
        vectors = np.concatenate(rows) if rows else np.empty((0, self.run.system.embedding), np.float32)
        return SoundVectors(vectors, np.cumsum(counts) - counts)

    def _read(self, path: Path) -> None:
        try:
            with np.load(path, allow_pickle=False) as said:
                files = zip(said["names"].tolist(), said["sizes"].tolist(), said["changed"].tolist(), strict=True)
                rows = np.split(said["vectors"], np.cumsum(said["counts"])[:-1])
                self.vectors |= dict(zip(files, rows, strict=True))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)  # damaged: embedded again
