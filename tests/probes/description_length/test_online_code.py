"""The online code is what a plain loop over blocks gives, in bits."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from made_states import MadeStates, made_words, plain_classifier
from subprobe.probes.description_length.blocks import block_ends, shuffled
from subprobe.probes.description_length.coded import Costs, LabelledWords, Training, uniform_bits
from subprobe.probes.description_length.layer_probes import bit_schedule, in_bits
from subprobe.probes.description_length.online_code import online_code
from subprobe.probes.description_length.random_labels import labels_by_word
from subprobe.probes.learning.readouts import Form

TEXTS, K, D, U = 40, 4, 6, 3
LR, SEED = 0.05, 3


@pytest.fixture(scope="module")
def coded() -> LabelledWords:
    """Words of which some have no label, under their classes and under others of no meaning."""
    train, gold = made_words(TEXTS, K, D, states=U, seed=0)
    dev, dev_gold = made_words(12, K, D, states=U, seed=1)
    gold[::11] = -1
    gold[train.rows(5)] = -1
    other = np.where(gold < 0, -1, labels_by_word(len(gold), K, (0, 0)))
    dev_other = labels_by_word(len(dev_gold), K, (0, 1))
    return LabelledWords(train, dev, np.stack([gold, other]), np.stack([dev_gold, dev_other]), K)


def training(seeds: tuple[int, ...] = (SEED,), rates: tuple[float, ...] = (LR,)) -> Training:
    return Training(Form(D, K), rates, seeds, SEED, bit_schedule(12))


def coded_in(coded: LabelledWords, shuffles: int = 2, **options: Any) -> tuple[Costs, Any, Any]:
    texts = np.flatnonzero(coded.words_by_text)
    ends = block_ends(len(texts))
    orders = [shuffled(texts, SEED, number) for number in range(shuffles)]
    return online_code(coded, orders, ends, training(**options)), orders, ends


@pytest.fixture(scope="module")
def found(coded: LabelledWords) -> tuple[Costs, Any, Any]:
    return coded_in(coded)


def test_a_code_is_what_a_plain_loop_over_blocks_gives(coded, found):
    """One classifier after the other, text by text, in the order that training has them."""
    costs, orders, ends = found
    task, state, shuffle = 0, 2, 1

    def pairs(states: MadeStates, gold: np.ndarray, texts: Any) -> list[Any]:
        rows = np.concatenate([np.arange(states.num_words)[states.rows(int(t))] for t in texts])
        rows = rows[gold[rows] >= 0]
        return [(states.vectors[state, rows], torch.from_numpy(gold[rows]))] if len(rows) else []

    gold, dev_gold = coded.gold[task], coded.dev_gold[task]
    order = orders[shuffle]
    bits = np.zeros(TEXTS)
    for text in order[: ends[0]]:
        bits[text] = (gold[coded.train.rows(text)] >= 0).sum() * 2  # log2 of 4 classes
    for block, (end, then) in enumerate(pairwise(ends)):

        def epoch_of(epoch: int, block: int = block, end: int = end) -> list[Any]:
            mixed = np.random.default_rng((SEED, shuffle, block, epoch)).permutation(order[:end])
            return [
                one
                for start in range(0, end, 32)
                for one in pairs(coded.train, gold, mixed[start : start + 32])
            ]

        plain, *_ = plain_classifier(
            Form(D, K), SEED, epoch_of, lambda: pairs(coded.dev, dev_gold, range(12)),
            lr=LR, schedule=bit_schedule(12),
        )  # fmt: skip
        for text in order[end:then]:
            for vectors, labels in pairs(coded.train, gold, [text]):
                chance = torch.softmax(plain(vectors), -1)[torch.arange(len(labels)), labels]
                bits[text] = -torch.log2(chance).sum().item()
    np.testing.assert_allclose(costs.bits[task, shuffle, state], bits, rtol=1e-3, atol=1e-3)


def test_every_labelled_text_is_coded_once_and_guessed_after_the_first_block(coded, found):
    costs, orders, ends = found
    assert ((costs.bits > 0) == (coded.words_by_text > 0)).all()
    for shuffle, order in enumerate(orders):
        first = order[: ends[0]]
        uniform = 2.0 * coded.words_by_text[first]
        np.testing.assert_array_equal(
            costs.bits[:, shuffle][..., first], np.broadcast_to(uniform, (2, U, len(first)))
        )
        assert costs.guessed[shuffle, first].sum() == 0
        later = np.delete(np.arange(TEXTS), first)
        np.testing.assert_array_equal(costs.guessed[shuffle, later], coded.words_by_text[later])
        assert (costs.right[:, shuffle] <= costs.guessed[shuffle]).all()


def test_states_that_say_more_about_the_labels_need_fewer_bits(coded, found):
    costs, *_ = found
    lengths = costs.bits.sum(-1).mean(1)  # [M, U]
    uniform = uniform_bits(coded.words_by_text.sum(), K)
    assert lengths[0, 0] > lengths[0, 1] > lengths[0, 2]
    assert lengths[0, 2] < uniform / 2
    assert (lengths[1] > 0.95 * uniform).all()


def test_assignments_coded_together_are_what_each_is_alone(coded, found):
    costs, *_ = found
    one = replace(coded, gold=coded.gold[:1], dev_gold=coded.dev_gold[:1])
    alone, *_ = coded_in(one)
    np.testing.assert_allclose(costs.bits[:1], alone.bits, rtol=1e-4, atol=1e-3)


def test_seeds_are_averaged_and_the_rate_is_chosen_on_dev(coded):
    both, *_ = coded_in(coded, 1, seeds=(3, 4), rates=(LR, 1e-5))
    each = [coded_in(coded, 1, seeds=(seed,))[0].bits for seed in (3, 4)]
    rates = np.array(both.rates)[:, 0, 2]  # of each block: true labels, the state that has them
    assert (rates == LR).all()
    of_state = np.mean(each, 0)[0, 0, 2]
    np.testing.assert_allclose(both.bits[0, 0, 2], of_state, rtol=1e-3, atol=2e-3)


def test_the_same_seed_gives_the_same_bytes(coded, found):
    again, *_ = coded_in(coded)
    assert again.bits.tobytes() == found[0].bits.tobytes()


def test_random_labels_of_random_vectors_cannot_be_compressed():
    draw = np.random.default_rng(0)
    parts: list[Any] = []
    for texts in (400, 60):
        sizes = (10,) * texts
        vectors = torch.tensor(draw.normal(size=(1, texts * 10, 8)), dtype=torch.float32)
        parts.append((MadeStates(vectors, sizes), draw.integers(4, size=(1, texts * 10))))
    (train, gold), (dev, dev_gold) = parts
    words = LabelledWords(train, dev, gold, dev_gold, 4)
    order = shuffled(np.arange(400), 0, 0)
    made = Training(Form(8, 4), (1e-2,), (0,), 0, bit_schedule(10))
    costs = online_code(words, [order], block_ends(400), made)
    compression = uniform_bits(4000, 4) / costs.bits.sum()
    assert 0.9 < compression <= 1.02


def test_the_uniform_code_is_the_published_one():
    assert round(uniform_bits(950_028, 45) / 1024) == 5095


def test_bits_are_nats_by_the_logarithm_of_two():
    nats = np.array([1.0, math.log(2), 0.0])
    np.testing.assert_allclose(in_bits(nats), [1.4426950408889634, 1.0, 0.0])
    # published codelengths add a first block in bits to others in nats
    assert in_bits(np.array([96.02]))[0] == pytest.approx(138.53, abs=0.01)


def test_progress_counts_the_probes(coded):
    said: list[tuple[int, int]] = []
    texts = np.flatnonzero(coded.words_by_text)[:8]
    orders = [shuffled(texts, 0, number) for number in range(2)]
    online_code(coded, orders, [2, 4, 8], training(), progress=lambda *now: said.append(now))
    assert said == [(1, 4), (2, 4), (3, 4), (4, 4)]
