"""Means over texts: their intervals, and tests against zero."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..statistics.clusters import RESAMPLES, Units, over_units, resampled
from ..statistics.paired import expanded_limits

Floats = npt.NDArray[np.float64]

_SIGNS = 4999


def mean_limits(values: Floats, units: Units, seed: int = 0) -> Floats:
    """Middle 95% of the mean of each column [K, 2], units being resampled with all their texts.

    Args:
        values: of N texts [N, K]; NaN where a text has none.
        units: the unit of each text [N].
        seed: of the resamples.

    Returns:
        limits, expanded for the number of units (Hesterberg 2015); NaN for fewer than two.
    """
    known = np.isfinite(values)
    sums = over_units(np.where(known, values, 0.0), units)
    counts = over_units(known.astype(np.float64), units)
    K = values.shape[1]
    drawn = resampled(np.concatenate([sums, counts], axis=1), seed).reshape(RESAMPLES, -1)
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw without any such text
        means = drawn[:, :K] / drawn[:, K:]
    n_units = (counts > 0).sum(axis=0)
    found = np.full((K, 2), np.nan)
    for column in np.flatnonzero(n_units >= 2):
        found[column] = expanded_limits(means[:, column], int(n_units[column]))
    return found


def flipped_signs(differences: Floats, units: Units, seed: int = 0) -> Floats:
    """Two-sided p-value of the sum of each column [K] under random signs of the units.

    A unit keeps its sign over all columns; 4,999 patterns of signs are drawn.

    Args:
        differences: of N texts [N, K]; NaN counts as none.
        units: the unit of each text [N].
        seed: of the signs.
    """
    sums = over_units(np.nan_to_num(differences), units)
    rng = np.random.default_rng(seed)
    observed = np.abs(sums.sum(axis=0))
    margin = 1e-12 * np.maximum(1.0, np.abs(sums).sum(axis=0))
    reached = np.zeros(sums.shape[1])
    for count in (1000,) * (_SIGNS // 1000) + (_SIGNS % 1000,):
        signs = rng.choice([-1.0, 1.0], size=(count, len(sums)))
        reached += (np.abs(signs @ sums) >= observed - margin).sum(axis=0)
    return np.asarray((1 + reached) / (1 + _SIGNS))


def least_of_signs(units: npt.ArrayLike) -> Floats:
    """The smallest p that `flipped_signs` gives for so many units [T]."""
    return np.maximum(2.0 ** (1.0 - np.asarray(units, dtype=np.float64)), 1 / (1 + _SIGNS))
