"""Tasks of other packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from ..errors import DataFileError
from ..plugins import Plugins
from ..sentences.sentence import Example
from .glue import GLUE
from .task import TaskData, TaskSpec

GENERATED = ("acceptability", "entailment", "reading")
"""Names of the embedded tasks (by_name.EMBEDDED)."""

OF_TEXTS = ("mlm", "mlm-whole-word")
"""Names of the tasks of masked language modelling (by_name.MASKED)."""


@dataclass(frozen=True)
class TaskEntry:
    """A task of another package.

    Attributes:
        spec: the task, with its name, labels and metrics.
        read: returns the labelled examples of `train`, `validation` and optionally `test`; called
            when the task is read. The label of an example is the id of its class, or a number in
            regression.
    """

    spec: TaskSpec
    read: Callable[[], Mapping[str, Sequence[Example]]]

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.spec.name


OF_QUESTIONS = ("reading", "quail")
"""Names of the multiple-choice tasks."""

_TAKEN = tuple(dict.fromkeys((*GENERATED, *OF_TEXTS, *OF_QUESTIONS, *GLUE)))
PLUGINS = Plugins("subprobe.tasks", "task", TaskEntry, _TAKEN)
"""The tasks of other packages, by name."""


def read_plugin(entry: TaskEntry) -> TaskData:
    """The examples of a task of another package, checked.

    Raises:
        DataFileError: if they do not fit the task; the message names the split and the example.
    """
    where = f"task {entry.name} of {PLUGINS.distribution(entry.name) or 'the program'}"
    splits = {name: tuple(examples) for name, examples in entry.read().items()}
    for name in dict.fromkeys(("train", "validation", entry.spec.report_split)):
        if not splits.get(name):
            raise DataFileError(f"has no {name} examples", where=where)
    for name in splits:
        if name.partition("_")[0] not in ("train", "validation", "test"):
            raise DataFileError(
                f"has a split {name!r}", where=where, remedy="call it train, validation or test"
            )
    for name, examples in splits.items():
        if len({example.id for example in examples}) < len(examples):
            raise DataFileError(f"two {name} examples have the same id", where=where)
        for example in examples:
            _check(entry.spec, example, where)
    return TaskData(entry.spec, splits, source=f"plugin:{PLUGINS.distribution(entry.name)}")


def _check(spec: TaskSpec, example: Example, where: str) -> None:
    """Raise unless an example fits its task."""
    label = example.label
    known = (
        isinstance(label, (int, float)) and isfinite(label)
        if spec.regression
        else type(label) is int and 0 <= label < len(spec.labels)
    )
    problem = ""
    if (example.second is not None) is not spec.pair:
        problem = f"has {'one sentence' if spec.pair else 'two sentences'}"
    elif not known:
        wanted = "a number" if spec.regression else f"0 to {len(spec.labels) - 1}"
        problem = f"has the label {label!r}, not {wanted}"
    elif len(example.options) != spec.choices:
        problem = f"has {len(example.options)} options, not {spec.choices}"
    if problem:
        raise DataFileError(f"example {example.id!r} {problem}", where=where)
