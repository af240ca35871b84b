"""Paths as text, whatever system they are of: as file URLs, compared, joined."""

from __future__ import annotations

import re

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


def url(path: str) -> str:
    """The file URL of an absolute path, POSIX, with a drive, or on a Windows server; a relative path as it is."""
    path = re.sub(r"^\\\\\?\\(?=[A-Za-z]:)", "", re.sub(r"^\\\\\?\\UNC\\", r"\\\\", path))
    if re.match(r"[A-Za-z]:[\\/]", path):
        return "file:///" + path[:2] + _encoded(path[2:].replace("\\", "/"))
    if path.startswith("\\\\"):
        return "file:" + _encoded(path.replace("\\", "/"))
    return "file://" + _encoded(path) if path.startswith("/") else path


def _encoded(path: str) -> str:
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in path.encode("utf-8", "surrogateescape"))


def is_windows(path: str) -> bool:
    """Whether a path begins as only Windows has it: with a drive or a server."""
    return bool(re.match(r"[A-Za-z]:[\\/]|\\\\", path))


def same(one: str, other: str) -> bool:
    """Whether two paths name the same file, as far as their text tells: Windows has two slashes, and no case."""
    if one == other:
        return True
    plain = [path.replace("\\", "/").lower() for path in (one, other) if is_windows(path)]
    return len(plain) == 2 and plain[0] == plain[1]


def name(path: str) -> str:
    """The last part of a path."""
    return re.split(r"[\\/]" if is_windows(path) else "/", path)[-1]


def join(folder: str, *names: str) -> str:
    """A path below a folder, with the slashes that the folder has."""
    slash = "\\" if is_windows(folder) and "/" not in folder else "/"
    return slash.join([folder.rstrip("\\/" if is_windows(folder) else "/"), *names])
