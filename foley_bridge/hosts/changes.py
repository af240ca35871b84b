"""Changes to a folder of somebody else's program, made wholly or not at all, with a list of what is ours in it.

The list lies beside the scripts and has the hash of every file, so that an upgrade and an uninstall touch only what was put
there, and see what the user has changed since.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from foley_bridge.errors import HostError

SCHEMA = 1
NAME = "foley_bridge.files.json"
ASIDE = ".yours"


@dataclass(frozen=True)
class Listed:
    """What was installed.

    Attributes:
        version: of foley_bridge that did it.
        files: by their place under the host's folder, with their SHA-256.
        folders: that were made for them.
    """

    version: str
    files: dict[PurePosixPath, str]
    folders: tuple[PurePosixPath, ...] = ()


@dataclass
class Changes:
    """What is to be done in a folder; places are under it.

    Attributes:
        root: the folder.
        write: files and what they are to hold.
        remove: files of ours.
        aside: files that were changed by the user and are in the way: they are kept under another name.
        folders: ours, to be removed where nothing is left in them.
    """

    root: Path
    write: dict[PurePosixPath, bytes] = field(default_factory=dict)
    remove: list[PurePosixPath] = field(default_factory=list)
    aside: list[PurePosixPath] = field(default_factory=list)
    folders: list[PurePosixPath] = field(default_factory=list)


def digest(data: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(data).hexdigest()


def read_list(root: Path, base: PurePosixPath) -> Listed | None:
    """What is installed in a host's folder; None when nothing is, or the list cannot be read."""
    try:
        said = json.loads(at(root, base / NAME).read_bytes())
        files = {PurePosixPath(place): str(sha) for place, sha in said["files"].items()}
        folders = tuple(sorted(PurePosixPath(place) for place in said["folders"]))
        listed = Listed(str(said["version"]), files, folders)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    inside = all(not place.is_absolute() and ".." not in place.parts for place in (*files, *folders))
    return listed if said.get("schema") == SCHEMA and inside else None


def list_bytes(listed: Listed) -> bytes:
    """The list as it is written."""
    said: dict[str, Any] = {
        "schema": SCHEMA,
        "version": listed.version,
        "files": {str(place): sha for place, sha in sorted(listed.files.items())},
        "folders": sorted(map(str, listed.folders)),
    }
    return (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def at(root: Path, place: PurePosixPath) -> Path:
    """Where a place is."""
    return root.joinpath(*place.parts)


def now(root: Path, place: PurePosixPath) -> bytes | None:
    """What a file holds; None when it is not there.

    Raises:
        HostError: it cannot be read, or is no file.
    """
    path = at(root, place)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostError(f"{path}: cannot be read, {error.strerror or error}", "move it out of the way") from error


def missing_folders(root: Path, places: list[PurePosixPath]) -> list[PurePosixPath]:
    """The folders that have to be made for these files, outermost first."""
    wanted = {parent for place in places for parent in place.parents if parent.parts}
    return sorted((folder for folder in wanted if not at(root, folder).exists()), key=lambda folder: len(folder.parts))


def aside_name(path: Path) -> Path:
    """A name that nothing has yet, for a file that is kept."""
    number = 1
    while (other := path.with_name(f"{path.name}{ASIDE}{number if number > 1 else ''}")).exists():
        number += 1
    return other


def carry_out(changes: Changes) -> None:
    """Do it all.

    Raises:
        HostError: something cannot be done; then nothing is.
    """
    touched = [*changes.write, *changes.remove, *changes.aside]
    _refuse_links(changes.root, touched)
    with contextlib.ExitStack() as undo:
        path = changes.root
        try:
            staged = []
            for folder in missing_folders(changes.root, list(changes.write)):
                path = at(changes.root, folder)
                path.mkdir()
                undo.callback(_quietly, path.rmdir)
            for place, data in changes.write.items():
                path = at(changes.root, place)
                temporary = path.with_name(f".{path.name[:80]}.{os.getpid()}.part")
                undo.callback(_quietly, temporary.unlink)
                with temporary.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                staged.append((temporary, path))
            for place in changes.aside:
                path = at(changes.root, place)
                other = aside_name(path)
                path.rename(other)
                undo.callback(_quietly, partial(other.replace, path))
            for place in changes.remove:
                path = at(changes.root, place)
                _remove(path, undo)
            for temporary, path in staged:
                before = path.read_bytes() if path.exists() else None
                temporary.replace(path)
                undo.callback(_put_back, path, before)
        except OSError as error:
            raise HostError(
                f"{path}: cannot be changed, {error.strerror or error}; nothing was",
                "close the editor, and see that you may write in its folder",
            ) from error
        undo.pop_all()
    for folder in sorted(changes.folders, key=lambda folder: len(folder.parts), reverse=True):
        _remove_folder(at(changes.root, folder))


def _remove(path: Path, undo: contextlib.ExitStack) -> None:
    try:
        before = path.read_bytes()
        path.unlink()
    except FileNotFoundError:
        return
    undo.callback(_put_back, path, before)


def _put_back(path: Path, before: bytes | None) -> None:
    if before is None:
        _quietly(path.unlink)
    else:
        _quietly(lambda: path.write_bytes(before))


def _quietly(do: Callable[[], object]) -> None:
    with contextlib.suppress(OSError):
        do()


def _remove_folder(folder: Path) -> None:
    """Remove a folder of ours that has nothing in it but what Python keeps of modules it has read."""
    with contextlib.suppress(OSError):
        cache = folder / "__pycache__"
        if {path.name for path in folder.iterdir()} <= {cache.name} and cache.is_dir() and not cache.is_symlink():
            for path in cache.glob("*.pyc"):
                path.unlink()
            cache.rmdir()
        folder.rmdir()


def _refuse_links(root: Path, places: list[PurePosixPath]) -> None:
    """What lies behind a link is not the host's: perhaps the very scripts that are to be installed."""
    for inside in {inside for place in places for inside in (place, *place.parents) if inside.parts}:
        path = at(root, inside)
        if path.is_symlink():
            raise HostError(f"{path}: is a link, and what it leads to is left alone", "remove the link")
