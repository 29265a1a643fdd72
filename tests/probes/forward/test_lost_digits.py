"""Differences of nearly equal numbers keep their digits in float32.

Each oracle is the plain formula in float64; beside it stands what the plain formula leaves in
float32, so that each case is one where it fails.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from attention_oracle import punctuated_examples
from probe_cases import tiny_context
from subprobe.probes.attention.attention_change import AttentionChange
from subprobe.probes.attention.head_distances import _divergences
from subprobe.probes.attention.shuffled_maximum import shuffled_maximum
from subprobe.probes.context_mixing import contributions
from subprobe.probes.context_mixing.contributions import ValueZeroing, cosine_distance, norm_drop
from subprobe.probes.context_mixing.effective_attention import effective_attention
from subprobe.probes.context_mixing.norms import _head_products, _norms, mixing_ratios
from subprobe.probes.forward.attention_block import LayerValues, quadratic_norm
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.representations.identifiability import _same, _Scores
from torch import nn

REAL = torch.finfo(torch.float32).eps


def drawn(*shape, seed=0, scale=1.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def off(found, expected):
    """Largest relative error."""
    expected = torch.as_tensor(expected, dtype=torch.float64)
    return float(((found.detach().double() - expected).abs() / expected.abs()).max())


def one_minus_cosine(first, second):
    return (1 - nn.functional.cosine_similarity(first, second, dim=-1)).clamp_min(0)


@pytest.mark.parametrize("apart", [1e-3, 1e-5])
def test_cosine_distance(apart):
    first = drawn(50, 384)
    second = first + drawn(50, 384, seed=1, scale=apart)
    exact = one_minus_cosine(first.double(), second.double())
    assert off(cosine_distance(first, second), exact) < 100 * REAL / apart
    assert off(one_minus_cosine(first, second), exact) > (0.9 if apart < 1e-4 else 0.05)


def test_drop_of_the_norm():
    total, part = drawn(50, 384), drawn(50, 384, seed=1, scale=1e-5)
    big = drawn(50, 384, seed=2, scale=2.0)
    exact = total.double().abs().sum(-1) - (total.double() - part.double()).abs().sum(-1)
    plain = total.abs().sum(-1) - (total - part).abs().sum(-1)
    keeps = exact.abs() > 1e-5
    assert off(norm_drop(total, part)[keeps], exact[keeps]) < 1e-3
    assert off(plain[keeps], exact[keeps]) > 0.1
    exact = total.double().abs().sum(-1) - (total.double() - big.double()).abs().sum(-1)
    assert off(norm_drop(total, big), exact) < 1e-5
    zero = torch.zeros(3)
    assert norm_drop(zero, torch.tensor([1.0, -2.0, 0.0])) == -3


def test_value_zeroing_of_small_values_is_that_of_double_precision(monkeypatch):
    """Values a thousand times smaller than the residual, whatever texts share a batch."""
    contexts = {double: tiny_context("bert", double=double) for double in (True, False)}
    for context in contexts.values():
        with torch.no_grad():
            for layer in range(2):
                module = context.anatomy.value_projection(context.model, layer)
                module.weight.mul_(1e-3)
                module.bias.mul_(1e-3)

    def rows(double, size):
        context = contexts[double]
        found = run_probes(context, examples, [ValueZeroing(context)], batch_size=size)[0].rows
        return found["value"].astype(float).to_numpy()

    examples = punctuated_examples(12)
    exact, found, single = rows(True, 12), rows(False, 12), rows(False, 1)
    np.testing.assert_allclose(found, exact, atol=5e-5)
    np.testing.assert_allclose(found, single, atol=1e-5)
    monkeypatch.setattr(contributions, "cosine_distance", one_minus_cosine)
    assert np.abs(rows(False, 12) - exact).max() > 0.1


def test_norms_along_a_weak_direction():
    # two directions, one 1e-6 of the other; the vector lies in the weak one
    weights = torch.tensor([[1.0, 0.0], [0.6, 1e-6]]).expand(1, 2, 2)
    vector = torch.tensor([-0.6, 1.0]).expand(1, 1, 1, 2)
    exact = (vector[0, 0].double() @ weights[0].double()).norm(dim=-1)
    double = weights.double()
    assert off(quadratic_norm(vector, double @ double.transpose(1, 2)), exact) < 1e-2
    products = weights @ weights.transpose(1, 2)
    plain = ((vector.transpose(1, 2) @ products) * vector.transpose(1, 2)).sum(-1)
    assert off(plain.clamp_min(0).sqrt(), exact) > 0.5


def block(attention, value, projection, residual):
    """An attention block of float32 numbers, put together as the model does."""
    H, d = value.shape[2:]
    context = (attention @ value.transpose(1, 2)).transpose(1, 2)
    norm = nn.LayerNorm(H * d)
    projected = projection(context.flatten(2)).detach()
    output = norm(projected + residual).detach()
    return LayerValues(
        attention, value, context, projected, residual, output, projection, norm,
        torch.ones(H, dtype=torch.bool),
    )  # fmt: skip


def test_the_sum_over_heads_that_nearly_cancel():
    S, H, d = 3, 2, 4
    projection = nn.Linear(H * d, H * d, bias=False)
    with torch.no_grad():
        projection.weight[:, d:] = projection.weight[:, :d]
    value = drawn(1, S, 1, d).expand(1, S, H, d).clone()
    value[:, :, 1] *= -(1 + 1e-4)
    attention = torch.full((1, H, S, S), 1 / S)
    one = block(attention, value, projection, torch.zeros(1, S, H * d))
    weights = projection.weight.detach().double()
    moved = value.double().flatten(2)[..., :d] @ weights[:, :d].T
    moved = moved + value.double()[:, :, 1] @ weights[:, d:].T  # both heads have weight 1 / S
    exact = (moved / S).norm(dim=-1)[:, None].expand(1, S, S)
    assert off(_norms(one, _head_products(one))[1], exact) < 1e-3
    f = value[0, 0].unsqueeze(1) @ one.head_weights()
    gram = (f.squeeze(1) @ f.squeeze(1).T).detach()
    plain = (gram.sum() / S**2).clamp_min(0).sqrt()
    assert off(plain, exact[0, 0, 0]) > 0.1


def test_mixing_of_heads_that_look_at_themselves_alone():
    S, H, d = 4, 2, 4
    projection = nn.Linear(H * d, H * d)
    away = drawn(1, H, S, S).exp() * 1e-6
    attention = away - torch.diag_embed(away.diagonal(0, 2, 3))
    attention = attention + torch.diag_embed(1 - attention.sum(-1))
    value = drawn(1, S, H, d, seed=3)
    one = block(attention, value, projection, drawn(1, S, H * d, seed=4))
    found = mixing_ratios(one)
    others = attention.double() - torch.diag_embed(attention.double().diagonal(0, 2, 3))
    weights = projection.weight.detach().double()
    moved = [
        (part @ value.double().transpose(1, 2)).transpose(1, 2).flatten(2) @ weights.T
        for part in (others, torch.diag_embed(attention.double().diagonal(0, 2, 3)))
    ]
    rest, own = (one.norm(dim=-1) for one in moved)
    assert off(found["mixing_weight_attention"], others.sum((1, 3)) / H) < 1e-6
    assert off(found["mixing_norm_attention"], rest / (rest + own)) < 1e-5
    itself = attention.diagonal(0, 2, 3)
    assert off(1 - itself.sum(1) / H, others.sum((1, 3)) / H) > 1e-3
    kept = (itself.transpose(1, 2)[..., None] * value).flatten(2) @ projection.weight.T
    plain = (one.projected - projection.bias - kept).detach().norm(dim=-1)
    assert off(plain, rest) > 1e-3


def test_what_effective_attention_removes():
    # values of full rank but for a direction that attention has hardly anything in
    S, d = 6, 4
    values = drawn(1, 1, S, d)
    basis, _, _ = torch.linalg.svd(values[0, 0].double(), full_matrices=True)
    lost = basis[:, d:]
    attention = drawn(S, S, seed=5).softmax(-1).double()
    attention = attention - attention @ lost @ lost.T
    attention = (attention + 1e-9 * (drawn(S, S - d, seed=6).double() @ lost.T))[None, None]
    real = torch.ones(1, S)
    found, _, removed = effective_attention(attention, values.double(), real)
    exact = (attention @ lost @ lost.T).norm(dim=(2, 3))
    assert off(removed, exact) < 1e-5
    assert off((attention.float() - found.float()).norm(dim=(2, 3)), exact) > 0.5


@pytest.mark.parametrize("apart", [0.0, 1e-9])
def test_variance_over_shuffles_of_nearly_equal_values(apart):
    S = 9
    values = (1 / 7 + apart * drawn(1, 1, S).double()).clone()
    places = torch.ones(1, S, dtype=torch.bool)
    targets = torch.zeros(1, 1, S, dtype=torch.bool)
    targets[..., 2:4] = True
    mean, variance = shuffled_maximum(values, places, targets)
    # all pairs of places, around a shift that costs no digit
    shifted = (values[0, 0] - values[0, 0, 0]).numpy()
    largest = np.array([max(shifted[i], shifted[j]) for i in range(S) for j in range(i)])
    exact = float(largest.var())
    assert float(variance) == pytest.approx(exact, rel=1e-3, abs=1e-30)
    plain = np.array([max(*pair) for pair in _pairs(values[0, 0].numpy())])
    naive = (plain**2).mean() - plain.mean() ** 2
    assert abs(naive - exact) > 0.1 * exact + 1e-18 * (apart > 0)
    assert float(mean) == pytest.approx(plain.mean(), rel=1e-12)


def _pairs(values):
    return [(values[i], values[j]) for i in range(len(values)) for j in range(i)]


def test_cosine_of_maps_that_are_nearly_equal(monkeypatch):
    n, H = 8, 3
    first = drawn(1, H, n, n).softmax(-1)
    second = (first * (1 + drawn(1, H, n, n, seed=1, scale=1e-4))).float()
    context = tiny_context("bert", double=False, heads=H, hidden=24, layers=1)
    from dataclasses import replace

    probe = AttentionChange(
        replace(
            context,
            reference=tiny_context("bert", double=False, heads=H, hidden=24, layers=1).model,
        )
    )
    kept = {}
    monkeypatch.setattr(
        probe._table, "put", lambda name, _layer, values: kept.setdefault(name, values)
    )
    probe._query = torch.ones(1, n)
    probe._rows, probe._n = probe._query, probe._query.sum(1)
    probe._targets = torch.zeros(1, 6, n, dtype=torch.bool)
    probe.pair(0, first, second)
    one, other = first.double().flatten(2), second.double().flatten(2)
    exact = 1 - nn.functional.cosine_similarity(one, other, dim=-1)
    assert off(1 - kept["map_cosine"], exact) < 2e-3
    plain = nn.functional.cosine_similarity(first.flatten(2), second.flatten(2), dim=-1)
    assert off(1 - plain, exact) > 0.5
    probe.pair(0, torch.zeros_like(first), second)
    assert kept["map_cosine"].shape == (1, H)


def test_a_token_is_found_among_nearly_equal_ones(monkeypatch):
    D, n = 32, 5
    states = drawn(1, 1, D).expand(1, n, D) + drawn(1, n, D, seed=1, scale=1e-4)
    context = tiny_context("bert", double=False, layers=1)
    scores = _Scores(context, [{"identified_naive": _same}] * 2, "", 0)
    scores._real = torch.ones(1, n, dtype=torch.bool)
    kept = {}
    monkeypatch.setattr(scores._sums, "put", lambda _layer, found, _held: kept.update(found))
    scores.hidden(0, states)
    assert int(kept["identified_naive"]) == n
    near = nn.functional.normalize(states, dim=-1)
    assert int(((near @ near.mT).argmax(-1) == torch.arange(n)).sum()) < n


def test_divergence_of_heads_that_are_nearly_equal():
    n = 16
    first = drawn(n, n).softmax(-1).double()
    second = first * (1 + drawn(n, n, seed=1, scale=1e-5).double())
    second = second / second.sum(-1, keepdim=True)
    # number by number: m / 2 times (1 + t) log(1 + t) + (1 - t) log(1 - t), with m (1 +- t) = p, q
    middle, t = (first + second) / 2, (first - second) / (first + second)
    exact = (middle / 2 * (2 * t * t.atanh() + (-t.square()).log1p())).sum()
    cells = torch.stack([first.flatten(), second.flatten()])
    assert off(_divergences(cells)[0, 1], exact) < 1e-3
    assert off(_divergences(cells.float())[0, 1], exact) > 0.5
