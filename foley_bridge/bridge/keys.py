"""CURVE keys: one pair for the server, one for each seat.

    DIR/server.key          the server's public key: every seat gets it
    DIR/server.key_secret   stays with the server
    DIR/seats/NAME.key      a seat's public key: lets that seat in while it lies here
    DIR/NAME.key_secret     goes to that seat, beside server.key, and to nobody else

The files are ZeroMQ certificates, as ``zmq.auth`` reads them too. They are written here because ``zmq.auth`` makes secret files
that others can read.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from foley_bridge.bridge.certificate import read_key
from foley_bridge.errors import BridgeError, MediaError
from foley_bridge.media.whole_file import whole_file

_SERVER = "server"
_SEAT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOOK_AGAIN_S = 1.0


@dataclass(frozen=True)
class Pair:
    """A key pair, 40 characters of Z85 each. The secret never shows in a log or a traceback."""

    public: bytes
    secret: bytes = field(repr=False)


def make_keys(folder: Path, seats: Iterable[str] = ()) -> list[Path]:
    """Make the server's pair unless it is there, and a pair for each seat named. A missing ``server.key`` is made again.

    Returns:
        the files made.

    Raises:
        BridgeError: a name that cannot be one, or a seat that has a key already (nothing is made then); a folder that cannot
            be written to, or a server's secret key that cannot be used; a ZeroMQ without CURVE.
    """
    seats = list(dict.fromkeys(seats))
    if not zmq.has("curve"):
        raise BridgeError("this ZeroMQ was built without CURVE, so there are no keys", "install pyzmq from its wheel")
    for seat in seats:
        if not _SEAT.fullmatch(seat) or seat.lower() == _SERVER:
            raise BridgeError(
                f"{seat[:80]!r} cannot name a seat",
                "use up to 64 letters, digits, dots, dashes and underscores, but not 'server'",
            )
        for taken in (folder / "seats" / f"{seat}.key", folder / f"{seat}.key_secret"):
            if taken.exists():
                raise BridgeError(f"seat {seat} has a key already: {taken}", "delete it first to give the seat a new one")
    try:
        for place in (folder, folder / "seats"):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = []
        secret_file, public_file = folder / f"{_SERVER}.key_secret", folder / f"{_SERVER}.key"
        if not secret_file.exists():
            made += _write_pair(secret_file, public_file)
        elif not public_file.exists():  # deleted, or an earlier run was killed between the two
            made += _write_public(public_file, server_pair(folder).public)
        for seat in seats:
            made += _write_pair(folder / f"{seat}.key_secret", folder / "seats" / f"{seat}.key")
    except (OSError, MediaError) as error:
        raise BridgeError(f"{folder}: the keys cannot be written: {error}", "choose a folder that you may write to") from error
    return made


def make_guest(folder: Path, name: str, server: bytes) -> bytes:
    """Keys in ``folder`` for a program that the daemon itself starts; returns the public one, which nothing there lets in.

    Args:
        folder: as a seat's: afterwards ``server.key`` and ``NAME.key_secret`` lie in it.
        server: the daemon's public key.

    Raises:
        BridgeError: the folder cannot be written to.
    """
    own = folder / f"{name}.key_secret"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_public(folder / f"{_SERVER}.key", server)
        public, secret = zmq.curve_keypair()
        _write_secret(own, public, secret)
    except (OSError, MediaError) as error:
        raise BridgeError(f"{folder}: the keys cannot be written: {error}", "make room, or choose another --home") from error
    return public


def server_pair(folder: Path) -> Pair:
    """The server's own pair.

    Raises:
        BridgeError: it is not there, it is no key, or others than its owner can read it (not looked at on Windows).
    """
    path = folder / f"{_SERVER}.key_secret"
    secret = read_key(path, "secret-key", f"make it with: foley-bridge keys {folder} --seat NAME")
    if os.name == "posix" and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
        raise BridgeError(f"{path}: others can read or change this secret key (mode {mode:04o})", f"chmod 600 {path}")
    return Pair(zmq.curve_public(secret), secret)


class Seats:
    """Who is let in: the public keys in ``DIR/seats``, read again whenever a file there changes, and the daemon's own guests.

    Attributes:
        unreadable: files there that are no keys, and why; they let nobody in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "seats"
        self.unreadable: list[str] = []
        self._names: dict[bytes, str] = {}
        self._guests: dict[bytes, str] = {}
        self._seen: list[tuple[str, int, int, int]] | None = None
        self._folder_seen: tuple[int, int] | None = None
        self._looked_s = 0.0

    def let_in(self, public_key: bytes, name: str) -> None:
        """Let a program in that the daemon itself starts, by a key in Z85, as long as these seats are."""
        self._guests[public_key] = name

    def names(self) -> list[str]:
        """The seats there are now, without guests."""
        self._refresh()
        return sorted(self._names.values())

    def name_of(self, public_key: bytes) -> str | None:
        """The seat that a key (32 bytes) belongs to; None when it is nobody's."""
        self._refresh()
        return self._name(z85.encode(public_key))

    def still(self, public_key: str) -> str | None:
        """As ``name_of``, for a key in Z85, and for every request: looks at the folder, and at each file once a second."""
        if time.monotonic() > self._looked_s + _LOOK_AGAIN_S or _folder_mark(self.folder) != self._folder_seen:
            self._refresh()
        return self._name(public_key.encode("ascii", "replace"))

    def _name(self, public_key: bytes) -> str | None:
        return self._guests.get(public_key) or self._names.get(public_key)

    def _refresh(self) -> None:
        self._looked_s, self._folder_seen = time.monotonic(), _folder_mark(self.folder)  # before its files are looked at
        try:
            with os.scandir(self.folder) as entries:
                seen = sorted(marks for entry in entries if (marks := _marks(entry)))
        except OSError as error:
            self._names, self._seen, self.unreadable = {}, None, [f"{self.folder}: {error.strerror}"]
            return
        if seen == self._seen:
            return
        self._names, self._seen, self.unreadable = {}, seen, []
        for name, *_ in seen:
            try:
                self._names[read_key(self.folder / name, "public-key")] = name.removesuffix(".key")
            except BridgeError as error:
                self.unreadable.append(error.message)


