"""Arrays of numbers in `.npy` and `.npz` files; the headers are checked against the content."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataFileError, InputError
from .reading import reading
from .unpacking import LARGEST_UNPACKED, check_unpacked

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_PICKLED = b"\x80"
"""First byte of a pickle of protocol 2 or later."""
_PLAIN = "write an array of numbers: numpy.save(..., allow_pickle=False)"


def read_npy(
    path: Path, error: type[InputError] = DataFileError, *, largest: int = LARGEST_UNPACKED
) -> npt.NDArray[Any]:
    """The array of a `.npy` file.

    Args:
        path: the file.
        error: the type that is raised.
        largest: maximum size of the file in bytes.

    Raises:
        InputError: of the type `error`, if the file is too large, contains pickled objects or
            non-numeric data, or its header declares a size that its content does not have.
    """
    with reading(path, error, problem="cannot be read"):
        size, raw = path.stat().st_size, b""
        if size <= largest:
            raw = path.read_bytes()
    if size > largest:
        raise error(f"has {size:,} bytes, more than {largest:,}", where=str(path))
    return _array(raw, path, error)


def read_npz(path: Path, error: type[InputError] = DataFileError) -> dict[str, npt.NDArray[Any]]:
    """Name -> array of a `.npz` file.

    Raises:
        InputError: of the type `error`, if the file is damaged, decompresses to too many bytes, or
            contains an array that `read_npy` rejects.
    """
    found: dict[str, npt.NDArray[Any]] = {}
    with reading(path, error, problem="is not a file of arrays", remedy=_PLAIN):
        archive = zipfile.ZipFile(path)
    with archive:
        members = archive.infolist()
        total = sum(one.file_size for one in members)
        check_unpacked(total, path.stat().st_size, path, error)
        for member in members:
            with reading(path, error, problem="is not a file of arrays", remedy=_PLAIN):
                raw = archive.read(member)
            name = member.filename.removesuffix(".npy")
            found[name] = _array(raw, f"{path}, array {name!r}", error)
    return found


def _array(raw: bytes, where: Path | str, error: type[InputError]) -> npt.NDArray[Any]:
    """Decode the bytes of a `.npy` file to an array."""
    stream = io.BytesIO(raw)
    with reading(where, error, problem="is not a NumPy array", remedy=_PLAIN):
        if raw[:1] == _PICKLED:
            raise ValueError("pickled objects")
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"format version {version[0]}.{version[1]}")
        shape, _, dtype = _HEADERS[version](stream)
    problem = ""
    if dtype.hasobject:
        problem = "contains pickled objects, which are not loaded"
    elif dtype.kind not in "biuf":
        problem = f"has the type {dtype}, which is not numeric"
    elif not all(type(length) is int and length >= 0 for length in shape):
        problem = f"has the invalid shape {shape}"
    elif math.prod(shape) * dtype.itemsize != len(raw) - stream.tell():
        problem = (
            f"declares {math.prod(shape):,} numbers but contains {len(raw) - stream.tell():,} bytes"
        )
    if problem:
        raise error(problem, where=str(where), remedy=_PLAIN)
    with reading(where, error, problem="is not a NumPy array", remedy=_PLAIN):
        array: npt.NDArray[Any] = np.load(io.BytesIO(raw), allow_pickle=False)
    return array
