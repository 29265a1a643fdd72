"""P classifiers whose weights are distributions, so that the model has a code length.

Bayesian compression with the group normal-Jeffreys prior (Louizos et al. 2017): the weights of an
input share a scale z with a log-uniform prior, q(z) = N(mu, alpha mu^2), and given z each is normal
around z times its mean. The divergence of q(z) from that prior is approximated as Molchanov et al.
(2017) do; that of the weights is exact (Kingma & Welling 2014).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ..learning.readouts import Form, first_weights
from ..learning.word_batches import WordBatch

K1, K2, K3 = 0.63576, 1.87320, 1.48695
"""Of Molchanov et al. 2017, equation 14."""
FIRST_LOG_VARIANCE = -6.0
_A_LAYER = 6
_LEAST = 1e-8


def scale_divergence(log_alpha: torch.Tensor) -> torch.Tensor:
    """KL in nats between N(mu, alpha mu^2) and the log-uniform prior; 0 for an endless alpha."""
    return K1 - K1 * torch.sigmoid(K2 + K3 * log_alpha) + 0.5 * nn.functional.softplus(-log_alpha)


def normal_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """KL in nats between N(mean, variance) and N(0, 1)."""
    return 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance)


class BayesianReadouts:
    """P classifiers of words, each of one state: what `fit` trains.

    Args:
        form: linear, or with a hidden layer.
        seeds: the seed of the first means of each.
        reads: the place of each classifier's state among those of a batch [P].
        answers: the task of each [P].
        words: number of coded words: the divergence is divided equally among them.
        noise: seed of the samples; all P classifiers get the same noise.
    """

    def __init__(
        self,
        form: Form,
        seeds: Sequence[int],
        reads: Sequence[int],
        answers: Sequence[int],
        *,
        words: int,
        noise: int,
    ):
        self._reads, self._answers = torch.tensor(list(reads)), torch.tensor(list(answers))
        self._words, self._noise = words, noise
        self._drawn = torch.Generator().manual_seed(noise)
        self._parameters = [_first(form, seed) for seed in seeds]

    def parameters(self) -> list[list[torch.Tensor]]:
        """The tensors of each: of each layer z, weights and biases, means and log variances."""
        return self._parameters

    def losses(self, active: Sequence[int], batch: WordBatch) -> torch.Tensor:
        """Nats per word of each active classifier: sampled cross-entropy, and its share of KL.

        In training the noise goes on; where nothing is learnt a batch has the same each time.
        """
        learning = torch.is_grad_enabled()
        drawn = self._drawn if learning else self._fixed(batch, 0)
        return self._nats(active, batch, drawn).mean(1) + self.divergence(active) / self._words

    def size(self, batch: WordBatch) -> int:
        """R."""
        return batch.vectors.shape[1]

    def divergence(self, active: Sequence[int]) -> torch.Tensor:
        """KL of all weights of each active classifier in nats, the code length of a model [P']."""
        total = torch.zeros(len(active))
        for z, log_z, weight, log_weight, bias, log_bias in self._layers(active):
            log_alpha = log_z - torch.log(z**2 + _LEAST)
            total = total + scale_divergence(log_alpha).sum(1)
            total = total + normal_divergence(weight, log_weight).sum((1, 2))
            total = total + normal_divergence(bias, log_bias).sum(1)
        return total

    def expected_nats(self, active: Sequence[int], batch: WordBatch, samples: int) -> torch.Tensor:
        """Cross-entropy of each word, mean over samples of the weights [P', R]."""
        with torch.no_grad():
            drawn = (self._fixed(batch, number) for number in range(samples))
            return torch.stack([self._nats(active, batch, one) for one in drawn]).mean(0)

    def _fixed(self, batch: WordBatch, number: int) -> torch.Generator:
        first = int(batch.rows[0]) if len(batch.rows) else 0
        return torch.Generator().manual_seed((self._noise + 7919 * first + 104729 * number) % 2**63)

    def _layers(self, active: Sequence[int]) -> list[list[torch.Tensor]]:
        """The stacked tensors of each layer."""
        stacked = [
            torch.stack([self._parameters[place][one] for place in active])
            for one in range(len(self._parameters[0]))
        ]
        return [stacked[start : start + _A_LAYER] for start in range(0, len(stacked), _A_LAYER)]

    def _nats(
        self, active: Sequence[int], batch: WordBatch, drawn: torch.Generator
    ) -> torch.Tensor:
        """Cross-entropy of each word under one sample of what it meets [P', R]."""
        inner = batch.vectors[self._reads[list(active)]]
        for number, layer in enumerate(self._layers(active)):
            z, log_z, weight, log_weight, bias, log_bias = layer
            inner = torch.relu(inner) if number else inner
            # scales once for all words of a batch, so that no array is [P', R, D] for their sake
            drawn_z = torch.randn(z.shape[1:], generator=drawn)
            scale = (z + drawn_z * (0.5 * log_z).exp())[..., None]
            mean = torch.baddbmm(bias[:, None], inner, scale * weight)
            variance = torch.baddbmm(log_bias.exp()[:, None], inner**2, scale**2 * log_weight.exp())
            # and given these each word has weights of its own (Kingma et al. 2015)
            of_words = torch.randn(mean.shape[1:], generator=drawn)
            inner = mean + of_words * torch.sqrt(variance + _LEAST)
        gold = batch.gold
        gold = gold.expand(len(active), -1) if gold.ndim == 1 else gold[self._answers[list(active)]]
        return nn.functional.cross_entropy(inner.mT, gold, reduction="none")


def _first(form: Form, seed: int) -> list[torch.Tensor]:
    """First tensors of one classifier: the means of a plain one, and small variances."""
    plain = first_weights(form, seed)
    found: list[torch.Tensor] = []
    for weight, bias in zip(plain[::2], plain[1::2], strict=True):
        z = torch.ones(len(weight))
        for mean in (z, weight, bias):
            found += [mean, torch.full_like(mean, FIRST_LOG_VARIANCE)]
    return [one.requires_grad_() for one in found]
