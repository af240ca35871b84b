"""A file that ``torch.save`` wrote: what is in it, and its tensors one by one, without running anything of it.

Both forms are read: the zip of torch 1.6 and later, and the file of pickles and bare storages before it. A tensor's bytes are
read when it is asked for; the rest of a file (an optimiser's state, most often) is never read. Names in the file are looked up
there and nowhere else.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from foley_export.analogy.published.pickled import Global, NotPlain, unpickle
from foley_export.errors import ExportError

if TYPE_CHECKING:
    import torch

HINT = "give a file as its authors published it: a checkpoint (.ckpt) or the vocoder's best_netG.pt"

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_VERSION = 1001
MOST_AXES = 8  # of a tensor

KINDS = {  # bfloat16 is no type of NumPy's: its 16 bits are the upper half of a float32
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


@dataclass(frozen=True)
class Storage:
    """Where a tensor's numbers are: the storage's key in the file, what they are, how many."""

    key: str
    kind: str
    count: int

    @property
    def bytes(self) -> int:
        return self.count * np.dtype(KINDS[self.kind]).itemsize


@dataclass(frozen=True)
class Stored:
    """A tensor that has not been read yet: a view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def floating(self) -> bool:
        return self.storage.kind in ("DoubleStorage", "FloatStorage", "HalfStorage", "BFloat16Storage")


@dataclass(frozen=True)
class TorchFile:
    """An open file.

    Attributes:
        content: what was saved: plain values, with ``Stored`` for tensors and ``Inert`` for objects that are not made.
    """

    path: Path
    content: Any
    _bytes_of: Callable[[Storage], bytes]

    def tensor(self, stored: Stored) -> torch.Tensor:
        """The tensor's numbers, of its own memory.

        Raises:
            ExportError: they are not whole in the file.
        """
        import torch

        with _named(self.path):
            numbers = np.frombuffer(self._bytes_of(stored.storage), KINDS[stored.storage.kind])
        steps = [step * numbers.itemsize for step in stored.strides]
        view = np.lib.stride_tricks.as_strided(numbers[stored.offset :], stored.shape, steps, writeable=False)
        if stored.storage.kind == "BFloat16Storage":
            view = (view.astype(np.uint32) << 16).view(np.float32)
        return torch.from_numpy(np.array(view))


@contextmanager
def open_torch(path: Path) -> Iterator[TorchFile]:
    """A file, open for its tensors as long as the context lasts.

    Raises:
        ExportError: no such file; or nothing that ``torch.save`` wrote; or a broken one.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}", "give the path of a published file") from error
    with file:
        with _named(path):
            start = file.read(4)
            file.seek(0)
            opened = _zipped(path, file) if start == b"PK\x03\x04" else _legacy(path, file)
        yield opened


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Whatever may be wrong with a file's bytes, as an error that names the file. Python's zip reader has many words for it."""
    try:
        yield
    except NotPlain as error:
        raise ExportError(f"{path.name} cannot be read: {error}", HINT) from error
    except (zipfile.BadZipFile, EOFError, struct.error, ValueError, NotImplementedError, RuntimeError, OSError) as error:
        raise ExportError(f"{path.name} is broken: {error}", "get the file again: it may be cut off") from error


def _zipped(path: Path, file: BinaryIO) -> TorchFile:
    """The form since torch 1.6: NAME/data.pkl, and a storage each in NAME/data/KEY, all as they are (never compressed)."""
    archive = zipfile.ZipFile(file)
    entries = {entry.filename: entry for entry in archive.infolist()}
    pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl") and name.isprintable()]
    if len(pickles) != 1:
        raise NotPlain("it is a zip file, but no checkpoint")
    folder = pickles[0].removesuffix("data.pkl")
    length = path.stat().st_size

    def entry(name: str) -> zipfile.ZipInfo:
        if name not in entries:
            raise EOFError(f"{name} is not in it")
        found = entries[name]
        if found.compress_type != zipfile.ZIP_STORED or found.file_size != found.compress_size:
            raise NotPlain(f"{name} in it is compressed, which torch.save does not do")
        if found.header_offset + found.file_size > length:
            raise EOFError(f"it ends within {name}")
        return found

    def whole(storage: Storage) -> bytes:
        found = entry(f"{folder}data/{storage.key}")
        if found.file_size != storage.bytes:
            raise EOFError(f"{found.filename} has {found.file_size} bytes, not {storage.bytes}")
        return archive.read(found)

    if folder + "byteorder" in entries and archive.read(entry(folder + "byteorder")) != b"little":
        raise NotPlain("it was written on a machine with another order of bytes")
    with archive.open(entry(folder + "data.pkl")) as pickled:
        content = unpickle(pickled, CALLS, _storage)
    return TorchFile(path, content, whole)


