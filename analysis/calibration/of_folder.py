"""Calibration and metrics by label of a run folder: as the run wrote them, else computed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import DataFileError
from ...data.output.ownership import Record
from ..comparison.pair_records import frame_of
from .of_run import TABLES, answer_tables_of, classes_of

WRITTEN = tuple(name for name in TABLES if name != "calibration_notes")
"""The tables that a run writes, where it has lines for them."""


def answered_tables(
    rows: pd.DataFrame, manifest: Mapping[str, Any], folder: Path
) -> dict[str, pd.DataFrame]:
    """The tables of `of_run.TABLES` that have lines.

    Args:
        rows: tidy rows of the run.
        manifest: what `manifest.json` holds.
        folder: the run folder.
    """
    if written := _written(folder):
        return written
    if not classes_of(manifest):
        return {}
    try:
        tables = answer_tables_of(rows, folder / "cells", classes_of(manifest))
    except DataFileError:
        return {}  # damaged cells are reported by what compares them
    return {name: table for name, table in tables.items() if len(table)}


def _written(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables that are as a run wrote them; none unless all of them are."""
    record, found = Record.of(folder), {}
    for name in WRITTEN:
        path = folder / f"{name}.csv"
        if not path.is_file():
            continue
        if not record.lists(path.name, path):
            return {}
        try:
            found[name] = frame_of(pd.read_csv(path, low_memory=False), TABLES[name])
        except (ValueError, TypeError):
            return {}
    return found
