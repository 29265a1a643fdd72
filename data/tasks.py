"""The tasks by name, and the roles that their examples play."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ConfigError, DataFileError, UnknownNameError
from .glue import GLUE, glue_splits
from .labels import discover_labels, examples_of
from .row_files import Rows
from .sentence import Example
from .task import TaskData, TaskParts, TaskSpec
from .task_files import plain_name, read_custom_folder, read_glue_folder, task_folder

EMBEDDED: Mapping[str, TaskSpec] = {
    "acceptability": TaskSpec(
        "acceptability",
        ("unacceptable", "acceptable"),
        "accuracy",
        ("accuracy", "matthews"),
        pair=False,
        report_split="test",
    ),
    "entailment": TaskSpec(
        "entailment",
        ("not_entailment", "entailment"),
        "accuracy",
        ("accuracy", "matthews"),
        pair=True,
        report_split="test",
    ),
}
"""Tasks whose examples are generated here; they need neither files nor a network."""

_GENERATOR_SEED = 0
"""One data set for everybody: a run's seeds vary the model, not the examples."""

_HELD_OUT = 0.1
"""Share of train on which masks are chosen where no other labelled split is to spare."""


def list_tasks() -> tuple[TaskSpec, ...]:
    """Every task that has a name: the embedded ones, then GLUE."""
    return (*EMBEDDED.values(), *GLUE.values())


def task_spec(name: str) -> TaskSpec:
    """The task of a name; case and hyphens do not count, so that `SST-2` is `sst2`.

    Raises:
        UnknownNameError: if there is none; the message lists those that there are.
    """
    known = {spec.name: spec for spec in list_tasks()}
    if plain_name(name) not in known:
        raise UnknownNameError("task", name, known)
    return known[plain_name(name)]


