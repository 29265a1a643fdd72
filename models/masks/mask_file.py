"""Read and write mask files: safetensors with all metadata as one JSON string under one key."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save as to_safetensors

from ...data.errors import MaskError
from ...data.files.atomic import canonical_json
from ...data.files.json_text import json_object
from ...data.files.reading import reading
from ...data.output.ownership import SIGNED
from ...data.seeds import SEEDS, is_seed
from .plain_masks import fields_of, is_plain, plain_of, read_plain

ARRAYS = ("head_mask", "mlp_mask", "neuron_mask", "weight_masks", "constants")
"""Array fields of a subnetwork."""

_KEY = SIGNED
_SHAPES = "weight_shapes"
_WEIGHTS = "weight_masks."
_CONSTANTS = "constants."
_ADDED = {2: {"ablation": "zero", "constants_of": "", "match": ""}}
"""An older version of the format that can be read -> fields that it lacks, with their values."""
_SHARES = ("borrowed_heads", "borrowed_mlps", "borrowed_neurons", "borrowed_weights")
_NUMBERS = ("seed_init", "seed_order", "seed_draw", "draw", "format_version", "semantics_version")


def pack(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Pack eight weights per byte, in C order; the last byte is padded with zeros."""
    return np.packbits(mask.ravel())


def _unpack(path: str, packed: npt.NDArray[Any], shape: Any) -> npt.NDArray[np.bool_]:
    """Unpack an array that `pack` packed.

    Raises:
        MaskError: if the shape does not match the bytes.
    """
    sizes = shape if isinstance(shape, list) else [shape]
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise MaskError(f"shape of {path} is {shape!r}")
    count = math.prod(sizes)
    if packed.dtype != np.uint8 or packed.shape != ((count + 7) // 8,):
        raise MaskError(
            f"{path} has {packed.size} bytes of type {packed.dtype} for the shape {shape}"
        )
    bits = np.unpackbits(packed)
    if bits[count:].any():
        raise MaskError(f"{path} has non-zero padding bits")
    return bits[:count].astype(np.bool_).reshape(sizes)


def to_bytes(arrays: Mapping[str, Any], metadata: Mapping[str, Any]) -> bytes:
    """The content of a mask file; equal masks and metadata give equal bytes.

    Args:
        arrays: the fields named in `ARRAYS`.
        metadata: all other fields.
    """
    stored = {name: arrays[name] for name in ("head_mask", "mlp_mask")}
    if arrays["neuron_mask"] is not None:
        stored["neuron_mask"] = arrays["neuron_mask"]
    weights = arrays["weight_masks"]
    for path, mask in weights.items():
        stored[_WEIGHTS + path] = pack(mask)
    for name, array in arrays["constants"].items():
        stored[_CONSTANTS + name] = array
    shapes = {path: list(mask.shape) for path, mask in weights.items()}
    # a single key, because safetensors writes several in hash order
    text = canonical_json({**metadata, _SHAPES: shapes})
    content: bytes = to_safetensors(stored, metadata={_KEY: text})
    return content


def read_mask(
    path: Path, known: Collection[str], versions: Mapping[str, int], heads: int | None
) -> dict[str, Any]:
    """The fields of a mask, by name, without those that another tool did not write.

    Args:
        path: the file, a `.npy` file, or a folder of them.
        known: names of the metadata fields.
        versions: the supported versions.
        heads: H of the model, if known.

    Raises:
        MaskError: if the file does not exist, or is not a mask file of a supported version.
    """
    where = str(path)
    if is_plain(path):
        return _named(where, lambda: fields_of(read_plain(path), heads))
    if not path.is_file():
        raise MaskError("no such mask file", where=where)
    with (
        reading(path, MaskError, problem="is not a valid safetensors file"),
        safe_open(path, framework="np") as stored,
    ):
        meta = stored.metadata() or {}
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    if _KEY not in meta:
        return _named(where, lambda: fields_of(plain_of(tensors), heads))
    return _named(where, lambda: _own_fields(meta, tensors, known, versions))


def _named(where: str, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result of `read`; its errors get the name of the file."""
    try:
        return read()
    except MaskError as error:
        raise MaskError(error.problem, where=error.where or where, remedy=error.remedy) from error


def _own_fields(
    meta: Mapping[str, str],
    tensors: Mapping[str, npt.NDArray[Any]],
    known: Collection[str],
    versions: Mapping[str, int],
) -> dict[str, Any]:
    if set(meta) != {_KEY}:
        raise MaskError(f"metadata lacks or adds {sorted(set(meta) ^ {_KEY})}")
    values = _parse_metadata(meta[_KEY], known, versions)
    return {**_arrays(tensors, values.pop(_SHAPES)), **values}


def _arrays(tensors: Mapping[str, npt.NDArray[Any]], shapes: Any) -> dict[str, Any]:
    """The fields named in `ARRAYS`, from the tensors of the file."""
    if not isinstance(shapes, dict):
        raise MaskError(f"{_SHAPES} is {shapes!r}")
    plain = ("head_mask", "mlp_mask")
    wanted = {*plain, *(_WEIGHTS + path for path in shapes)}
    constants = {name for name in tensors if name.startswith(_CONSTANTS)}
    if set(tensors) - {"neuron_mask"} - constants != wanted:
        raise MaskError(f"contains the tensors {sorted(tensors)}, but a mask has {sorted(wanted)}")
    found: dict[str, Any] = {name: tensors[name] for name in plain}
    found["neuron_mask"] = tensors.get("neuron_mask")
    for name, array in found.items():
        if array is not None:
            _check_bits(name, array)
    found["weight_masks"] = {
        path: _unpack(path, tensors[_WEIGHTS + path], shape) for path, shape in shapes.items()
    }
    found["constants"] = {name.removeprefix(_CONSTANTS): tensors[name] for name in constants}
    return found


def _check_bits(name: str, array: npt.NDArray[Any]) -> None:
    """Raise unless a stored mask has the type bool and each of its bytes is 0 or 1."""
    if array.dtype != np.bool_:
        raise MaskError(f"{name} must be stored as bool, got {array.dtype}")
    if array.size and array.view(np.uint8).max() > 1:
        raise MaskError(f"{name} contains bytes other than 0 and 1")


def _parse_metadata(
    text: str, known: Collection[str], versions: Mapping[str, int]
) -> dict[str, Any]:
    """Parse metadata fields and weight shapes; the version and the set of fields must match."""
    try:
        values = json_object(text, "metadata", MaskError)
    except MaskError as error:
        raise MaskError(f"metadata {error.problem}") from error
    older = values.get("format_version")
    if type(older) is int and older in _ADDED:
        values = {**_ADDED[older], **values, "format_version": versions["format_version"]}
    for name, ours in versions.items():
        if values.get(name) != ours:
            raise MaskError(
                f"{name.replace('_', ' ')} {values.get(name)!r}, this subprobe reads {ours}",
                remedy="find the mask again with this version",
            )
    expected = {*known, _SHAPES}
    if set(values) != expected:
        raise MaskError(f"metadata lacks or adds {sorted(set(values) ^ expected)}")
    history = values["history"]
    if not isinstance(history, list) or not all(isinstance(one, dict) for one in history):
        raise MaskError("history is not a list of records")
    return values


def check_metadata(
    values: Mapping[str, Any], kinds: Collection[str], methods: Collection[str]
) -> None:
    """Raise unless every field has the right type and a valid value.

    Raises:
        MaskError: if a field is invalid; the message names it.
    """
    types: dict[str, type] = {"history": tuple}
    types |= dict.fromkeys(_NUMBERS, int) | dict.fromkeys(_SHARES, float)
    for name, value in values.items():
        wanted = types.get(name, str)
        # the exact type: True is not a seed, and 0 and 0.0 would give different bytes
        if type(value) is not wanted:
            raise MaskError(f"{name} must have the type {wanted.__name__}, got {value!r}")
        if name in _NUMBERS and not is_seed(value):
            raise MaskError(f"{name} must be an integer from 0 to {SEEDS - 1}, got {value}")
    for name in _SHARES:
        if not 0 <= values[name] <= 1:
            raise MaskError(f"{name} must be between 0 and 1, got {values[name]}")
    for name, known in (("kind", kinds), ("method", methods)):
        if values[name] not in known:
            raise MaskError(f"unknown {name} {values[name]!r}", remedy=f"known: {', '.join(known)}")
    if values["match"] not in ("", "layer"):
        raise MaskError(f"match must be empty or 'layer', got {values['match']!r}")
    for record in values["history"]:
        if any(isinstance(v, float) and not math.isfinite(v) for v in record.values()):
            raise MaskError("history contains NaN or infinity")


def own_array(name: str, given: Any, dimensions: int) -> npt.NDArray[np.bool_]:
    """A read-only copy, because masks are shared between cells."""
    array = np.asarray(given)
    if array.ndim != dimensions or array.dtype != np.bool_:
        raise MaskError(
            f"{name} has the type {array.dtype} and {array.ndim} dimensions",
            remedy=f"use a bool array with {dimensions}",
        )
    own = array.copy()
    own.flags.writeable = False
    return own
