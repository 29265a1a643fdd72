"""Distance and depth probes of several states, ranks and seeds, trained side by side.

A probe is a matrix B [D, k]. The squared length of B(h_i - h_j) is to be the number of edges
between words i and j, that of B h_i the depth of word i (Hewitt & Manning 2019). The loss of a
sentence of n words is the sum of absolute errors by n^2, or by n; that of a batch is their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from .tree_batches import TreeBatch

Kind = Literal["distance", "depth"]
KINDS: tuple[Kind, ...] = ("distance", "depth")
_BOUND = 0.05
"""Initial weights are uniform between its negative and it."""


@dataclass(frozen=True)
class Place:
    """Which probe of many it is.

    Attributes:
        kind: what it predicts.
        layer: the state that it reads, 0..L.
        rank: k.
        seed: of its initial weights.
        lr: learning rate that it is trained with.
    """

    kind: Kind
    layer: int
    rank: int
    seed: int
    lr: float


class StackedProbes:
    """P probes that `fit` trains on the same batches.

    Args:
        places: which probes.
        layers: the states of a batch, in its order.
        width: D.
        device: where they live.
    """

    def __init__(
        self,
        places: Sequence[Place],
        layers: Sequence[int],
        width: int,
        device: torch.device | None = None,
    ):
        self.places = tuple(places)
        self._reads = [list(layers).index(one.layer) for one in places]
        self._matrices = [
            first_matrix(one.kind, width, one.rank, one.seed).to(device or "cpu").requires_grad_()
            for one in places
        ]

    def parameters(self) -> list[list[torch.Tensor]]:
        """The matrix of each probe."""
        return [[one] for one in self._matrices]

    def matrices(self) -> list[torch.Tensor]:
        """The matrix [D, k] of each probe, without gradient."""
        return [one.detach() for one in self._matrices]

    def losses(self, active: Sequence[int], batch: TreeBatch) -> torch.Tensor:
        """Mean loss of each active probe."""
        groups: dict[tuple[Kind, int], list[int]] = {}
        for order, number in enumerate(active):
            place = self.places[number]
            groups.setdefault((place.kind, place.rank), []).append(order)
        found: list[torch.Tensor] = []
        for (kind, _), members in groups.items():
            numbers = [active[one] for one in members]
            found.append(_LOSSES[kind](self._projected(numbers, batch), batch))
        places = [one for members in groups.values() for one in members]
        return torch.cat(found)[torch.tensor(places).argsort()]

    def size(self, batch: TreeBatch) -> int:
        """Sentences of a batch."""
        return batch.vectors.shape[1]

    def _projected(self, numbers: Sequence[int], batch: TreeBatch) -> torch.Tensor:
        """Words under the matrices of some probes of one rank [P', B, W, k]."""
        U, B, W, D = batch.vectors.shape
        reads = [self._reads[one] for one in numbers]
        vectors = batch.vectors.view(U, B * W, D)
        if reads != list(range(U)):
            vectors = vectors[reads]
        matrices = torch.stack([self._matrices[one] for one in numbers])
        found: torch.Tensor = _Projected.apply(vectors, matrices)  # type: ignore[no-untyped-call]
        return found.view(len(numbers), B, W, -1)


def first_matrix(kind: Kind, width: int, rank: int, seed: int) -> torch.Tensor:
    """The initial weights of a probe [D, k]; those of the two kinds differ."""
    generator = torch.Generator().manual_seed(2 * seed + KINDS.index(kind))
    return torch.empty(width, rank).uniform_(-_BOUND, _BOUND, generator=generator)


class _Projected(torch.autograd.Function):
    """Products of vectors [P, R, D] and matrices [P, D, k]; the vectors are not learnt.

    The gradient is computed as its transpose, which reads the vectors row by row: a third faster.
    """

    @staticmethod
    def forward(ctx: Any, vectors: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
        """Products [P, R, k]."""
        ctx.save_for_backward(vectors)
        return torch.bmm(vectors, matrices)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[None, torch.Tensor]:
        """Gradient [P, D, k] of the matrices."""
        (vectors,) = ctx.saved_tensors
        return None, torch.bmm(gradients[0].mT, vectors).mT


class _DistanceLosses(torch.autograd.Function):
    """Losses of projected words, with their gradient in one product.

    With S the sign of each error times its weight, which is symmetric, the gradient at word i is
    4 (z_i sum_j S_ij - sum_j S_ij z_j).
    """

    @staticmethod
    def forward(
        ctx: Any, projected: torch.Tensor, gold: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Losses [P] of projected words [P, B, W, k]."""
        P, B, W, k = projected.shape
        flat = projected.view(P * B, W, k)
        # |a - b|^2 = |a|^2 + |b|^2 - 2ab: no tensor of differences [P, B, W, W, k]
        products = torch.bmm(flat, flat.mT)
        lengths = products.diagonal(dim1=1, dim2=2).clone()
        errors = products.mul_(-2).add_(lengths[:, :, None]).add_(lengths[:, None, :])
        errors = errors.view(P, B, W, W).sub_(gold)
        signs = errors.sign().mul_(weights)
        ctx.save_for_backward(flat, signs)
        return errors.mul_(signs).sum((1, 2, 3))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Gradient [P, B, W, k] of the words."""
        flat, signs = ctx.saved_tensors
        P, B, W, _ = signs.shape
        signs = signs * (4 * gradients[0])[:, None, None, None]
        pairs = signs.view(P * B, W, W)
        found = torch.baddbmm(flat * pairs.sum(2, keepdim=True), pairs, flat, alpha=-1)
        return found.view(P, B, W, -1), None, None


def _distance_losses(projected: torch.Tensor, batch: TreeBatch) -> torch.Tensor:
    found: torch.Tensor = _DistanceLosses.apply(projected, batch.distances, batch.pair_weights)  # type: ignore[no-untyped-call]
    return found


def _depth_losses(projected: torch.Tensor, batch: TreeBatch) -> torch.Tensor:
    predicted = projected.square().sum(-1)
    return ((predicted - batch.depths).abs() * batch.word_weights).sum((1, 2))


_LOSSES = {"distance": _distance_losses, "depth": _depth_losses}
