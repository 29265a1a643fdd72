"""Stacked probes of spans against a plain probe of modules of torch."""

from typing import Any

import numpy as np
import pytest
import torch
from span_cases import PlainProbe, made_states, made_table, one_batch
from subprobe.probes.edges.span_batches import span_batches
from subprobe.probes.edges.span_probes import SpanForm, SpanProbes, first_weights
from subprobe.probes.learning.fitting import Schedule, fit
from torch import nn

K, STATES, WIDTH = 5, 4, 12
FORMS = {
    "single": SpanForm(STATES, WIDTH, K, projection=6),
    "pairs": SpanForm(STATES, WIDTH, K, pairs=True, projection=6),
    "symmetric": SpanForm(STATES, WIDTH, K, pairs=True, symmetric=True, projection=6),
}
DEPTHS = (0, 1, 3)


def probes_of(form, depths=DEPTHS, seeds=(0, 1, 2)):
    """Probes with weights that have moved off the first ones."""
    probes = SpanProbes(form, depths, seeds)
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for parameters in probes.parameters():
            for one in parameters:
                one += 0.1 * torch.randn(one.shape, generator=generator)
    return probes


@pytest.mark.parametrize("longest", [1, 4])
@pytest.mark.parametrize("form", FORMS)
def test_scores_and_losses_are_those_of_plain_probes(form, longest):
    form = FORMS[form]
    states = made_states(8, WIDTH, STATES)
    table = made_table(8, pairs=form.pairs, labels=K, longest=longest)
    batch = one_batch(states, table, K)
    probes = probes_of(form)
    every = range(len(DEPTHS))
    found, losses = probes.logits(every, batch), probes.losses(every, batch)
    for place, depth in enumerate(DEPTHS):
        plain = PlainProbe(form, depth).load(probes.parameters()[place])
        expected = plain(states.drawn, table.spans)
        assert torch.allclose(found[place], expected, atol=1e-5)
        loss = nn.BCEWithLogitsLoss(reduction="sum")(expected, batch.gold) / len(table)
        assert float(losses[place].detach()) == pytest.approx(float(loss.detach()), rel=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_plain_probes(form):
    form = FORMS[form]
    states = made_states(6, WIDTH, STATES)
    table = made_table(6, pairs=form.pairs, labels=K)
    batch = one_batch(states, table, K)
    probes = probes_of(form)
    probes.losses([1], batch).sum().backward()
    plain = PlainProbe(form, DEPTHS[1]).load(probes.parameters()[1])
    loss = nn.BCEWithLogitsLoss(reduction="sum")(plain(states.drawn, table.spans), batch.gold)
    (loss / len(table)).backward()
    mine: list[Any] = [one.grad for one in probes.parameters()[1]]
    assert torch.allclose(mine[0], 10 * plain.mix.grad, atol=1e-5)
    assert torch.allclose(mine[1], plain.gamma.grad, atol=1e-5)
    project = torch.cat([one.weight.grad for one in plain.project]).T
    assert torch.allclose(mine[2], project, atol=1e-5)
    assert torch.allclose(mine[4], torch.cat([one.weight.grad for one in plain.score]), atol=1e-5)
    assert torch.allclose(mine[9], plain.network[3].weight.grad.T, atol=1e-5)
    assert all(one.grad is None for one in probes.parameters()[0])


def test_weights_of_a_mix():
    probes = probes_of(FORMS["single"])
    weights = probes.mix_weights()
    assert torch.allclose(weights.sum(1), torch.ones(3))
    assert weights[0].tolist() == [1, 0, 0, 0]
    assert (weights[1, 2:] == 0).all()
    raw = 10 * probes.parameters()[2][0].detach()
    assert torch.allclose(weights[2], torch.softmax(raw, 0))
    assert torch.equal(probes.gammas(), torch.cat([one[1] for one in probes.parameters()]))


@pytest.mark.parametrize("form", FORMS)
def test_the_size_is_the_number_of_parameters(form):
    form = FORMS[form]
    assert sum(one.numel() for one in first_weights(form, 0)) == form.size


def test_first_weights_are_the_seeds_and_leave_the_random_state_alone():
    before = torch.random.get_rng_state()
    one, again, other = (first_weights(FORMS["pairs"], seed) for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[2], other[2])


def test_dropout_is_of_training_alone_and_the_same_beside_other_probes():
    form = FORMS["single"]
    states, table = made_states(8, WIDTH, STATES), made_table(8, pairs=False, labels=K)
    probes = probes_of(form)
    [batch] = span_batches(states, table, K, texts=100, order=(0, 0))
    assert batch.dropout is not None
    alone, stacked = probes.logits([2], batch), probes.logits([0, 2], batch)
    assert torch.allclose(alone[0], stacked[1], atol=1e-5)
    calm = one_batch(states, table, K)
    order = np.argsort(batch.chosen)
    assert not torch.allclose(alone[0][order], probes.logits([2], calm)[0], atol=1e-2)
    assert calm.dropout is None


def trained(form, depths, seeds, states, table, device=None):
    probes = SpanProbes(form, depths, seeds, device)
    courses = fit(
        probes,
        lambda epoch: span_batches(states, table, K, texts=3, order=(0, epoch), device=device),
        lambda: span_batches(states, table, K, device=device),
        Schedule(epochs=3),
        rates=[1e-3, 1e-2, 3e-3][: len(depths)],
    )
    return probes, courses


@pytest.mark.parametrize("form", FORMS)
def test_a_stack_learns_what_its_probes_learn_alone(form):
    form = FORMS[form]
    states = made_states(10, WIDTH, STATES)
    table = made_table(10, pairs=form.pairs, labels=K)
    together, courses = trained(form, DEPTHS, (0, 1, 2), states, table)
    rates = [1e-3, 1e-2, 3e-3]
    for place, depth in enumerate(DEPTHS):
        alone = SpanProbes(form, [depth], [place])
        (course,) = fit(
            alone,
            lambda epoch: span_batches(states, table, K, texts=3, order=(0, epoch)),
            lambda: span_batches(states, table, K),
            Schedule(epochs=3),
            rates=[rates[place]],
        )
        assert course.dev_losses == pytest.approx(courses[place].dev_losses, abs=1e-4)
        for one, other in zip(alone.parameters()[0], together.parameters()[place], strict=True):
            assert torch.allclose(one, other, atol=1e-3)


def test_the_same_seeds_give_the_same_bytes():
    form = FORMS["pairs"]
    states, table = made_states(10, WIDTH, STATES), made_table(10, pairs=True, labels=K)
    (one, courses), (again, others) = (
        trained(form, DEPTHS, (0, 1, 2), states, table) for _ in range(2)
    )
    assert courses == others
    for a, b in zip(one.parameters(), again.parameters(), strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_scores_that_are_far_apart_do_not_overflow():
    form = FORMS["single"]
    states, table = made_states(6, WIDTH, STATES), made_table(6, pairs=False, labels=K)
    probes = probes_of(form)
    with torch.no_grad():
        for parameters in probes.parameters():
            parameters[4] *= 1e4
    found = probes.logits(range(3), one_batch(states, table, K))
    assert torch.isfinite(found).all()
