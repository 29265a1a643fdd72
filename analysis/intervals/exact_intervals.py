"""Exact binomial intervals of shares, also where items come in clusters.

Items that stand alone have the interval of Clopper and Pearson (1934, Biometrika). Of clustered
items it is that of the effective number of items (Korn and Graubard 1998, Survey Methodology):
their number divided by the design effect, and corrected for the degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ..statistics.count_laws import EXACT, clopper_pearson
from .item_intervals import ONE_TEXT, Limits, item_intervals

Floats = npt.NDArray[np.float64]

CLUSTERED = "exact binomial (Clopper-Pearson), effective n of clusters (Korn-Graubard)"
"""`ci_method` of clustered items."""
_LEVEL = 0.95
_KEY = ["variant", "relation", "metric"]
_SHARES = ("accuracy", "sensitivity", "tied", "scored_by_pll")
"""How the metrics begin whose rows are shares; log-odds may all be 0 by chance."""


def exact_intervals(result: ProbeResult, *, seed: int = 0) -> pd.DataFrame:
    """The rows of a probe with exact intervals for shares, whose items are 0 or 1, or halves.

    Other rows have bootstrap intervals over items or clusters, and those without items none.

    Args:
        result: of the probe; items with `score`.
        seed: same seed, same resamples.
    """
    rows = rows_frame(result.rows)
    items = result.item_parts.frame()
    found: dict[Any, Limits] = {}
    shares = items[items["metric"].str.startswith(_SHARES)]
    for key, own in shares.groupby(_KEY, sort=False):
        limits = share_limits(
            own["score"].to_numpy(np.float64), own["cluster_id"].fillna(own["item_id"])
        )
        if limits is not None:
            found[key] = limits
    keys = list(zip(*(rows[name] for name in _KEY), strict=True))
    for part, name in enumerate(("ci_low", "ci_high", "ci_method")):
        values = [found[key][part] if key in found else None for key in keys]
        rows[name] = pd.Series(values, rows.index)
    rows = rows_frame(rows)
    known = rows["ci_method"].notna()
    drawn = rows_frame(item_intervals(replace(result, rows=rows[~known]), seed=seed))
    return rows_frame(pd.concat([rows[known], drawn]).sort_index())


def share_limits(scores: Floats, clusters: Sequence[str] | pd.Series[str]) -> Limits | None:
    """95% limits of a share, and their method; None if scores are not all 0, 0.5 or 1.

    Args:
        scores: of the items [N].
        clusters: name of the cluster of each item [N].
    """
    if not np.isin(scores, (0, 0.5, 1)).all():
        return None
    unit, names = pd.factorize(pd.Series(clusters))
    n, G = len(scores), len(names)
    if n == G:
        return *clopper_pearson(float(scores.sum()), n), EXACT
    if G < 2:
        return None, None, ONE_TEXT
    return *_beta_limits(float(scores.mean()), effective_n(scores, unit)), CLUSTERED


def effective_n(scores: Floats, unit: npt.NDArray[np.intp]) -> float:
    """Number of independent items that would say as much as N items in G clusters.

    It is at most N. Where the scores are all equal there is no design effect to estimate, and it is
    the number of clusters.

    Args:
        scores: of the items [N].
        unit: number of the cluster of each [N].
    """
    from scipy.stats import t

    n, G = len(scores), int(unit.max()) + 1
    share = float(scores.mean())
    sums = np.bincount(unit, scores - share)
    variance = float((sums**2).sum()) * G / (G - 1) / n**2
    if not 0 < share < 1:
        return float(G)
    if variance == 0:
        return float(n)
    tail = (1 + _LEVEL) / 2
    correction = (float(t.ppf(tail, n - 1)) / float(t.ppf(tail, G - 1))) ** 2
    return min(float(n), share * (1 - share) / variance * correction)


def _beta_limits(share: float, n: float) -> tuple[float, float]:
    """The interval of Clopper and Pearson for a number of trials that need not be whole."""
    from scipy.stats import beta

    tail, right = (1 - _LEVEL) / 2, share * n
    low = float(beta.ppf(tail, right, n - right + 1)) if share > 0 else 0.0
    high = float(beta.ppf(1 - tail, right + 1, n - right)) if share < 1 else 1.0
    return low, high
