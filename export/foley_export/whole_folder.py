"""A folder that is there whole or not at all, whenever the power goes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foley_bridge.media.whole_file import sync_folder
from foley_export.errors import ExportError


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` to write into; it becomes ``target`` at the end, unless something is raised.

    Raises:
        ExportError: ``target`` is there already, or its folder cannot be written to.
    """
    if target.exists() or target.is_symlink():
        raise ExportError(f"{target} is there already", "remove it, or give another --out")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise ExportError(f"{target} cannot be written: {error.strerror}", "give another --out") from error
    try:
        yield beside
        for path in beside.rglob("*"):
            if path.is_dir():
                sync_folder(path)
            else:
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
        beside.chmod(0o755)  # mkdtemp's is for its maker alone
        sync_folder(beside)
        try:
            beside.rename(target)
        except OSError as error:
            raise ExportError(f"{target} cannot be written: {error.strerror}", "give another --out") from error
        sync_folder(target.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
