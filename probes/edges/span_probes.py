"""P span probes trained side by side, each on its own mix of hidden states (Tenney et al. 2019).

A probe weighs the states 0..k of each word, gamma * sum_l softmax(a)_l h_l, projects the mix, pools
the words of a span by learnt attention, and gives the pooled span, or both of a pair, to a network
with one hidden layer and one sigmoid per label: Linear, tanh, LayerNorm, dropout, Linear, as in
`modules/edge_probing.py` and `modules/simple_modules.py` of jiant 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from .span_batches import Cover, SpanBatch

_MIX, _GAMMA = range(2)
_HASTE = 10
"""The weights of a mix are softmax(10 b), and b is learnt at the rate of all other parameters.

Adam moves a parameter by about its rate per step. Over 250,000 steps of 1e-4, as published, a
weight can go anywhere; over hundreds of 1e-3 it would stay near uniform, whatever its state tells.
"""


@dataclass(frozen=True)
class SpanForm:
    """The architecture of a span probe.

    Attributes:
        states: L + 1, of the model.
        width: D.
        labels: K.
        pairs: whether there are two spans.
        symmetric: whether both spans of a pair share projection and pooling.
        projection: numbers that a word is projected to, and units of the hidden layer.
        dropout: of the hidden layer, in training.
    """

    states: int
    width: int
    labels: int
    pairs: bool = False
    symmetric: bool = False
    projection: int = 256
    dropout: float = 0.3

    @property
    def sides(self) -> int:
        """The number of projections."""
        return 2 if self.pairs and not self.symmetric else 1

    @property
    def size(self) -> int:
        """The number of parameters of a probe."""
        projected = self.sides * self.projection
        spans = (2 if self.pairs else 1) * self.projection
        inner = (spans + 1) * self.projection + 2 * self.projection
        return (
            self.states + 1 + (self.width + 1) * projected + projected
            + inner + (self.projection + 1) * self.labels
        )  # fmt: skip


class SpanProbes:
    """P probes of spans: what `fit` trains.

    Args:
        form: of each of them.
        depths: the last state k of each probe's mix [P].
        seeds: of the initial weights of each [P].
        device: where they live.
    """

    def __init__(
        self,
        form: SpanForm,
        depths: Sequence[int],
        seeds: Sequence[int],
        device: torch.device | None = None,
    ):
        self.form = form
        self._beyond = torch.tensor(
            [[layer > depth for layer in range(form.states)] for depth in depths], device=device
        )
        self._parameters = [
            [one.to(device or "cpu").requires_grad_() for one in first_weights(form, seed)]
            for seed in seeds
        ]

    def parameters(self) -> list[list[torch.Tensor]]:
        """The tensors of each probe."""
        return self._parameters

    def mix_weights(self) -> torch.Tensor:
        """Weight softmax(a) of each state in each probe's mix [P, L + 1], 0 beyond its last."""
        every = range(len(self._parameters))
        return self._weights(list(every), self._stacked(list(every), _MIX)).detach()

    def gammas(self) -> torch.Tensor:
        """Scale of each probe's mix [P]."""
        return self._stacked(range(len(self._parameters)), _GAMMA).detach()[:, 0]

    def losses(self, active: Sequence[int], batch: SpanBatch) -> torch.Tensor:
        """Binary cross-entropy in nats of each active probe [P'], summed over labels.

        It is the mean over spans. Published code takes the mean over labels as well, a constant
        factor that Adam does not see.
        """
        logits = self.logits(active, batch)
        each = functional.binary_cross_entropy_with_logits(
            logits, batch.gold.expand_as(logits), reduction="none"
        )
        return each.sum(2).mean(1)

    def size(self, batch: SpanBatch) -> int:
        """S."""
        return len(batch.gold)

    def logits(self, active: Sequence[int], batch: SpanBatch) -> torch.Tensor:
        """Scores [P', S, K] of the active probes."""
        form = self.form
        (
            mix, gamma, project, project_bias, score,
            inner, inner_bias, scale, shift, out, out_bias,
        ) = (self._stacked(active, one) for one in range(11))  # fmt: skip
        U, R, D = batch.vectors.shape
        weights = gamma * self._weights(active, mix)
        mixed = (weights @ batch.vectors.reshape(U, R * D)).view(-1, R, D)
        projected = torch.baddbmm(project_bias[:, None], mixed, project)
        sides = projected.view(len(active), R, form.sides, form.projection).unbind(2)
        spans = len(batch.gold)
        pooled = torch.cat(
            [
                _pooled(sides[-1 if place else 0], score[:, -1 if place else 0], cover, spans)
                for place, cover in enumerate(batch.covers)
            ],
            dim=2,
        )
        hidden = torch.tanh(torch.baddbmm(inner_bias[:, None], pooled, inner))
        normed = functional.layer_norm(hidden, hidden.shape[-1:])
        hidden = torch.addcmul(shift[:, None], normed, scale[:, None])
        if batch.dropout is not None and form.dropout:
            hidden = hidden * _kept(hidden[0], form.dropout, batch.dropout)
        return torch.baddbmm(out_bias[:, None], hidden, out)

    def _stacked(self, active: Sequence[int], which: int) -> torch.Tensor:
        return torch.stack([self._parameters[place][which] for place in active])

    def _weights(self, active: Sequence[int], mix: torch.Tensor) -> torch.Tensor:
        beyond = self._beyond[list(active)]
        return torch.softmax((_HASTE * mix).masked_fill(beyond, float("-inf")), dim=1)


