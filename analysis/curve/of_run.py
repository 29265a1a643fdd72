"""The tables and rows of the curves of a run, from the scored masks of its cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import DataFileError
from ...data.output.ownership import Record
from ...data.seeds import order_column, seed_of
from ..cell_output import CellOutput
from .area_lines import BETTER, by_draw, on_resamples
from .areas import CMD, CPR, EFFECTIVE
from .columns import AREAS, MASKS, POINTS, TESTS
from .measure import Curve, curve_of, framed
from .panel import Panel
from .scored import ScoredModel
from .sizes import METHODS, Sizes

PROBE = "curve"
"""Name of the rows."""

TABLES: Mapping[str, Mapping[str, str]] = {
    "curve": POINTS, "curve_areas": AREAS, "curve_tests": TESTS, "curve_masks": MASKS,
}  # fmt: skip
"""Table, and its file without the ending -> its columns with their types."""

Records = dict[str, dict[str, list[Any]]]
"""Table -> column -> plain values."""


def tables_of(
    scored: Sequence[ScoredModel],
    sizes: Sizes,
    about: Mapping[str, Any],
    *,
    points: float,
    cell: str,
) -> tuple[pd.DataFrame, Records]:
    """The rows and the tables of the curve of one task.

    Args:
        scored: the models of the seeds.
        sizes: the sizes.
        about: columns that identify the curve.
        points: points that a mask of effective size may lose.
        cell: identity of the cell, for the rows.

    Returns:
        CPR, CMD and effective size of each seed and draw as tidy rows, and the tables over seeds.
    """
    if len({frozenset(one.answers) for one in scored}) > 1:
        # super masks of some seeds only
        scored = [_without(one, "super") for one in scored]
    found = curve_of(Panel(scored, sizes, about), within=points)
    rows = [row for one in scored for row in _rows(one, sizes, about, points / 100)]
    return pd.DataFrame(rows).assign(cell_id=cell), {
        name: _plain(table) for name, table in found.tables().items()
    }


def _without(one: ScoredModel, kind: str) -> ScoredModel:
    answers = {name: held for name, held in one.answers.items() if name != kind}
    marks = tuple(mark for mark in one.marks if mark.kind != kind)
    return replace(one, answers=answers, marks=marks)


def _rows(
    one: ScoredModel, sizes: Sizes, about: Mapping[str, Any], within: float
) -> Iterator[dict[str, Any]]:
    """Areas and effective size of each draw of one seed; the baseline is that of random masks."""
    panel = Panel([one], sizes, about)
    for kind, line in panel.lines.items():
        for measure in (CPR, CMD, EFFECTIVE) if kind != "super" else (EFFECTIVE,):
            (values,) = by_draw(panel, measure, line, within)
            (samples,) = on_resamples(panel, measure, line, within)
            (random,) = by_draw(panel, measure, panel.lines["random"], within)
            for draw, value in enumerate(values):
                limits = panel.interval(float(value), [samples[:, [draw]]])
                yield {
                    "model": one.name, "task": about["task"], "corpus": about["task"],
                    "split": about["split"], "selection": one.selection,
                    "seed": seed_of(*one.seeds), "seed_order": order_column(*one.seeds),
                    "draw": draw, "method": METHODS[sizes.units], "kind": kind, "state": "pruned",
                    "probe": PROBE, "variant": f"units={sizes.units}", "unit": "model",
                    "target": one.metric, "metric": measure, "better": BETTER[measure],
                    "value": float(value), "ci_low": limits["ci_low"],
                    "ci_high": limits["ci_high"], "ci_method": limits["ci_method"],
                    "n": panel.counts["n"], "n_clusters": panel.counts["n_clusters"],
                    "ablation": one.ablation, "baseline": "mean of random masks",
                    "baseline_value": float(random.mean()), "flag": panel.flag,
                }  # fmt: skip


def _plain(table: pd.DataFrame) -> dict[str, list[Any]]:
    return {
        name: [None if pd.isna(value) else value for value in table[name].tolist()]
        for name in table
    }


def run_curves(rows: pd.DataFrame, cells: Path) -> dict[str, pd.DataFrame]:
    """The tables of all curves of a run; empty if it has none.

    Args:
        rows: tidy rows of the run.
        cells: its folder of cells.

    Raises:
        DataFileError: if a cell is damaged.
    """
    mine = rows.loc[rows["probe"].eq(PROBE).fillna(False), "cell_id"].dropna().unique()
    held = [CellOutput.load(cells / f"{cell}.parquet").notes["tables"] for cell in mine]
    if not held:
        return {}
    return {
        name: pd.concat([framed(pd.DataFrame(one[name]), types) for one in held], ignore_index=True)
        for name, types in TABLES.items()
    }


def read_curves(rows: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of a run folder: as the run wrote them, else from its cells.

    Args:
        rows: tidy rows of the run.
        folder: the run folder.
    """
    record, found = Record.of(folder), {}
    for name, types in TABLES.items():
        path = folder / f"{name}.csv"
        if path.is_file() and record.lists(path.name, path):
            try:
                found[name] = framed(pd.read_csv(path), types)
            except (ValueError, TypeError):
                continue
    if set(found) == set(TABLES):
        return found
    try:
        return run_curves(rows, folder / "cells")
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
