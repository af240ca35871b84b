"""A pack opened: every check of docs/packs.md, before ONNX Runtime sees a byte of it.

What was checked is what runs: whoever needs a file's bytes gets them from ``Pack.read``, which looks at hash and size again as
it reads, and hands on just those bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from foley_bridge.errors import PackError
from foley_bridge.inference.analogy_task import AnalogyTask
from foley_bridge.inference.manifest import File, GraphEntry, Manifest, Parity, Task, Tensor
from foley_bridge.inference.onnx_reader import Onnx, read_onnx
from foley_bridge.inference.places import ANALOGY, MANIFEST, RECOMMENDATION
from foley_bridge.inference.recommendation_task import RecommendationTask
from foley_bridge.inference.saying import plain
from foley_bridge.inference.strict_json import MOST_BYTES

DOMAINS = ("", "com.microsoft")
REFUSED_OPERATORS = {"EPContext", "PythonOp", "PythonOpGrad", "ATen", "ATenOp"}
"""Of ``com.microsoft``: they load programs or files from elsewhere."""
_AGAIN = "get the pack again from where it came, or ask who made it"
_AT_ONCE = 1 << 20
_Task = TypeVar("_Task")


@dataclass(frozen=True)
class Graph:
    """A graph of an opened pack.

    Attributes:
        path: its file.
        sha256: of it; with external data, over the hashes of all its files.
        external: the files its weights lie in, by name.
    """

    pack: Pack
    name: str
    sha256: str
    entry: GraphEntry

    @property
    def path(self) -> Path:
        return self.pack.folder / self.entry.file

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.entry.inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self.entry.outputs

    @property
    def precision(self) -> str:
        return self.entry.precision

    @property
    def parity(self) -> Parity:
        return self.entry.parity

    def read(self) -> bytes:
        """The graph's bytes, checked again; raises PackError."""
        return self.pack.read(self.entry.file)

    def read_external(self) -> dict[str, bytes]:
        """The files that its weights lie in, by name, checked again; raises PackError."""
        return {name: self.pack.read(name) for name in self.entry.external}


@dataclass(frozen=True)
class Pack:
    """A pack whose every file is as its manifest says.

    Attributes:
        folder: where it lies.
        manifest_bytes: of ``pack.json``.
        hash: SHA-256 of that, and so of everything in the pack.
        ships: it is part of the installation, whose files may be links: some installers make them so.
    """

    folder: Path
    manifest: Manifest
    manifest_bytes: bytes
    hash: str
    ships: bool = False

    @classmethod
    def open(cls, folder: Path, *, ships: bool = False) -> Pack:
        """The pack in a folder.

        Args:
            ships: it is part of the installation.

        Raises:
            PackError: it is not as docs/packs.md says; names folder, file and reason.
        """
        with _opened(folder, MANIFEST, "there is no pack: no pack.json", links=ships) as file:
            data = file.read(MOST_BYTES + 1)
        try:
            manifest = Manifest.from_bytes(data)
        except ValueError as error:
            raise _refused(folder, MANIFEST, str(error)) from None
        pack = cls(folder, manifest, data, hashlib.sha256(data).hexdigest(), ships)
        pack._check_files()
        for name, entry in manifest.graphs.items():
            try:
                _check_graph(name, entry, read_onnx(pack.read(entry.file)), manifest.files)
            except ValueError as error:
                raise _refused(folder, entry.file, str(error)) from None
        return pack

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def id(self) -> str:
        """``NAME@VERSION``."""
        return f"{self.name}@{self.version}"

    @property
    def tasks(self) -> Mapping[str, Task]:
        return self.manifest.tasks

    @property
    def recommendation(self) -> RecommendationTask:
        """What it says of that task; raises PackError when it has none."""
        return self._having(RECOMMENDATION, self.manifest.recommendation)

    @property
    def analogy(self) -> AnalogyTask:
        """What it says of that task; raises PackError when it has none."""
        return self._having(ANALOGY, self.manifest.analogy)

    def graph(self, name: str) -> Graph:
        """A graph by its name in the manifest."""
        entry = self.manifest.graphs[name]
        own = self.manifest.files[entry.file].sha256
        outside = [self.manifest.files[each].sha256 for each in sorted(entry.external)]
        return Graph(self, name, hashlib.sha256("\n".join([own, *outside]).encode()).hexdigest() if outside else own, entry)

    @property
    def space(self) -> str:
        """Names what can be compared with what the graphs of ``recommendation`` give."""
        said = self.recommendation
        return said.space(self.graph(said.picture_graph).sha256, self.graph(said.sound_graph).sha256)

    def read(self, name: str) -> bytes:
        """A file's bytes, which are those that the manifest means.

        Raises:
            PackError: they are not.
        """
        parts: list[bytes] = []
        self._look_through(name, parts)
        return b"".join(parts)

    def _having(self, name: str, task: _Task | None) -> _Task:
        if task is None:
            raise PackError(f"{self.folder}: {self.id} has no task {name}", "use a pack that has")
        return task

    def _look_through(self, name: str, parts: list[bytes] | None = None) -> None:
        entry, found = self.manifest.files[name], hashlib.sha256()
        with _opened(self.folder, name, f"the file is missing that {MANIFEST} lists", links=self.ships) as file:
            if (size := os.fstat(file.fileno()).st_size) != entry.size:
                raise _refused(self.folder, name, f"it has {size} bytes, where {MANIFEST} says {entry.size}")
            while part := file.read(_AT_ONCE):
                found.update(part)
                if parts is not None:
                    parts.append(part)
        if found.hexdigest() != entry.sha256:
            raise _refused(self.folder, name, f"its SHA-256 is {found.hexdigest()}, where {MANIFEST} says {entry.sha256}")

    def _check_files(self) -> None:
        """Those that the manifest lists, as it lists them, and no others."""
        files = self.manifest.files
        try:
            for one in sorted(os.listdir(self.folder)):  # noqa: PTH208 - names alone, whatever they are
                if one != MANIFEST and one not in files:
                    raise _refused(self.folder, one, f"{MANIFEST} does not list it", "take it out of the folder")
        except OSError as error:
            raise _refused(self.folder, MANIFEST, f"the folder cannot be read, {error.strerror or error}") from error
        graphs = {entry.file for entry in self.manifest.graphs.values()}
        for name in files:
            if name not in graphs:  # those are read whole, and looked through as they are
                self._look_through(name)


