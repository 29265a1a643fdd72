"""The probe of Holmes and its description length, beside plain second implementations."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from subprobe.probes.holmes.cases import Cases, Task
from subprobe.probes.holmes.described import coded_blocks, described, summed_up
from subprobe.probes.holmes.linear_probe import (
    DROPOUT,
    LinearProbes,
    Training,
    _shuffled,
    score_of,
    train_probes,
)


def cases(count, classes, *, width=6, seed=0, gap=0.0):
    draw = np.random.default_rng(seed)
    gold = draw.integers(0, classes, count) if classes > 1 else draw.normal(size=count)
    vectors = draw.normal(size=(count, width))
    vectors[:, : max(classes, 2)] += gap * np.eye(max(classes, 2))[gold] if classes > 1 else 0
    kind = torch.int64 if classes > 1 else torch.float32
    return Cases(torch.tensor(vectors, dtype=torch.float32), (torch.arange(count),),
                 torch.tensor(gold, dtype=kind))  # fmt: skip


@pytest.mark.parametrize(("classes", "loss"), [
    (3, "as-published"), (3, "cross-entropy"), (1, "as-published"),
])  # fmt: skip
def test_probes_are_trained_as_one_alone_in_plain_torch(classes, loss):
    train, dev = cases(50, classes), cases(20, classes, seed=1)
    training = Training((4, 7), loss, epochs=6, cases=16, patience=2)
    probes, courses = train_probes(train, dev, classes, training)
    for place, seed in enumerate(training.seeds):
        alone = LinearProbes(6, classes, Training((seed,)))
        layer = torch.nn.Linear(6, classes)
        with torch.no_grad():
            layer.weight.copy_(alone.parameters()[0][0].T)
            layer.bias.copy_(alone.parameters()[0][1])
        measure = torch.nn.SmoothL1Loss() if classes == 1 else torch.nn.CrossEntropyLoss()

        def loss_of(outputs, gold, measure=measure):
            if classes == 1:
                return measure(outputs[:, 0], gold)
            return measure(outputs.softmax(1) if loss == "as-published" else outputs, gold)

        adam = torch.optim.Adam(layer.parameters(), lr=1e-3)
        total = 4 * 6
        rise = 0.1 * total
        step, best, waited, kept, losses = 0, math.inf, 0, None, []
        for epoch in range(6):
            for batch in _shuffled(train, training, epoch):
                where = batch.places[place]
                rate = step / rise if step < rise else (total - step) / (total - rise)
                adam.param_groups[0]["lr"] = 1e-3 * rate
                inputs = train.table[where] * batch.kept[place] / (1 - DROPOUT)
                adam.zero_grad()
                loss_of(layer(inputs), train.gold[where]).backward()
                adam.step()
                step += 1
            with torch.no_grad():
                losses.append(float(loss_of(layer(dev.table), dev.gold)))
            if losses[-1] < best:
                best, waited, kept = losses[-1], 0, layer.weight.detach().clone()
            else:
                waited += 1
            if waited == 2:
                break
        np.testing.assert_allclose(courses[place].dev_losses, losses, rtol=1e-4)
        torch.testing.assert_close(probes.parameters()[place][0].T, kept, rtol=1e-4, atol=1e-5)


def test_each_seed_has_its_own_order_and_dropout():
    batches = list(_shuffled(cases(40, 2, width=100), Training((0, 1), cases=16), 0))
    assert [len(batch.places[0]) for batch in batches] == [16, 16, 8]
    places = torch.cat([batch.places for batch in batches], dim=1)
    assert [sorted(one.tolist()) for one in places] == [list(range(40))] * 2
    assert not torch.equal(places[0], places[1])
    kept = torch.cat([batch.kept for batch in batches], dim=1).float()
    assert not torch.equal(kept[0], kept[1])
    assert kept.mean() == pytest.approx(0.8, abs=0.02)
    later = next(_shuffled(cases(40, 2), Training((0, 1)), 1))
    assert not torch.equal(later.places, batches[0].places)


@pytest.mark.parametrize(("classes", "low", "high"), [(2, 0.3133, 1.3133), (17, 1.9295, 2.9295)])
def test_a_loss_of_softmaxed_outputs_lies_between_its_bounds(classes, low, high):
    given = cases(200, classes, width=classes)
    probes = LinearProbes(classes, classes, Training((0,)))
    with torch.no_grad():
        for sign, bound in ((1, low), (-1, high)):
            # outputs that are sure, and right or wrong
            weight, bias = probes.parameters()[0]
            weight.copy_(1000 * torch.eye(classes))
            bias.zero_()
            said = torch.nn.functional.one_hot(given.gold, classes).float()
            wrong = torch.nn.functional.one_hot((given.gold + 1) % classes, classes).float()
            sure = Cases(said if sign > 0 else wrong, given.columns, given.gold)
            each = probes.each_loss([0], sure)
            np.testing.assert_allclose(each.numpy(), bound, atol=5e-5)


@pytest.mark.parametrize(("classes", "most"), [(2, 3.19), (3, 2.87), (17, 2.12), (45, 1.93)])
def test_no_probe_compresses_more_than_the_published_bound(classes, most):
    count = 2**14
    blocks = coded_blocks(count)
    assert blocks[0] == (16, 32)
    assert blocks[-1] == (count // 2, count)
    least = math.log(1 + (classes - 1) / math.e)
    perfect = np.array([[(end - start) * least] for start, end in blocks])
    found = summed_up(count * math.log2(classes), count, blocks, perfect)
    # the first block in bits, the others in nats
    assert found.lengths[0] == pytest.approx(16 * math.log2(classes) + (count - 16) * least)
    bound = math.log2(classes) / least
    assert round(bound, 2) == most
    assert bound > found.compressions[0] > 0.99 * bound


def test_the_description_length_of_a_separable_data_set():
    train, dev = cases(600, 2, gap=8.0), cases(60, 2, gap=8.0, seed=1)
    task = Task("x", None, 2, {"train": train, "dev": dev}, np.array([]), np.array([]), 0)
    found = described(task, Training((0, 1), epochs=20))
    blocks = coded_blocks(600)
    assert [start for start, _ in blocks] == [1, 2, 4, 9, 18, 37, 75, 150, 300]
    for length, compression in zip(found.lengths, found.compressions, strict=True):
        assert compression == pytest.approx(600 / length)
        coded = sum(end - start for start, end in blocks)
        assert length > 1 + coded * math.log(1 + 1 / math.e)
        # a code that is nearly perfect would take a hundred bits
        assert 1 < compression < 3.19
    numbers = cases(80, 1)
    task = Task("y", None, 1, {"train": numbers, "dev": numbers}, np.array([]), np.array([]), 0)
    found = described(task, Training((0,), epochs=2))
    gold = numbers.gold.double().numpy()
    uniform = ((gold - gold.mean()) ** 2).sum()
    assert found.compressions[0] == pytest.approx(uniform / found.lengths[0])


def test_scores_are_those_of_the_libraries():
    draw = np.random.default_rng(0)
    said, gold = draw.integers(0, 4, (2, 100))
    assert score_of(said, gold, 6) == pytest.approx(f1_score(gold, said, average="macro"))
    numbers = draw.normal(size=(2, 50))
    assert score_of(numbers[0], numbers[1], 1) == pytest.approx(np.corrcoef(*numbers)[0, 1])
    assert score_of(np.ones(50), numbers[1], 1) == 0
