"""Named arrays of numbers in safetensors files; equal arrays give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataFileError
from .atomic import atomic_path


def save_arrays(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    """Write arrays, atomically."""
    from safetensors.numpy import save_file

    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with atomic_path(path) as temporary:
        save_file(plain, temporary, metadata={"subprobe": "arrays"})


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read a file as name -> array.

    Raises:
        DataFileError: if it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise DataFileError("cannot be read: it is missing or damaged", where=str(path)) from error
