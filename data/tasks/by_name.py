"""Find and read tasks by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError, DataFileError
from ..files.row_files import Rows
from ..sentences.sentence import Example
from ..sentences.text_corpus import read_split_texts
from .choices.generated import READING, reading
from .choices.reading import COLUMNS, QUAIL, check_own_folder, choice_spec, read_choices
from .columns import asks_choices, check_roles, roles_of
from .glue import GLUE
from .glue_hub import hub_splits
from .labels import discover_labels, examples_of
from .missing import NO_LABEL, NO_NAME, NO_SCORE, keep_usable
from .plugin_tasks import PLUGINS, TaskEntry, read_plugin
from .task import Reading, TaskData, TaskSpec
from .task_files import plain_name, read_custom_folder, read_glue_folder, task_folder
from .task_parts import capped

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
    "reading": READING,
}
"""Tasks whose examples are generated, without files or network."""

_PIECES = TaskSpec("mlm", (), "accuracy", ("accuracy", "bits"), pair=False, masked="pieces")
MASKED: Mapping[str, TaskSpec] = {
    "mlm": _PIECES,
    "mlmwholeword": replace(_PIECES, name="mlm-whole-word", masked="words"),
}
"""Masked language modelling on texts of the user's own, by name without hyphens."""

CHOICES: Mapping[str, TaskSpec] = {QUAIL: choice_spec(QUAIL, 4)}
"""Multiple-choice tasks whose published files are read without naming columns."""

_GENERATOR_SEED = 0
"""Fixed seed of the generated data sets: the seeds of a run vary the model, not the examples."""

_OWN_FILES = "; files of your own are read by naming their columns (`columns`)"
_LABEL_ROWS = "label the rows, or add `as_classes` if that is the name of a class"


def list_tasks() -> tuple[TaskSpec, ...]:
    """All named tasks: the embedded ones, GLUE, then those of other packages."""
    others = (entry.spec for entry in PLUGINS.all().values())
    named = (*EMBEDDED.values(), *MASKED.values(), *CHOICES.values(), *GLUE.values())
    return (*named, *others)


def source_of(spec: TaskSpec) -> str:
    """The source of the examples of a named task, unless local files are named."""
    if spec.name in EMBEDDED:
        return "embedded"
    if spec.masked:
        return "your own texts"
    if spec.name in CHOICES:
        return "its published files"
    return "/".join(spec.hub or ()) or PLUGINS.distribution(spec.name)


def task_spec(name: str) -> TaskSpec:
    """The task with a name; case and hyphens are ignored, so that `SST-2` is `sst2`.

    Raises:
        UnknownNameError: if there is none; the message lists the known tasks.
    """
    plain = plain_name(name)
    known = {**EMBEDDED, **MASKED, **CHOICES, **GLUE}
    spec = known.get(plain)
    if spec is None and (plugin := _plugin(plain)):
        spec = plugin.spec
    if spec is None:
        raise PLUGINS.unknown(name, _OWN_FILES)
    return spec


def _plugin(plain: str) -> TaskEntry | None:
    """The task of another package by its name, ignoring case and hyphens."""
    return next((PLUGINS.get(name) for name in PLUGINS.names() if plain_name(name) == plain), None)


def load_task(
    name: str,
    *,
    data_dir: Path | str | None = None,
    columns: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    quotes: str = "auto",
    as_classes: bool = False,
) -> TaskData:
    """Read a task's examples.

    Args:
        name: an embedded or GLUE task, or any name if `columns` are given.
        data_dir: local folder of a GLUE task or its parent; None = read the task from the hub.
        columns: as in `custom_task`; only `group` for a GLUE task.
        sizes: split -> number of examples. Embedded tasks are generated with this size; from other
            tasks at most this number is read, at equal distances in the file.
        quotes: as in `custom_task`.
        as_classes: as in `custom_task`.

    Raises:
        UnknownNameError: if the task or a split in `sizes` does not exist.
        ConfigError: if options cannot be combined.
        DataFileError: if the data cannot be read; the message names the file, row, column or label,
            or the hub.
    """
    columns = columns or {}
    check_roles(columns)
    if columns and not (set(columns) == {"group"} and plain_name(name) in GLUE):
        if data_dir is None:
            raise ConfigError("columns are named without a folder", remedy="add `data_dir`")
        own = custom_task(name, data_dir, columns, quotes=quotes, as_classes=as_classes)
        return capped(own, sizes)
    spec = task_spec(name)
    if quotes != "auto" or as_classes:
        raise ConfigError(
            f"{spec.name} is read in its own format",
            where="`as_classes`" if as_classes else "`quotes`",
            remedy="leave it out; it applies to your own files with named columns",
        )
    if spec.masked:
        return capped(_masked(spec, data_dir), sizes)
    if spec.name in CHOICES:
        return capped(read_choices(spec.name, check_own_folder(data_dir), COLUMNS), sizes)
    if spec.name in EMBEDDED:
        if data_dir is not None:
            raise ConfigError(
                f"{spec.name} is generated and reads no `data_dir`",
                remedy="leave it out, or name the columns of your own files",
            )
        return _embedded(spec, sizes)
    if spec.name not in GLUE and (plugin := PLUGINS.get(spec.name)):
        if data_dir is not None:
            raise ConfigError(
                f"{spec.name} has its own examples and reads no `data_dir`", remedy="leave it out"
            )
        return capped(read_plugin(plugin), sizes)
    more = tuple(columns.values())
    if data_dir is None:
        files, source = hub_splits(spec, more), f"hub:{'/'.join(spec.hub or ())}"
    else:
        folder = task_folder(data_dir, spec.name)
        files, source = read_glue_folder(spec, folder, more), str(folder)
    texts = ("first", "second") if spec.pair else ("first",)
    roles = (*columns, *texts, "score" if spec.regression else "label")
    splits, readings = {}, {}
    for split, rows in files.items():
        usable, left_out = keep_usable(rows, roles, NO_LABEL)
        splits[split] = examples_of(spec, usable, split, roles)
        readings[split] = _reading(rows, left_out)
    return capped(TaskData(spec, splits, source, readings), sizes)


