"""Convert cells to examples, and check that texts are texts and labels are in the label set."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import DataFileError
from ..files.reading import shown
from ..files.row_files import Rows
from ..sentences.sentence import Example, Sentence, plain_sentence
from ..spans.rationales import read_rationale
from .columns import PAIRED
from .missing import counted, is_nothing
from .task import TaskSpec

_DIGITS = 18
_SHOWN = 20
"""Maximum number of labels in an error message."""

MOST_NUMBERS, MOST_DECIMALS = 20, 5
"""Maximum number of distinct numbers as class names; the second value if most have decimals."""


def examples_of(
    spec: TaskSpec,
    files: Iterable[Rows],
    split: str,
    roles: Sequence[str],
    *,
    by_name: bool = False,
) -> tuple[Example, ...]:
    """The examples of one split.

    Args:
        spec: the task.
        files: files of the split, without rows that have no text or label (`keep_usable`).
        split: name of the split, from which ids are formed.
        roles: role of each column of the files (see `columns.ROLES`).
        by_name: read a label only as a name, never as a class id, because labels in the user's
            files may be numbers that are not class ids.

    Raises:
        DataFileError: if a text is not a string or a label is not in the set; the message names the
            file, the row and the label.
    """
    examples: list[Example] = []
    for rows in files:
        for place, cells in zip(rows.places, rows.cells, strict=True):
            where = f"{rows.path}, {place}"
            id = f"{split}-{len(examples)}"
            found = dict(zip(roles, cells, strict=True))
            texts = [found[role] for role in ("first", "second") if role in found]
            first, *rest = [_sentence(f"{id}/{n}", text, where) for n, text in enumerate(texts, 1)]
            parsed = parse_label(spec, cells[-1], where, by_name=by_name)
            why = found.get("rationale")
            made = Example(
                id, first, rest[0] if rest else None, parsed,
                cluster=label_name(found.get("group")),
                rationale=read_rationale(None if is_nothing(why) else why, texts, where),
                counterfactuals=_counterfactual(found, texts, where),
            )  # fmt: skip
            examples.append(made)
    return tuple(examples)


def _counterfactual(
    found: Mapping[str, Any], texts: Sequence[str], where: str
) -> tuple[tuple[str, ...], ...]:
    """The texts of the counterfactual input of a row; none if its cells are empty."""
    cells = [found.get(role) for role in PAIRED[: len(texts)]]
    named = [None if is_nothing(cell) or cell == "" else cell for cell in cells]
    if not any(named):
        return ()
    paired = zip(named, texts, strict=True)
    return (
        tuple(
            _sentence("", text if cell is None else cell, where).raw_text() for cell, text in paired
        ),
    )


def _sentence(id: str, text: Any, where: str) -> Sentence:
    if not isinstance(text, str):
        found = f"{type(text).__name__} {shown(text)}"
        raise DataFileError(f"{found} where a sentence is expected", where=where)
    try:
        return plain_sentence(id, text)
    except DataFileError as error:
        raise DataFileError(error.problem, where=where, remedy=error.remedy) from None


def parse_label(spec: TaskSpec, value: Any, where: str, *, by_name: bool = False) -> int | float:
    """Class id of a label given as a name or number; its value in regression.

    Raises:
        DataFileError: if the label is unknown; the message lists the allowed ones.
    """
    if spec.regression:
        return _number(value, where)
    name = label_name(value)
    if name in spec.labels:
        return spec.labels.index(name)
    if not by_name and name.isdecimal() and _small(name) and int(name) < spec.num_labels:
        return int(name)
    more = ", ..." if len(spec.labels) > _SHOWN else ""
    listed = ", ".join(spec.labels[:_SHOWN]) + more
    if by_name:
        raise DataFileError(
            f"the label {name!r} is not among those of train ({listed})",
            where=where,
            remedy="add training examples with this label, or remove the row",
        )
    raise DataFileError(
        f"unknown label {name!r}",
        where=where,
        remedy=f"labels of {spec.name}: {listed} (or 0 to {spec.num_labels - 1})",
    )


def _small(digits: str) -> bool:
    """Whether a number is short enough; Python does not read thousands of digits."""
    return len(digits) <= _DIGITS


def _number(value: Any, where: str) -> float:
    number = as_number(str(value).strip())
    if number is None:
        raise DataFileError(f"the score {shown(value)} is not a number", where=where)
    return number


def as_number(text: str) -> float | None:
    """The finite number that a text represents, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    # Python reads 1_000 as a number, but in a data file it is not one
    return number if math.isfinite(number) and "_" not in text else None


def label_name(value: Any) -> str:
    """A label as text; class ids written as floats (`1.0`) in columns with gaps become integers."""
    if is_nothing(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    name = str(value).strip()
    return name[:-2] if re.fullmatch(r"-?\d+\.0", name) else name


def discover_labels(
    files: Sequence[Rows], *, as_classes: bool = False, left_out: Mapping[str, int] | None = None
) -> tuple[str, ...]:
    """The label names of a training split, sorted; by value if all are numbers.

    Args:
        files: files of the split with the label as last column, without unlabelled rows.
        as_classes: accept any number of distinct numbers as class names.
        left_out: reason -> number of rows that were left out, for the message.

    Raises:
        DataFileError: if all rows have the same label, or the labels look like measured numbers.
    """
    names = {label_name(cells[-1]) for rows in files for cells in rows.cells}
    where = ", ".join(str(rows.path) for rows in files)
    if len(names) < 2:
        lost = f" ({sum(left_out.values())} left out: {counted(left_out)})" if left_out else ""
        named = (
            ""
            if as_classes or not left_out
            else ", or add `as_classes` if this is the name of a class"
        )
        raise DataFileError(
            f"every row has the label {names.pop()!r}{lost}",
            where=where,
            remedy=f"at least two labels are needed{named}",
        )
    values = {name: as_number(name) for name in names}
    numbers = {name: number for name, number in values.items() if number is not None}
    if len(numbers) < len(names):
        return tuple(sorted(names))
    if not as_classes:
        _check_classes(numbers, where)
    return tuple(sorted(names, key=lambda name: (numbers[name], name)))


def _check_classes(numbers: dict[str, float], where: str) -> None:
    """Raise if the labels look like measured numbers rather than names of classes.

    Raises:
        DataFileError: with two possible remedies.
    """
    decimals = sum(not number.is_integer() for number in numbers.values())
    many = len(numbers) > MOST_NUMBERS
    if many or (len(numbers) > MOST_DECIMALS and 2 * decimals > len(numbers)):
        raise DataFileError(
            f"the labels are {len(numbers)} different numbers, from {min(numbers.values()):g} to "
            f"{max(numbers.values()):g}",
            where=where,
            remedy="name the column as score=... to predict numbers, or add `as_classes` if "
            "each is a separate class",
        )
