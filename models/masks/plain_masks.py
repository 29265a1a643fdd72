"""Read masks of other tools: NumPy arrays or safetensors without metadata.

Prasanna et al. (2020) published `head_mask.npy` [L, H] and `mlp_mask.npy` [L] in a folder, 1 =
kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import MaskError
from ...data.files.array_files import read_npy

FILES = {"head": ("head_mask.npy", 2), "mlp": ("mlp_mask.npy", 1)}
"""Unit -> file name in the published layout, and number of dimensions."""

_LARGEST_FILE = 2**26

Masks = dict[str, npt.NDArray[np.bool_]]
"""`head` [L, H] and `mlp` [L], one of which may be missing."""


def is_plain(path: Path) -> bool:
    """Whether a path is a folder of arrays or a single array."""
    return path.is_dir() or path.suffix == ".npy"


def read_plain(path: Path) -> Masks:
    """Read a folder in the published layout, or a single array of heads [L, H] or MLPs [L].

    Raises:
        MaskError: if a mask is missing, the masks have different numbers of layers, or an array has
            the wrong shape or other values than 0 and 1.
    """
    if not path.is_dir():
        array = read_array(path)
        return {"head" if array.ndim == 2 else "mlp": array}
    present = {unit: path / name for unit, (name, _) in FILES.items()}
    present = {unit: file for unit, file in present.items() if file.is_file()}
    if not present:
        names = " nor ".join(name for name, _ in FILES.values())
        raise MaskError(f"contains neither {names}", where=str(path))
    found = {unit: read_array(file, FILES[unit][1]) for unit, file in present.items()}
    _check_layers(found, str(path))
    return found


def plain_of(tensors: Mapping[str, npt.NDArray[Any]]) -> Masks:
    """The masks in a safetensors file that subprobe did not write.

    Raises:
        MaskError: if it contains other tensors, or an array that is not a mask.
    """
    known = {f"{unit}_mask": (unit, dimensions) for unit, (_, dimensions) in FILES.items()}
    if not tensors or set(tensors) - set(known):
        raise MaskError(
            f"is not a mask: it contains {', '.join(sorted(tensors)[:5]) or 'nothing'}",
            remedy="a mask of another tool must contain head_mask [L, H], mlp_mask [L] or both",
        )
    found = {known[name][0]: _bits(array, known[name][1]) for name, array in tensors.items()}
    _check_layers(found, "")
    return found


def fields_of(masks: Masks, heads: int | None) -> dict[str, Any]:
    """Fields of a subnetwork from plain masks; units without a mask are kept.

    Args:
        masks: the masks that were read.
        heads: H of the model, for a mask of MLPs alone.

    Raises:
        MaskError: if there is only a mask of MLPs and H is not known.
    """
    layers = len(next(iter(masks.values())))
    if "head" not in masks and heads is None:
        raise MaskError(
            "is a mask of MLPs only, so the number of heads is unknown",
            remedy="add head_mask.npy [L, H] to its folder",
        )
    head = masks["head"] if "head" in masks else np.ones((layers, heads or 0), dtype=np.bool_)
    method = "structured" if len(masks) == 2 else f"structured-{next(iter(masks))}s"
    return {
        "head_mask": head,
        "mlp_mask": masks.get("mlp", np.ones(layers, dtype=np.bool_)),
        "kind": "given",
        "method": method,
    }


def read_array(path: Path, dimensions: int | None = None) -> npt.NDArray[np.bool_]:
    """A mask from one NumPy file.

    Args:
        path: the file.
        dimensions: 2 for heads, 1 for MLPs, None for either.

    Raises:
        MaskError: if the file does not exist, or is not an array of 0 and 1 with that shape.
    """
    where = str(path)
    if not path.is_file():
        raise MaskError("no such mask file", where=where)
    stored = read_npy(path, MaskError, largest=_LARGEST_FILE)
    try:
        return _bits(stored, dimensions)
    except MaskError as error:
        raise MaskError(error.problem, where=where) from None


def _bits(stored: Any, dimensions: int | None) -> npt.NDArray[np.bool_]:
    if not isinstance(stored, np.ndarray) or stored.dtype.kind not in "biuf":
        raise MaskError("is not an array of numbers")
    if stored.ndim not in ((1, 2) if dimensions is None else (dimensions,)) or not stored.size:
        wanted = {1: "[L]", 2: "[L, H]", None: "[L, H] or [L]"}[dimensions]
        raise MaskError(f"has shape {list(stored.shape)}, not {wanted}")
    if not ((stored == 0) | (stored == 1)).all():
        odd = stored[(stored != 0) & (stored != 1)].ravel()[0]
        raise MaskError(f"contains {odd}, but a mask may contain only 0 and 1")
    return stored.astype(np.bool_)


def _check_layers(masks: Masks, where: str) -> None:
    if len({len(mask) for mask in masks.values()}) > 1:
        shapes = " and ".join(str(list(mask.shape)) for mask in masks.values())
        raise MaskError(
            f"head and MLP masks have different numbers of layers: {shapes}", where=where or None
        )
