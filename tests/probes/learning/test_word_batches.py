"""Words in batches: each that has a class comes once an epoch, with its own state and class."""

import numpy as np
import pytest
import torch
from planted_states import PlantedStates
from probe_cases import random_examples, tiny_context
from subprobe.probes.learning.readouts import Form, Readouts
from subprobe.probes.learning.word_batches import WordReadouts, word_batches
from subprobe.probes.states.cache import StateCache


@pytest.fixture(scope="module")
def states():
    """Each word has its own number in each of three states."""
    number = iter(range(10_000))

    def make(_sentence, _place):
        one = next(number)
        return [[one, layer] for layer in range(3)]

    return PlantedStates(make).of(tiny_context("bert"), random_examples(9))


@pytest.fixture(scope="module")
def gold(states):
    found = np.arange(states.num_words) % 5 - 1
    found[states.rows(3)] = -1
    return found


@pytest.mark.parametrize("seed", [None, 4])
@pytest.mark.parametrize("texts", [1, 2, 32])
def test_every_word_with_a_class_comes_once(states, gold, seed, texts):
    rows, batches = [], list(word_batches(states, gold, [2, 0], texts=texts, seed=seed))
    for batch in batches:
        own = batch.vectors[0, :, 0].long().numpy()
        assert torch.equal(batch.vectors[0, :, 1], torch.full((len(own),), 2.0))
        assert torch.equal(batch.vectors[1, :, 1], torch.zeros(len(own)))
        np.testing.assert_array_equal(batch.gold, gold[own])
        of_text = np.searchsorted(states.offsets, own, side="right") - 1
        assert len(np.unique(of_text)) <= texts
        rows += own.tolist()
    assert sorted(rows) == np.flatnonzero(gold >= 0).tolist()
    if seed is None:
        assert rows == sorted(rows)
    if texts == 1:
        # the text without a class makes no batch
        assert len(batches) == 8


def test_the_order_is_that_of_its_seed(states, gold):
    def order(seed):
        batches = word_batches(states, gold, [0], texts=2, seed=seed)
        return [int(one) for batch in batches for one in batch.vectors[0, :, 0]]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1) != order(None)


def test_classifiers_read_their_own_state(states, gold):
    readouts = Readouts(Form(2, 4), [0, 1, 2, 3])
    (batch,) = word_batches(states, gold, [0, 1, 2])
    stack = WordReadouts(readouts, [2, 0, 1, 1])
    logits = stack.logits([0, 3], batch)
    expected = readouts.logits([0, 3], batch.vectors[[2, 1]])
    torch.testing.assert_close(logits, expected)
    every = WordReadouts(Readouts(Form(2, 4), [0, 1, 2]), [0, 1, 2])
    losses = every.losses([0, 1, 2], batch)
    torch.testing.assert_close(losses, torch.stack([every.losses([k], batch)[0] for k in range(3)]))
    assert stack.size(batch) == int((gold >= 0).sum())


def test_states_of_a_model_come_as_they_are_in_its_file(tmp_path):
    context = tiny_context("bert", double=False)
    states = StateCache(tmp_path).of(context, random_examples(3))
    gold = np.zeros(states.num_words, dtype=np.int64)
    (batch,) = word_batches(states, gold, [0, 2])
    torch.testing.assert_close(batch.vectors[1], states.state(2), rtol=0, atol=0)
