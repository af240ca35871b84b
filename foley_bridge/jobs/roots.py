"""Which folders a request may read from and write to, and how other seats name them.

A daemon is asked by programs that it cannot know, so every path of a request is looked at here: it is absolute, it is local, it
is no device, it does not climb with ``..``, and where its links lead it still lies inside an allowed folder. A network name
passes only where it lies in a folder that is allowed by that very name.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import unquote, urlsplit

from foley_bridge.errors import JobError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_NETWORK = re.compile(r"\\\\|//")
_LONGEST = 4096


@dataclass(frozen=True)
class Roots:
    """Allowed folders and maps.

    Attributes:
        media: folders that may be read; None allows every folder.
        output: folders that may be written; None allows every folder.
        maps: ``(REMOTE, LOCAL)``: a path that begins with REMOTE on a seat lies at LOCAL here. The first that fits counts.
        back: the maps by which paths go back to the seat; None: all.
    """

    media: tuple[Path, ...] | None = None
    output: tuple[Path, ...] | None = None
    maps: tuple[tuple[str, Path], ...] = ()
    back: tuple[tuple[str, Path], ...] | None = None

    def for_seat(self, named: str) -> Roots:
        """The same, turning paths back for a seat that names ``named`` so: by the map that it used, then by those of its kind
        (Windows or not). A seat that used none gets this machine's own names."""
        used = [each for each in self.maps if _beyond(_without_scheme(named), each[0]) is not None][:1]
        alike = [each for each in self.maps if used and each not in used and _is_windows(each[0]) == _is_windows(used[0][0])]
        return replace(self, back=(*used, *alike))

    def media_file(self, text: str, field: str) -> Path:
        """The local path of something to read.

        Args:
            text: a path or a ``file:`` URL, as a seat wrote it.
            field: what the path is, for the error.

        Raises:
            JobError: not absolute, climbs, on the network, a device, or outside the media folders; names it.
        """
        return self._inside(text, field, self.media, "media", "--media-root")

    def output_path(self, text: str, field: str) -> Path:
        """The local path of something to write; raises as ``media_file`` does."""
        return self._inside(text, field, self.output, "output", "--output-root")

    def to_local(self, text: str) -> str:
        """A seat's path (or ``file:`` URL) as this machine names it; one that no map fits stays as it is."""
        for remote, local in self.maps:
            rest = _beyond(_without_scheme(text), remote)
            if rest is not None:
                return str(local.joinpath(*rest))
        return text

    def to_remote(self, path: str) -> str:
        """A local path as the seats name it; one that lies in no mapped folder stays as it is."""
        for remote, local in self.maps if self.back is None else self.back:
            try:
                rest = Path(path).relative_to(local)
            except ValueError:
                continue
            flavour = PureWindowsPath if _is_windows(remote) else PurePosixPath
            return str(flavour(remote).joinpath(*rest.parts))
        return path

    def to_json(self) -> dict[str, Any]:
        """As JSON; ``from_json`` turns it back."""
        folders = {
            name: None if allowed is None else [str(folder) for folder in allowed]
            for name, allowed in (("media", self.media), ("output", self.output))
        }
        return {**folders, "maps": [[remote, str(local)] for remote, local in self.maps]}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Roots:
        """From what ``to_json`` made."""
        media, output = (
            None if said[name] is None else tuple(Path(folder) for folder in said[name]) for name in ("media", "output")
        )
        return cls(media, output, tuple((remote, Path(local)) for remote, local in said["maps"]))

    def _inside(self, text: str, field: str, allowed: Sequence[Path] | None, what: str, option: str) -> Path:
        path = _local_path(_without_scheme(self.to_local(text)), text, field)
        if allowed is not None and _NETWORK.match(str(path)) and not any(path.is_relative_to(folder) for folder in allowed):
            raise JobError(f"{field}: {text} is on the network", "give a path on the daemon's own machine, or mount it there")
        real = Path(os.path.realpath(path))
        if allowed is not None and not any(real.is_relative_to(os.path.realpath(folder)) for folder in allowed):
            led = f" (a link to {real})" if real != path else ""
            raise JobError(
                f"{field}: {text}{led} lies outside the daemon's {what} folders",
                f"use one of {', '.join(map(str, allowed)) or 'none: there is no such folder'}; "
                f"or start the daemon with {option} {real.parent}",
            )
        _refuse_devices(real, text, field)
        return path


ANYWHERE = Roots()
"""Everything that the user may: for a job that only its own user can ask for."""


def _local_path(local: str, text: str, field: str) -> Path:
    if not text or len(text) > _LONGEST or any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise JobError(f"{field}: {text[:80]!r} is not a path", "give an absolute path of up to 4096 printable characters")
    if _URL.match(local):
        raise JobError(f"{field}: {text} is not a file", "give a path on the daemon's own machine, or a file: URL")
    path = Path(local)
    if _NETWORK.match(local) and os.name != "nt":
        path = Path("//" + local.replace("\\", "/").lstrip("/"))
    if ".." in path.parts or ".." in PureWindowsPath(local).parts:
        raise JobError(f"{field}: {text} climbs with '..'", "write the path out")
    if not path.is_absolute():
        raise JobError(f"{field}: {text} is not an absolute path here", "give the whole path, or start the daemon with --map")
    return path


def _refuse_devices(real: Path, text: str, field: str) -> None:
    if os.name == "nt" and PureWindowsPath(real).is_reserved():
        raise JobError(f"{field}: {text} is a device", "give a file")
    try:
        mode = real.stat().st_mode
    except OSError:
        return  # what is not there is said by whoever opens it
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise JobError(f"{field}: {text} is a device, a pipe or a socket", "give a file")


def _without_scheme(text: str) -> str:
    """A ``file:`` URL as a path; anything else as it is. A URL that names another host becomes a network path."""
    if text[:5].lower() != "file:":
        return text
    parts = urlsplit(text)
    path = unquote(parts.path)
    if re.match(r"/[A-Za-z]:", path):
        path = path[1:]
    return path if parts.netloc.lower() in ("", "localhost") else f"//{parts.netloc}{path}"


def _is_windows(path: str) -> bool:
    return bool(re.match(r"[A-Za-z]:|\\\\", path))


def _beyond(path: str, remote: str) -> tuple[str, ...] | None:
    """The parts of ``path`` after ``remote``, or None when it does not begin with it. Windows names match in any case."""
    windows = _is_windows(remote)
    flavour = PureWindowsPath if windows else PurePosixPath
    own, begin = flavour(path).parts, flavour(remote).parts
    head = own[: len(begin)]
    same = [part.lower() for part in head] == [part.lower() for part in begin] if windows else head == begin
    return own[len(begin) :] if same and begin else None
