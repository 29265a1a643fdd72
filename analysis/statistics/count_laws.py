"""Laws of counts, bit for bit those of scipy.stats, whose import takes longer than most tests.

scipy.stats takes twice the time of pandas to import. The functions behind its binomial and
hypergeometric laws lie in scipy.special; where a version of scipy has none, scipy.stats is asked.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import _ufuncs, betaincinv, chdtrc

Floats = npt.NDArray[np.float64]

EXACT = "exact binomial (Clopper-Pearson)"
"""`ci_method` of `clopper_pearson`."""
_LEVEL = 0.95
_HYPERGEOMETRIC = getattr(_ufuncs, "_hypergeom_pmf", None)
_BINOMIAL = getattr(_ufuncs, "_binom_pmf", None)
_BINOMIAL_SUM = getattr(_ufuncs, "_binom_cdf", None)


def hypergeometric_pmf(
    shared: npt.ArrayLike, n: int, first: npt.ArrayLike, second: npt.ArrayLike
) -> Floats:
    """Chance that random sets of `first` and of `second` of n units share so many units.

    Args:
        shared: units in both sets; numbers that are impossible have a chance of 0.
        n: number of units, at least 1.
        first: size of one set, at most n.
        second: size of the other, at most n.
    """
    if _HYPERGEOMETRIC is None:
        from scipy.stats import hypergeom

        return np.asarray(hypergeom.pmf(shared, n, first, second), dtype=np.float64)
    k, one, other = np.broadcast_arrays(shared, first, second)
    possible = (k >= np.maximum(other - (n - one), 0)) & (k <= np.minimum(one, other))
    chance: Any = np.zeros(k.shape)
    chance[possible] = _HYPERGEOMETRIC(k[possible], one[possible], other[possible], n)
    return np.asarray(np.clip(chance, 0.0, 1.0))


def binomial_pmf(k: npt.ArrayLike, n: int, p: float) -> Floats:
    """Chance of k successes, of 0 to n, in n trials."""
    if _BINOMIAL is None:
        from scipy.stats import binom

        return np.asarray(binom.pmf(k, n, p), dtype=np.float64)
    return np.clip(np.asarray(_BINOMIAL(k, n, p), dtype=np.float64), 0.0, 1.0)


def binomial_cdf(k: int, n: int, p: float) -> float:
    """Chance of at most k successes, of 0 to n, in n trials."""
    if k >= n:
        return 1.0
    if _BINOMIAL_SUM is None:
        from scipy.stats import binom

        return float(binom.cdf(k, n, p))
    return min(max(float(_BINOMIAL_SUM(k, n, p)), 0.0), 1.0)


def chi2_sf(statistic: float, df: int) -> float:
    """Chance of a chi-squared statistic of at least this size, which is not negative."""
    return float(chdtrc(df, statistic))


def clopper_pearson(right: float, n: int) -> tuple[float, float]:
    """The exact 95% interval of a binomial proportion; it covers at least that often.

    Clopper and Pearson (1934, Biometrika).

    Args:
        right: number of successes; halves are rounded outwards.
        n: number of trials, at least 1.
    """
    tail, fewest, most = (1 - _LEVEL) / 2, math.floor(right), math.ceil(right)
    low = 0.0 if fewest == 0 else float(betaincinv(fewest, n - fewest + 1, tail))
    high = 1.0 if most == n else float(betaincinv(most + 1, n - most, 1 - tail))
    return low, high
