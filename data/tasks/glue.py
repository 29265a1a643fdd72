"""The nine GLUE tasks (Wang et al. 2019): labels, metrics, and the columns of their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .task import TaskSpec

_HUB = "nyu-mll/glue"
_ENTAILMENT = ("entailment", "not_entailment")

_SPECS = (
    TaskSpec(
        "cola",
        ("unacceptable", "acceptable"),
        "matthews",
        ("matthews",),
        pair=False,
        hub=(_HUB, "cola"),
        columns=("sentence", "label"),
    ),
    TaskSpec(
        "sst2",
        ("negative", "positive"),
        "accuracy",
        ("accuracy",),
        pair=False,
        hub=(_HUB, "sst2"),
        columns=("sentence", "label"),
    ),
    TaskSpec(
        "mrpc",
        ("not_equivalent", "equivalent"),
        "accuracy",
        ("accuracy", "f1"),
        pair=True,
        hub=(_HUB, "mrpc"),
        columns=("sentence1", "sentence2", "label"),
    ),
    TaskSpec(
        "stsb",
        (),
        "pearson",
        ("pearson", "spearman", "pearson_spearman"),
        pair=True,
        hub=(_HUB, "stsb"),
        columns=("sentence1", "sentence2", "label"),
    ),
    TaskSpec(
        "qqp",
        ("not_duplicate", "duplicate"),
        "accuracy",
        ("accuracy", "f1"),
        pair=True,
        hub=(_HUB, "qqp"),
        columns=("question1", "question2", "label"),
    ),
    TaskSpec(
        "mnli",
        ("entailment", "neutral", "contradiction"),
        "accuracy",
        ("accuracy",),
        pair=True,
        hub=(_HUB, "mnli"),
        columns=("premise", "hypothesis", "label"),
        report_split="validation_matched",
    ),
    TaskSpec(
        "qnli",
        _ENTAILMENT,
        "accuracy",
        ("accuracy",),
        pair=True,
        hub=(_HUB, "qnli"),
        columns=("question", "sentence", "label"),
    ),
    TaskSpec(
        "rte",
        _ENTAILMENT,
        "accuracy",
        ("accuracy",),
        pair=True,
        hub=(_HUB, "rte"),
        columns=("sentence1", "sentence2", "label"),
    ),
    TaskSpec(
        "wnli",
        ("not_entailment", "entailment"),
        "accuracy",
        ("accuracy",),
        pair=True,
        hub=(_HUB, "wnli"),
        columns=("sentence1", "sentence2", "label"),
    ),
)

GLUE: Mapping[str, TaskSpec] = {spec.name: spec for spec in _SPECS}
"""Task id -> task, in the order of the hub."""


@dataclass(frozen=True)
class TsvForm:
    """The format of a task's files in the original release.

    Attributes:
        columns: names of the sentence columns and the label column.
        header: names of all columns if the file has no header row; otherwise empty.
        skip_short: whether the release contains rows with missing columns.
    """

    columns: tuple[str, ...]
    header: tuple[str, ...] = ()
    skip_short: bool = False


TSV: Mapping[str, TsvForm] = {
    "cola": TsvForm(("sentence", "label"), header=("source", "label", "mark", "sentence")),
    "sst2": TsvForm(("sentence", "label")),
    "mrpc": TsvForm(("#1 String", "#2 String", "Quality")),
    "stsb": TsvForm(("sentence1", "sentence2", "score")),
    "qqp": TsvForm(("question1", "question2", "is_duplicate"), skip_short=True),
    "mnli": TsvForm(("sentence1", "sentence2", "gold_label")),
    "qnli": TsvForm(("question", "sentence", "label")),
    "rte": TsvForm(("sentence1", "sentence2", "label")),
    "wnli": TsvForm(("sentence1", "sentence2", "label")),
}
"""Task id -> format of train.tsv and dev.tsv."""


def glue_splits(spec: TaskSpec) -> tuple[str, ...]:
    """The labelled splits of a GLUE task; the test labels are not public."""
    if spec.name == "mnli":
        return ("train", "validation_matched", "validation_mismatched")
    return ("train", "validation")
