"""The length of texts by class, in words (Gururangan et al. 2018)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..statistics.clusters import Units, alone, limits, over_units, resampled
from .linear import WORD
from .words import IN_GROUPS

COLUMNS = (
    "class", "mean", "ci_low", "ci_high", "ci_method", "median", "n", "n_clusters", "baseline",
    "baseline_value", "test", "p_value", "flag",
)  # fmt: skip
"""Columns of the table of lengths, in file order."""
ALL = "all classes"
TEST = "Kruskal-Wallis"
_FEWEST = 2


def length_table(
    texts: Sequence[str],
    labels: npt.NDArray[np.int64],
    names: Sequence[str],
    units: Units,
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean and median number of words of each class, beside those of all texts (COLUMNS).

    Intervals are percentile bootstraps over texts, or over groups. The row of all classes has the
    test of Kruskal and Wallis (1952) of the hypothesis that lengths do not depend on the class.

    Args:
        texts: the N texts.
        labels: class id of each [N].
        names: the K classes.
        units: the group of each text [N].
        seed: of the bootstrap.
    """
    from scipy.stats import kruskal

    length = np.array([len(re.findall(WORD, text)) for text in texts], dtype=np.float64)
    records: list[dict[str, Any]] = []
    whole = np.ones(len(length), dtype=bool)
    for name, mine in [(ALL, whole), *((name, labels == k) for k, name in enumerate(names))]:
        if mine.any():
            records.append({
                "class": name, "mean": length[mine].mean(),
                **_interval(length[mine], units[mine], seed),
                "median": float(np.median(length[mine])), "n": int(mine.sum()),
                "n_clusters": len(np.unique(units[mine])), "baseline": "mean of all texts",
                "baseline_value": length.mean(), "test": pd.NA, "p_value": np.nan, "flag": "",
            })  # fmt: skip
    groups = [length[labels == k] for k in np.unique(labels)]
    if not alone(units):
        records[0] |= {"flag": IN_GROUPS}
    elif len(groups) >= _FEWEST and np.ptp(length) > 0:
        records[0] |= {"test": TEST, "p_value": float(kruskal(*groups).pvalue)}
    return pd.DataFrame(records, columns=list(COLUMNS))


def _interval(length: npt.NDArray[np.float64], units: Units, seed: int) -> dict[str, Any]:
    _, own = np.unique(units, return_inverse=True)
    sums = over_units(np.column_stack([length, np.ones(len(length))]), own.astype(np.int64))
    none = {"ci_low": np.nan, "ci_high": np.nan}
    if len(sums) < _FEWEST:
        return {**none, "ci_method": "no interval: there is only one independent unit"}
    if np.ptp(length) == 0:
        return {**none, "ci_method": "no interval: all texts have the same length"}
    drawn = resampled(sums, seed)
    low, high = limits(drawn[:, [0]] / drawn[:, [1]])[0]
    what = "texts" if len(sums) == len(length) else f"{len(sums)} clusters"
    return {
        "ci_low": float(low),
        "ci_high": float(high),
        "ci_method": f"percentile bootstrap over {what} ({len(drawn)})",
    }
