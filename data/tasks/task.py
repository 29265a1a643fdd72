"""Data types for tasks, independent of the source of their examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..sentences.sentence import Example


@dataclass(frozen=True)
class TaskSpec:
    """Name, label set and metrics of one task.

    Attributes:
        name: lower-case id; for GLUE tasks that of GLUE.
        labels: label names; index = class. Empty for regression.
        metric: the primary metric, used for selection and in reports.
        metrics: all reported metrics, the primary one first.
        pair: whether an example has two sentences.
        hub: (dataset id, configuration) on the hub, or None.
        columns: names of the sentence columns and the label column in hub and table files.
        report_split: the split on which results are reported.
        own: whether the examples are from the user's files, whose labels may change.
        masked: `pieces` or `words` of a text that are chosen at random for a masked language model
            to predict; empty for a task with labels or numbers. Labels are then piece ids.
        choices: number of options K of each multiple-choice question, whose labels are the letters
            of the options; 0 for other tasks.
    """

    name: str
    labels: tuple[str, ...]
    metric: str
    metrics: tuple[str, ...]
    pair: bool
    hub: tuple[str, str] | None = None
    columns: tuple[str, ...] = ("sentence", "label")
    report_split: str = "validation"
    own: bool = False
    masked: Literal["", "pieces", "words"] = ""
    choices: int = 0

    @property
    def regression(self) -> bool:
        """Whether the labels are numbers rather than classes."""
        return not (self.labels or self.masked)

    @property
    def num_labels(self) -> int:
        """Number of logits of an example: of K classes or options, or 1 in regression."""
        return len(self.labels) or 1


UNREADABLE = "without a subword"
"""The reason in `Reading.left_out` for examples without a subword."""


@dataclass(frozen=True)
class Reading:
    """A record of how one split was read.

    Attributes:
        files: the files, or the name of another source.
        n_rows: number of rows without the header.
        left_out: reason -> number of rows left out, such as `without a label ('-')` -> 12.
        unquoted: whether quotes around the cells of a tab-separated file were removed.
    """

    files: tuple[str, ...]
    n_rows: int
    left_out: Mapping[str, int]
    unquoted: bool = False


@dataclass(frozen=True)
class TaskData:
    """A task with its examples.

    Attributes:
        spec: the task.
        splits: split name (`train`, `validation`, `test`, ...) -> labelled examples.
        source: source of the examples, for the manifest.
        readings: split name -> how it was read; empty for generated examples.
    """

    spec: TaskSpec
    splits: Mapping[str, tuple[Example, ...]]
    source: str = ""
    readings: Mapping[str, Reading] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskParts:
    """The examples in three roles, so that selection and reporting use different ones.

    Attributes:
        train: examples for fine-tuning.
        selection: examples on which masks are selected.
        report: examples on which scores are reported.
        selection_name: `validation`, `train-10%` or `reported`; stored in every row.
        report_name: name of the reported split.
        n_unreadable: number of reported examples left out because they have no subword.
    """

    spec: TaskSpec
    train: tuple[Example, ...]
    selection: tuple[Example, ...]
    report: tuple[Example, ...]
    selection_name: str
    report_name: str
    n_unreadable: int = 0
