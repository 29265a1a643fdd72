"""A linear map that removes some directions from vectors, and random ones of equal rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Eraser:
    """x -> x - left right (x - centre): what is removed has rank k.

    Attributes:
        left: float64 [D, k].
        right: float64 [k, D]; right @ left is the identity, so that erasing twice changes nothing.
        centre: the vector that stays as it is, float64 [D].
    """

    left: torch.Tensor
    right: torch.Tensor
    centre: torch.Tensor

    @property
    def rank(self) -> int:
        """k, the directions that are removed."""
        return self.left.shape[1]

    @property
    def matrix(self) -> torch.Tensor:
        """The projection P [D, D]: what is erased of x is x - centre - P (x - centre)."""
        return torch.eye(len(self.centre), dtype=torch.float64) - self.left @ self.right

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """Vectors [..., D] without the directions, computed and given in their own precision."""
        left, right, centre = (one.to(vectors) for one in (self.left, self.right, self.centre))
        return vectors - (vectors - centre) @ right.mT @ left.mT


def orthogonal_eraser(basis: torch.Tensor, centre: torch.Tensor) -> Eraser:
    """The eraser of the span of orthonormal columns.

    Args:
        basis: float64 [D, k].
        centre: float64 [D].
    """
    return Eraser(basis, basis.mT, centre)


def random_eraser(rank: int, centre: torch.Tensor, seed: Sequence[int]) -> Eraser:
    """The eraser of a uniformly random subspace of exactly that rank.

    Elazar et al. (2021) draw directions from a cube, which are neither uniform nor, where they
    depend on each other, as many as asked for.

    Args:
        rank: k <= D.
        centre: float64 [D].
        seed: of the subspace.
    """
    drawn = np.random.default_rng(list(seed)).standard_normal((len(centre), rank))
    basis, _ = torch.linalg.qr(torch.from_numpy(drawn))
    return orthogonal_eraser(basis, centre)
