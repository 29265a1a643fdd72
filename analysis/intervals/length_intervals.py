"""Intervals of rank correlations that are averaged within each sentence length, then over lengths.

DSpr and NSpr of `structural` are such means. Sentences are resampled, or the clusters that they
were sampled in; in each resample the mean is over the lengths that were drawn.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ...probes.structural.entries import BY_WORD
from ..statistics.clusters import RESAMPLES, alone, count_of, over_units, resampled, units_of
from ..statistics.paired import expanded_limits
from ..statistics.row_units import items_metric

Floats = npt.NDArray[np.float64]
Key = tuple[str, str, int]
"""Metric of items, variant, and layer; -1 for none."""

_COLUMNS = ["metric", "variant", "layer", "item_id", "cluster_id", "numerator", "denominator"]
_AT_ONCE = 4_000_000


def length_intervals(result: ProbeResult, *, seed: int = 0) -> pd.DataFrame:
    """The rows with percentile intervals where their metric is averaged by length.

    Quantiles are expanded for the number of units (Hesterberg 2015). Rows that have an interval, or
    whose resamples do not vary, stay as they are.

    Args:
        result: its items have the sum of a sentence's correlations and its number of words.
        seed: same seed, same intervals.
    """
    rows = rows_frame(result.rows)
    found: dict[Key, tuple[float, float, str]] = {}
    for (metric, variant), items in _items(result).groupby(["metric", "variant"], sort=False):
        found |= _of_group(str(metric), str(variant), items, seed)
    for row in rows[rows["ci_low"].isna()].itertuples():
        metric = items_metric(result.probe, str(row.metric))
        key = metric, str(row.variant), -1 if pd.isna(row.layer) else int(row.layer)
        if key in found:
            rows.loc[row.Index, ["ci_low", "ci_high", "ci_method"]] = found[key]
    return rows


def _items(result: ProbeResult) -> pd.DataFrame:
    """The items that are averaged by length."""
    parts = [
        part.loc[part["metric"].isin(list(BY_WORD.values())), _COLUMNS]
        for part in result.item_parts
    ]
    every = pd.concat([pd.DataFrame(columns=_COLUMNS), *(part for part in parts if len(part))])
    return every.assign(variant=every["variant"].fillna(""), layer=every["layer"].fillna(-1))


def _of_group(
    metric: str, variant: str, items: pd.DataFrame, seed: int
) -> dict[Key, tuple[float, float, str]]:
    """Limits and `ci_method` of each layer of one metric and variant."""
    named = items.drop_duplicates("item_id").sort_values("item_id")
    clusters = [None if pd.isna(name) else str(name) for name in named["cluster_id"]]
    units = units_of(clusters)
    if count_of(units) < 2:
        return {}
    sentence = pd.Index(named["item_id"]).get_indexer(items["item_id"])
    layer, layers = pd.factorize(items["layer"], sort=True)
    table = np.zeros((len(named), len(layers)))
    table[sentence, layer] = items["numerator"].to_numpy(np.float64)
    words = named["denominator"].to_numpy(np.float64)
    lengths, place = np.unique(words, return_inverse=True)
    member = np.eye(len(lengths))[place]
    over = "sentences" if alone(units) else "clusters of sentences"
    method = f"percentile bootstrap over {over} ({RESAMPLES})"
    G, found = count_of(units), dict[Key, tuple[float, float, str]]()
    step = max(1, _AT_ONCE // (G * len(lengths)))
    for start in range(0, len(layers), step):
        block = np.column_stack([words, table[:, start : start + step]])
        by_unit = over_units(member[:, :, None] * block[:, None, :], units)
        sums = resampled(by_unit.reshape(G, -1), seed).reshape(RESAMPLES, len(lengths), -1)
        drawn = sums[:, :, :1] > 0
        means = np.divide(
            sums[:, :, 1:], sums[:, :, :1], out=np.zeros_like(sums[:, :, 1:]), where=drawn
        )
        for one, samples in enumerate((means.sum(1) / drawn.sum(1)).T, start=start):
            low, high = expanded_limits(samples, G)
            if np.isfinite(low):
                found[metric, variant, int(layers[one])] = low, high, method
    return found
