"""Which units of the whole model a smaller one still has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .subnetwork import Subnetwork

_ATTRIBUTE = "subprobe_living"

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Living:
    """The units that are left, by their number in the whole model.

    Attributes:
        heads: numbers of each layer's living heads, L arrays in rising order.
        neurons: numbers of each layer's living neurons, L arrays; none where the MLP is dead.
        mlps: living MLPs, bool [L]; one without a living neuron still gives its bias.
        num_heads: H of the whole model.
        num_neurons: F of the whole model.
        subnetwork: the mask that says so.
    """

    heads: tuple[Numbers, ...]
    neurons: tuple[Numbers, ...]
    mlps: npt.NDArray[np.bool_]
    num_heads: int
    num_neurons: int
    subnetwork: Subnetwork

    @classmethod
    def of(cls, subnetwork: Subnetwork, num_neurons: int) -> Living:
        """What is left under a mask.

        Args:
            subnetwork: the mask.
            num_neurons: F of the model it is for; a mask may leave it open.
        """
        layers, num_heads = subnetwork.head_mask.shape
        neuron_mask = subnetwork.neuron_mask
        if neuron_mask is None:
            neuron_mask = np.ones((layers, num_neurons), dtype=np.bool_)
        neuron_mask = neuron_mask & subnetwork.mlp_mask[:, None]
        return cls(
            heads=tuple(np.flatnonzero(row) for row in subnetwork.head_mask),
            neurons=tuple(np.flatnonzero(row) for row in neuron_mask),
            mlps=subnetwork.mlp_mask,
            num_heads=num_heads,
            num_neurons=num_neurons,
            subnetwork=subnetwork,
        )

    def __deepcopy__(self, _memo: dict[int, Any]) -> Living:
        """Nobody changes it, so that a copied model may share it."""
        return self

    def lost(self, other: Living) -> int:
        """How many heads, MLPs and neurons of `other` are not left here."""
        missing = int((other.mlps & ~self.mlps).sum())
        for mine, theirs in ((self.heads, other.heads), (self.neurons, other.neurons)):
            missing += sum(
                len(np.setdiff1d(b, a, assume_unique=True))
                for a, b in zip(mine, theirs, strict=True)
            )
        return missing


def living_of(model: Any) -> Living | None:
    """What is left of a smaller model; None for a whole one."""
    found: Living | None = getattr(model.base_model, _ATTRIBUTE, None)
    return found


def mark_living(model: Any, living: Living) -> None:
    """Note on `model`, and on its encoder, what is left: `model.subprobe_living`."""
    setattr(model, _ATTRIBUTE, living)
    setattr(model.base_model, _ATTRIBUTE, living)
