"""What a task is, apart from where its examples are read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..sentences.sentence import Example


@dataclass(frozen=True)
class TaskSpec:
    """Name, label set and metrics of one task.

    Attributes:
        name: lower-case id, GLUE's own for GLUE tasks.
        labels: label names; index = class. Empty for regression.
        metric: the primary metric, which selection and reports use.
        metrics: every metric that is reported, the primary one first.
        pair: whether an example has two sentences.
        hub: (dataset id, configuration) on the hub, or None.
        columns: names of the sentence columns and the label column in hub and table files.
        report_split: the split that results are reported on.
        own: whether the examples are the user's own files, whose labels may change.
        masked: `pieces` or `words` of a text that a masked language model is asked for, chosen at
            random; empty for a task with labels or numbers. Labels are then piece ids.
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

    @property
    def regression(self) -> bool:
        """Whether labels are numbers rather than classes."""
        return not (self.labels or self.masked)

    @property
    def num_labels(self) -> int:
        """Outputs of the task head: K classes, or 1."""
        return len(self.labels) or 1


UNREADABLE = "without a subword"
"""The reason in `Reading.left_out` for texts that a tokenizer leaves nothing of."""


@dataclass(frozen=True)
class Reading:
    """What was read of one split.

    Attributes:
        files: the files, or what stands for them.
        n_rows: rows in them, the header not counted.
        left_out: reason -> rows that are no examples, such as `without a label ('-')` -> 12.
        unquoted: whether quotes around the cells of a tab-separated file were undone.
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
        source: where the examples came from, for the manifest.
        readings: split name -> what was read of it; empty for generated examples.
    """

    spec: TaskSpec
    splits: Mapping[str, tuple[Example, ...]]
    source: str = ""
    readings: Mapping[str, Reading] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskParts:
    """The three roles that examples play: nothing is selected and reported on the same ones.

    Attributes:
        train: what fine-tuning reads.
        selection: what masks are chosen on.
        report: what scores are reported on.
        selection_name: `validation`, `train-10%` or `reported`; goes into every row.
        report_name: name of the split that is reported.
        n_unreadable: reported examples left out because a tokenizer leaves nothing of them.
    """

    spec: TaskSpec
    train: tuple[Example, ...]
    selection: tuple[Example, ...]
    report: tuple[Example, ...]
    selection_name: str
    report_name: str
    n_unreadable: int = 0
