"""Whether a mask belongs to a model: its shape, and the weights on which it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...data.errors import MaskError
from .constants import BY_UNIT

if TYPE_CHECKING:  # reading and writing masks must not import torch, which the anatomy needs
    from ..encoder.anatomy import Anatomy
    from .subnetwork import Subnetwork

_REMEDY = "use the model on which the mask was found"


def check_fits(
    mask: Subnetwork,
    anatomy: Anatomy,
    fingerprint: str | None = None,
    *,
    allow_other_weights: bool = False,
    where: str | None = None,
) -> None:
    """Raise unless the mask fits a model.

    Args:
        mask: the mask.
        anatomy: anatomy of the model.
        fingerprint: `weights_fingerprint` of the model; None = check only the shape.
        allow_other_weights: accept a mask of the same shape that was found on other weights.
        where: the mask file, for the message.

    Raises:
        MaskError: if the shape differs, or the mask was found on other weights.
    """
    heads, neurons = (
        (anatomy.num_layers, anatomy.num_heads),
        (anatomy.num_layers, anatomy.num_neurons),
    )
    for name, array, expected in (
        ("[L, H]", mask.head_mask, heads),
        ("[L, F]", mask.neuron_mask, neurons),
    ):
        if array is not None and array.shape != expected:
            raise MaskError(
                f"the mask is for {name} = {list(array.shape)}, but the {anatomy.family} "
                f"model has {list(expected)}",
                where=where,
                remedy=_REMEDY,
            )
    _check_constants(mask, anatomy, where)
    if fingerprint is None or allow_other_weights or not mask.fingerprint:
        return
    if fingerprint != mask.fingerprint:
        raise MaskError(
            f"the mask was found on other weights ({mask.fingerprint[:12]}) than the model's "
            f"({fingerprint[:12]})",
            where=where,
            remedy="use the model on which the mask was found, or accept `other_weights`",
        )


def _check_constants(mask: Subnetwork, anatomy: Anatomy, where: str | None) -> None:
    """Raise unless the constants of every unit have the size of its output."""
    sizes = {
        "head": (anatomy.num_layers, anatomy.num_heads, anatomy.head_size),
        "mlp": (anatomy.num_layers, anatomy.num_heads * anatomy.head_size),
        "neuron": (anatomy.num_layers, anatomy.num_neurons),
    }
    for name, expected in sizes.items():
        array = mask.constants.get(name)
        if array is not None and array.shape[-len(expected) :] != expected:
            raise MaskError(
                f"the constants of the mask for {BY_UNIT[name]} have the shape "
                f"{list(array.shape)}, but the {anatomy.family} model needs {list(expected)}",
                where=where,
                remedy=_REMEDY,
            )
