"""Leave out and count rows without a label or a text.

The texts `NA` and `null` are texts. As labels they are missing values: corpora mark missing labels
in several ways (`-` in SNLI, -1 on the hub, `NA` in R, `nan` in pandas), and these must not become
classes. `none` is a class, because stances and relations have this name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import DataFileError
from ..files.row_files import Rows

NO_LABEL = frozenset({"-", "-1", "nan", "na", "n/a", "<na>", "null"})
"""Values that mark a missing label, in any letter case; empty cells and white space do so too."""

NO_SCORE = NO_LABEL - {"-1"}
"""Values that mark a missing score; -1 is a valid score."""

NO_NAME = frozenset[str]()
"""Values that mark a missing label if every value is the name of a class."""


def is_nothing(value: Any) -> bool:
    """Whether a cell has no value: None, NaN, or the missing value of pandas."""
    if value is None or isinstance(value, str):
        return value is None
    import pandas as pd

    return pd.api.types.is_scalar(value) and bool(pd.isna(value))


def keep_usable(
    files: Sequence[Rows],
    roles: Sequence[str],
    spellings: frozenset[str],
    *,
    remedy: str = "use a labelled split",
) -> tuple[list[Rows], dict[str, int]]:
    """Keep the rows that have all texts and a label or score; count the others by reason.

    Args:
        files: the files of one split.
        roles: role of each column; the label or score comes last.
        spellings: `NO_LABEL`, `NO_SCORE` or `NO_NAME`.
        remedy: what the user can do if no row is left.

    Returns:
        The files, and reason -> number of rows, such as `without a label ('-')` -> 12.

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
    """Why a row is left out; empty if it is kept."""
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
    """The reasons in words, with their counts if there are several.

    For instance `12 without a label ('-'), 1 without a text`.
    """
    if len(reasons) == 1:
        return next(iter(reasons))
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items())
