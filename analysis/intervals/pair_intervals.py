"""Intervals of minimal pairs.

The accuracy of a paradigm whose pairs stand alone has the exact binomial interval (Clopper and
Pearson 1934, Biometrika). Means over paradigms have a stratified one: the paradigms are fixed,
their pairs are a sample. All other rows have bootstrap intervals over pairs or clusters of pairs.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ..statistics.count_laws import EXACT, clopper_pearson
from .item_intervals import NO_SPREAD, ONE_TEXT, Limits, item_intervals

Floats = npt.NDArray[np.float64]

STRATIFIED = "t interval, stratified by paradigm, over pairs"
OVER_CLUSTERS = "t interval, stratified by paradigm, over clusters of pairs"
"""`ci_method`."""
ONE_OF_PARADIGM = "no interval: a paradigm has only one independent unit"
_LEVEL = 0.95
_SHARES = ("accuracy", "tied")
_MEAN = "_accuracy", "_margin"


def stratified_limits(
    values: Floats, weight: Floats, stratum: npt.NDArray[np.int64], unit: npt.NDArray[np.int64]
) -> tuple[float, float] | None:
    """95% limits of a weighted mean of N items in fixed strata; None if it has no known error.

    The variance is that of the sums over units of the weighted deviations from the mean of the
    stratum, each times the root of n / (n - 1) for n units in its stratum (Cochran 1977, Sampling
    Techniques, section 5.4). t has the degrees of freedom of Satterthwaite (1946, Biometrics), so
    that many units in one stratum do not hide how few another has. None if a stratum has a single
    unit, or nothing varies.

    Args:
        values: of the items [N].
        weight: of the items [N].
        stratum: number of each item's stratum [N].
        unit: number of the sampling unit of each item [N].
    """
    from scipy.stats import t

    _, stratum = np.unique(stratum, return_inverse=True)
    _, unit = np.unique(unit, return_inverse=True)
    # units of each stratum, and the cell of each item: a unit within a stratum
    cells, cell = np.unique(stratum * (unit.max() + 1) + unit, return_inverse=True)
    of_cell = cells // (unit.max() + 1)
    size = np.bincount(of_cell)
    if size.min() < 2:
        return None
    mean = np.bincount(stratum, values * weight) / np.bincount(stratum, weight)
    wider = np.sqrt(size / (size - 1))[stratum]
    gaps = (values - mean[stratum]) * weight / weight.sum() * wider
    error = math.sqrt(float((np.bincount(unit, gaps) ** 2).sum()))
    parts = np.bincount(of_cell, np.bincount(cell, gaps) ** 2)
    if error == 0 or not parts.any():
        return None
    degrees = float(parts.sum() ** 2 / (parts**2 / (size - 1)).sum())
    middle = float((values * weight).sum() / weight.sum())
    reach = float(t.ppf((1 + _LEVEL) / 2, degrees)) * error
    return middle - reach, middle + reach


def pair_intervals(result: ProbeResult, *, seed: int = 0) -> pd.DataFrame:
    """The rows of `minimal-pairs` with intervals.

    Args:
        result: of the probe; items have weights as denominators.
        seed: same seed, same resamples.
    """
    rows = rows_frame(result.rows)
    items = result.item_parts.frame()
    paradigms = items[items["metric"] == "accuracy"]
    paradigm = dict(zip(paradigms["item_id"], paradigms["relation"], strict=True))
    found: dict[Any, Limits | None] = {}
    for key, own in items.groupby(["metric", "relation"], sort=False):
        found[key] = _limits(str(key[0]), own, paradigm)
    keys = list(zip(rows["metric"], rows["relation"], strict=True))
    for part, name in enumerate(("ci_low", "ci_high", "ci_method")):
        rows[name] = pd.Series([one and one[part] for one in map(found.get, keys)], rows.index)
    known = rows["ci_method"].notna()
    drawn = rows_frame(item_intervals(replace(result, rows=rows[~known]), seed=seed))
    return rows_frame(pd.concat([rows[known], drawn]).sort_index())


def _limits(metric: str, items: pd.DataFrame, paradigm: dict[str, str]) -> Limits | None:
    """Limits and method of a row; None where resampling gives them."""
    shared = items["cluster_id"].notna()
    weight = items["denominator"].to_numpy(np.float64)
    top = items["numerator"].to_numpy(np.float64)
    if metric in _SHARES and not shared.any():
        return *clopper_pearson(float(top.sum()), len(items)), EXACT
    if not metric.endswith(_MEAN):
        return None
    names = items["cluster_id"].where(shared, items["item_id"])
    of = items["item_id"].map(paradigm)
    unit, stratum = pd.factorize(names)[0], pd.factorize(of)[0]
    if unit.max() < 1:
        return None, None, ONE_TEXT
    if names.groupby(of).nunique().min() < 2:
        return None, None, ONE_OF_PARADIGM
    limits = stratified_limits(top / weight, weight, stratum, unit)
    if limits is None:
        return None, None, NO_SPREAD
    low, high = limits
    if metric.endswith("_accuracy"):
        low, high = max(0.0, low), min(1.0, high)
    return low, high, OVER_CLUSTERS if shared.any() else STRATIFIED
