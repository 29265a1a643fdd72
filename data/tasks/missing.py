"""Rows without a label or a text, which are left out and counted.

A text that reads `NA` or `null` stays a text. A label does not: corpora mark its absence in several
ways (`-` in SNLI, -1 on the hub, `NA` in R, `nan` in pandas), and what is not a class must not
become one. `none` is a class: stances and relations are called so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ..errors import DataFileError
from ..files.row_files import Rows

NO_LABEL = frozenset({"-", "-1", "nan", "na", "n/a", "<na>", "null"})
"""What is written, in any case, where a label is missing; so are empty cells and white space."""

NO_SCORE = NO_LABEL - {"-1"}
"""The same where a number is predicted, which may be -1."""

NO_NAME = frozenset[str]()
"""The same where everything that is written names a class."""


def is_nothing(value: Any) -> bool:
    """Whether a cell holds no value: None, NaN, or the missing value of pandas."""
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def keep_usable(
    files: Sequence[Rows],
    roles: Sequence[str],
    spellings: frozenset[str],
    *,
    remedy: str = "use a labelled split",
) -> tuple[list[Rows], dict[str, int]]:
    """The rows that have every text and what is to be predicted, and how many were left out, why.

    Args:
        files: the files of one split.
        roles: what each of their columns is; what is to be predicted comes last.
        spellings: `NO_LABEL`, `NO_SCORE` or `NO_NAME`.
        remedy: what to do where no row is left.

    Returns:
        the files, and reason -> rows, such as `without a label ('-')` -> 12.

    Raises:
        DataFileError: if no row is left.
    """
    left_out: Counter[str] = Counter()
    kept: list[Rows] = []
    for rows in files:
        left_out["with too few columns"] += rows.n_skipped
        reasons = [_reason(roles, cells, spellings) for cells in rows.cells]
        left_out.update(reason for reason in reasons if reason)
        good = [place for place, reason in enumerate(reasons) if not reason]
        kept.append(
            replace(
                rows,
                places=tuple(rows.places[place] for place in good),
                cells=tuple(rows.cells[place] for place in good),
            )
        )
    found = {reason: count for reason, count in sorted(left_out.items()) if count}
    if not any(rows.cells for rows in kept):
        raise DataFileError(
            f"no usable row among {sum(found.values())}: {counted(found)}",
            where=", ".join(str(rows.path) for rows in files),
            remedy=remedy,
        )
    return kept, found


def _reason(roles: Sequence[str], cells: Sequence[Any], spellings: frozenset[str]) -> str:
    """Why a row is no example; empty if it is one."""
    for role, cell in zip(roles, cells, strict=True):
        if role in ("first", "second") and is_nothing(cell):
            return "without a text"
    name, what = cells[-1], roles[-1]
    if is_nothing(name) or not str(name).strip():
        return f"without a {what} (empty)"
    text = str(name).strip()
    plain = text.removesuffix(".0").casefold()
    return f"without a {what} ({text!r})" if plain in spellings else ""


def counted(reasons: Mapping[str, int]) -> str:
    """Reasons in words, with their counts if there are several.

    For instance `12 without a label ('-'), 1 without a text`.
    """
    if len(reasons) == 1:
        return next(iter(reasons))
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items())
