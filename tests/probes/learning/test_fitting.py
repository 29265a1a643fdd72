"""Probes trained together: each is what it would be alone, with a rate and an end of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from made_states import plain_classifier
from subprobe.data.errors import InputError
from subprobe.probes.learning.fitting import Course, Schedule, fit
from subprobe.probes.learning.readouts import Form, Readouts
from subprobe.probes.learning.word_batches import WordBatch, WordReadouts

D, K = 6, 3
SCHEDULE = Schedule(epochs=30, patience=2)
RATES = (0.3, 0.003, 0.03)
"""The first overshoots and stops early; the second is still learning when the epochs are over."""
READS = (0, 1, 0)


def batches(seed: int, sizes: Sequence[int] = (20, 7, 13)) -> list[WordBatch]:
    """Vectors of two states whose classes can be read off in part."""
    draw = torch.Generator().manual_seed(seed)
    found = []
    for size in sizes:
        gold = torch.randint(0, K, (size,), generator=draw)
        vectors = torch.randn(2, size, D, generator=draw)
        vectors[:, torch.arange(size), gold] += 1.5
        found.append(WordBatch(vectors, gold))
    return found


def in_epoch(epoch: int) -> list[WordBatch]:
    """The batches of the training part in an order of this epoch."""
    order = np.random.default_rng(epoch).permutation(3)
    found = batches(1)
    return [found[place] for place in order]


def trained(
    seeds: Sequence[int], reads: Sequence[int], rates: Sequence[float], form: Form
) -> tuple[list[list[torch.Tensor]], list[Course]]:
    """Weights and courses of classifiers that are trained together."""
    stack = WordReadouts(Readouts(form, seeds), reads)
    courses = fit(stack, in_epoch, lambda: batches(2), SCHEDULE, rates=rates)
    return [[one.detach() for one in probe] for probe in stack.parameters()], courses


@pytest.mark.parametrize("form", [Form(D, K), Form(D, K, hidden=5), Form(D, K, rank=2)])
def test_probes_trained_at_once_are_what_each_is_alone(form: Form) -> None:
    weights, courses = trained((0, 1, 2), READS, RATES, form)
    assert len({len(course.dev_losses) for course in courses}) > 1  # one leaves the stack earlier
    for place in range(3):
        [alone], [course] = trained([place], [READS[place]], [RATES[place]], form)
        assert courses[place].best == course.best
        assert courses[place].lr == RATES[place]
        np.testing.assert_allclose(courses[place].dev_losses, course.dev_losses, atol=1e-5)
        for one, other in zip(weights[place], alone, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_training_is_what_a_plain_loop_gives() -> None:
    lr, seed = 0.1, 4
    [weights], [course] = trained([seed], [1], [lr], Form(D, K))

    def pairs(found: list[WordBatch]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [(batch.vectors[1], batch.gold) for batch in found]

    kept, losses, best = plain_classifier(
        Form(D, K), seed, lambda epoch: pairs(in_epoch(epoch)), lambda: pairs(batches(2)),
        lr=lr, schedule=SCHEDULE,
    )  # fmt: skip
    assert 0 < best < len(losses) - 1
    assert course.best == best
    np.testing.assert_allclose(course.dev_losses, losses, atol=1e-5)
    torch.testing.assert_close(weights[0], kept.weight.detach().T, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(weights[1], kept.bias.detach(), atol=1e-5, rtol=1e-4)
    assert course.loss == course.dev_losses[best]


@dataclass
class Scripted:
    """Probes of one number each, whose gradient is 1 and whose dev losses are written down.

    With a gradient of 1 Adam takes exactly its learning rate off in each step.

    Attributes:
        script: dev loss of each probe after each epoch.
        seen: the numbers of all probes after each epoch.
    """

    script: Sequence[Sequence[float]]
    seen: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._each = [[torch.zeros((), dtype=torch.float64).requires_grad_()] for _ in self.script]

    def parameters(self) -> list[list[torch.Tensor]]:
        return self._each

    def losses(self, active: Sequence[int], batch: str) -> torch.Tensor:
        if batch == "train":
            return torch.stack([self._each[place][0] for place in active])
        self.seen.append([one.item() for [one] in self._each])
        epoch = len(self.seen) - 1
        return torch.tensor([self.script[place][epoch] for place in active])

    def size(self, _batch: str) -> int:
        return 1


def run(script: Sequence[Sequence[float]], rates: Sequence[float], **schedule: int) -> Scripted:
    """Scripted probes after their training, and what they were after each epoch."""
    stack = Scripted(script)
    epochs = max(len(one) for one in script)
    made = Schedule(epochs=epochs, **schedule)
    fit(stack, lambda _epoch: ["train"], lambda: ["dev"], made, rates=rates)
    return stack


def test_each_probe_has_its_own_rate_and_plateau() -> None:
    steady, stuck = [1.0, 0.9, 0.8, 0.7], [1.0, 1.1, 1.1, 0.5]
    stack = run([steady, stuck], [0.1, 0.01])
    moved = -np.diff(np.array([[0.0, 0.0], *stack.seen]), axis=0)
    np.testing.assert_allclose(moved[:, 0], 0.1, rtol=1e-6)
    # no gain after the second and the third epoch: a tenth of the rate each time
    np.testing.assert_allclose(moved[:, 1], [0.01, 0.01, 0.001, 0.0001], rtol=1e-6)


def test_a_probe_that_stopped_has_the_weights_of_its_best_epoch_and_keeps_them() -> None:
    early, late = [1.0, 0.5, 0.6, 0.7] + [0.0] * 3, [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.55]
    stack = run([early, late], [0.1, 0.1], patience=2)
    first = [row[0] for row in stack.seen]
    assert first[3:] == [first[3]] * 4  # it left after the fourth epoch
    assert len(set(first[:4])) == 4
    [one], [other] = stack.parameters()
    assert one.item() == first[1]  # the loss of 0 that it would have had later is not seen
    assert other.item() == stack.seen[5][1]


def test_a_gain_below_the_least_is_none() -> None:
    stack = run([[1.0, 1.0 - 5e-5, 1.0 - 9e-5, 0.5]], [0.1], patience=2)
    assert len(stack.seen) == 3
    assert stack.parameters()[0][0].item() == stack.seen[0][0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_first_loss_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(
        InputError, match="the loss of a probe is NaN or infinite in its first epoch"
    ):
        run([[1.0, 1.0], [bad, 1.0]], [0.1, 0.1])


def test_a_later_loss_that_is_not_a_number_is_no_gain() -> None:
    stack = run([[1.0, 0.5, float("nan"), float("nan"), 0.1]], [0.1], patience=2)
    assert len(stack.seen) == 4
    assert stack.parameters()[0][0].item() == stack.seen[1][0]


def nothing(_epoch: int = 0) -> Iterable[WordBatch]:
    return []


@pytest.mark.parametrize(
    ("train", "dev", "what"),
    [(nothing, lambda: batches(2), "learn from"), (in_epoch, nothing, "stop training by")],
)
def test_a_part_without_anything_is_refused(
    train: Callable[[int], Iterable[WordBatch]],
    dev: Callable[[], Iterable[WordBatch]],
    what: str,
) -> None:
    stack = WordReadouts(Readouts(Form(D, K), [0]), [0])
    with pytest.raises(InputError, match=f"a probe has nothing to {what}"):
        fit(stack, train, dev, SCHEDULE)


def test_the_same_seeds_give_the_same_bits() -> None:
    once, again = (trained((0, 1, 2), READS, RATES, Form(D, K)) for _ in range(2))
    assert once[1] == again[1]
    for one, other in zip(once[0], again[0], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_progress_ends_with_all_epochs_when_every_probe_has_stopped() -> None:
    said: list[tuple[int, int]] = []
    stack = Scripted([[1.0, 1.0, 1.0, 1.0, 1.0]])
    schedule = Schedule(epochs=5, patience=2)
    fit(stack, lambda _e: ["train"], lambda: ["dev"], schedule, progress=lambda *a: said.append(a))
    assert said == [(1, 5), (2, 5), (5, 5)]
