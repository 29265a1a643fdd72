"""Losses against a plain implementation, and training together against training alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from probe_cases import random_examples, tiny_context
from structural_oracle import plain_losses
from subprobe.probes.learning.fitting import Schedule, fit
from subprobe.probes.states.cache import StateCache
from subprobe.probes.structural.gold_trees import gold_trees
from subprobe.probes.structural.stacked_probes import Place, StackedProbes, first_matrix
from subprobe.probes.structural.structural import train_probes
from subprobe.probes.structural.tree_batches import tree_batch, tree_batches

PLACES = [
    Place("distance", 0, 4, 0, 1e-2),
    Place("depth", 1, 4, 0, 1e-2),
    Place("distance", 2, 3, 1, 3e-3),
    Place("distance", 2, 4, 0, 1e-2),
    Place("depth", 1, 3, 1, 3e-2),
    Place("distance", 1, 4, 2, 1e-2),
]


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    cache = StateCache(tmp_path_factory.mktemp("states"))
    context = tiny_context("bert", double=False)
    return cache.of(context, random_examples(30)), cache.of(context, random_examples(9, seed=1))


def test_losses_and_gradients_are_those_of_the_plain_implementation(states):
    train, _ = states
    trees = gold_trees(train)[:7]
    batch = tree_batch(train, trees, range(3))
    stack = StackedProbes(PLACES, range(3), train.width)
    active = [5, 0, 2, 1, 4]
    losses = stack.losses(active, batch)
    expected = []
    for number in active:
        place = PLACES[number]
        first = first_matrix(place.kind, train.width, place.rank, place.seed).double().numpy()
        own = [
            plain_losses(tree, train.state(place.layer)[tree.rows].double().numpy(), first)
            for tree in trees
        ]
        expected.append(np.mean([both[place.kind == "depth"] for both in own]))
    np.testing.assert_allclose(losses.detach(), expected, rtol=1e-5)
    losses.sum().backward()
    for number, [matrix] in enumerate(stack.parameters()):
        if number not in active:
            assert matrix.grad is None
            continue
        place = PLACES[number]
        mine = matrix.detach().double().requires_grad_()
        total = torch.zeros((), dtype=torch.float64)
        for tree in trees:
            words = train.state(place.layer)[tree.rows].double() @ mine
            if place.kind == "distance":
                apart = (words[:, None] - words[None]).square().sum(-1)
                total = total + (apart - torch.from_numpy(tree.distances)).abs().mean()
            else:
                errors = words.square().sum(-1) - torch.from_numpy(tree.depths)
                total = total + errors.abs().mean()
        (total / len(trees)).backward()
        np.testing.assert_allclose(matrix.grad, mine.grad, rtol=1e-3, atol=1e-4)


def test_probes_trained_together_are_what_each_is_alone(states):
    train, dev = states
    learnt, checked = gold_trees(train), gold_trees(dev)

    def trained(places):
        stack = StackedProbes(places, range(3), train.width)
        courses = fit(
            stack,
            lambda epoch: tree_batches(train, learnt, sentences=8, seed=(0, epoch)),
            lambda: tree_batches(dev, checked, sentences=8),
            Schedule(epochs=12, patience=3),
            rates=[place.lr for place in places],
        )
        return stack.matrices(), courses

    together, courses = trained(PLACES)
    assert len({len(course.dev_losses) for course in courses}) > 1  # one leaves the stack earlier
    for place, matrix, course in zip(PLACES, together, courses, strict=True):
        [alone], [own] = trained([place])
        assert own.best == course.best
        np.testing.assert_allclose(course.dev_losses, own.dev_losses, rtol=1e-4)
        np.testing.assert_allclose(matrix, alone, atol=1e-4)


@pytest.mark.parametrize("by_length", [True, False])
def test_batches_have_every_sentence_once_in_an_order_of_their_seed(states, by_length):
    train, _ = states
    trees = gold_trees(train)

    def lengths(seed):
        found = tree_batches(train, trees, sentences=4, seed=seed, by_length=by_length)
        return [(one.word_weights > 0).sum(1).tolist() for one in found]

    first = lengths((0, 0))
    assert sorted(n for one in first for n in one) == sorted(len(tree) for tree in trees)
    assert first == lengths((0, 0)) != lengths((0, 1))
    assert [len(one) for one in sorted(first, key=len)] == [2] + [4] * 7
    padding = sum(max(one) * len(one) - sum(one) for one in first)
    assert (padding < 40) == by_length


def test_a_batch_says_which_words_are_real(states):
    train, _ = states
    trees = gold_trees(train)[:3]
    batch = tree_batch(train, trees, [1, 2])
    n = [len(tree) for tree in trees]
    assert batch.vectors.shape == (2, 3, max(n), train.width)
    for place, tree in enumerate(trees):
        torch.testing.assert_close(batch.vectors[0, place, : n[place]], train.state(1)[tree.rows])
        assert batch.pair_weights[place, n[place] :].sum() == 0
        assert batch.word_weights[place].sum() == pytest.approx(1 / 3)
        assert batch.pair_weights[place].sum() == pytest.approx(1 / 3)


def test_of_several_rates_the_dev_loss_chooses_for_each_state(states):
    train, dev = states
    rates = (1e-7, 1e-2)
    found = train_probes(
        train, dev, ranks=(2, 4), seeds=(0, 1), rates=rates, sentences=8,
        schedule=Schedule(epochs=3), order=0,
    )  # fmt: skip
    assert set(found.rates) == {(kind, k) for kind in ("distance", "depth") for k in (2, 4)}
    assert all(of == [1e-2] * 3 for of in found.rates.values())
    alone = train_probes(
        train, dev, ranks=(4,), seeds=(1,), rates=(1e-2,), sentences=8,
        schedule=Schedule(epochs=3), order=0,
    )  # fmt: skip
    for layer in range(3):
        np.testing.assert_allclose(
            found.matrices["distance", 4][1][layer], alone.matrices["distance", 4][0][layer],
            atol=1e-5,
        )  # fmt: skip
