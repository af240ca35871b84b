"""The packs of this user, and which of them serves which task (docs/packs.md, "Where packs lie")."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from foley_bridge.errors import PackError
from foley_bridge.inference import places
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import ANALOGY, MANIFEST, RECOMMENDATION, SHIPPED, TASKS, USE
from foley_bridge.inference.strict_json import MOST_BYTES, strict_json

_LOCK_WAIT_S = 60.0
_HALF, _GONE = ".half-", ".gone-"
_LIST = "foley-bridge packs lists those there are"


@dataclass(frozen=True)
class Found:
    """A pack that lies there.

    Attributes:
        id: what it is called by: ``NAME@VERSION``, or just ``mini`` for the one that ships.
        pack: None when it cannot be used.
        fault: why not.
        serves: the tasks that it is in use for.
    """

    id: str
    folder: Path
    pack: Pack | None
    fault: PackError | None
    serves: tuple[str, ...] = ()


class Installed:
    """The packs in a home; whoever changes them has his turn, whoever reads sees whole packs.

    Args:
        home: the user's; its ``packs`` is made when the first is added.
        shipped: the folder of the pack that ships, which need not be there.
    """

    def __init__(self, home: Path, *, shipped: Path | None = None) -> None:
        self.folder = places.packs_folder(home)
        self._shipped = shipped or places.shipped_folder()
        self._opened: dict[tuple[Path, str], Pack] = {}
        self._opening = threading.Lock()

    def packs(self) -> list[Found]:
        """All, by name, the one that ships last; those that cannot be used, too."""
        folders, packs, faults = self._folders(), {}, {}
        for name, folder in folders.items():
            try:
                packs[name] = self._open(folder, name)
            except PackError as error:
                faults[name] = error
        used: dict[str, str] = {}
        with contextlib.suppress(PackError):
            used = self._used()
        serves = {task: used.get(task) or _newest(task, packs) for task in TASKS}
        return [
            Found(name, folder, packs.get(name), faults.get(name), tuple(task for task in TASKS if serves[task] == name))
            for name, folder in folders.items()
        ]

    def serving(self, task: str) -> Pack | None:
        """The pack that is used for a task, as is said at this moment; None when there is none that has it.

        Raises:
            PackError: the one that is used cannot be; names it.
        """
        named = self._used().get(task)
        folders = self._folders()
        if named is not None:
            if named not in folders:
                raise PackError(
                    f"{self.folder / USE}: {named}, which is used for {task}, is not installed",
                    "foley-bridge packs use NAME takes another",
                )
            return self._open(folders[named], named)
        packs = {}
        for name, folder in folders.items():
            with contextlib.suppress(PackError):
                packs[name] = self._open(folder, name)
        newest = _newest(task, packs)
        return packs[newest] if newest else None

    def find(self, name: str) -> Found:
        """A pack by ``NAME`` or ``NAME@VERSION``.

        Raises:
            PackError: there is none, or several versions.
        """
        found = [one for one in self.packs() if name in (one.id, one.id.partition("@")[0], one.pack and one.pack.id)]
        if not found:
            raise PackError(f"no pack {name!a} is installed", _LIST)
        if len(found) > 1:
            versions = ", ".join(one.id for one in found)
            raise PackError(f"there are several packs {name!a}: {versions}", "name one with its version")
        return found[0]

    def add(self, folder: Path) -> Found:
        """Copy a pack here, whole or not at all, and use it for those of its tasks for which none was chosen.

        Raises:
            PackError: it cannot be used, or does not compute here what it should; another of this name and version is here; it
                cannot be written.
        """
        from foley_bridge.inference.analogy import Analogy
        from foley_bridge.inference.encoders import Encoders

        pack = Pack.open(folder)
        if pack.name == SHIPPED:
            raise PackError(f"{folder}: {SHIPPED} is the name of the pack that ships", "give it another name")
        if RECOMMENDATION in pack.tasks:
            Encoders(pack)
        if ANALOGY in pack.tasks:
            Analogy(pack).prove()
        place = self.folder / pack.id
        with self._turn():
            self._sweep()
            if place.exists():
                if self._open(place, pack.id).hash != pack.hash:
                    raise PackError(
                        f"{place}: another pack {pack.id} is installed", f"foley-bridge packs remove {pack.id} first"
                    )
            else:
                self._copy(pack, place)
            used = self._used()
            self._write_used({**dict.fromkeys(pack.tasks, pack.id), **used})
        return self.find(pack.id)

    def use(self, name: str, task: str | None = None) -> Found:
        """From now on this pack serves the task; all that it has, where none is named.

        Raises:
            PackError: there is none of this name, it cannot be used, or does not have the task.
        """
        found = self.find(name)
        if found.pack is None:
            assert found.fault is not None
            raise found.fault
        if task is not None and task not in found.pack.tasks:
            raise PackError(f"{found.id} has no task {task[:60]!a}", f"it has {', '.join(found.pack.tasks)}")
        with self._turn():
            try:
                used = self._used()
            except PackError:  # damaged: what is chosen now is written anew
                used = {}
            self._write_used({**used, **dict.fromkeys([task] if task else found.pack.tasks, found.id)})
        return self.find(found.id)

    def remove(self, name: str) -> Found:
        """Take a pack away, and what TensorRT built of it.

        Raises:
            PackError: there is none of this name, or it is the one that ships.
        """
        found = self.find(name)
        if found.id == SHIPPED:
            raise PackError(f"{SHIPPED} ships with foley-bridge, and stays", "foley-bridge packs use NAME takes another")
        with self._turn():
            with contextlib.suppress(PackError):
                used = self._used()
                self._write_used({task: each for task, each in used.items() if each != found.id})
            gone = self.folder / f"{_GONE}{found.id}"
            try:
                shutil.rmtree(gone, ignore_errors=True)
                found.folder.rename(gone)
            except OSError as error:
                raise PackError(f"{found.folder}: cannot be removed, {error.strerror or error}") from error
            self._sweep()
            if found.pack is not None:
                for graph in found.pack.manifest.graphs:
                    shutil.rmtree(self.folder / "engines" / found.pack.graph(graph).sha256, ignore_errors=True)
        return found

    def _folders(self) -> dict[str, Path]:
        return places.folders(self.folder, self._shipped)

    def _open(self, folder: Path, name: str) -> Pack:
        """Opened once, as long as its manifest stays; what runs of it is checked again as it is read."""
        try:
            with (folder / MANIFEST).open("rb") as file:
                key = folder, hashlib.sha256(file.read(MOST_BYTES + 1)).hexdigest()
        except OSError:
            return Pack.open(folder, ships=name == SHIPPED)  # says what is wrong
        with self._opening:
            if key not in self._opened:
                pack = Pack.open(folder, ships=name == SHIPPED)
                if name not in (pack.id, SHIPPED):
                    raise PackError(
                        f"{folder}: the pack in it is {pack.id}", "foley-bridge packs add puts packs where they belong"
                    )
                self._opened = {each: kept for each, kept in self._opened.items() if each[0] != folder} | {key: pack}
            return self._opened[key]

    def _used(self) -> dict[str, str]:
        """What was chosen, by task; raises PackError when it cannot be read."""
        path = self.folder / USE
        try:
            said = strict_json(path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise PackError(f"{path}: cannot be read, {error}", "foley-bridge packs use NAME writes it anew") from None
        if not all(isinstance(name, str) for name in said.values()):
            raise PackError(f"{path}: names no packs", "foley-bridge packs use NAME writes it anew")
        return said

    def _write_used(self, used: dict[str, str]) -> None:
        path = self.folder / USE
        half = path.with_name(f"{_HALF}{USE}")
        try:
            _write(half, (json.dumps(used, indent=1) + "\n").encode())
            half.replace(path)
        except OSError as error:
            raise PackError(f"{path}: cannot be written, {error.strerror or error}") from error

    def _copy(self, pack: Pack, place: Path) -> None:
        half = self.folder / f"{_HALF}{pack.id}"
        try:
            half.mkdir(mode=0o700)
            for name in pack.manifest.files:
                _write(half / name, pack.read(name))
            _write(half / MANIFEST, pack.manifest_bytes)
            if Pack.open(half).hash != pack.hash:
                raise PackError(f"{pack.folder}: it changed while it was copied", "add it again")
            half.rename(place)
        except OSError as error:
            raise PackError(
                f"{place}: cannot be written, {error.strerror or error}", "make room, or see who owns it"
            ) from error
        finally:
            shutil.rmtree(half, ignore_errors=True)

    def _sweep(self) -> None:
        """What was left by whoever was killed."""
        for path in [*self.folder.glob(f"{_HALF}*"), *self.folder.glob(f"{_GONE}*")]:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Alone among all programs that change packs."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(self.folder / "packs.lock", timeout=_LOCK_WAIT_S)
            lock.acquire()
        except Timeout:
            raise PackError(f"{self.folder}: another program is changing the packs", "try again once it is done") from None
        except OSError as error:
            raise PackError(f"{self.folder}: cannot be written to, {error.strerror or error}", "see who owns it") from error
        try:
            yield
        finally:
            lock.release()


def _newest(task: str, packs: Mapping[str, Pack]) -> str | None:
    """Of those that have the task; the one that ships comes after all others."""
    having = [name for name, pack in packs.items() if task in pack.tasks]
    return max(having, key=lambda name: (name != SHIPPED, packs[name].manifest.created, name), default=None)


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)
