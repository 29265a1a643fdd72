"""Tasks on the same batches: what each reads, and that each learns what it would learn alone."""

import numpy as np
import pytest
import torch
from planted_states import PlantedStates
from probe_cases import random_examples, tiny_context
from subprobe.probes.learning.fitting import Schedule, fit
from subprobe.probes.learning.joint_readouts import Cases, JointReadouts, case_batches
from subprobe.probes.learning.readouts import Form, Pairs, Readouts
from subprobe.probes.learning.word_batches import WordReadouts

LAYERS, WIDTH = [0, 1], 3


@pytest.fixture(scope="module")
def states():
    draw = np.random.default_rng(0)
    planted = PlantedStates(lambda _sentence, _place: draw.normal(size=(2, WIDTH)).tolist())
    return planted.of(tiny_context("bert"), random_examples(12))


@pytest.fixture(scope="module")
def tasks(states):
    """All words, the words of two texts alone, pairs of neighbours."""
    draw = np.random.default_rng(1)
    text = np.repeat(np.arange(12), np.diff(states.offsets))
    row = np.arange(states.num_words)
    every = Cases(row, None, draw.integers(0, 4, len(row)), text)
    few = every.chosen(np.isin(text, [2, 7]) & (row % 2 == 0))
    together = text[:-1] == text[1:]
    pairs = Cases(row[:-1], row[1:], draw.integers(0, 2, len(row) - 1), text[:-1])
    return [every, few, pairs.chosen(together)]


def vectors_of(states, cases):
    """Plain: what classifiers of each state read of each case."""
    found = []
    for layer in LAYERS:
        first = states.state(layer)[cases.first]
        if cases.second is not None:
            second = states.state(layer)[cases.second]
            first = torch.cat([first, second, first * second], dim=1)
        found.append(first)
    return torch.stack(found)


def laid_out(read):
    """Vectors as they are, pairs as [x, y, x * y]."""
    if not isinstance(read, Pairs):
        return read
    x, y = read.words[:, read.first], read.words[:, read.second]
    return torch.cat([x, y, read.product], dim=2)


@pytest.mark.parametrize("seed", [None, 3, (3, 1)])
def test_each_case_comes_once_and_as_it_is(states, tasks, seed):
    batches = list(case_batches(states, tasks, LAYERS, texts=5, seed=seed))
    assert len(batches) == 3
    for k, cases in enumerate(tasks):
        parts = [batch[k] for batch in batches if batch[k] is not None]
        vectors = torch.cat([laid_out(part.vectors) for part in parts], dim=1)
        gold = torch.cat([part.gold for part in parts])
        wanted = vectors_of(states, cases)
        assert vectors.shape == wanted.shape
        order, theirs = (np.lexsort(one[0].numpy().T) for one in (vectors, wanted))
        torch.testing.assert_close(vectors[:, order], wanted[:, theirs], rtol=0, atol=0)
        np.testing.assert_array_equal(gold[order], cases.gold[theirs])
        if seed is None:
            torch.testing.assert_close(vectors, wanted, rtol=0, atol=0)
    assert any(batch[1] is None for batch in case_batches(states, tasks, LAYERS, texts=1))


def test_texts_without_a_case_make_no_batch(states, tasks):
    batches = list(case_batches(states, [tasks[1]], LAYERS, texts=1))
    assert len(batches) == 2


def readouts_of(cases, classes, seeds):
    width = WIDTH if cases.second is None else 3 * WIDTH
    return WordReadouts(Readouts(Form(width, classes), seeds), [*LAYERS] * (len(seeds) // 2))


def test_together_they_learn_what_each_learns_alone(states, tasks):
    """Tasks, states and learning rates, some of which stop early, against one training each."""
    seeds, classes, rates = [5, 5, 6, 6], (4, 4, 2), [0.3, 0.3, 0.003, 0.003]
    schedule = Schedule(epochs=12, patience=2)
    joint = JointReadouts([readouts_of(c, k, seeds) for c, k in zip(tasks, classes, strict=True)])

    def train(cases):
        return lambda epoch: case_batches(states, cases, LAYERS, texts=4, seed=(0, epoch))

    def dev(cases):
        return lambda: case_batches(states, cases, LAYERS, texts=5)

    courses = fit(joint, train(tasks), dev(tasks), schedule, rates=rates * 3)
    assert len({len(course.dev_losses) for course in courses}) > 1
    for k, cases in enumerate(tasks):
        for place, (seed, rate) in enumerate(zip(seeds, rates, strict=True)):
            width = WIDTH if cases.second is None else 3 * WIDTH
            alone = JointReadouts(
                [WordReadouts(Readouts(Form(width, classes[k]), [seed]), [place % 2])]
            )
            (course,) = fit(alone, train([cases]), dev([cases]), schedule, rates=[rate])
            ours = courses[4 * k + place]
            assert (ours.best, ours.lr) == (course.best, course.lr)
            assert ours.dev_losses == pytest.approx(course.dev_losses, abs=1e-5)
            for one, other in zip(
                joint.parameters()[4 * k + place], alone.parameters()[0], strict=True
            ):
                torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_the_dev_loss_is_the_mean_over_the_cases_of_each_task(states, tasks):
    joint = JointReadouts([readouts_of(c, 4, [0, 0]) for c in tasks])
    (course, *others) = fit(
        joint, lambda _: case_batches(states, tasks, LAYERS),
        lambda: case_batches(states, tasks, LAYERS, texts=1),
        Schedule(epochs=1, lr=1e-12),  # the weights stay what they are
    )  # fmt: skip
    for k, cases in enumerate(tasks):
        with torch.no_grad():
            gold = torch.from_numpy(cases.gold)
            losses = joint.tasks[k].readouts.losses([0, 1], vectors_of(states, cases), gold)
        for place in (0, 1):
            found = [course, *others][2 * k + place].loss
            assert found == pytest.approx(float(losses[place]), abs=1e-5)