def load_task(
    name: str,
    *,
    data_dir: Path | str | None = None,
    columns: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> TaskData:
    """Read a task's examples.

    Args:
        name: an embedded or GLUE task, or any name if `columns` are given.
        data_dir: local folder of a GLUE task or its parent; without it the hub is asked.
        columns: as in `custom_task`.
        sizes: split -> number of examples. Embedded tasks are generated in that size; other
            splits keep at most so many examples, at equal distances in the file.

    Raises:
        UnknownNameError: if the task or a split in `sizes` does not exist.
        ConfigError: if options do not go together.
        DataFileError: naming the file, row, column or label at fault, or the hub.
    """
    if columns:
        if data_dir is None:
            raise ConfigError("columns are named but no folder", remedy="add --data-dir")
        return _capped(custom_task(name, data_dir, columns), sizes)
    spec = task_spec(name)
    if spec.name in EMBEDDED:
        if data_dir is not None:
            raise ConfigError(
                f"{spec.name} is generated and reads no --data-dir",
                remedy="leave it out, or name the columns of your own files",
            )
        return _embedded(spec, sizes)
    if data_dir is None:
        files, source = _hub_splits(spec), f"hub:{'/'.join(spec.hub or ())}"
    else:
        folder = task_folder(data_dir, spec.name)
        files, source = read_glue_folder(spec, folder), str(folder)
    splits = {split: examples_of(spec, rows, split) for split, rows in files.items()}
    return _capped(TaskData(spec, splits, source, _notes(files)), sizes)


def custom_task(name: str, data_dir: Path | str, columns: Mapping[str, str]) -> TaskData:
    """Read the user's own files `train`, `validation` and optionally `test`.

    Args:
        name: what to call the task.
        data_dir: folder of `.csv`, `.tsv` (quotes literal), `.jsonl` or `.parquet` files.
        columns: role -> column: `first`, optionally `second`, and either `label`, whose values in
            train are the label set, or `score`, a number to predict.

    Raises:
        UnknownNameError: if a role does not exist.
        ConfigError: if `first` is missing, or not one of `label` and `score` is given.
        DataFileError: naming the file, row, column or label at fault.
    """
    for role in columns:
        if role not in ("first", "second", "label", "score"):
            raise UnknownNameError("column role", role, ("first", "second", "label", "score"))
    if "first" not in columns or ("label" in columns) == ("score" in columns):
        raise ConfigError(
            f"{', '.join(columns) or 'no columns'} named",
            remedy="name the columns first=..., second=... for pairs, and label=... or score=...",
        )
    roles = [role for role in ("first", "second", "label", "score") if role in columns]
    folder = Path(data_dir)
    if not folder.is_dir():
        raise DataFileError("no such folder", where=str(folder), remedy="check --data-dir")
    names = tuple(columns[role] for role in roles)
    files = read_custom_folder(folder, names)
    regression = "score" in columns
    spec = TaskSpec(
        name=name,
        labels=() if regression else discover_labels(files["train"]),
        metric="pearson" if regression else "accuracy",
        metrics=("pearson", "spearman") if regression else ("accuracy", "matthews"),
        pair="second" in columns,
        columns=names,
        report_split="test" if "test" in files else "validation",
    )
    splits = {split: examples_of(spec, rows, split, by_name=True) for split, rows in files.items()}
    return TaskData(spec, splits, str(folder), _notes(files))


def split_parts(data: TaskData, *, selection: str = "held-out", seed: int) -> TaskParts:
    """Give the examples their roles: train on, choose masks on, report on.

    A task with a labelled test split chooses on validation and reports on test. Otherwise a tenth
    of train, drawn by the seed from each label alike, is removed from train to choose on, and
    validation is reported. Examples with equal texts stay together.

    Args:
        data: the task.
        selection: `held-out`, or `reported`, the protocol of Prasanna et al. (2020): masks are
            chosen on what is reported, and all of train is trained on.
        seed: of the draw.

    Raises:
        UnknownNameError: if `selection` is neither.
    """
    if selection not in ("held-out", "reported"):
        raise UnknownNameError("selection", selection, ("held-out", "reported"))
    name = data.spec.report_split
    train, report = data.splits["train"], data.splits[name]
    lost = data.notes.get(f"{name}_examples_unreadable", 0)
    if selection == "reported":
        return TaskParts(data.spec, train, report, report, "reported", name, lost)
    if name == "test":
        validation = data.splits["validation"]
        return TaskParts(data.spec, train, validation, report, "validation", name, lost)
    held = _held_out(train, seed, regression=data.spec.regression)
    return TaskParts(
        data.spec,
        tuple(example for i, example in enumerate(train) if i not in held),
        tuple(example for i, example in enumerate(train) if i in held),
        report,
        "train-10%",
        name,
        lost,
    )


def _held_out(train: tuple[Example, ...], seed: int, *, regression: bool) -> set[int]:
    """Places of a tenth of the distinct texts of every label, with all their repetitions."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place, example in enumerate(train):
        places.setdefault(example.texts(), []).append(place)
    strata: dict[Any, list[list[int]]] = {}
    for group in places.values():
        label = None if regression else train[group[0]].label
        strata.setdefault(label, []).append(group)
    generator = np.random.default_rng(seed)
    held: set[int] = set()
    for label in sorted(strata, key=lambda label: (label is not None, label or 0)):
        groups = strata[label]
        count = round(_HELD_OUT * len(groups)) or int(len(groups) > 1)
        for chosen in generator.permutation(len(groups))[:count]:
            held.update(groups[chosen])
    return held


def _embedded(spec: TaskSpec, sizes: Mapping[str, int] | None) -> TaskData:
    from . import generator

    generate = getattr(generator, spec.name)
    options = {} if sizes is None else {"sizes": dict(sizes)}
    return TaskData(spec, generate(seed=_GENERATOR_SEED, **options), "generated")


def _hub_splits(spec: TaskSpec) -> dict[str, list[Rows]]:
    """The labelled splits of a data set on the hub, read through `datasets`."""
    from datasets import load_dataset

    path, configuration = spec.hub or ("", "")
    place = f"hub data set {path} ({configuration})"
    splits: dict[str, list[Rows]] = {}
    try:
        found = load_dataset(path, configuration)
        for split in glue_splits(spec):
            table = found[split]
            cells = tuple(zip(*(table[column] for column in spec.columns), strict=True))
            names = tuple(f"row {number}" for number in range(1, len(cells) + 1))
            splits[split] = [Rows(Path(f"{place}, {split}"), names, cells)]
    # No network, no such data set, a changed layout: libraries below raise types of their own.
    except Exception as error:
        problem = str(error).split("\n", 1)[0] or type(error).__name__
        raise DataFileError(
            f"cannot be read: {problem}",
            where=place,
            remedy="pass --data-dir with a folder of the task's files",
        ) from error
    return splits


def _notes(files: Mapping[str, list[Rows]]) -> dict[str, int]:
    """Number of malformed rows left out of each split that has some."""
    skipped = {split: sum(rows.n_skipped for rows in found) for split, found in files.items()}
    return {f"{split}_rows_skipped": count for split, count in skipped.items() if count}


def _capped(data: TaskData, sizes: Mapping[str, int] | None) -> TaskData:
    if not sizes:
        return data
    for split in sizes:
        if split not in data.splits:
            raise UnknownNameError(f"{data.spec.name} split", split, data.splits)
    splits = dict(data.splits)
    for split, count in sizes.items():
        if count < len(splits[split]):
            chosen = np.linspace(0, len(splits[split]) - 1, count).round().astype(int)
            splits[split] = tuple(splits[split][i] for i in chosen)
    return replace(data, splits=splits)
