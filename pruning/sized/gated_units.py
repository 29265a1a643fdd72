"""The units of one model that have gates: first locations, sizes, factors and masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..learned.blocks import SINGLE, block_of, block_sizes, expanded, matrix_shape
from ..learned.unit_gates import Tensors, as_masks, first_gates, levels_of
from ..search.magnitude import prunable_weights


class GatedUnits:
    """Units of a model that gates are learned for.

    Args:
        model: a transformers encoder, with or without a task head.
        units: see `unit_gates.UNITS`.
        block: weights that share a gate, as ROWSxCOLUMNS.
    """

    def __init__(self, model: Any, units: str, block: str = "1x1"):
        self._model, self._units, self._block = model, units, block_of(block)
        self._matrices: dict[str, tuple[int, int]] = {}
        if "weights" in levels_of(units):
            weights = prunable_weights(model)
            self._matrices = {path: matrix_shape(one) for path, one in weights.items()}
        first = self.first(0.0)
        self.costs = {
            name: block_sizes(self._matrices[name], self._block)
            if name in self._matrices
            else np.ones(tuple(one.shape))
            for name, one in first.items()
        }

    @property
    def what(self) -> str:
        """Name of the units in messages."""
        if self._matrices and self._block != SINGLE:
            return "blocks of weights"
        return " and ".join({"mlps": "MLPs"}.get(level, level) for level in levels_of(self._units))

    def first(self, location: float) -> Tensors:
        """Gates that all have the same location."""
        return first_gates(self._model, self._units, location, self._block)

    def factors(self, gates: Mapping[str, torch.Tensor]) -> Tensors:
        """Factors to apply to a model: gates of blocks become one factor per weight."""
        return {
            name: expanded(one, self._matrices[name], self._block)
            if name in self._matrices
            else one
            for name, one in gates.items()
        }

    def share(self, gates: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Mean of gates, weighted by the size of what each opens; with its gradient."""
        total = sum(float(one.sum()) for one in self.costs.values())
        parts = [
            (one * torch.from_numpy(self.costs[name]).to(one)).sum() for name, one in gates.items()
        ]
        return torch.stack(parts).sum() / total

    def masks(self, kept: Mapping[str, npt.NDArray[np.bool_]]) -> dict[str, Any]:
        """The masks of a `Subnetwork` that keeps these gates, and all units without gates."""
        whole = self.factors({name: torch.from_numpy(one) for name, one in kept.items()})
        return as_masks(self._model, {name: one.numpy() for name, one in whole.items()})
