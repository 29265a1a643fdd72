"""From cells to examples: texts must be text, and labels must be in the label set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from .errors import DataFileError
from .reading import shown
from .row_files import Rows
from .sentence import Example, Sentence, plain_sentence
from .task import TaskSpec

_DIGITS = 18
_SHOWN = 20
"""Labels that an error message lists at most."""


def examples_of(
    spec: TaskSpec, files: Sequence[Rows], split: str, *, by_name: bool = False
) -> tuple[Example, ...]:
    """The examples of one split.

    Args:
        spec: the task.
        files: its files; the last column of each is the label, the others are texts.
        split: its name, from which ids are made.
        by_name: take a label for a name alone, never for a class id: the user's own labels may be
            numbers that are no class ids.

    Raises:
        DataFileError: naming file, row and label, if a text is missing or a label not in the set.
    """
    examples: list[Example] = []
    for rows in files:
        for place, (*texts, label) in zip(rows.places, rows.cells, strict=True):
            where = f"{rows.path}, {place}"
            id = f"{split}-{len(examples)}"
            first, *rest = [_sentence(f"{id}/{n}", text, where) for n, text in enumerate(texts, 1)]
            parsed = parse_label(spec, label, where, by_name=by_name)
            examples.append(Example(id, first, rest[0] if rest else None, parsed))
    return tuple(examples)


def _sentence(id: str, text: Any, where: str) -> Sentence:
    if not isinstance(text, str):
        found = "nothing" if text is None else f"{type(text).__name__} {text!r}"
        raise DataFileError(f"{found} where a sentence should be", where=where)
    try:
        return plain_sentence(id, text)
    except DataFileError as error:
        raise DataFileError(error.problem, where=where, remedy=error.remedy) from None


def parse_label(spec: TaskSpec, value: Any, where: str, *, by_name: bool = False) -> int | float:
    """Class id of a label name or number; in regression, its value.

    Raises:
        DataFileError: naming the place, the label and those allowed.
    """
    if spec.regression:
        return _number(value, where)
    name = label_name(value)
    if name in spec.labels:
        return spec.labels.index(name)
    if not by_name and name.isdecimal() and _small(name) and int(name) < spec.num_labels:
        return int(name)
    if name in ("", "-1", "-"):
        raise DataFileError(
            f"the label {name!r} says that the row has none",
            where=where,
            remedy="use a labelled split, or remove the row",
        )
    more = ", ..." if len(spec.labels) > _SHOWN else ""
    numbers = "" if by_name else f" (or 0 to {spec.num_labels - 1})"
    raise DataFileError(
        f"unknown label {name!r}",
        where=where,
        remedy=f"labels of {spec.name}: {', '.join(spec.labels[:_SHOWN])}{more}{numbers}",
    )


def _small(digits: str) -> bool:
    """Whether a number can be a class: Python reads none of thousands of digits."""
    return len(digits) <= _DIGITS


def _number(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise DataFileError(f"the score {shown(value)} is no number", where=where)
    return number


def label_name(value: Any) -> str:
    """A label as text: Parquet has class ids as floats where a column has gaps."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def discover_labels(files: Iterable[Rows]) -> tuple[str, ...]:
    """The label names of a training split, sorted: by value if all are whole numbers.

    Raises:
        DataFileError: if a row has no label, or all have the same.
    """
    names: set[str] = set()
    path = ""
    for rows in files:
        path = str(rows.path)
        for place, cells in zip(rows.places, rows.cells, strict=True):
            name = label_name(cells[-1])
            if not name:
                raise DataFileError("no label", where=f"{path}, {place}", remedy="label the row")
            names.add(name)
    if len(names) < 2:
        raise DataFileError(
            f"every row has the label {names.pop()!r}", where=path, remedy="give two or more labels"
        )
    whole = all(name.removeprefix("-").isdecimal() and _small(name) for name in names)
    return tuple(sorted(names, key=lambda name: (int(name) if whole else 0, name)))
