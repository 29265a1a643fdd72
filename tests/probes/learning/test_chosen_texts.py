"""Batches hold the words of whole texts that have a class, and each classifier answers its task."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from made_states import made_words
from subprobe.probes.learning.readouts import Form, Readouts
from subprobe.probes.learning.word_batches import WordReadouts, word_batches

TEXTS, D, K = 11, 4, 3
STATES, GOLD = made_words(TEXTS, K, D, states=3, seed=0)
GOLD[::5] = -1
TEXT_OF = np.repeat(np.arange(TEXTS), STATES.sizes)


def test_every_word_with_a_class_comes_once_with_its_states():
    seen = []
    for batch in word_batches(STATES, GOLD, [2, 0], texts=4):
        assert batch.vectors.shape == (2, len(batch.rows), D)
        torch.testing.assert_close(batch.vectors[0], STATES.vectors[2, batch.rows])
        torch.testing.assert_close(batch.vectors[1], STATES.vectors[0, batch.rows])
        np.testing.assert_array_equal(batch.gold.numpy(), GOLD[batch.rows])
        seen.append(batch.rows)
    assert len(seen) == 3
    np.testing.assert_array_equal(np.concatenate(seen), np.flatnonzero(GOLD >= 0))


def test_chosen_texts_alone_are_read_in_their_order_or_in_that_of_a_seed():
    among = np.array([7, 2, 9, 4])

    def texts(seed):
        return [
            list(dict.fromkeys(TEXT_OF[batch.rows].tolist()))
            for batch in word_batches(STATES, GOLD, [0], among=among, texts=2, seed=seed)
        ]

    assert texts(None) == [[7, 2], [9, 4]]
    mixed = np.random.default_rng((3, 1)).permutation(among).tolist()
    assert texts((3, 1)) == [mixed[:2], mixed[2:]]


def test_a_word_without_a_class_for_some_task_is_left_out():
    other = (GOLD + 1) % K
    other[1] = -1
    both = np.stack([GOLD, other])
    rows = np.concatenate([batch.rows for batch in word_batches(STATES, both, [0])])
    np.testing.assert_array_equal(rows, np.flatnonzero((both >= 0).all(0)))
    (batch,) = word_batches(STATES, both, [0])
    np.testing.assert_array_equal(batch.gold.numpy(), both[:, rows])


def test_texts_without_a_class_give_no_batch():
    assert list(word_batches(STATES, np.full(len(GOLD), -1), [0])) == []


@pytest.mark.parametrize("active", [[0, 1, 2, 3], [3, 1], [2]])
def test_each_classifier_reads_its_state_and_answers_its_task(active):
    both = np.stack([GOLD, np.where(GOLD < 0, -1, (GOLD + 1) % K)])
    reads, answers = [0, 1, 2, 1], [0, 1, 0, 0]
    stack = WordReadouts(Readouts(Form(D, K), [0, 1, 2, 3]), reads, answers)
    (batch,) = word_batches(STATES, both, [0, 1, 2])
    losses = stack.losses(active, batch)
    logits = stack.logits(active, batch)
    for place, probe in enumerate(active):
        weight, bias = stack.parameters()[probe]
        plain = batch.vectors[reads[probe]] @ weight + bias
        torch.testing.assert_close(logits[place], plain)
        gold = batch.gold[answers[probe]]
        torch.testing.assert_close(losses[place], torch.nn.functional.cross_entropy(plain, gold))
    assert stack.size(batch) == len(batch.rows)
