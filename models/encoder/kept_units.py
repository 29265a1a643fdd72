"""Which units of the whole model a mask keeps, or a compact model still has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_ATTRIBUTE = "subprobe_kept_units"

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class KeptUnits:
    """The units that are left, by their number in the whole model.

    Attributes:
        heads: numbers of each layer's kept heads, L arrays in rising order.
        neurons: numbers of each layer's kept neurons, L arrays; none where the MLP is dead.
        mlps: kept MLPs, bool [L]; one without a kept neuron still gives its bias.
        num_heads: H of the whole model.
        num_neurons: F of the whole model.
    """

    heads: tuple[Numbers, ...]
    neurons: tuple[Numbers, ...]
    mlps: npt.NDArray[np.bool_]
    num_heads: int
    num_neurons: int

    @classmethod
    def of(
        cls,
        head_mask: npt.NDArray[np.bool_],
        mlp_mask: npt.NDArray[np.bool_],
        neuron_mask: npt.NDArray[np.bool_] | None,
        num_neurons: int,
    ) -> KeptUnits:
        """What masks keep.

        Args:
            head_mask: kept heads, bool [L, H].
            mlp_mask: kept MLPs, bool [L].
            neuron_mask: kept neurons, bool [L, F]; None = all of them.
            num_neurons: F of the model.
        """
        layers, num_heads = head_mask.shape
        if neuron_mask is None:
            neuron_mask = np.ones((layers, num_neurons), dtype=np.bool_)
        return cls(
            heads=tuple(np.flatnonzero(row) for row in head_mask),
            neurons=tuple(np.flatnonzero(row) for row in neuron_mask & mlp_mask[:, None]),
            mlps=mlp_mask,
            num_heads=num_heads,
            num_neurons=num_neurons,
        )

    def __deepcopy__(self, _memo: dict[int, Any]) -> KeptUnits:
        """Nobody changes it, so that a copied model may share it."""
        return self

    def lost(self, other: KeptUnits) -> int:
        """How many heads, MLPs and neurons of `other` are not left here."""
        missing = int((other.mlps & ~self.mlps).sum())
        for mine, theirs in ((self.heads, other.heads), (self.neurons, other.neurons)):
            missing += sum(
                len(np.setdiff1d(b, a, assume_unique=True))
                for a, b in zip(mine, theirs, strict=True)
            )
        return missing


def kept_units_of(model: Any) -> KeptUnits | None:
    """What is left of a compact model; None for a whole one."""
    kept: KeptUnits | None = getattr(model.base_model, _ATTRIBUTE, None)
    return kept


def mark_kept_units(model: Any, kept: KeptUnits) -> None:
    """Note on `model`, and on its encoder, what is left: `model.subprobe_kept_units`."""
    setattr(model, _ATTRIBUTE, kept)
    setattr(model.base_model, _ATTRIBUTE, kept)
