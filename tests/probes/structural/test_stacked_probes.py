"""Losses against a plain implementation, and training together against training alone."""

from __future__ import annotations

from dataclasses import replace

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
    batch = tree_batch(train, trees)
    stack = StackedProbes(PLACES, train.width)
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


def test_gradients_are_those_of_finite_differences(states):
    train, _ = states
    single = tree_batch(train, gold_trees(train)[:4])
    labels = {
        name: getattr(single, name).double()
        for name in ("distances", "depths", "pair_weights", "word_weights")
    }
    batch = replace(single, read=lambda layer: single.read(layer).double(), **labels)
    stack = StackedProbes(PLACES, train.width)
    matrices = [one for [one] in stack.parameters()]
    for one in matrices:
        one.data = one.data.double()
    assert torch.autograd.gradcheck(
        lambda *_: stack.losses(range(len(PLACES)), batch), matrices, eps=1e-7, atol=1e-5
    )


def plain_training(place, train, dev, schedule):
    """The matrix and the dev losses of one probe, from all differences and a loop of its own."""
    learnt, checked = gold_trees(train), gold_trees(dev)
    matrix = first_matrix(place.kind, train.width, place.rank, place.seed).requires_grad_()
    optimiser = torch.optim.Adam([matrix], lr=place.lr)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, patience=0)
    kept, least, losses = matrix, np.inf, []

    def loss(batch):
        found = []
        words = (batch.read(place.layer) @ matrix).split(batch.lengths)
        for number, (n, own, depths) in enumerate(
            zip(batch.lengths, words, batch.depths.split(batch.lengths), strict=True)
        ):
            if place.kind == "distance":
                apart = (own[:, None] - own[None]).square().sum(-1)
                found.append((apart - batch.distances[number, :n, :n]).abs().mean())
            else:
                found.append((own.square().sum(-1) - depths).abs().mean())
        return torch.stack(found)

    for epoch in range(schedule.epochs):
        for batch in tree_batches(train, learnt, sentences=8, seed=(0, epoch)):
            optimiser.zero_grad()
            loss(batch).mean().backward()
            optimiser.step()
        with torch.no_grad():
            each = [loss(batch) for batch in tree_batches(dev, checked, sentences=8)]
        losses.append(torch.cat(each).mean().item())
        plateau.step(losses[-1])
        if losses[-1] < least - schedule.min_gain:
            kept, least = matrix.detach().clone(), losses[-1]
    return kept, losses


def test_training_is_what_a_plain_loop_over_all_differences_gives(states):
    train, dev = states
    stack = StackedProbes(PLACES, train.width)
    schedule = Schedule(epochs=6)
    learnt, checked = gold_trees(train), gold_trees(dev)
    courses = fit(
        stack,
        lambda epoch: tree_batches(train, learnt, sentences=8, seed=(0, epoch)),
        lambda: tree_batches(dev, checked, sentences=8),
        schedule,
        rates=[place.lr for place in PLACES],
    )
    for place, matrix, course in zip(PLACES, stack.matrices(), courses, strict=True):
        plain, losses = plain_training(place, train, dev, schedule)
        first = first_matrix(place.kind, train.width, place.rank, place.seed)
        assert (plain - first).abs().max() > 1e-2
        np.testing.assert_allclose(course.dev_losses, losses, rtol=1e-4)
        np.testing.assert_allclose(matrix, plain, atol=1e-4)


def test_probes_trained_together_are_what_each_is_alone(states):
    train, dev = states
    learnt, checked = gold_trees(train), gold_trees(dev)

    def trained(places):
        stack = StackedProbes(places, train.width)
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
        return [list(one.lengths) for one in found]

    first = lengths((0, 0))
    assert sorted(n for one in first for n in one) == sorted(len(tree) for tree in trees)
    assert first == lengths((0, 0)) != lengths((0, 1))
    assert [len(one) for one in sorted(first, key=len)] == [2] + [4] * 7
    padding = sum(max(one) * len(one) - sum(one) for one in first)
    assert (padding < 40) == by_length


def test_a_batch_says_which_words_are_real(states):
    train, _ = states
    trees = gold_trees(train)[:3]
    batch = tree_batch(train, trees)
    n = [len(tree) for tree in trees]
    assert batch.lengths == tuple(n)
    rows = torch.from_numpy(np.concatenate([tree.rows for tree in trees]))
    torch.testing.assert_close(batch.read(1), train.state(1)[rows])
    assert torch.equal(batch.words[batch.places], torch.arange(sum(n)))
    padded = batch.read(2)[batch.words].view(3, max(n), train.width)
    shares = batch.word_weights.split(n)
    for place, tree in enumerate(trees):
        torch.testing.assert_close(padded[place, : n[place]], train.state(2)[tree.rows])
        assert batch.pair_weights[place, n[place] :].sum() == 0
        assert batch.pair_weights[place, :, n[place] :].sum() == 0
        assert shares[place].sum() == pytest.approx(1 / 3)
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
