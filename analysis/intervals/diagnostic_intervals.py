"""Intervals of scores by category, over pairs or clusters of pairs that share a text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ..statistics.clusters import alone, count_of, units_of
from ..statistics.paired import expanded_limits
from ..statistics.row_units import items_metric
from ..statistics.weighted import CLASS_METRICS, RESAMPLES, weight_blocks, weighted_scores
from .item_intervals import NO_SPREAD, ONE_TEXT

OVER_PAIRS = f"percentile bootstrap over pairs ({RESAMPLES})"
OVER_CLUSTERS = f"percentile bootstrap over clusters of pairs ({RESAMPLES})"


def diagnostic_intervals(result: ProbeResult, *, seed: int = 0) -> pd.DataFrame:
    """The rows of `glue-diagnostics` with intervals.

    The pairs of the whole set are resampled once for all categories, in their clusters. Quantiles
    are expanded for the number of clusters of the category (Hesterberg 2015).

    Args:
        result: of the probe; its items have `prediction` and `gold`.
        seed: same seed, same intervals.
    """
    rows = rows_frame(result.rows).reset_index(drop=True)
    items = result.items
    first = items[items["metric"] == items["metric"].iloc[0]]
    ids = first["item_id"].tolist()
    place = {id: number for number, id in enumerate(ids)}
    units = units_of(first["cluster_id"].where(first["cluster_id"].notna(), None).tolist())
    blocks = list(weight_blocks(ids, units, seed=seed))
    named = [items["metric"], items["relation"].fillna("")]
    of: dict[Any, pd.DataFrame] = dict(iter(items.groupby(named, sort=False)))
    columns: dict[str, list[Any]] = {"ci_low": [], "ci_high": [], "ci_method": []}
    for line in rows.itertuples():
        measure = next(name for name in CLASS_METRICS if str(line.metric).endswith(name))
        relation = "" if pd.isna(line.relation) else line.relation
        own = of[items_metric(result.probe, str(line.metric)), relation]
        inside = own["item_id"].map(place).to_numpy(np.int64)
        said = own["prediction"].to_numpy(np.float64).astype(np.int64)[:, None]
        gold = own["gold"].to_numpy(np.float64).astype(np.int64)
        mine = np.unique(units[inside], return_inverse=True)[1]
        low, high, method = float("nan"), float("nan"), ONE_TEXT
        if count_of(mine) > 1:
            # a resample may draw none of a small category
            drawn = [block[:, inside] for block in blocks]
            full = np.concatenate([part[part.sum(axis=1) > 0] for part in drawn])
            samples = weighted_scores(measure, said, gold, full)[:, 0]
            low, high = expanded_limits(samples, count_of(mine))
            over = OVER_PAIRS if alone(units) else OVER_CLUSTERS
            method = over if np.isfinite(low) else NO_SPREAD
        for name, value in zip(columns, (low, high, method), strict=True):
            columns[name].append(value)
    return rows_frame(rows.assign(**columns))
