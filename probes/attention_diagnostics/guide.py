"""Context-free word classifiers guided by attention weights (Wiegreffe & Pinter 2019, 3.4).

Each piece's word embedding goes through one layer with tanh; the results are summed with fixed
weights and classified. The gain from a model's attention over uniform weights shows how informative
that attention is about the words themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..learning.fitting import Schedule, fit

Numbers = torch.Tensor


@dataclass(frozen=True)
class GuidedText:
    """The input of the classifiers for one text with n word pieces.

    Attributes:
        ids: of the pieces [n].
        weights: of each guide, summing to 1 [G, n].
        label: its class.
    """

    ids: torch.Tensor
    weights: torch.Tensor
    label: int


@dataclass(frozen=True)
class _Batch:
    vectors: torch.Tensor  # [B, n, D]
    real: torch.Tensor  # [B, n]
    weights: torch.Tensor  # [B, G, n]
    labels: torch.Tensor  # [B]


class Guided:
    """G + 1 classifiers that are trained together; the last learns its own weights.

    Args:
        table: word embeddings [V, D]; they stay as they are.
        guides: G.
        classes: K.
        width: of the layer.
        seed: of the initial weights, which are the same in all of them.
    """

    def __init__(self, table: torch.Tensor, guides: int, classes: int, width: int, seed: int):
        self._table = table.detach()
        self._parameters = [
            _first_weights(table.shape[1], width, classes, seed, table, scored=place == guides)
            for place in range(guides + 1)
        ]

    def parameters(self) -> Sequence[Sequence[torch.Tensor]]:
        """As `Stack` has it."""
        return self._parameters

    def losses(self, active: Sequence[int], batch: _Batch) -> torch.Tensor:
        """As `Stack` has it."""
        return torch.stack(
            [
                torch.nn.functional.cross_entropy(self._logits(place, batch), batch.labels)
                for place in active
            ]
        )

    def size(self, batch: _Batch) -> int:
        """As `Stack` has it."""
        return len(batch.labels)

    def right(self, texts: Sequence[GuidedText], batch_size: int = 64) -> np.ndarray:
        """Whether each classifier is correct, 1 or 0 [N, G + 1]."""
        found = []
        with torch.no_grad():
            for batch in self.batches(texts, range(len(texts)), batch_size):
                chosen = [self._logits(p, batch).argmax(1) for p in range(len(self._parameters))]
                found.append(torch.stack(chosen, dim=1) == batch.labels[:, None])
        return torch.cat(found).double().cpu().numpy()

    def batches(
        self, texts: Sequence[GuidedText], order: Sequence[int], size: int
    ) -> Iterator[_Batch]:
        """The texts in an order, padded."""
        pad = torch.nn.utils.rnn.pad_sequence
        for start in range(0, len(order), size):
            chosen = [texts[place] for place in order[start : start + size]]
            ids = pad([one.ids for one in chosen], batch_first=True)
            real = pad([torch.ones_like(one.ids) for one in chosen], batch_first=True).bool()
            weights = pad([one.weights.T for one in chosen], batch_first=True)
            labels = torch.tensor([one.label for one in chosen], device=ids.device)
            yield _Batch(self._table[ids], real, weights.transpose(1, 2), labels)

    def _logits(self, place: int, batch: _Batch) -> torch.Tensor:
        inner, bias, outer, last, *score = self._parameters[place]
        states = torch.tanh(batch.vectors @ inner + bias)  # [B, n, width]
        if score:
            scores = (states @ score[0]).masked_fill(~batch.real, -torch.inf)
            weights = scores.softmax(-1)
        else:
            weights = batch.weights[:, place]
        logits: torch.Tensor = (weights[:, None] @ states)[:, 0] @ outer + last
        return logits


def guided_right(
    table: torch.Tensor,
    learn: Sequence[GuidedText],
    score: Sequence[GuidedText],
    *,
    classes: int,
    width: int,
    epochs: int,
    seed: int,
    batch_size: int = 16,
) -> np.ndarray:
    """Whether the classifiers are correct on texts that they were not trained on [N, G + 1].

    A fifth of the training texts, at least one, is used for early stopping; a single text serves
    both purposes.
    """
    dev, train = learn[::5], [one for place, one in enumerate(learn) if place % 5] or learn
    made = Guided(table, len(learn[0].weights), classes, width, seed)

    def epoch(number: int) -> Iterator[_Batch]:
        order = np.random.default_rng((seed, number)).permutation(len(train))
        return made.batches(train, order.tolist(), batch_size)

    fit(
        made, epoch, lambda: made.batches(dev, range(len(dev)), batch_size), Schedule(epochs=epochs)
    )
    return made.right(score)


def _first_weights(
    D: int, width: int, classes: int, seed: int, like: torch.Tensor, *, scored: bool
) -> list[torch.Tensor]:
    """Uniform draws as for a linear layer."""
    draw = torch.Generator().manual_seed(seed)

    def drawn(rows: int, *shape: int) -> torch.Tensor:
        bound = rows**-0.5
        values = (torch.rand(rows, *shape, generator=draw) * 2 - 1) * bound
        leaf: torch.Tensor = values.to(like).requires_grad_()
        return leaf

    inner, outer = drawn(D, width), drawn(width, classes)
    zeros = [like.new_zeros(n).requires_grad_() for n in (width, classes)]
    return [inner, zeros[0], outer, zeros[1], *([drawn(width)] if scored else [])]
