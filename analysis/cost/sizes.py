"""The number and lengths of the examples that the cells of a task read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...data.choices.choice_texts import choice_texts
from ...data.sentences.sentence import Example
from ...data.tasks.by_name import task_spec
from ...data.tasks.glue import GLUE
from ...data.tasks.published import PUBLISHED
from ...data.tasks.task import TaskData
from ...data.tasks.task_files import plain_name
from ...data.tasks.task_parts import split_parts, spread
from ...models.training.recipes import Recipe
from ..configuration.config import RunConfig

SUBWORDS_A_WORD = 1.3
"""Subwords per English word between spaces, punctuation included."""

PADDED = 2.0
"""Longest text in a batch of 32 / mean length of texts: CoLA 2.0, MRPC 1.5, WNLI 2.2."""

_COUNTED = 4000
"""Maximum number of examples whose words are counted."""

_HELD_OUT = 0.1


@dataclass(frozen=True)
class TaskSize:
    """The size of one task, as its cells read it.

    Attributes:
        train: number of training examples.
        selection: number of examples that masks are chosen on.
        report: number of reported examples.
        length: mean subwords per example.
        padded: mean subwords per example in a training batch, including padding.
        known: `read` if the examples are on this machine, else `published`.
    """

    train: int
    selection: int
    report: int
    length: float
    padded: float
    known: Literal["read", "published"] = "read"


def from_hub(config: RunConfig, task: str) -> bool:
    """Whether the examples of a task would have to be downloaded.

    Raises:
        UnknownNameError: if there is no such task.
    """
    choice = config.choice(task)
    if choice.columns and set(choice.columns) != {"group"}:
        return False
    return task_spec(task).name in GLUE and not choice.data_dir


def published_size(config: RunConfig, task: str, recipe: Recipe) -> TaskSize:
    """The size of a GLUE task as published, cut by the options."""
    found, caps = PUBLISHED[plain_name(task)], config.sizes() or {}
    train = min(found.train, caps.get("train", found.train))
    report = min(found.report, caps.get("validation", found.report))
    selection = report
    if config.prune.selection != "reported":
        selection = round(_HELD_OUT * train)
        train -= selection
    length = min(found.length, recipe.max_length)
    padded = min(PADDED * length, recipe.max_length)
    return TaskSize(train, selection, report, length, padded, "published")


def read_size(config: RunConfig, data: TaskData, recipe: Recipe) -> TaskSize:
    """The size of a task whose examples were read; the parts are those of the first seed."""
    chosen = "reported" if config.prune.selection == "reported" else "held-out"
    parts = split_parts(data, selection=chosen, seed=config.split_seed(config.seeds[0]))
    lengths = _lengths(parts.train, recipe.max_length)
    shuffled = np.random.default_rng(0).permutation(lengths)
    longest = [
        shuffled[at : at + recipe.batch_size].max()
        for at in range(0, len(shuffled), recipe.batch_size)
    ]
    return TaskSize(
        len(parts.train),
        len(parts.selection),
        len(parts.report),
        float(lengths.mean()),
        float(np.mean(longest)),
    )


def _lengths(examples: Sequence[Example], longest: int) -> npt.NDArray[np.float64]:
    """Estimated subwords of examples, from their words; a question counts once for each option."""
    chosen = spread(tuple(examples), _COUNTED)
    counts = []
    for example in chosen:
        inputs: Sequence[Sequence[str]] = choice_texts(example) or [example.texts()]
        counts.append(len(inputs) * min(_subwords(inputs), longest))
    return np.array(counts or [1.0], dtype=np.float64)


def _subwords(inputs: Sequence[Sequence[str]]) -> float:
    """Mean estimated number of subwords of inputs of one or more texts."""
    counts = (
        sum(SUBWORDS_A_WORD * len(text.split()) + 1 for text in texts) + 1 for texts in inputs
    )
    return sum(counts) / len(inputs)
