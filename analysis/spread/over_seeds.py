"""Mean, standard deviation and correlation over seeds, with intervals: runs are the units."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations, product
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from ...data.seeds import Grid
from ..statistics.paired import run_weights, t_limits
from ..statistics.uncertainty import permutation_p

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

RESAMPLES = 2000
_ALL_ORDERS = 5040
"""Up to this number of orders, all of them are permuted: 7 seeds."""
_FEWEST_FOR_R = 4
_NONE = float("nan")


def mean_over_seeds(values: Floats, grid: Grid | None, resamples: int, seed: int) -> dict[str, Any]:
    """Mean, its interval, standard deviation with its interval, and range of N runs [N].

    The interval of the mean is mean ± t x the bootstrap standard error over runs, times
    sqrt(N / (N - 1)): percentiles cover too little with few runs. That of the standard deviation
    is chi-squared and assumes normally distributed scores; a grid has none, because its runs are
    not independent.
    """
    n = len(values)
    found: dict[str, Any] = {
        "mean": values.mean(), "sd": values.std(ddof=1) if n > 1 else _NONE,
        "lowest": values.min(), "highest": values.max(), "range": np.ptp(values),
    }  # fmt: skip
    if n < 2:
        return found | {"ci_method": "no interval: one seed"}
    if found["range"] <= 1e-12:
        return found | {"sd": 0.0, "ci_method": "no interval: all seeds have the same value"}
    drawn = run_weights(n, grid, resamples, seed) @ values
    units = n if grid is None else grid.units
    found["ci_low"], found["ci_high"] = t_limits(float(found["mean"]), drawn, units)
    over = f"{n} runs" if grid is None else f"rows and columns of a {grid.shape} grid"
    found["ci_method"] = f"t of the bootstrap error over {over} ({resamples})"
    if grid is None:
        low, high = sd_limits(float(found["sd"]), n)
        found |= {"sd_low": low, "sd_high": high, "sd_method": "chi-squared, normal scores"}
    return found


def sd_limits(sd: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Chi-squared limits of a standard deviation of n normally distributed values."""
    from scipy.stats import chi2

    tail = (1 - level) / 2
    low, high = (sd * np.sqrt((n - 1) / chi2.ppf(q, n - 1)) for q in (1 - tail, tail))
    return float(low), float(high)


def correlation(
    scores: Floats, others: Floats, grid: Grid | None, draws: int, seed: int
) -> dict[str, Any]:
    """Pearson's correlation of two metrics over runs, its interval and its permutation p.

    The interval is Fisher's z with Student's t, for 4 runs or more. p is two-sided: the runs of one
    metric are permuted, in a grid whole rows and whole columns; all orders up to 5,040, else
    `draws` of them.

    Returns:
        `r`, `r_low`, `r_high`, `r_method`, `p_value`, `test`, and `floor`, the smallest p that the
        test can give; empty where a metric does not vary.
    """
    n = len(scores)
    if n < 3 or np.ptp(scores) <= 1e-12 or np.ptp(others) <= 1e-12:
        return {}
    x, y = _standard(scores), _standard(others)
    found: dict[str, Any] = {"r": float(np.clip(x @ y, -1, 1))}
    if grid is None and n >= _FEWEST_FOR_R:
        found["r_low"], found["r_high"] = fisher_limits(found["r"], n)
        found["r_method"] = "Fisher's z with Student's t"
    orders, exact = _orders(n, grid, draws, seed)
    null = y[orders] @ x
    test = "rows and columns permuted" if grid is not None else "runs permuted"
    if exact:
        p = float((np.abs(null) >= abs(found["r"]) - 1e-12).mean())
        found |= {"p_value": p, "floor": 2 / len(orders)}
    else:
        p = permutation_p(found["r"], null)
        found |= {"p_value": p, "floor": 2 / (len(orders) + 1)}
    return found | {"test": f"{test} ({len(orders)}{', all' if exact else ''})"}


def fisher_limits(r: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Limits of a correlation by Fisher's z; t of n - 2 in place of the normal quantile."""
    if abs(r) >= 1 - 1e-12:
        return _NONE, _NONE
    half = stdtrit(n - 2, (1 + level) / 2) / np.sqrt(n - 3)
    low, high = np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)
    return float(low), float(high)


def _standard(values: Floats) -> Floats:
    centred = values - values.mean()
    return np.asarray(centred / np.sqrt((centred**2).sum()))


def _orders(n: int, grid: Grid | None, draws: int, seed: int) -> tuple[Indices, bool]:
    """Orders of the runs [B, N], and whether these are all that there are."""
    rng = np.random.default_rng(seed)
    if grid is None:
        if factorial(n) <= _ALL_ORDERS:
            return np.array(list(permutations(range(n)))), True
        return rng.permuted(np.tile(np.arange(n), (draws, 1)), axis=1), False
    height, width = len(grid.inits), len(grid.orders)
    place = np.arange(n).reshape(height, width)
    exact = factorial(height) * factorial(width) <= _ALL_ORDERS
    pairs: Iterable[tuple[Any, Any]]
    if exact:
        pairs = product(permutations(range(height)), permutations(range(width)))
    else:
        pairs = ((rng.permutation(height), rng.permutation(width)) for _ in range(draws))
    return np.array([place[np.ix_(rows, columns)].ravel() for rows, columns in pairs]), exact
