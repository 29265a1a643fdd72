"""The tables that an answer is read from, of a run that is being written or one in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import DataFileError
from ...data.output.ownership import Record
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
from ..summary.survival import content_summary

COMPARED = {"comparisons": pair_records.COMPARED, "tests": pair_records.TESTED}
"""Name of a table of comparisons -> its columns with their types."""
_READ: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "summary_performance": performance_table,
    "summary_against_random": good_against_random,
    "summary_probes": probe_table,
    "summary_survival_content": content_summary,
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


def _written(folder: Path, tables: Mapping[str, dict[str, str]]) -> dict[str, pd.DataFrame]:
    """These tables from the folder; none unless all are as a run wrote them."""
    record, found = Record.of(folder), {}
    for name, columns in tables.items():
        path = folder / f"{name}.csv"
        if not path.is_file() or not record.lists(path.name, path):
            return {}
        try:
            found[name] = frame_of(pd.read_csv(path, low_memory=False), columns)
        except (ValueError, TypeError):
            return {}
    return found
