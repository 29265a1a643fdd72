"""Read multiple-choice questions from the user's files.

QuAIL (Rogers et al. 2020, AAAI) is read by its name; any other file by naming its columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import ConfigError, DataFileError
from ...files.reading import shown
from ...files.row_files import READERS, Rows, read_rows_of
from ...sentences.sentence import Example, Sentence, plain_sentence
from ..columns import choice_roles
from ..labels import label_name
from ..missing import NO_LABEL, keep_usable
from ..task import Reading, TaskData, TaskSpec
from ..task_files import find_split, require_split
from .answers import LETTERS, answer_of, check_answered, options_of

QUAIL = "quail"
"""The task whose files are read without naming columns."""

COLUMNS: Mapping[str, str] = {
    "context": "context",
    "question": "question",
    "options": "answers",
    "type": "question_type",
    "group": "context_id",
    "label": "correct_answer_id",
}
"""Role -> column of the files of QuAIL 1.3."""

_CHALLENGE = "challenge"
"""Stem of QuAIL's test file."""

_TEXTS = {"context": "first", "question": "second"}


def choice_spec(name: str, count: int, **more: Any) -> TaskSpec:
    """A multiple-choice task.

    Args:
        name: its name.
        count: number of options K.
        more: further fields of the specification.
    """
    letters = tuple(LETTERS[:count])
    return TaskSpec(name, letters, "accuracy", ("accuracy",), pair=True, choices=count, **more)


def read_choices(name: str, data_dir: Path | str, columns: Mapping[str, str]) -> TaskData:
    """Read the files `train`, `validation` and optionally `test` of a multiple-choice task.

    Rows without a context, a question or an answer are left out and counted.

    Args:
        name: what to call the task.
        data_dir: folder of `.jsonl`, `.json` (lines) or `.parquet` files; for QuAIL, `challenge`
            is the test split if there is no other.
        columns: role -> column. Required are `context`, `question`, `options` (a list of texts) and
            `label` (see `answer_of`). Optional are `type`, the type of the question, and `group`,
            the name of its context; without it, questions with the same context are one cluster.

    Raises:
        UnknownNameError, ConfigError: if roles do not exist or are missing.
        DataFileError: if the files cannot be read, a row is malformed, or the number of options is
            not the same everywhere; the message names the file and the row.
    """
    roles = choice_roles(columns)
    folder = Path(data_dir).expanduser()
    if not folder.is_dir():
        raise DataFileError("no such folder", where=str(folder), remedy="check `data_dir`")
    names = tuple(columns[role] for role in roles)
    paths = {split: require_split(folder, split) for split in ("train", "validation")}
    test = find_split(folder, "test") or (_challenge(folder) if name == QUAIL else [])
    if test:
        paths["test"] = test
    splits, readings, first = {}, {}, ("", 0)
    for split, found in paths.items():
        files = [_read(path, names) for path in found]
        _check_answered(files, roles)
        kept = [_TEXTS.get(role, role) for role in roles]
        usable, left_out = keep_usable(files, kept, NO_LABEL, remedy="answer the questions")
        splits[split], first = _examples(usable, roles, split, first)
        readings[split] = Reading(
            tuple(str(rows.path) for rows in files),
            sum(len(rows.cells) + rows.n_skipped for rows in files),
            left_out,
        )
    spec = choice_spec(
        name, first[1], columns=names, report_split="test" if test else "validation", own=True
    )
    return TaskData(spec, splits, str(folder), readings)


def _challenge(folder: Path) -> list[Path]:
    path = folder / f"{_CHALLENGE}.jsonl"
    return [path] if path.is_file() else []


def _read(path: Path, names: Sequence[str]) -> Rows:
    if path.suffix not in (".jsonl", ".json", ".parquet"):
        suffixes = ", ".join(suffix for suffix in READERS if suffix not in (".tsv", ".csv"))
        raise DataFileError(
            f"a {path.suffix} file has no lists of options",
            where=str(path),
            remedy=f"write the questions as {suffixes}",
        )
    return read_rows_of(path, names)


def _check_answered(files: Sequence[Rows], roles: Sequence[str]) -> None:
    for rows in files:
        for place, cells in zip(rows.places, rows.cells, strict=True):
            found = dict(zip(roles, cells, strict=True))
            check_answered(found["label"], found["options"], f"{rows.path}, {place}")


def _examples(
    files: Sequence[Rows], roles: Sequence[str], split: str, first: tuple[str, int]
) -> tuple[tuple[Example, ...], tuple[str, int]]:
    """The examples of one split, and where the number of options was first seen."""
    examples: list[Example] = []
    for rows in files:
        for place, cells in zip(rows.places, rows.cells, strict=True):
            where = f"{rows.path}, {place}"
            found = dict(zip(roles, cells, strict=True))
            options = options_of(found["options"], where)
            first = first if first[1] else (where, len(options))
            if len(options) != first[1]:
                raise DataFileError(
                    f"has {len(options)} options, but {first[0]} has {first[1]}",
                    where=where,
                    remedy="give every question the same number of options",
                )
            id = f"{split}-{len(examples)}"
            context = _text(f"{id}/1", found["context"], "context", where)
            examples.append(
                Example(
                    id,
                    context,
                    _text(f"{id}/2", found["question"], "question", where),
                    answer_of(found["label"], options, where),
                    group=label_name(found.get("type")),
                    cluster=label_name(found.get("group")),
                    options=options,
                )
            )
    return with_clusters(tuple(examples)), first


def _text(id: str, text: Any, what: str, where: str) -> Sentence:
    if not isinstance(text, str):
        raise DataFileError(
            f"{type(text).__name__} {shown(text)} where a {what} is expected", where=where
        )
    if not text.strip():
        raise DataFileError(
            f"the {what} is empty", where=where, remedy="write its text or remove the row"
        )
    try:
        return plain_sentence(id, text)
    except DataFileError as error:
        raise DataFileError(error.problem, where=where, remedy=error.remedy) from None


def with_clusters(examples: tuple[Example, ...]) -> tuple[Example, ...]:
    """Examples without a cluster get one for each different context, named by its first example."""
    firsts: dict[str, str] = {}
    found = []
    for example in examples:
        if not example.cluster:
            text = example.first.raw_text()
            example = replace(example, cluster=firsts.setdefault(text, f"context of {example.id}"))
        found.append(example)
    return tuple(found)


def check_own_folder(data_dir: Path | str | None) -> Path | str:
    """The folder of QuAIL's files.

    Raises:
        ConfigError: if none is named.
    """
    if data_dir is None:
        raise ConfigError(
            "QuAIL is read from its published files",
            remedy="name the folder with train.jsonl and dev.jsonl as `data_dir`",
        )
    return data_dir
