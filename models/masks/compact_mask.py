"""The mask of a compact model: noted on the model, since its own shapes no longer hold it."""

from __future__ import annotations

from typing import Any

from ..encoder.kept_units import KeptUnits, mark_kept_units
from .subnetwork import Subnetwork

_ATTRIBUTE = "subprobe_subnetwork"


def kept_by(subnetwork: Subnetwork, num_neurons: int) -> KeptUnits:
    """The units that a mask keeps.

    Args:
        subnetwork: the mask.
        num_neurons: F of the model it is for; a mask may leave it open.
    """
    return KeptUnits.of(
        subnetwork.head_mask, subnetwork.mlp_mask, subnetwork.neuron_mask, num_neurons
    )


def mark_compact(model: Any, subnetwork: Subnetwork, kept: KeptUnits) -> None:
    """Note on a compact model which units it has, and under which mask they were kept."""
    mark_kept_units(model, kept)
    setattr(model.base_model, _ATTRIBUTE, subnetwork)


def compact_mask(model: Any) -> Subnetwork | None:
    """The mask that a compact model was made with; None for a whole one."""
    subnetwork: Subnetwork | None = getattr(model.base_model, _ATTRIBUTE, None)
    return subnetwork
