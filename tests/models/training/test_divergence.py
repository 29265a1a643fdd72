"""What counts as a training that failed, and what only as one that has not learned."""

import math

import pytest
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.task import TaskParts
from subprobe.models.training.divergence import has_diverged, loss_limit, unsaid_loss
from toy_parts import toy_spec


def parts_of(labels, classes):
    """A task whose training examples have these labels."""
    train = tuple(
        Example(f"e{place}", plain_sentence(f"e{place}", "a cat"), label=label)
        for place, label in enumerate(labels)
    )
    return TaskParts(toy_spec(classes), train, train, train, "reported", "test")


@pytest.mark.parametrize(
    ("labels", "classes", "unsaid"),
    [
        ([0, 1, 0, 1], 2, math.log(2)),
        # however rare a class is: what a new head loses does not know
        ([0] * 99 + [1], 2, math.log(2)),
        ([0, 1, 2], 3, math.log(3)),
        ([1.0, 2.0, 3.0], 1, 14 / 3),
    ],
)
def test_a_silent_head_loses_as_much_as_its_labels_say(labels, classes, unsaid):
    assert unsaid_loss(parts_of(labels, classes)) == pytest.approx(unsaid)
    assert loss_limit(parts_of(labels, classes), 0.0) == pytest.approx(2 * unsaid)


@pytest.mark.parametrize(
    ("losses", "diverged"),
    [
        ((0.71, 0.70), False),  # about a guess, in either direction
        ((0.9, 0.66), False),
        ((0.83, 0.80), False),  # a head that began badly and did not learn
        ((3.0, 0.5), False),  # recovered
        ((0.7, 1.5), True),
        ((0.7, float("nan")), True),
        ((float("nan"), 0.5), True),
        ((float("inf"), 0.7), True),
        ((0.3,), False),
    ],
)
def test_only_an_explosion_is_a_divergence(losses, diverged):
    assert has_diverged(losses, loss_limit(parts_of([0, 1], 2), 0.7)) is diverged


def test_a_rare_class_is_no_divergence():
    """Majority .99: the labels' entropy is .056, and one short epoch ends at .3."""
    assert not has_diverged((0.3,), loss_limit(parts_of([0] * 99 + [1], 2), 0.69))


def test_a_model_that_begins_worse_than_a_silent_one_may_end_there():
    """Labels near 0 are hardly missed by silence, but by every new head."""
    small = parts_of([0.001, -0.001], 1)
    assert not has_diverged((0.2, 0.1), loss_limit(small, 0.15))
    assert has_diverged((0.2, 0.4), loss_limit(small, 0.15))
    assert has_diverged((0.2, 0.1), loss_limit(small, float("nan")))
