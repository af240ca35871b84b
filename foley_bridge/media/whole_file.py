"""Files appear whole or not at all: written beside their place under another name, brought to disk, then renamed."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from foley_bridge.errors import MediaError

_counter = itertools.count()


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary path in the same folder; on leaving without an error it takes the place of ``path``.

    Raises:
        MediaError: the folder cannot be written to, or the disk is full. Then nothing is left behind, and what lay at
            ``path`` before still lies there.
    """
    temporary = path.with_name(f".{path.stem[:80]}.{os.getpid()}.{next(_counter)}.part{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise MediaError(
            f"{path}: cannot be written, {error.strerror or error}", "check the folder's permissions and the free space"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """A rename is safe against power loss only once its folder is on disk; Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems refuse
            os.fsync(handle)
    finally:
        os.close(handle)
