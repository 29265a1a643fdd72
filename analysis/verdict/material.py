"""The tables that an answer is read from, of a run that is being written or one in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import DataFileError
from ...data.output.ownership import Record
from ..comparison.tables import comparison_tables
from ..cost.model_sizes import recorded_sizes, tasks_of
from ..profile.profile import has_profile, profile_table
from ..summary.agreement import stability_summary
from ..summary.headline import FILE as HEADLINE
from ..summary.headline import headline_table
from ..summary.probes import probe_table
from ..summary.ranks import good_against_random
from ..summary.summaries import performance_table
from ..summary.survival import content_summary

COMPARED = ("comparisons", "tests")
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
    if HEADLINE not in found:
        sizes = recorded_sizes(manifest, folder, tasks_of(rows))
        found[HEADLINE] = headline_table(rows, found, sizes)
    return found


def _compared(rows: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """Comparisons of scores and their tests: as the run wrote them, else computed again."""
    paths = {name: folder / f"{name}.csv" for name in COMPARED}
    record = Record.of(folder)
    if all(path.is_file() and record.lists(path.name, path) for path in paths.values()):
        return {name: pd.read_csv(path, low_memory=False) for name, path in paths.items()}
    try:
        tables = comparison_tables(rows, folder / "cells", probes=False)
    except DataFileError:
        return {}
    return {name: tables[name] for name in COMPARED}