def _pooled(words: torch.Tensor, score: torch.Tensor, cover: Cover, spans: int) -> torch.Tensor:
    """Mean of the words of each span, weighted by a softmax of their scores [P, S, H].

    Args:
        words: projected words [P, R, H].
        score: what words are multiplied by for their scores [P, H].
        cover: which words each span covers.
        spans: S.
    """
    if cover.single:
        return words[:, cover.word]
    scores = (words @ score[:, :, None])[:, cover.word, 0]
    with torch.no_grad():
        # any constant leaves a softmax as it is; the largest score keeps it from overflowing
        start = scores.new_full((len(scores), spans), float("-inf"))
        largest = start.scatter_reduce(1, cover.span.expand_as(scores), scores, "amax")
    weights = torch.exp(scores - largest[:, cover.span])
    total = weights.new_zeros(len(scores), spans).index_add(1, cover.span, weights)
    weights = weights / total[:, cover.span]
    weighted = weights[:, :, None] * words[:, cover.word]
    return weighted.new_zeros(len(words), spans, words.shape[2]).index_add(1, cover.span, weighted)


def _kept(like: torch.Tensor, dropout: float, seed: int) -> torch.Tensor:
    """The dropout mask, the same for all probes: no probe depends on the others."""
    generator = torch.Generator().manual_seed(seed)
    kept = torch.rand(like.shape, generator=generator) >= dropout
    return kept.to(like) / (1 - dropout)


def first_weights(form: SpanForm, seed: int) -> list[torch.Tensor]:
    """Initial weights of one probe, as torch modules have them; weights are [inputs, outputs]."""
    projection, spans = form.projection, 2 if form.pairs else 1
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        project = nn.Linear(form.width, form.sides * projection)
        score = nn.Linear(projection, form.sides)
        inner = nn.Linear(spans * projection, projection)
        out = nn.Linear(projection, form.labels)
    found = [
        torch.zeros(form.states), torch.ones(1),
        project.weight.T, project.bias, score.weight,
        inner.weight.T, inner.bias, torch.ones(projection), torch.zeros(projection),
        out.weight.T, out.bias,
    ]  # fmt: skip
    return [one.detach().clone(memory_format=torch.contiguous_format) for one in found]
