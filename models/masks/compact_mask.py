"""The mask of a compact model, stored on the model because its shapes do not determine the mask."""

from __future__ import annotations

from typing import Any

from ..encoder.kept_units import KeptUnits, mark_kept_units
from .subnetwork import Subnetwork

_ATTRIBUTE = "subprobe_subnetwork"


def kept_by(subnetwork: Subnetwork, num_neurons: int) -> KeptUnits:
    """The units that a mask keeps.

    Args:
        subnetwork: the mask.
        num_neurons: F of its model, which a mask need not state.
    """
    return KeptUnits.of(
        subnetwork.head_mask, subnetwork.mlp_mask, subnetwork.neuron_mask, num_neurons
    )


def mark_compact(model: Any, subnetwork: Subnetwork, kept: KeptUnits) -> None:
    """Store on a compact model the units that it has and the mask with which it was made."""
    mark_kept_units(model, kept)
    setattr(model.base_model, _ATTRIBUTE, subnetwork)


def compact_mask(model: Any) -> Subnetwork | None:
    """The mask with which a compact model was made; None for a full model."""
    subnetwork: Subnetwork | None = getattr(model.base_model, _ATTRIBUTE, None)
    return subnetwork