def custom_task(
    name: str,
    data_dir: Path | str,
    columns: Mapping[str, str],
    *,
    quotes: str = "auto",
    as_classes: bool = False,
) -> TaskData:
    """Read the user's files `train`, `validation` and optionally `test`.

    Rows without a text or a label are left out and counted (see `missing.NO_LABEL`).

    Args:
        name: what to call the task.
        data_dir: folder of `.csv`, `.tsv`, `.jsonl` or `.parquet` files.
        columns: role -> column; those of multiple-choice questions are in `read_choices`. Otherwise
            required are `first` and either `label`, whose values in train are
            the label set, or `score`, a number to predict. Optional are `second`, `group`, the
            source that examples share (`Example.cluster`), `rationale`, the parts that people
            found decisive, and `counterfactual` and `counterfactual_second` (`columns.PAIRED`).
        quotes: for tab-separated files: `auto`, `undone` or `literal` (see `read_own_tsv`).
        as_classes: treat every value under `label` as the name of a class, including numbers with
            many values, `-`, -1 and `NA`.

    Raises:
        UnknownNameError: if a role does not exist.
        ConfigError: if `first` is missing, not exactly one of `label` and `score` is given, or the
            name cannot be used as a file name or is that of a masked task.
        DataFileError: if the files cannot be read; the message names the file, row, column or
            label.
    """
    _check_name(name)
    roles = roles_of(columns)
    if asks_choices(columns):
        if quotes != "auto" or as_classes:
            raise ConfigError(
                "multiple-choice questions have no classes, and no tab-separated files",
                where="`as_classes`" if as_classes else "`quotes`",
                remedy="leave it out",
            )
        return read_choices(name, data_dir, columns)
    folder = Path(data_dir).expanduser()
    if not folder.is_dir():
        raise DataFileError("no such folder", where=str(folder), remedy="check `data_dir`")
    regression = "score" in columns
    if as_classes and regression:
        raise ConfigError(
            "a score is not a class", remedy="leave out `as_classes`, or name label=..."
        )
    names = tuple(columns[role] for role in roles)
    spellings = NO_SCORE if regression else NO_NAME if as_classes else NO_LABEL
    remedy = "label the rows" if regression or as_classes else _LABEL_ROWS
    files = read_custom_folder(folder, names, quotes=quotes)
    usable, readings = {}, {}
    for split, rows in files.items():
        usable[split], left_out = keep_usable(rows, roles, spellings, remedy=remedy)
        readings[split] = _reading(rows, left_out)
    labels: tuple[str, ...] = ()
    if not regression:
        lost = readings["train"].left_out
        labels = discover_labels(usable["train"], as_classes=as_classes, left_out=lost)
    spec = TaskSpec(
        name=name,
        labels=labels,
        metric="pearson" if regression else "accuracy",
        metrics=("pearson", "spearman") if regression else ("accuracy", "matthews"),
        pair="second" in columns,
        columns=names,
        report_split="test" if "test" in files else "validation",
        own=True,
    )
    splits = {
        split: examples_of(spec, rows, split, roles, by_name=True) for split, rows in usable.items()
    }
    return TaskData(spec, splits, str(folder), readings)


def _check_name(name: str) -> None:
    """Raise unless the name of a task can be used for file names in a run folder.

    Raises:
        ConfigError: if it contains other characters than letters, digits, spaces and `._-`, or is
            that of a masked task: a model of that name is read as a masked language model.
    """
    if plain_name(name) in MASKED:
        raise ConfigError(
            f"{name} has no columns: it is masked language modelling",
            where="`columns`",
            remedy="leave them out, or choose another name for a task of your own",
        )
    if not re.fullmatch(r"\w[\w .-]*", name):
        raise ConfigError(
            f"{name!r} is not a valid task name",
            remedy="use letters, digits, spaces and . _ -, starting with a letter or digit",
        )


def _reading(files: Sequence[Rows], left_out: Mapping[str, int]) -> Reading:
    return Reading(
        tuple(str(rows.path) for rows in files),
        sum(len(rows.cells) + rows.n_skipped for rows in files),
        left_out,
        any(rows.unquoted for rows in files),
    )


def _embedded(spec: TaskSpec, sizes: Mapping[str, int] | None) -> TaskData:
    from .. import generator

    generate = reading if spec.choices else getattr(generator, spec.name)
    options = {} if sizes is None else {"sizes": dict(sizes)}
    return TaskData(spec, generate(seed=_GENERATOR_SEED, **options), "generated")


def _masked(spec: TaskSpec, data_dir: Path | str | None) -> TaskData:
    """Texts as examples without a label; those of one document are a cluster."""
    if data_dir is None:
        raise ConfigError(
            f"{spec.name} is trained on texts of your own",
            remedy="name a text file, or a folder with train and validation texts, as `data_dir`",
        )
    texts, files = read_split_texts(data_dir)
    splits = {
        split: tuple(Example(one.id, one, cluster=one.document) for one in found)
        for split, found in texts.items()
    }
    readings = {split: Reading((str(files[split]),), len(splits[split]), {}) for split in splits}
    if "test" in splits:
        spec = replace(spec, report_split="test")
    return TaskData(spec, splits, str(data_dir), readings)
