"""Intervals of codelengths: over the sentences that were coded, or clusters of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...data.output.item_parts import ItemParts
from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ..statistics.clusters import (
    RESAMPLES,
    alone,
    count_of,
    limits,
    over_units,
    resampled,
    units_of,
)

BITS, GUESSED = "bits_per_word", "learning_curve_area"
"""The ratios that items hold; codelength and compression follow from the first."""
OVER = f"percentile bootstrap over sentences ({RESAMPLES})"
CLUSTERS = f"percentile bootstrap over clusters of sentences ({RESAMPLES})"


def code_intervals(result: ProbeResult, *, seed: int = 0) -> pd.DataFrame:
    """The rows of `mdl` with intervals.

    Sentences (or clusters) are drawn with what their labels cost, mean over shuffles: the variation
    due to the order of blocks is in the rows `codelength_sd`.

    Args:
        result: of the probe.
        seed: same seed, same intervals.
    """
    rows = result.rows.copy()
    for metric in (BITS, GUESSED):
        found = _ratio_limits(result.item_parts, metric, seed)
        for (variant, layer), (low, high, units, method) in found.items():
            ours = rows["variant"].eq(variant) & rows["layer"].eq(layer)
            for name, ends in _derived(metric, rows[ours], low, high).items():
                at = rows.index[ours & rows["metric"].eq(name)]
                rows.loc[at, ["ci_low", "ci_high"]] = ends
                rows.loc[at, ["ci_method", "n_clusters"]] = [method, units]
    return rows_frame(rows)


def _derived(
    metric: str, rows: pd.DataFrame, low: float, high: float
) -> dict[str, tuple[float, float]]:
    """Limits of each metric that follows from a ratio with these limits."""
    if metric == GUESSED or np.isnan(low):
        return {} if np.isnan(low) else {metric: (low, high)}
    of_bits = rows[rows["metric"].eq(BITS)].iloc[0]
    N, uniform = int(of_bits["n"]), float(of_bits["baseline_value"])
    return {
        BITS: (low, high),
        "codelength": (N * low, N * high),
        "compression": (uniform / high, uniform / low),
    }


def _ratio_limits(
    items: ItemParts, metric: str, seed: int
) -> dict[tuple[str, int], tuple[float, float, int, str]]:
    """Limits, units and method of the ratio of sums of each variant and layer."""
    columns = ["variant", "layer", "sentence_id", "cluster_id", "numerator", "denominator"]
    parts = [part.loc[part["metric"].eq(metric), columns] for part in items]
    found: dict[tuple[str, int], tuple[float, float, int, str]] = {}
    if not parts:
        return found
    for (variant, layer), own in pd.concat(parts).groupby(["variant", "layer"], sort=False):
        names = own["cluster_id"].astype(object).where(own["cluster_id"].notna(), None)
        units = units_of(list(names))
        sums = own[["numerator", "denominator"]].to_numpy(dtype=np.float64)
        drawn = resampled(over_units(sums, units), seed)
        ((low, high),) = limits(drawn[:, :1] / drawn[:, 1:])
        method = OVER if alone(units) else CLUSTERS
        found[str(variant), int(layer)] = (float(low), float(high), count_of(units), method)
    return found
