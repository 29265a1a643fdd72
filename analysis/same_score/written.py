"""The tables of masks of equal score in a run: what it wrote, read again without the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from ..curve.written import noted_tables, read_noted
from . import columns

PROBE = "same-score"
"""Name of the rows."""
OF_MODEL = {"model": "string", "task": "string", "method": "string", "seed": "Int64"}
"""The columns that name the fine-tuned model, before those of a table."""
TABLES: Mapping[str, Mapping[str, str]] = {
    name: OF_MODEL | types for name, types in columns.TABLES.items()
}
"""Table, and its file without the ending -> its columns with their types."""


def run_same_score(rows: pd.DataFrame, cells: Path) -> dict[str, pd.DataFrame]:
    """The tables about masks of one size of every model of a run; empty if it has none.

    Args:
        rows: tidy rows of the run.
        cells: its folder of cells.

    Raises:
        DataFileError: if a cell is damaged.
    """
    return noted_tables(rows, cells, PROBE, TABLES)


def read_same_score(rows: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of a run folder: as the run wrote them, else from its cells.

    Args:
        rows: tidy rows of the run.
        folder: the run folder.
    """
    return read_noted(rows, folder, PROBE, TABLES)


def tasks_in(tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, dict[str, pd.DataFrame]]]:
    """Each task with its lines of every table of a run; indices count the lines of the tables."""
    points = tables.get("mask_scores")
    if points is None or "task" not in points or points.empty:
        return
    for task in points["task"].dropna().unique():
        own = {name: tables[name] for name in TABLES if name in tables}
        yield str(task), {name: one[one["task"].eq(task)] for name, one in own.items()}
