"""Intervals of accuracies on second test sets, and of differences between two accuracies.

The number of pairs with each gold label is fixed by a test set, and so are the sizes of two sets
that are compared: they are strata (Cochran 1977, Sampling Techniques, section 5.4). What was
sampled are templates or clusters, or else examples. A row of a single template has the exact
binomial interval of its pairs, which says nothing about other templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.challenge.challenge import OWN
from ...probes.challenge.entries import DIFFERENCE, RELIANCE, SUBCASE, TEMPLATE
from ...probes.forward.base import ProbeResult
from ..statistics.count_laws import EXACT, clopper_pearson
from .item_intervals import NO_SPREAD, ONE_TEXT, Limits
from .pair_intervals import stratified_limits

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

WITHIN = "exact binomial (Clopper-Pearson), within one template"
OVER_TEMPLATES = "t interval, stratified by gold label, over templates"
OVER_SOURCES = "t interval over clusters"
ONE_OF_LABEL = "no interval: a label has only one template"
"""`ci_method`."""
_ROUNDING = 1e-9


def heuristic_intervals(result: ProbeResult) -> pd.DataFrame:
    """The rows of `heuristics` with intervals; see the module."""
    rows = rows_frame(result.rows)
    items = result.item_parts.frame()
    items["relation"] = items["relation"].fillna("")
    found: dict[Any, Limits] = {}
    for key, own in items.groupby(["metric", "relation"], sort=False):
        found[key] = _of_label(str(key[0]), own)
    for template, own in items[items["metric"] == SUBCASE].groupby("cluster_id", sort=False):
        found[TEMPLATE, template] = _of_label(TEMPLATE, own)
    return _with_limits(rows, found)


def challenge_intervals(result: ProbeResult) -> pd.DataFrame:
    """The rows of `challenge` with intervals; see the module."""
    items = result.item_parts.frame()
    found = {
        (metric, relation): _of_set(str(metric), own)
        for (metric, relation), own in items.fillna({"relation": ""}).groupby(
            ["metric", "relation"], sort=False
        )
    }
    return _with_limits(rows_frame(result.rows), found)


def _with_limits(rows: pd.DataFrame, found: Mapping[Any, Limits]) -> pd.DataFrame:
    keys = list(zip(rows["metric"], rows["relation"].fillna(""), strict=True))
    for part, name in enumerate(("ci_low", "ci_high", "ci_method")):
        rows[name] = pd.Series([found[key][part] for key in keys], rows.index)
    return rows_frame(rows)


def _of_label(metric: str, items: pd.DataFrame) -> Limits:
    """Limits of a row of `heuristics`, whose strata are the gold labels."""
    values = items["numerator"].to_numpy(np.float64)
    stratum = items["gold"].to_numpy(np.int64)
    unit = pd.factorize(items["cluster_id"])[0]
    signed = metric == RELIANCE
    if unit.max() < 1:
        if signed:
            return None, None, ONE_TEXT
        return *clopper_pearson(float(values.sum()), len(values)), WITHIN
    return _stratified(values, stratum, unit, ONE_OF_LABEL, OVER_TEMPLATES, signed=signed)


def _of_set(metric: str, items: pd.DataFrame) -> Limits:
    """Limits of a row of `challenge`; of a difference, the strata are the two sets."""
    values = items["numerator"].to_numpy(np.float64)
    shared = items["cluster_id"].notna()
    stratum = items["sentence_id"].str.startswith(OWN).to_numpy(np.int64)
    signed = metric == DIFFERENCE
    if not (signed or shared.any()):
        return *clopper_pearson(float(values.sum()), len(values)), EXACT
    unit = pd.factorize(items["cluster_id"].where(shared, items["sentence_id"]))[0]
    over = "clusters" if shared.any() else "examples"
    method = f"t interval, stratified by test set, over {over}" if signed else OVER_SOURCES
    return _stratified(values, stratum, unit, ONE_TEXT, method, signed=signed)


def _stratified(
    values: Floats, stratum: Places, unit: Places, too_few: str, method: str, *, signed: bool
) -> Limits:
    """Limits of a mean [N] in strata [N] over units [N], within the range of the metric."""
    if min(len(np.unique(unit[stratum == one])) for one in np.unique(stratum)) < 2:
        return None, None, too_few
    limits = stratified_limits(values, np.ones(len(values)), stratum, unit)
    # units in which both labels cancel out leave nothing but rounding errors
    if limits is None or limits[1] - limits[0] < _ROUNDING:
        return None, None, NO_SPREAD
    return max(-1.0 if signed else 0.0, limits[0]), min(1.0, limits[1]), method
