"""The arrays that a mask holds for the outputs of its pruned units."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import MaskError
from .names import ABLATIONS

Constants = Mapping[str, npt.NDArray[Any]]

BY_UNIT = {"head": "heads", "mlp": "MLPs", "neuron": "neurons"}
"""Name of the constants of a type of unit -> the type in words.

`head` [L, H, d] at the input of the output projection, `mlp` [L, D] at the output of the second
dense layer, bias included, `neuron` [L, F] at its input; by position with a leading axis P, whose
last row holds for all later positions.
"""

_DIMENSIONS = {"head": 3, "mlp": 2, "neuron": 2}

CONSTANT = ("mean", "mean-by-position", "learned")
"""Ablations that replace a unit by a constant, whatever the input."""

FOLDED = ("zero", "mean", "learned")
"""Ablations that can be written into the weights: one constant for all positions."""


def own_constants(
    ablation: str, given: Constants, *, neurons: bool, weights: bool
) -> Mapping[str, npt.NDArray[Any]]:
    """Check the constants of a mask; read-only copies, in the order of their names.

    Args:
        ablation: what replaces a pruned unit.
        given: the arrays by name.
        neurons: whether the mask prunes neurons.
        weights: whether it prunes single weights.

    Raises:
        MaskError: if the ablation is unknown, or its constants are missing or invalid.
    """
    if ablation not in ABLATIONS:
        raise MaskError(f"unknown ablation {ablation!r}", remedy=f"known: {', '.join(ABLATIONS)}")
    if ablation != "zero" and weights:
        raise MaskError(
            f"a mask of single weights has the ablation {ablation}",
            remedy="use zero: a pruned weight has no output that could be replaced",
        )
    if ablation == "zero" and given:
        raise MaskError(f"a mask with the ablation zero has constants: {', '.join(sorted(given))}")
    own = {name: _own(name, given[name]) for name in sorted(given)}
    if ablation in CONSTANT:
        _check_constant(ablation, own, neurons)
    elif ablation != "zero" and not own:
        raise MaskError(f"a mask with the ablation {ablation} lacks its activations")
    return MappingProxyType(own)


def same_constants(one: Constants, other: Constants) -> bool:
    """Whether two masks have the same constants."""
    return one.keys() == other.keys() and all(
        np.array_equal(array, other[name]) for name, array in one.items()
    )


def constants_bytes(constants: Constants) -> list[bytes]:
    """Names, types, shapes and values of constants, for a hash."""
    parts: list[bytes] = []
    for name, array in constants.items():
        parts += [f"{name} {array.dtype} {array.shape}".encode(), array.tobytes()]
    return parts


def _own(name: str, given: Any) -> npt.NDArray[Any]:
    """A read-only copy: float32 for constants, integers for ids of tokens."""
    array = np.array(given, order="C")
    if array.dtype.kind == "f":
        if array.dtype != np.float32:
            raise MaskError(f"constants {name} must be float32, got {array.dtype}")
        if not np.isfinite(array).all():
            raise MaskError(f"constants {name} contain NaN or infinity")
    elif array.dtype.kind not in "iub":
        raise MaskError(f"constants {name} have the type {array.dtype}")
    array.flags.writeable = False
    return array


def _check_constant(ablation: str, own: Constants, neurons: bool) -> None:
    """Raise unless every type of unit that the mask may prune has its constants."""
    missing = {"head", "mlp", *(("neuron",) if neurons else ())} - set(own)
    if missing or set(own) - set(BY_UNIT):
        raise MaskError(
            f"a mask with the ablation {ablation} has the constants "
            f"{', '.join(sorted(own)) or 'none'}",
            remedy=f"it needs those of {', '.join(BY_UNIT.values())}",
        )
    leading = 1 if ablation == "mean-by-position" else 0
    for name, array in own.items():
        if array.ndim != _DIMENSIONS[name] + leading or array.dtype != np.float32:
            raise MaskError(
                f"the constants of {BY_UNIT[name]} have the type {array.dtype} and {array.ndim} "
                f"dimensions",
                remedy=f"use float32 with {_DIMENSIONS[name] + leading}",
            )
        if leading and not len(array):
            raise MaskError(f"the constants of {BY_UNIT[name]} have no position")
