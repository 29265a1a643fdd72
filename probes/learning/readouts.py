"""P classifiers of the same form side by side: linear, low-rank, or with a hidden layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Form:
    """The form of a classifier.

    Attributes:
        width: D, of what it reads.
        classes: K.
        hidden: units of a hidden layer with ReLU; 0 = none.
        rank: columns of a factor between input and classes; 0 = none. Not both.
    """

    width: int
    classes: int
    hidden: int = 0
    rank: int = 0


@dataclass(frozen=True)
class Pairs:
    """R pairs of words as [x, y, x * y] (Liu et al. 2019), which is never materialised.

    Each word is in several pairs: products of a weight with x or y alone are computed once per
    word.

    Attributes:
        words: vectors [P, W, D].
        first: place of x among the words [R].
        second: place of y [R].
        product: x * y [P, R, D].
    """

    words: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    product: torch.Tensor

    @classmethod
    def of(cls, words: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> Pairs:
        """Pairs of words [P, W, D]."""
        product = words.index_select(1, first) * words.index_select(1, second)
        return cls(words, first, second, product)

    def __getitem__(self, places: torch.Tensor) -> Pairs:
        """Those of some of the P."""
        return Pairs(self.words[places], self.first, self.second, self.product[places])

    def __len__(self) -> int:
        return len(self.words)

    def times(self, weight: torch.Tensor) -> torch.Tensor:
        """[x, y, x * y] @ weight [P, 3 D, K], as [P, R, K]."""
        x, y, both = weight.chunk(3, dim=1)
        alone = (self.words @ x)[:, self.first] + (self.words @ y)[:, self.second]
        return torch.baddbmm(alone, self.product, both)


Read = torch.Tensor | Pairs
"""What classifiers read: vectors [P, T, D], or pairs."""


def _times(vectors: Read, weight: torch.Tensor) -> torch.Tensor:
    return vectors.times(weight) if isinstance(vectors, Pairs) else vectors @ weight


def _affine(vectors: Read, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    if isinstance(vectors, Pairs):
        return vectors.times(weight) + bias[:, None]
    return torch.baddbmm(bias[:, None], vectors, weight)


class Readouts:
    """P classifiers from vectors [D] to K classes, each with weights of its own.

    Args:
        form: of each of them.
        seeds: the seed of the initial weights of each of the P.
        device: their device.

    Raises:
        ValueError: for a form with both a hidden layer and a rank.
    """

    def __init__(self, form: Form, seeds: Sequence[int], device: torch.device | None = None):
        if form.hidden and form.rank:
            raise ValueError("a classifier has either a hidden layer or a rank, not both")
        self.form = form
        self._parameters = [
            [one.to(device or "cpu").requires_grad_() for one in first_weights(form, seed)]
            for seed in seeds
        ]

    def parameters(self) -> list[list[torch.Tensor]]:
        """The tensors of each of the P classifiers."""
        return self._parameters

    def logits(self, active: Sequence[int], vectors: Read) -> torch.Tensor:
        """Scores [P', T, K] of the classifiers `active` (P') for vectors [P', T, D] or pairs."""
        stacked = [
            torch.stack([self._parameters[place][one] for place in active])
            for one in range(len(self._parameters[0]))
        ]
        if self.form.hidden:
            weight, bias, out, out_bias = stacked
            return _affine(torch.relu(_affine(vectors, weight, bias)), out, out_bias)
        if self.form.rank:
            factor, out, out_bias = stacked
            return _affine(_times(vectors, factor), out, out_bias)
        out, out_bias = stacked
        return _affine(vectors, out, out_bias)

    def losses(self, active: Sequence[int], vectors: Read, gold: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy in nats of each active classifier [P'].

        Args:
            active: places of the P' classifiers.
            vectors: what they read [P', T, D], or T pairs.
            gold: class of each vector [T], or of each vector for each classifier [P', T].
        """
        logits = self.logits(active, vectors)
        gold = gold.expand(len(active), -1) if gold.ndim == 1 else gold
        each = nn.functional.cross_entropy(logits.mT, gold, reduction="none")
        return each.mean(1)


def first_weights(form: Form, seed: int) -> list[torch.Tensor]:
    """The initial weights of one classifier: uniform in 1 / sqrt(inputs), as `torch.nn.Linear` has.

    Weights are [inputs, outputs], so that `vectors @ weight` is the product.
    """
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int, inputs: int) -> torch.Tensor:
        bound = 1 / math.sqrt(inputs)
        return torch.empty(*shape).uniform_(-bound, bound, generator=generator)

    D, K = form.width, form.classes
    if form.hidden:
        hidden = form.hidden
        return [
            uniform(D, hidden, inputs=D), uniform(hidden, inputs=D),
            uniform(hidden, K, inputs=hidden), uniform(K, inputs=hidden),
        ]  # fmt: skip
    if form.rank:
        rank = form.rank
        return [
            uniform(D, rank, inputs=D), uniform(rank, K, inputs=rank), uniform(K, inputs=rank),
        ]  # fmt: skip
    return [uniform(D, K, inputs=D), uniform(K, inputs=D)]
