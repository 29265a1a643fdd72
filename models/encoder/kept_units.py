"""The units of the full model that a mask keeps, or that a compact model has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_ATTRIBUTE = "subprobe_kept_units"

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class KeptUnits:
    """The kept units, by their index in the full model.

    Attributes:
        heads: indices of the kept heads of each layer, L sorted arrays.
        neurons: indices of the kept neurons of each layer, L sorted arrays; empty for a pruned MLP.
        mlps: kept MLPs, bool [L]; a kept MLP without neurons outputs its bias.
        num_heads: H of the full model.
        num_neurons: F of the full model.
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
        """The units that masks keep.

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
        """Return itself: it is immutable, so copied models share it."""
        return self

    def lost(self, other: KeptUnits) -> int:
        """Number of heads, MLPs and neurons of `other` that are not kept here."""
        missing = int((other.mlps & ~self.mlps).sum())
        for mine, theirs in ((self.heads, other.heads), (self.neurons, other.neurons)):
            missing += sum(
                len(np.setdiff1d(b, a, assume_unique=True))
                for a, b in zip(mine, theirs, strict=True)
            )
        return missing


def kept_units_of(model: Any) -> KeptUnits | None:
    """The kept units of a compact model; None for a full model."""
    kept: KeptUnits | None = getattr(model.base_model, _ATTRIBUTE, None)
    return kept


def mark_kept_units(model: Any, kept: KeptUnits) -> None:
    """Store the kept units on `model` and its encoder, as `model.subprobe_kept_units`."""
    setattr(model, _ATTRIBUTE, kept)
    setattr(model.base_model, _ATTRIBUTE, kept)
