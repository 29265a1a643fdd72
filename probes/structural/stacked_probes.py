"""Distance and depth probes of several states, ranks and seeds, trained side by side.

A probe is a matrix B [D, k]. The squared length of B(h_i - h_j) is to be the number of edges
between words i and j, that of B h_i the depth of word i (Hewitt & Manning 2019). The loss of a
sentence of n words is the sum of absolute errors by n^2, or by n; that of a batch is their mean.

A batch is read state by state: the words of one state stay in the processor's cache from the
product with the matrices of its probes to that with the gradient, which is known in closed form.
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
        width: D.
        device: where they live.
    """

    def __init__(self, places: Sequence[Place], width: int, device: torch.device | None = None):
        self.places = tuple(places)
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
        places = [self.places[one] for one in active]
        matrices = [self._matrices[one] for one in active]
        wanted = torch.is_grad_enabled()
        found: torch.Tensor = _Losses.apply(places, batch, wanted, *matrices)  # type: ignore[no-untyped-call]
        return found

    def size(self, batch: TreeBatch) -> int:
        """Sentences of a batch."""
        return len(batch.lengths)


def first_matrix(kind: Kind, width: int, rank: int, seed: int) -> torch.Tensor:
    """The initial weights of a probe [D, k]; those of the two kinds differ."""
    generator = torch.Generator().manual_seed(2 * seed + KINDS.index(kind))
    return torch.empty(width, rank).uniform_(-_BOUND, _BOUND, generator=generator)


class _Losses(torch.autograd.Function):
    """Losses [P] of matrices [D, k], which may have different k, with their gradients."""

    @staticmethod
    def forward(
        ctx: Any,
        places: Sequence[Place],
        batch: TreeBatch,
        wanted: bool,
        *matrices: torch.Tensor,
    ) -> torch.Tensor:
        """Losses [P]; their gradients are computed too if they are wanted."""
        losses: dict[int, torch.Tensor] = {}
        gradients: dict[int, torch.Tensor] = {}
        for layer in dict.fromkeys(place.layer for place in places):
            members = [one for one, place in enumerate(places) if place.layer == layer]
            vectors = batch.read(layer)
            projected = vectors @ _joined([matrices[one] for one in members])
            ranks = [places[one].rank for one in members]
            by_word = []
            for one, words in zip(members, projected.split_with_sizes(ranks, 1), strict=True):
                losses[one], found = _LOSSES[places[one].kind](words, batch, wanted)
                by_word.append(found)
            if wanted:
                found = vectors.mT @ _joined(by_word)
                gradients |= zip(members, found.split_with_sizes(ranks, 1), strict=True)
        ctx.save_for_backward(*(gradients[one] for one in sorted(gradients)))
        return torch.stack([losses[one] for one in sorted(losses)])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Gradients [D, k] of the matrices."""
        each = gradients[0].unbind()
        found = (one * by for one, by in zip(ctx.saved_tensors, each, strict=True))
        return None, None, None, *found


def _joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Matrices side by side; one alone is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), 1)


def _distance_loss(
    words: torch.Tensor, batch: TreeBatch, wanted: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of projected words [R, k], and its gradient by them if it is wanted.

    With S the sign of each error times its weight, which is symmetric, the gradient at word i is
    4 (z_i sum_j S_ij - sum_j S_ij z_j). An error of exactly 0 counts as positive.
    """
    B, W, _ = batch.distances.shape
    padded = words.index_select(0, batch.words).view(B, W, -1)
    # |a - b|^2 = |a|^2 + |b|^2 - 2ab: no tensor of differences [B, W, W, k]
    lengths = padded.square().sum(2)
    errors = (lengths[:, :, None] - batch.distances).add_(lengths[:, None, :])
    errors.baddbmm_(padded, padded.mT, alpha=-2)
    signs = torch.copysign(batch.pair_weights, errors)
    loss = errors.view(-1).dot(signs.view(-1))
    if not wanted:
        return loss, loss
    own = padded * signs.sum(2, keepdim=True).mul_(4)
    found = own.baddbmm_(signs, padded, alpha=-4)
    return loss, found.view(B * W, -1).index_select(0, batch.places)


def _depth_loss(
    words: torch.Tensor, batch: TreeBatch, wanted: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of projected words [R, k], and its gradient by them if it is wanted."""
    errors = words.square().sum(1).sub_(batch.depths)
    signs = torch.copysign(batch.word_weights, errors)
    loss = errors.dot(signs)
    return loss, words * signs.mul_(2)[:, None] if wanted else loss


_LOSSES = {"distance": _distance_loss, "depth": _depth_loss}
