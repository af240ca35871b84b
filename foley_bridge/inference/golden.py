"""Inputs of a pack's graphs and what must come out for them: an ``.npz`` of raw float32, read without unpickling anything.

Sizes are looked at before anything is unpacked, because a zip can hold far more than it weighs.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
MOST_BYTES = 256 << 20
MOST_INPUTS = 64
WITHIN = 1e-3
"""How far from it the runtime may be."""


def read_golden(data: bytes, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Floats]:
    """The arrays by name.

    Args:
        data: the file's bytes.
        shapes: of one row of each array; arrays of one role (``picture_in``, ``picture_out``) have equally many rows.

    Raises:
        ValueError: it is not such a file; says why.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _arrays(archive, shapes)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        KeyError,
        struct.error,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise ValueError(f"it is no .npz: {error}") from None


def golden_bytes(arrays: Mapping[str, Floats]) -> bytes:
    """The file for these arrays: the same bytes every time."""
    file = io.BytesIO()
    np.savez(file, **{name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()})  # type: ignore[arg-type]
    return file.getvalue()


def _arrays(archive: zipfile.ZipFile, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Floats]:
    infos = archive.infolist()
    if sorted(info.filename for info in infos) != sorted(f"{name}.npy" for name in shapes):
        raise ValueError(f"it holds other arrays than {', '.join(shapes)}")
    if sum(info.file_size for info in infos) > MOST_BYTES:
        raise ValueError(f"it unpacks to over {MOST_BYTES >> 20} MB")
    arrays = {name: _array(archive, archive.getinfo(f"{name}.npy"), shape) for name, shape in shapes.items()}
    for name, array in arrays.items():
        if len(array) != len(arrays[f"{name.rpartition('_')[0]}_in"]):
            raise ValueError(f"{name} has not as many rows as there are inputs")
    return arrays


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, shape: tuple[int, ...]) -> Floats:
    with archive.open(info) as packed:
        data = packed.read(info.file_size)
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError(f"{info.filename} is of another version of .npy")
    found, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype != np.dtype("<f4") or fortran or found[1:] != shape or not found or not 1 <= found[0] <= MOST_INPUTS:
        raise ValueError(f"{info.filename} is {dtype} {found}, where float32 (1 to {MOST_INPUTS}, *{shape}) is wanted")
    if len(data) - file.tell() != 4 * int(np.prod(found, dtype=np.int64)):
        raise ValueError(f"{info.filename} is cut off, or too long")
    array = np.frombuffer(data, "<f4", offset=file.tell()).reshape(found)
    if not np.isfinite(array).all():
        raise ValueError(f"{info.filename} has numbers that are none")
    return array


def names(roles: Iterable[str]) -> list[str]:
    """Of the arrays for these graphs."""
    return [f"{role}_{end}" for role in roles for end in ("in", "out")]
