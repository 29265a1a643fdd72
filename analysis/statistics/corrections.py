"""Corrections of a family of tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

ALPHA = 0.05
"""Significance level of corrected p-values."""

CORRECTIONS = {"holm": "Holm", "fdr_bh": "Benjamini-Hochberg"}


def adjust(p_values: npt.ArrayLike, method: str = "holm") -> Floats:
    """Adjusted p-values of one family of tests; NaN stays NaN and is not counted as a test.

    Args:
        p_values: raw p-values [T].
        method: `holm` (Holm 1979) or `fdr_bh` (Benjamini & Hochberg 1995).

    Raises:
        ValueError: for another method.
    """
    if method not in CORRECTIONS:
        raise ValueError(
            f"unknown correction {method!r}; known corrections: {', '.join(CORRECTIONS)}"
        )
    raw = np.asarray(p_values, dtype=np.float64)
    known = ~np.isnan(raw)
    adjusted = np.full(raw.shape, np.nan)
    if known.any():
        one = _benjamini_hochberg if method == "fdr_bh" else _holm
        adjusted[known] = one(raw[known])
    return adjusted


def _benjamini_hochberg(p_values: Floats) -> Floats:
    # scipy.stats takes most of a second to import, and most families are corrected by Holm
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p_values), dtype=np.float64)


def _holm(p_values: Floats) -> Floats:
    """Holm's step-down p-values [T]; scipy has none, and that of statsmodels collects garbage."""
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


MAX_T = "Westfall-Young max-T"


def max_t(values: npt.ArrayLike) -> Floats:
    """Single-step max-T p-values of K one-sided rank tests (Westfall & Young 1993), corrected.

    The first line is ranked among the other ones. Each column is centred and divided by its
    standard deviation over all lines, and each value of the first line is compared with the largest
    one of every other line, add-one. If all lines are exchangeable, the chance that any p is at
    most a is at most a. The smallest p is 1 / (D + 1), whatever K is.

    Args:
        values: the observed line, then those of D draws [D + 1, K]; large values are extreme.

    Returns:
        One corrected p for each column [K]; NaN for columns with values that are not finite.
    """
    table = np.asarray(values, dtype=np.float64)
    found = np.full(table.shape[1], np.nan)
    known = np.isfinite(table).all(axis=0)
    if not known.any() or len(table) < 2:
        return found
    centred = table[:, known] - table[:, known].mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-12)
    largest = scaled[1:].max(axis=1)
    # sums of the same numbers in another order are ties
    found[known] = (1 + (largest[:, None] >= scaled[0] - 1e-9).sum(axis=0)) / len(table)
    return found


def adjust_rows(
    rows: pd.DataFrame,
    family: Sequence[str] = (),
    method: str = "holm",
    *,
    floors: pd.Series | None = None,
    flag: str = "flag",
) -> pd.DataFrame:
    """Fill `p_adjusted`, `correction` and `family_size` from `p_value`.

    Args:
        rows: a frame with a column `p_value`.
        family: columns whose equal values make one family; none = all rows are one.
        method: as in `adjust`.
        floors: the smallest p that each row's test can give, such as 1 / (draws + 1), by the index
            of `rows`. If a family cannot reach .05, rows without a flag get one that says so.
        flag: column that says it.
    """
    rows = rows.assign(
        p_adjusted=np.nan,
        correction=pd.Series(pd.NA, index=rows.index, dtype="string"),
        family_size=pd.Series(pd.NA, index=rows.index, dtype="Int64"),
    )
    tested = rows[rows["p_value"].notna()]
    groups = tested.groupby(list(family), dropna=False) if family else [((), tested)]
    for _, group in groups:
        members = group.index
        if len(members):
            raw = rows.loc[members, "p_value"].to_numpy(dtype=np.float64)
            rows.loc[members, "p_adjusted"] = adjust(raw, method)
            rows.loc[members, "correction"] = CORRECTIONS[method]
            rows.loc[members, "family_size"] = len(members)
            if floors is not None and (said := out_of_reach(floors[members], method)):
                unsaid = members[rows.loc[members, flag].isna()]
                rows.loc[unsaid, flag] = said
    return rows


def out_of_reach(floors: npt.ArrayLike, method: str = "holm") -> str:
    """Why a family of tests cannot reach .05 after correction; empty if it can.

    Args:
        floors: the smallest p that each test can give; NaN where that is unknown.
        method: as in `adjust`.
    """
    each = np.nan_to_num(np.asarray(floors, dtype=np.float64), nan=0.0)
    least = float(adjust(each, method).min())
    if least <= ALPHA + 1e-12:
        return ""
    return (
        f"smallest possible corrected p is {least:.3g}: {len(each)} tests, each with "
        f"p >= {each.min():.3g}"
    )
