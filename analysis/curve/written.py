"""The tables of the curves of a run: what it wrote, read again without the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...data.errors import DataFileError
from ...data.output.ownership import Record
from ..cell_output import CellOutput
from .columns import AREAS, MASKS, POINTS, TESTS, framed

PROBE = "curve"
"""Name of the rows."""

TABLES: Mapping[str, Mapping[str, str]] = {
    "curve": POINTS, "curve_areas": AREAS, "curve_tests": TESTS, "curve_masks": MASKS,
}  # fmt: skip
"""Table, and its file without the ending -> its columns with their types."""


@dataclass(frozen=True)
class Curve:
    """Everything that `subprobe curve` writes as tables.

    Attributes:
        points: one kind at one size a line (columns of `POINTS`).
        areas: one area, or the effective size, of one kind a line.
        tests: good against random: one test a line.
        masks: one mask a line.
    """

    points: pd.DataFrame
    areas: pd.DataFrame
    tests: pd.DataFrame
    masks: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """File name without its ending -> frame."""
        return {
            "curve": self.points, "curve_areas": self.areas, "curve_tests": self.tests,
            "curve_masks": self.masks,
        }  # fmt: skip


def run_curves(rows: pd.DataFrame, cells: Path) -> dict[str, pd.DataFrame]:
    """The tables of all curves of a run; empty if it has none.

    Args:
        rows: tidy rows of the run.
        cells: its folder of cells.

    Raises:
        DataFileError: if a cell is damaged.
    """
    return noted_tables(rows, cells, PROBE, TABLES)


def read_curves(rows: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of a run folder: as the run wrote them, else from its cells.

    Args:
        rows: tidy rows of the run.
        folder: the run folder.
    """
    return read_noted(rows, folder, PROBE, TABLES)


Types = Mapping[str, Mapping[str, str]]
"""Table -> its columns with their types."""


def noted_tables(
    rows: pd.DataFrame, cells: Path, probe: str, types: Types
) -> dict[str, pd.DataFrame]:
    """Tables that cells of a run hold in their notes, one after another; empty if none does.

    Args:
        rows: tidy rows of the run.
        cells: its folder of cells.
        probe: name of the rows of these cells.
        types: the tables.

    Raises:
        DataFileError: if a cell is damaged.
    """
    mine = rows.loc[rows["probe"].eq(probe).fillna(False), "cell_id"].dropna().unique()
    held = [CellOutput.load(cells / f"{cell}.parquet").notes["tables"] for cell in mine]
    if not held:
        return {}
    return {
        name: pd.concat(
            [framed(pd.DataFrame(one.get(name, {})), columns) for one in held], ignore_index=True
        )
        for name, columns in types.items()
    }


def read_noted(
    rows: pd.DataFrame, folder: Path, probe: str, types: Types
) -> dict[str, pd.DataFrame]:
    """These tables of a run folder: as the run wrote them, else from its cells.

    Args:
        rows: tidy rows of the run.
        folder: the run folder.
        probe: name of the rows of these cells.
        types: the tables.
    """
    record, found = Record.of(folder), {}
    for name, columns in types.items():
        path = folder / f"{name}.csv"
        if path.is_file() and record.lists(path.name, path):
            try:
                found[name] = framed(pd.read_csv(path), columns)
            except (ValueError, TypeError):
                continue
    if set(found) == set(types):
        return found
    try:
        return noted_tables(rows, folder / "cells", probe, types)
    except (DataFileError, KeyError):
        return {}  # damaged cells are reported by what compares them


def curves_in(tables: Mapping[str, pd.DataFrame]) -> Iterator[Curve]:
    """The curve of each task, from the tables of a run."""
    points = tables.get("curve")
    if points is None or points.empty:
        return
    for task in points["task"].unique():
        own = {name: tables[name] for name in TABLES}
        own = {name: one[one["task"].eq(task)].reset_index(drop=True) for name, one in own.items()}
        yield Curve(own["curve"], own["curve_areas"], own["curve_tests"], own["curve_masks"])
