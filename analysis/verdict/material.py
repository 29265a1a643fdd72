"""The tables that an answer is read from, of a run that is being written or one in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import DataFileError
from ...data.files.parquet_files import parquet_file
from ...data.output.ownership import Record
from ...data.output.tables import as_written
from ..calibration.of_folder import WRITTEN as ANSWERED
from ..calibration.of_folder import answered_tables
from ..comparison import pair_records
from ..comparison.found_better import FOUND
from ..comparison.pair_records import frame_of
from ..comparison.tables import comparison_tables
from ..cost.model_sizes import recorded_sizes, tasks_of
from ..curve.written import read_curves
from ..hypotheses.of_run import NAME as HYPOTHESES
from ..hypotheses.of_run import read_hypotheses
from ..profile.probe_differences import FILE as DIFFERENCES
from ..profile.probe_differences import probe_differences
from ..profile.profile import has_profile, profile_table
from ..same_score.written import read_same_score
from ..summary.agreement import stability_summary
from ..summary.headline import FILE as HEADLINE
from ..summary.headline import headline_table
from ..summary.probes import probe_table
from ..summary.ranks import good_against_random
from ..summary.summaries import performance_table
from ..summary.survival import CONTENT_TYPES, content_as_made, content_summary

COMPARED = {"comparisons": pair_records.COMPARED, "tests": pair_records.TESTED}
"""Name of a table of comparisons -> its columns with their types."""
ROWS = "rows.parquet"
CONTENT = "summary_survival_content"
"""Name of the table of what survival depends on: its permutations and regressions take longest."""
_READ: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "summary_performance": performance_table,
    "summary_against_random": good_against_random,
    "summary_probes": probe_table,
    CONTENT: content_summary,
    "summary_stability": stability_summary,
}


def answer_tables(
    rows: pd.DataFrame,
    manifest: Mapping[str, Any],
    folder: Path | None = None,
    known: Mapping[str, pd.DataFrame] | None = None,
) -> dict[str, pd.DataFrame]:
    """Every table that an answer is read from, by name: those of a run, or a part of them.

    Args:
        rows: tidy rows.
        manifest: what `manifest.json` holds; empty if there is none.
        folder: the run folder: its cells are compared, where its own comparisons are not there as
            the run wrote them. None = differences have no interval.
        known: tables that are there already.
    """
    found = dict(known or {})
    if folder is not None and CONTENT not in found:
        found |= written_content(rows, folder)
    for name, make in _READ.items():
        if name not in found:
            found[name] = make(rows)
    if folder is not None and not set(COMPARED) <= set(found):
        found |= _compared(rows, folder)
    if folder is not None and "profile" not in found and has_profile(rows):
        found["profile"] = profile_table(rows, folder / "cells")
    if folder is not None and DIFFERENCES not in found:
        found[DIFFERENCES] = _differences(rows, folder)
    if folder is not None and not set(ANSWERED) & set(found):
        found |= answered_tables(rows, manifest, folder)
    if folder is not None and HYPOTHESES not in found:
        found |= read_hypotheses(rows, folder)
    if folder is not None and "curve" not in found:
        found |= read_curves(rows, folder)
    if folder is not None and "mask_scores" not in found:
        found |= read_same_score(rows, folder)
    if HEADLINE not in found:
        sizes = recorded_sizes(manifest, folder, tasks_of(rows))
        found[HEADLINE] = headline_table(rows, found, sizes)
    return found


def _compared(rows: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """Comparisons of scores and their tests: as the run wrote them, else computed again."""
    if found := _written(folder, COMPARED):
        return found
    try:
        tables = comparison_tables(rows, folder / "cells", probes=False)
    except DataFileError:
        return {}
    return {name: tables[name] for name in COMPARED}


def _differences(rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Good minus random in every probe: as the run wrote it, else computed again."""
    if found := _written(folder, {DIFFERENCES: FOUND}):
        return found[DIFFERENCES]
    try:
        return probe_differences(rows, folder / "cells")
    except DataFileError:
        return frame_of([], FOUND)


def written_content(rows: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """What survival depends on, as the run wrote it with these rows; else nothing.

    Args:
        rows: tidy rows: all those of the folder, or a part of them.
        folder: the run folder.
    """
    path = folder / ROWS
    if not path.is_file() or not Record.of(folder).lists(ROWS, path):
        return {}
    with parquet_file(path) as file:
        whole = len(rows) == file.metadata.num_rows
    found = _written(folder, {CONTENT: CONTENT_TYPES}) if whole else {}
    return {name: content_as_made(table) for name, table in found.items()}


def _written(folder: Path, tables: Mapping[str, dict[str, str]]) -> dict[str, pd.DataFrame]:
    """These tables from the folder; none unless all are as a run wrote them."""
    record, found = Record.of(folder), {}
    for name, columns in tables.items():
        path = folder / f"{name}.csv"
        if not path.is_file() or not record.lists(path.name, path):
            return {}
        try:
            read = pd.read_csv(path, low_memory=False)
            if name == CONTENT and list(read) != list(columns):
                return {}
            found[name] = frame_of(as_written(read), columns)
        except (ValueError, TypeError):
            return {}
    return found
