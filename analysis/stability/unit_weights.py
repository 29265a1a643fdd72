"""How many of an encoder's prunable weights masks of heads and MLPs keep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .agreement import Floats, Masks


@dataclass(frozen=True)
class UnitWeights:
    """Prunable weights of one head and of one MLP of an encoder.

    Attributes:
        head: query, key, value and output weights of a head, and its three biases.
        mlp: both matrices of an MLP and their biases.
    """

    head: int
    mlp: int

    @classmethod
    def of_sizes(cls, hidden: int, head_size: int, neurons: int) -> UnitWeights:
        """From the sizes D, d and F of a BERT-like encoder."""
        return cls(
            head=4 * hidden * head_size + 3 * head_size, mlp=2 * hidden * neurons + neurons + hidden
        )

    def kept_share(self, heads: Masks, mlps: Masks) -> Floats:
        """Share of all prunable weights that masks of heads [S, L*H] and MLPs [S, L] keep [S]."""
        kept = heads.sum(axis=1) * self.head + mlps.sum(axis=1) * self.mlp
        total = heads.shape[1] * self.head + mlps.shape[1] * self.mlp
        return np.asarray(kept / total)
