"""A toy task whose first word decides the label, as `TaskParts`."""

from __future__ import annotations

import numpy as np
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.task import TaskParts, TaskSpec

WORDS = ("cats", "dogs", "houses", "author", "envelope", "children", "table", "keys")


def toy_spec(classes: int = 2) -> TaskSpec:
    """A task with so many classes; 1 = regression."""
    if classes == 1:
        return TaskSpec("toy", (), "pearson", ("pearson", "spearman"), pair=False)
    labels = tuple(f"label {k}" for k in range(classes))
    return TaskSpec("toy", labels, "accuracy", ("accuracy",), pair=False)


def toy_examples(count: int, classes: int = 2, seed: int = 0) -> tuple[Example, ...]:
    """Texts of 3 to 8 words; which of the first words of the list occurs decides the label."""
    rng = np.random.default_rng(seed)
    examples = []
    for place in range(count):
        first = place % max(classes, 2)
        others = rng.choice(WORDS[max(classes, 2) :], size=rng.integers(2, 8))
        text = " ".join([WORDS[first], *others])
        label = first if classes > 1 else float(first) + 0.1 * (place % 3)
        examples.append(Example(f"e{place}", plain_sentence(f"e{place}", text), label=label))
    return tuple(examples)


def toy_parts(classes: int = 2, train: int = 48, report: int = 24) -> TaskParts:
    """Train, selection and report examples of the toy task."""
    return TaskParts(
        spec=toy_spec(classes),
        train=toy_examples(train, classes, 0),
        selection=toy_examples(report, classes, 1),
        report=toy_examples(report, classes, 2),
        selection_name="validation",
        report_name="test",
    )
