"""How far the masks of several seeds agree: descriptive statistics, unit by unit.

Every function takes masks [..., S, U] of 0 and 1 (S seeds, U units: heads or MLPs) and works on all
leading dimensions at once, so that permutations, bootstrap samples and simulations are one call.
A statistic that is not defined for some masks (nothing kept at all, say) is NaN there.

Closed forms stand here where libraries take one table a call: statsmodels' `fleiss_kappa` is the
oracle of the tests. Cochran's Q is statsmodels' own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Masks = npt.NDArray[np.bool_]
Statistic = Callable[[Masks], Floats]
"""Masks [..., S, U] -> values [...]."""


def survival_mean(masks: Masks) -> Floats:
    """Mean over seeds of the share of units kept."""
    return np.asarray(masks.mean(axis=(-2, -1)), dtype=np.float64)


def survival_sd(masks: Masks) -> Floats:
    """Standard deviation over seeds (S - 1) of the share of units kept."""
    return np.asarray(masks.mean(axis=-1).std(axis=-1, ddof=1), dtype=np.float64)


def fleiss_kappa(masks: Masks) -> Floats:
    """Agreement of seeds on each unit beyond that of one common kept share (Fleiss 1971).

    Seeds are the raters, units the subjects, kept and pruned the categories. NaN where all masks
    together keep everything or nothing.
    """
    n_seeds = masks.shape[-2]
    kept = masks.sum(axis=-2).astype(np.float64)
    share = kept.mean(axis=-1) / n_seeds
    disagree = 2 * (kept * (n_seeds - kept)).mean(axis=-1) / (n_seeds * (n_seeds - 1))
    return np.asarray(1 - _ratio(disagree, 2 * share * (1 - share)))


def krippendorff_alpha(masks: Masks) -> Floats:
    """Nominal alpha (Krippendorff 2004): kappa with the small-sample expected disagreement."""
    values = masks.shape[-2] * masks.shape[-1]
    return np.asarray(1 - (1 - fleiss_kappa(masks)) * (values - 1) / values)


def kept_in_all(masks: Masks) -> Floats:
    """Number of units that every seed keeps."""
    return np.asarray(masks.all(axis=-2).sum(axis=-1), dtype=np.float64)


def jaccard_mean(masks: Masks) -> Floats:
    """Mean over all pairs of seeds of |both keep| / |either keeps|.

    NaN where two masks are empty: their overlap is not defined.
    """
    first, second = np.triu_indices(masks.shape[-2], 1)
    both, sizes = shared_units(masks)[..., first, second], masks.sum(axis=-1).astype(np.float64)
    either = sizes[..., first] + sizes[..., second] - both
    return np.asarray(_ratio(both, either).mean(axis=-1))


def shared_units(masks: Masks) -> Floats:
    """Number of units that each two seeds both keep [..., S, S]."""
    # counts below 2^24 are exact in float32, which multiplies faster than integers do
    plain = masks.astype(np.float32)
    return (plain @ np.swapaxes(plain, -1, -2)).astype(np.float64)


def cochran_q(masks: Masks) -> tuple[float, float]:
    """Cochran's Q (1950) of masks [S, U] and its chi-squared p.

    It tests whether seeds keep the same *number* of units and nothing else: two masks of one size
    without a common unit pass. NaN where no unit differs between seeds.
    """
    from statsmodels.stats.contingency_tables import cochrans_q

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = cochrans_q(masks.T.astype(np.int64))
    if not np.isfinite(found.statistic):
        return float("nan"), float("nan")
    return float(found.statistic), float(found.pvalue)


def kept_in_all_expected(masks: Masks) -> float:
    """Units that all S seeds would keep if each had drawn its number of units at random."""
    return float(masks.shape[1] * masks.mean(axis=1).prod())


def jaccard_expected(masks: Masks) -> float:
    """Mean pairwise Jaccard of random masks [S, U] with the same sizes, exact."""
    # scipy.stats takes most of a second to import, and most commands draw nothing from it
    from scipy.stats import hypergeom

    n_units, sizes = masks.shape[1], masks.sum(axis=1)
    found = []
    for first, second in zip(*np.triu_indices(len(sizes), 1), strict=True):
        both = np.arange(min(sizes[first], sizes[second]) + 1)
        chance = hypergeom.pmf(both, n_units, sizes[first], sizes[second])
        either = (sizes[first] + sizes[second] - both).astype(np.float64)
        found.append(float((chance * _ratio(both.astype(np.float64), either)).sum()))
    return float(np.mean(found))


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN where the denominator is 0."""
    found: Floats = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    np.divide(numerator, denominator, out=found, where=denominator > 0)
    return found


STATISTICS: dict[str, Statistic] = {
    "survival_mean": survival_mean,
    "survival_sd": survival_sd,
    "fleiss_kappa": fleiss_kappa,
    "krippendorff_alpha": krippendorff_alpha,
    "kept_in_all": kept_in_all,
    "jaccard_mean": jaccard_mean,
}
"""Name in the table -> statistic, for those that an interval is asked of."""
