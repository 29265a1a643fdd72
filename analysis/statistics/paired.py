"""Differences between two models: their intervals and effect sizes.

The source of variation is part of an interval's name:

- `these seeds`: other examples of the same kind, for the models that were trained;
- `seeds and examples`: other fine-tuning seeds, too. Seeds are drawn with replacement together with
  the examples that all of them share (both ways of a crossed design, Owen 2007). Where seeds of the
  initialisation are crossed with seeds of the data order, rows and columns of the grid are drawn,
  each on its own, with the examples as the third way.

Quantiles are expanded (Hesterberg 2015): plain percentiles of n units are as narrow as a normal
interval with the variance divided by n, and cover too little where n is small.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from ...data.seeds import Grid
from .weighted import Floats

# -- intervals --------------------------------------------------------------------------------


def expanded_limits(samples: Floats, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Percentile limits widened for n units (Hesterberg 2015).

    Args:
        samples: the statistic on R resamples [R].
        n: how many units were resampled.
        level: coverage aimed at.

    Returns:
        NaN limits where n is below 2 or the statistic does not vary.
    """
    if n < 2 or not np.isfinite(samples).all() or np.ptp(samples) <= 1e-12:
        return float("nan"), float("nan")
    tail = _expanded_tail(n, level)
    low, high = np.quantile(samples, [tail, 1 - tail])
    return float(low), float(high)


@lru_cache
def _expanded_tail(n: int, level: float) -> float:
    return float(ndtr(-np.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 + level) / 2)))


@lru_cache(maxsize=64)
def seed_weights(seeds: int, resamples: int, *, seed: int = 0) -> Floats:
    """How much of each seed is in each resample [R, S]; every row sums to 1."""
    rng = np.random.default_rng([seed, seeds, 17])
    chances = np.full(seeds, 1 / seeds)
    weights: Floats = rng.multinomial(seeds, chances, size=resamples) / seeds
    weights.flags.writeable = False  # every caller gets the same array
    return weights


def run_weights(runs: int, grid: Grid | None, resamples: int, seed: int = 0) -> Floats:
    """How much of each run is in each bootstrap sample [R, N]; every row sums to 1.

    Runs are drawn with replacement. In a grid of two seeds its rows and columns are drawn instead,
    each on its own (Owen 2007), since the runs of a row or column are not independent.

    Args:
        runs: their number N; in a grid they are in its order.
        grid: the grid that they form, if they do.
        resamples: R.
        seed: of the bootstrap.
    """
    if grid is None:
        return seed_weights(runs, resamples, seed=seed)
    rows = seed_weights(len(grid.inits), resamples, seed=seed)
    # not the same draws in a square grid
    columns = seed_weights(len(grid.orders), resamples, seed=seed + 2)
    return np.asarray((rows[:, :, None] * columns[:, None, :]).reshape(resamples, runs))


def over_seeds_and_examples(
    value: float, samples: Floats, *, grid: Grid | None = None, level: float = 0.95
) -> tuple[float, float]:
    """Limits of a mean over seeds, for other seeds and other examples.

    Seeds and examples are resampled. With few seeds, percentile intervals cover too little (.89 at
    5 seeds), hence the standard error of the resamples, times sqrt(S / (S - 1)), with Student's t
    of S - 1. In a grid, S is the smaller number of seeds of the two.

    Args:
        value: the mean over seeds.
        samples: each seed's difference on resamples of the examples [R, S].
        grid: the grid that the seeds form, in its order; None if they are independent.
        level: coverage aimed at.
    """
    seeds = samples.shape[1]
    drawn = (samples * run_weights(seeds, grid, len(samples))).sum(axis=1)
    return t_limits(value, drawn, _units(seeds, grid), level=level)


def over_two_runs(
    value: float, first: Floats, second: Floats, *,
    grids: tuple[Grid | None, Grid | None] = (None, None), level: float = 0.95,
) -> tuple[float, float]:  # fmt: skip
    """The same of the difference of two means, each over seeds of its own.

    Args:
        value: the difference.
        first: scores of the first run's seeds on resamples [R, S].
        second: those of the second run's seeds, on the same resamples if examples are paired.
        grids: the grid that the seeds of each run form, if they do.
        level: coverage aimed at.
    """
    drawn = [
        (samples * run_weights(samples.shape[1], grid, len(samples), place)).sum(axis=1)
        for place, (samples, grid) in enumerate(zip((first, second), grids, strict=True))
    ]
    seeds = min(_units(first.shape[1], grids[0]), _units(second.shape[1], grids[1]))
    return t_limits(value, drawn[0] - drawn[1], seeds, level=level)


def _units(seeds: int, grid: Grid | None) -> int:
    return seeds if grid is None else grid.units


def error_of_mean(values: npt.ArrayLike, grid: Grid | None = None) -> float:
    """Standard error of the mean of independent runs, or of the runs of a grid.

    In a grid the variance is the sum of that between rows and that between columns, as if each were
    the only one: the two-way clustered variance of Cameron, Gelbach and Miller (2011) without the
    term that is subtracted for runs counted twice. It is never negative, and not too small.

    Args:
        values: one of each run [N], in the order of the grid.
        grid: the grid that the runs form, if they do.
    """
    values = np.asarray(values, dtype=np.float64)
    if grid is None:
        return float(np.sqrt(values.var(ddof=1) / len(values)))
    square = values.reshape(len(grid.inits), len(grid.orders))
    ways = [square.mean(axis=axis) for axis in (0, 1)]
    return float(np.sqrt(sum(means.var(ddof=1) / len(means) for means in ways)))


def t_limits(value: float, samples: Floats, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Limits from the bootstrap standard error of n units and Student's t of n - 1."""
    if n < 2 or not np.isfinite(samples).all() or np.ptp(samples) <= 1e-12:
        return float("nan"), float("nan")
    spread = samples.std(ddof=1) * np.sqrt(n / (n - 1))
    half = float(stdtrit(n - 1, (1 + level) / 2) * spread)
    return value - half, value + half


# -- effect sizes -----------------------------------------------------------------------------


def cohens_h(first: float, second: float) -> float:
    """Cohen's h of two shares (Cohen 1988): .2 is small, .5 medium, .8 large."""
    return float(2 * np.arcsin(np.sqrt(first)) - 2 * np.arcsin(np.sqrt(second)))


def d_z(differences: npt.ArrayLike) -> float:
    """Cohen's d_z (Cohen 1988): the mean of paired differences over their standard deviation."""
    d = np.asarray(differences, dtype=np.float64)
    d = d[np.isfinite(d)]
    if len(d) < 2:
        return float("nan")
    spread = d.std(ddof=1)
    return float(d.mean() / spread) if spread > 1e-12 else float("nan")