def _refused(folder: Path, file: str, why: str, hint: str = _AGAIN) -> PackError:
    return PackError(f"{folder}: {plain(file)}: {plain(why)}", hint)


@contextlib.contextmanager
def _opened(folder: Path, name: str, missing: str, *, links: bool) -> Iterator[BinaryIO]:
    """A file of a pack, which is one with just this name, and no way to another.

    Args:
        missing: what is said when it is not there.
        links: it may be a way to another, or one with several names.

    Raises:
        PackError: it is not there, or something else, or cannot be read.
    """
    path = folder / name
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        if path.is_symlink() and not links:
            raise _refused(folder, name, "it is a symbolic link")
        if not path.exists():
            raise _refused(folder, name, missing)
        if not path.is_file():
            raise _refused(folder, name, "it is no file")
        with os.fdopen(os.open(path, flags if links else flags | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            found = os.fstat(file.fileno())  # of what was opened, whatever lay there before
            if not stat.S_ISREG(found.st_mode):
                raise _refused(folder, name, "it is no file")
            if found.st_nlink > 1 and not links:
                raise _refused(folder, name, "it is a hard link: it has another name, too")
            yield file
    except OSError as error:
        raise _refused(folder, name, f"it cannot be read, {error.strerror or error}") from error


def _check_graph(name: str, entry: GraphEntry, onnx: Onnx, files: Mapping[str, File]) -> None:
    """The graph is what the manifest says; raises ValueError."""
    for domain, operator in sorted(onnx.operators):
        if domain not in DOMAINS:
            raise ValueError(f"it has operators of {domain[:60]!a}, such as {operator[:60]!a}")
        if domain and operator in REFUSED_OPERATORS:
            raise ValueError(f"it has the operator {operator}, which no pack may have")
    for domain in onnx.opsets:
        if domain not in DOMAINS:
            raise ValueError(f"it imports operators of {domain[:60]!a}")
    if onnx.opsets.get("") != entry.opset:
        raise ValueError(f"its opset is {onnx.opsets.get('', 'not named')}, where {MANIFEST} says {entry.opset}")
    for what, there, said in (("inputs", onnx.inputs, entry.inputs), ("outputs", onnx.outputs, entry.outputs)):
        if there != said:
            found, wanted = (", ".join(map(str, tensors)) or "none" for tensors in (there, said))
            raise ValueError(f"its {what} are {found}, where {MANIFEST} says {wanted}")
    for each in sorted(onnx.external, key=str):
        if each.file not in entry.external:
            raise ValueError(f"its weights lie in {each.file[:60]!a}, which graphs.{name}.external does not list")
        if each.offset + (each.length or 0) > files[each.file].size:
            raise ValueError(f"its weights lie beyond the end of {each.file}")
