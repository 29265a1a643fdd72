"""Three scores of a word as the head of another, each with P sets of weights (Clark et al. 2019).

With A_k the map of head k between words, i a dependent and j a candidate:

- `maps`: s_ij = sum_k w_k A_k[i, j] + u_k A_k[j, i], two weights per head;
- `maps+words`: the same, where w_k and u_k are linear in the vectors of both words;
- `words+distances`: no map; an MLP over both words' vectors and eight features of their distance.

The root is one more candidate. Attention has no word for it: its score is linear in what the word
gives to, and gets from, special tokens, with a bias. A word is never its own head.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from .map_batches import MapBatch
from .word_maps import SPECIALS

HIDDEN = 256
"""Units of the MLP over words and distances."""
DISTANCES = 8

Weights = list[torch.Tensor]
Score = Callable[[Weights, MapBatch], torch.Tensor]


def map_weights(heads: int, width: int, generator: torch.Generator) -> Weights:
    """Those of heads [K] and [K], of the root [K, SPECIALS], its bias [1]: zero, all is convex."""
    return [torch.zeros(heads), torch.zeros(heads), torch.zeros(heads, SPECIALS), torch.zeros(1)]


def map_scores(weights: Weights, batch: MapBatch) -> torch.Tensor:
    """Scores [P, B, W, W + 1] of `maps`, the root last."""
    outward, inward, root, bias = weights
    scores = torch.einsum("pk,bkij->pbij", outward, batch.maps)
    scores = scores + torch.einsum("pk,bkij->pbji", inward, batch.maps)
    return torch.cat([scores, _root_scores(root, bias, batch)], dim=3)


def word_weights(heads: int, width: int, generator: torch.Generator) -> Weights:
    """Those of `maps`, and four matrices [D, K] that words change them by, which start at zero."""
    return [
        *map_weights(heads, width, generator),
        *(torch.zeros(width, heads) for _ in range(4)),
    ]


def word_scores(weights: Weights, batch: MapBatch) -> torch.Tensor:
    """Scores [P, B, W, W + 1] of `maps+words`."""
    outward, inward, root, bias, out_own, out_other, in_own, in_other = weights

    def of_words(matrix: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bid,pdk->pbik", batch.vectors, matrix)

    own_out = of_words(out_own) + outward[:, None, None]
    own_in = of_words(in_own) + inward[:, None, None]
    scores = torch.einsum("pbik,bkij->pbij", own_out, batch.maps)
    scores = scores + torch.einsum("pbjk,bkij->pbij", of_words(out_other), batch.maps)
    scores = scores + torch.einsum("pbik,bkji->pbij", own_in, batch.maps)
    scores = scores + torch.einsum("pbjk,bkji->pbij", of_words(in_other), batch.maps)
    return torch.cat([scores, _root_scores(root, bias, batch)], dim=3)


def distance_weights(heads: int, width: int, generator: torch.Generator) -> Weights:
    """Matrices of both words and of their distance, the root's own vector, and the output."""

    def uniform(*shape: int, inputs: int) -> torch.Tensor:
        bound = 1 / math.sqrt(inputs)
        return torch.empty(*shape).uniform_(-bound, bound, generator=generator)

    inputs = 2 * width + DISTANCES
    return [
        uniform(width, HIDDEN, inputs=inputs), uniform(width, HIDDEN, inputs=inputs),
        uniform(DISTANCES, HIDDEN, inputs=inputs), uniform(HIDDEN, inputs=inputs),
        uniform(HIDDEN, inputs=inputs), uniform(HIDDEN, inputs=HIDDEN),
    ]  # fmt: skip


def distance_scores(weights: Weights, batch: MapBatch) -> torch.Tensor:
    """Scores [P, B, W, W + 1] of `words+distances`."""
    own, other, apart, root, bias, out = weights
    dependent = torch.einsum("bid,pdh->pbih", batch.vectors, own) + bias[:, None, None]
    candidate = torch.einsum("bjd,pdh->pbjh", batch.vectors, other)
    steps = distance_features(batch.maps.shape[-1])
    between = torch.einsum("ijf,pfh->pijh", steps, apart)
    inner = dependent[:, :, :, None] + candidate[:, :, None] + between[:, None]
    scores = torch.einsum("pbijh,ph->pbij", torch.tanh(inner), out)
    to_root = torch.tanh(dependent + root[:, None, None])
    return torch.cat([scores, torch.einsum("pbih,ph->pbi", to_root, out)[..., None]], dim=3)


def distance_features(words: int) -> torch.Tensor:
    """Eight features of the way from word i to word j [W, W, 8].

    One and two words to the left and to the right, three or more to each side, and the logarithm
    of the distance to each side.
    """
    places = torch.arange(words)
    way = places[None] - places[:, None]
    near = [way == step for step in (-2, -1, 1, 2)]
    far = [way <= -3, way >= 3]
    logs = [way.clamp_max(0).neg().log1p(), way.clamp_min(0).log1p()]
    return torch.stack([*(one.float() for one in (*near, *far)), *logs], dim=2)


def _root_scores(root: torch.Tensor, bias: torch.Tensor, batch: MapBatch) -> torch.Tensor:
    scores = torch.einsum("pks,bkis->pbi", root, batch.root) + bias[:, None]
    return scores[..., None]


FORMS: Mapping[str, tuple[Callable[[int, int, torch.Generator], Weights], Score]] = {
    "maps": (map_weights, map_scores),
    "maps+words": (word_weights, word_scores),
    "words+distances": (distance_weights, distance_scores),
}
"""Form -> (initial weights of one probe, scores of P)."""


class HeadScorers:
    """P probes of one form: what `fit` trains.

    Args:
        form: a key of FORMS.
        heads: K.
        width: D, of word vectors.
        seeds: the seed of the initial weights of each of the P.
    """

    def __init__(self, form: str, heads: int, width: int, seeds: Sequence[int]):
        first, self._scores = FORMS[form]
        self._parameters = [
            [one.requires_grad_() for one in first(heads, width, torch.Generator().manual_seed(s))]
            for s in seeds
        ]

    def parameters(self) -> list[Weights]:
        """The tensors of each probe."""
        return self._parameters

    def scores(self, active: Sequence[int], batch: MapBatch) -> torch.Tensor:
        """Scores [P', B, W, W + 1] of every candidate; -inf at itself and beyond the text."""
        weights = [
            torch.stack([self._parameters[place][one] for place in active])
            for one in range(len(self._parameters[0]))
        ]
        scores = self._scores(weights, batch)
        B, W = batch.words.shape
        never = torch.eye(W, dtype=torch.bool) | ~batch.words[:, None]
        never = torch.cat([never, torch.zeros(B, W, 1, dtype=torch.bool)], dim=2)
        return scores.masked_fill(never, -torch.inf)

    def losses(self, active: Sequence[int], batch: MapBatch) -> torch.Tensor:
        """Mean cross-entropy in nats of the words that have a head [P']."""
        scored = batch.gold >= 0
        scores = self.scores(active, batch)[:, scored]
        gold = batch.gold[scored].expand(len(active), -1)
        return nn.functional.cross_entropy(scores.mT, gold, reduction="none").mean(1)

    def size(self, batch: MapBatch) -> int:
        """Words that have a head."""
        return int((batch.gold >= 0).sum())