def _marks(entry: os.DirEntry[str]) -> tuple[str, int, int, int] | None:
    """What changes when a key file is put in another's place; None when it is none, or is gone by now."""
    if not entry.name.endswith(".key"):
        return None
    try:
        status = entry.stat()
    except OSError:
        return None
    return (entry.name, status.st_mtime_ns, status.st_size, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _folder_mark(folder: Path) -> tuple[int, int] | None:
    """What changes when a file comes into a folder or leaves it."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _write_pair(secret_file: Path, public_file: Path) -> list[Path]:
    """The secret half first: without its public half it lets nobody in."""
    public, secret = zmq.curve_keypair()
    _write_secret(secret_file, public, secret)
    return [secret_file, *_write_public(public_file, public)]


def _write_secret(path: Path, public: bytes, secret: bytes) -> None:
    _write(path, 0o600, {"public-key": public.decode(), "secret-key": secret.decode()}, "secret: for its owner only")


def _write_public(path: Path, public: bytes) -> list[Path]:
    _write(path, 0o644, {"public-key": public.decode()}, "public")
    return [path]


def _write(path: Path, mode: int, keys: dict[str, str], note: str) -> None:
    lines = [f"# foley_bridge: CURVE key of {path.stem}, {note}", "metadata", "curve"]
    lines += [f'    {name} = "{key}"' for name, key in keys.items()]
    with whole_file(path) as temporary:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)  # never readable by others, not even at first
        with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
            file.write("\n".join(lines) + "\n")
