"""How far the masks of several seeds agree: descriptive statistics, unit by unit.

Every function takes masks [..., S, U] of 0 and 1 (S seeds, U units: heads or MLPs) and works on all
leading dimensions at once, so that permutations, bootstrap samples and simulations are one call.
A statistic that is not defined for some masks (nothing kept at all, say) is NaN there.

Closed forms stand here where libraries take one table a call: statsmodels' `fleiss_kappa` is the
oracle of the tests. Cochran's Q is statsmodels' own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

from ..statistics.count_laws import chi2_sf, hypergeometric_pmf

Floats = npt.NDArray[np.float64]
Masks = npt.NDArray[np.bool_]
Statistic = Callable[[Masks], Floats]
"""Masks [..., S, U] -> values [...]."""

_SEEDS_AT_ONCE = 64


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
    n, total = masks.shape[-2], np.zeros(masks.shape[:-2])
    for shares in _jaccards(masks):
        total = total + _above_diagonal(shares).sum(axis=-1)
        total += shares[..., shares.shape[-2] :].sum(axis=(-2, -1))
    return np.asarray(total / (n * (n - 1) // 2))


def jaccard_left_out(masks: Masks) -> Floats:
    """`jaccard_mean` without each seed in turn [..., S], comparing each two seeds once."""
    n = masks.shape[-2]
    every = np.full((*masks.shape[:-2], n, n), np.nan)
    start = 0
    for shares in _jaccards(masks):
        every[..., start : start + shares.shape[-2], start:] = shares
        start += shares.shape[-2]
    pairs = _above_diagonal(every)
    place = np.zeros((n, n), dtype=np.int64)
    place[np.triu_indices(n, 1)] = np.arange(pairs.shape[-1])
    place += place.T
    others = ~np.eye(n, dtype=bool)
    without = [
        np.delete(pairs, place[seed, others[seed]], axis=-1).mean(axis=-1) for seed in range(n)
    ]
    return np.stack(without, axis=-1)


def _jaccards(masks: Masks) -> Iterator[Floats]:
    """Jaccard of each two seeds in blocks [..., B, S - start] of B seeds with those from theirs on.

    Blocks stay within a processor's cache, and thousands of seeds within memory.
    """
    # counts below 2^24 are exact in float32, which multiplies faster than integers do
    plain = masks.astype(np.float32)
    sizes = plain.sum(axis=-1)
    for start in range(0, masks.shape[-2], _SEEDS_AT_ONCE):
        block = slice(start, start + _SEEDS_AT_ONCE)
        both = plain[..., block, :] @ np.swapaxes(plain[..., start:, :], -1, -2)
        either = sizes[..., block, None] + sizes[..., None, start:] - both
        with np.errstate(invalid="ignore"):
            yield np.divide(both, either, dtype=np.float64)


def _above_diagonal(values: Floats) -> Floats:
    """The pairs of the square part of [..., B, S] with B <= S, in the order of `np.triu_indices`.

    They lie one after the other in memory, so that a sum takes them in this order.
    """
    n_rows, n_columns = values.shape[-2:]
    first, second = _triangle(n_rows)
    flat = values.reshape(*values.shape[:-2], n_rows * n_columns)
    return np.asarray(flat.take(first * n_columns + second, axis=-1))


@cache
def _triangle(n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    first, second = np.triu_indices(n, 1)
    return first, second


def cochran_q(masks: Masks) -> tuple[float, float]:
    """Cochran's Q (1950) of masks [S, U] and its chi-squared p.

    It tests whether seeds keep the same *number* of units and nothing else: two masks of one size
    without a common unit pass. NaN where no unit differs between seeds.
    """
    # as in statsmodels, whose import takes a third of the time of a command about masks
    kept = masks.astype(np.float64)
    seeds, units, total = kept.sum(axis=1), kept.sum(axis=0), kept.sum()
    n = len(masks)
    differ = float(n * total - (units**2).sum())
    if not differ:
        return float("nan"), float("nan")
    statistic = float((n - 1) * (n * (seeds**2).sum() - total**2) / differ)
    return statistic, chi2_sf(statistic, n - 1)


def kept_in_all_expected(masks: Masks) -> float:
    """Units that all S seeds would keep if each had drawn its number of units at random."""
    return float(masks.shape[1] * masks.mean(axis=1).prod())


def jaccard_expected(masks: Masks) -> float:
    """Mean pairwise Jaccard of random masks [S, U] with the same sizes, exact."""
    first, second = np.triu_indices(len(masks), 1)
    sizes, n_units = masks.sum(axis=1), masks.shape[1]
    # each two sizes as one number
    codes = sizes[first] * (n_units + 1) + sizes[second]
    known, place = np.unique(codes, return_inverse=True)
    found = [
        _jaccard_of_sizes(code // (n_units + 1), code % (n_units + 1), n_units)
        for code in known.tolist()
    ]
    return float(np.mean(np.asarray(found)[place]))


def _jaccard_of_sizes(first: int, second: int, n_units: int) -> float:
    """Expected Jaccard of two random masks of these sizes, exact."""
    both = np.arange(min(first, second) + 1)
    chance = hypergeometric_pmf(both, n_units, first, second)
    either = (first + second - both).astype(np.float64)
    return float((chance * _ratio(both.astype(np.float64), either)).sum())


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
