"""Masks of one model and size in a run: their tables and rows, from the scores of its cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ..spread.columns import framed
from .measure import SameScore
from .written import PROBE, TABLES

Records = dict[str, dict[str, list[Any]]]
"""Table -> column -> plain values."""


def records_of(found: SameScore, model: Mapping[str, Any]) -> Records:
    """The tables as plain values, each line with the columns that name the model.

    Args:
        found: the tables of one model.
        model: `model`, `task`, `method` and `seed`.
    """
    tables = {name: one for name, one in found.tables().items() if name in TABLES}
    return {
        name: plain_columns(framed(one.assign(**model), TABLES[name]))
        for name, one in tables.items()
    }


def plain_columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    """A frame as JSON values."""
    return {
        name: [None if pd.isna(value) else value for value in table[name].tolist()]
        for name in table
    }


def summary_rows(found: SameScore, about: Mapping[str, Any]) -> pd.DataFrame:
    """Tidy rows: the spread of each metric over masks, and its correlation with the score.

    Args:
        found: the tables of one model.
        about: the columns that identify the model.
    """
    return pd.DataFrame([dict(about) | line for line in _lines(found)])


def _lines(found: SameScore) -> Iterator[dict[str, Any]]:
    pearson = found.correlations[found.correlations["correlation"].eq("pearson")]
    tested = {_label(line): line for line in pearson.itertuples()}
    for line in found.spread.itertuples():
        about = {
            "probe": PROBE, "unit": "model", "kind": "good", "state": "pruned",
            "relation": _label(line), "target": line.metric, "flag": line.flag,
        }  # fmt: skip
        yield about | {
            "metric": "sd", "value": line.sd, "ci_low": line.sd_low, "ci_high": line.sd_high,
            "ci_method": line.sd_method, "n": line.n_masks, "n_clusters": line.n_masks,
            "baseline": "masks exchanged within examples" if pd.notna(line.sd_expected) else None,
            "baseline_value": line.sd_expected, "p_value": line.p_value,
            "p_adjusted": line.p_adjusted, "correction": line.correction,
            "family_size": line.family_size,
        }  # fmt: skip
        if line.primary:
            continue
        if pd.notna(line.sd_at_equal_score):
            yield about | {
                "metric": "sd_at_equal_score", "value": line.sd_at_equal_score,
                "n": line.n_masks, "n_clusters": line.n_masks,
                "ci_method": "no interval: residuals of one regression over masks",
            }  # fmt: skip
        r = tested.get(_label(line))
        if r is not None and pd.notna(r.r):
            yield about | {
                "metric": "correlation", "value": r.r, "ci_low": r.ci_low, "ci_high": r.ci_high,
                "ci_method": r.ci_method, "n": r.n_masks, "n_clusters": r.n_masks,
                "baseline": "no correlation", "baseline_value": 0.0, "p_value": r.p_value,
                "p_adjusted": r.p_adjusted, "correction": r.correction,
                "family_size": r.family_size,
            }  # fmt: skip


def _label(line: Any) -> str:
    """Probe, metric and relation in one text."""
    parts = (line.probe, line.metric, line.relation)
    return " ".join(str(part) for part in parts if pd.notna(part))