def _legacy(path: Path, file: BinaryIO) -> TorchFile:
    """The form before torch 1.6: five pickles (a magic number, a version, the machine, the content, the storages' keys), and
    after them the storages in that order, each with its count of numbers before it."""
    if unpickle(file, {}, _nothing) != LEGACY_MAGIC:
        raise NotPlain("it is nothing that torch.save wrote")
    if unpickle(file, {}, _nothing) != LEGACY_VERSION:
        raise NotPlain("it is of a version of torch's form that is not known")
    machine = unpickle(file, {}, _nothing)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise NotPlain("it was written on a machine with another order of bytes")
    storages: dict[str, Storage] = {}

    def storage(said: Any) -> Storage:
        found = _storage(said)
        if storages.setdefault(found.key, found) != found:
            raise NotPlain("it has two storages of one name")
        return found

    content = unpickle(file, CALLS, storage)
    keys = unpickle(file, {}, _nothing)
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in storages for key in keys):
        raise NotPlain("it says of storages what its content does not")
    starts: dict[str, int] = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        if count != storages[key].count:
            raise NotPlain("a storage in it is not as long as its content says")
        starts[key] = file.tell()
        file.seek(storages[key].bytes, 1)

    def whole(storage: Storage) -> bytes:
        if storage.key not in starts:
            raise NotPlain("a storage of its content is not in it")
        file.seek(0, 2)
        if starts[storage.key] + storage.bytes > file.tell():
            raise EOFError("it ends within a tensor")
        file.seek(starts[storage.key])
        return file.read(storage.bytes)

    return TorchFile(path, content, whole)


def _nothing(said: Any) -> None:
    return None


def _storage(said: Any) -> Storage:
    """A persistent id of torch's: ("storage", class, key, device, count), and before 1.6 what it is a view of, mostly None."""
    if isinstance(said, tuple) and len(said) in (5, 6) and said[0] == "storage" and said[5:] in ((), (None,)):
        _, kind, key, _, count = said[:5]
        named = kind.name.removeprefix("torch ") if isinstance(kind, Global) else ""
        if named in KINDS and isinstance(key, str) and key.isalnum() and _is_count(count):
            return Storage(key, named, count)
    raise NotPlain("it has tensors of a kind that is not known")


def _tensor(arguments: tuple[Any, ...]) -> Stored:
    """``torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, ...)``."""
    if len(arguments) >= 4:
        storage, offset, shape, strides = arguments[:4]
        if isinstance(storage, Storage) and _is_count(offset) and _are_counts(shape) and _are_counts(strides):
            last = offset + sum((length - 1) * step for length, step in zip(shape, strides, strict=False))
            numbers = math.prod(shape)
            if len(shape) == len(strides) and numbers <= storage.count and (numbers == 0 or last < storage.count):
                return Stored(storage, offset, shape, strides)
    raise NotPlain("it has a tensor that reaches beyond its storage")


def _parameter(arguments: tuple[Any, ...]) -> Any:
    """``torch._utils._rebuild_parameter(tensor, ...)``."""
    return arguments[0] if arguments else None


def _ordered(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """``collections.OrderedDict()``, which is filled afterwards."""
    return {}


CALLS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "collections OrderedDict": _ordered,
    "torch._utils _rebuild_tensor": _tensor,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_parameter": _parameter,
}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _are_counts(values: Any) -> bool:
    return isinstance(values, tuple) and len(values) <= MOST_AXES and all(map(_is_count, values))
