"""The variational code: its divergences by integration, and what it makes of labels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from made_states import made_words
from scipy import integrate, stats
from subprobe.probes.description_length.bayesian import (
    BayesianReadouts,
    normal_divergence,
    scale_divergence,
)
from subprobe.probes.description_length.coded import LabelledWords, Training, uniform_bits
from subprobe.probes.description_length.layer_probes import bit_schedule
from subprobe.probes.description_length.random_labels import labels_by_word
from subprobe.probes.description_length.variational_code import variational_code
from subprobe.probes.learning.readouts import Form
from subprobe.probes.learning.word_batches import WordBatch

K, D = 3, 4


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 1.0), (1.3, 0.2), (-0.4, 2.5)])
def test_the_divergence_of_weights_is_the_integral(mean, variance):
    own, prior = stats.norm(mean, math.sqrt(variance)), stats.norm()
    wanted, _ = integrate.quad(lambda w: own.pdf(w) * (own.logpdf(w) - prior.logpdf(w)), -20, 20)
    found = normal_divergence(torch.tensor(mean), torch.tensor(math.log(variance)))
    assert found.item() == pytest.approx(wanted, abs=1e-5)


def integral_over_scales(alpha: float) -> float:
    """KL between N(1, alpha) and the log-uniform prior, up to a constant: E log|z| - entropy."""
    own = stats.norm(1, math.sqrt(alpha))
    found, _ = integrate.quad(
        lambda z: own.pdf(z) * math.log(abs(z)), -60, 60, points=[0.0, 1.0], limit=500
    )
    return found - own.entropy()


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.5, 1.0, 4.0])
def test_the_divergence_of_scales_is_the_integral(alpha):
    """The prior is improper: what is left for an endless alpha is the constant."""
    least = integral_over_scales(100.0) - scale_divergence(torch.tensor(math.log(100.0))).item()
    wanted = integral_over_scales(alpha) - least
    found = scale_divergence(torch.tensor(math.log(alpha))).item()
    assert found == pytest.approx(wanted, abs=0.02)


def test_an_endless_scale_costs_nothing():
    assert scale_divergence(torch.tensor(40.0)).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("form", [Form(D, K), Form(D, K, hidden=5)])
def test_the_divergence_of_a_classifier_sums_all_weights(form):
    stack = BayesianReadouts(form, [0, 1], [0, 0], [0, 0], words=10, noise=0)
    wanted = 0.0
    tensors = stack.parameters()[1]
    assert len(tensors) == (12 if form.hidden else 6)
    for start in range(0, len(tensors), 6):
        z, log_z, *rest = tensors[start : start + 6]
        wanted += scale_divergence(log_z - 2 * z.log()).sum().item()
        wanted += sum(normal_divergence(*rest[i : i + 2]).sum().item() for i in (0, 2))
    assert stack.divergence([1]).item() == pytest.approx(wanted, rel=1e-5)


def test_a_loss_is_the_cross_entropy_and_a_share_of_the_divergence():
    """With next to no variance the sample is the classifier of the means."""
    stack = BayesianReadouts(Form(D, K), [5], [0], [0], words=50, noise=0)
    with torch.no_grad():
        for log_variance in stack.parameters()[0][1::2]:
            log_variance.fill_(-30.0)
    draw = torch.Generator().manual_seed(0)
    vectors = torch.randn(1, 9, D, generator=draw)
    batch = WordBatch(vectors, torch.arange(9).remainder(K)[None], np.arange(9))
    z, _, weight, _, bias, _ = stack.parameters()[0]
    logits = (batch.vectors[0] * z) @ weight + bias
    nats = torch.nn.functional.cross_entropy(logits, batch.gold[0])
    wanted = nats + stack.divergence([0])[0] / 50
    assert stack.losses([0], batch).item() == pytest.approx(wanted.item(), rel=1e-3)


@pytest.fixture(scope="module")
def coded() -> LabelledWords:
    train, gold = made_words(60, K, D, states=2, seed=0, signal=4.0)
    random = labels_by_word(len(gold), K, (0, 0))
    golds = np.stack([gold, random])
    return LabelledWords(train, train, golds, golds, K)


def code_of(words: LabelledWords, rates: tuple[float, ...] = (0.03,), seeds=(0,)):
    made = Training(Form(D, K), rates, seeds, 0, bit_schedule(60))
    return variational_code(words, [np.arange(60)], made)


@pytest.fixture(scope="module")
def costs(coded):
    return code_of(coded)


def test_only_labels_that_a_state_says_are_compressed(coded, costs):
    lengths = (costs.bits.sum(-1) + costs.model_bits)[:, 0]  # [M, U]
    uniform = uniform_bits(coded.words_by_text.sum(), K)
    assert lengths[0, 1] < uniform / 2
    for others in (lengths[0, 0], lengths[1, 0], lengths[1, 1]):
        assert uniform * 0.97 < others < uniform * 1.3
    assert (costs.model_bits > 0).all()
    assert costs.model_bits[0, 0, 1] > costs.model_bits[1, 0, 1]  # what says nothing is forgotten


def test_assignments_coded_together_are_what_each_is_alone(coded, costs):
    alone = code_of(LabelledWords(coded.train, coded.dev, coded.gold[:1], coded.dev_gold[:1], K))
    np.testing.assert_allclose(costs.bits[:1], alone.bits, rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(costs.model_bits[:1], alone.model_bits, rtol=1e-3)


def test_the_rate_with_the_shortest_code_is_used_and_bytes_are_the_same(coded, costs):
    both = code_of(coded, rates=(1e-4, 0.03))
    assert both.rates[0][0, 1] == 0.03
    again = code_of(coded)
    assert again.bits.tobytes() == costs.bits.tobytes()
    assert again.model_bits.tobytes() == costs.model_bits.tobytes()
