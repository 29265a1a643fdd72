"""Correlation of survival with a predictor, at the same run and layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .null import Indices, centred
from .panel import Bools, Floats

METHOD = "jackknife over heads, Fisher's z (t): other heads, these masks"
FEW_HEADS = 8
"""Heads below which the interval was never simulated; from there on it covers 94 to 98%."""


@dataclass(frozen=True)
class Correlation:
    """A correlation with its 95% interval; NaN where there is none.

    Attributes:
        value: Pearson's, of survival (0 or 1) and predictor, each less its mean of run and layer.
        low: lower limit.
        high: upper limit.
    """

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan

    @property
    def method(self) -> str | None:
        """How the interval came about, where there is one."""
        return METHOD if np.isfinite(self.low) else None


def survival_correlation(kept: Bools, predictor: Floats, layer: Indices) -> Correlation:
    """The partial point-biserial correlation, over all heads of all runs.

    Permuting heads within layers changes only its numerator, which is the score statistic, so the
    permutation p-value of the score test is also that of the correlation.

    Args:
        kept: survival [R, U].
        predictor: [R, U], without NaN.
        layer: of each head [U].

    Returns:
        The correlation with a jackknife interval, symmetric in Fisher's z. Each head is left out
        with all its runs, because the same head in another seed is not a new observation.
    """
    y, x = centred(kept.astype(np.float64), layer), centred(predictor, layer)
    products = np.array([(x * y).sum(0), (x * x).sum(0), (y * y).sum(0)])  # [3, U]
    sums = products.sum(1)
    if (sums[1:] <= 1e-12 * kept.size).any():
        return Correlation()
    value = _ratio(sums)
    heads = np.bincount(layer)[layer]
    # sums of squares about the mean of n, without one of them: less d^2 n / (n - 1)
    alone = products * (heads / np.maximum(heads - 1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        left_out = np.arctanh(_ratio(sums[:, None] - alone))
    if len(layer) < FEW_HEADS or abs(value) >= 1 - 1e-9 or not np.isfinite(left_out).all():
        return Correlation(float(value))
    # scipy.stats takes most of a second to import, and most commands draw nothing from it
    from scipy.stats import t

    count = len(layer)
    error = np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum())
    reach = float(t.ppf(0.975, count - 1)) * error
    middle = np.arctanh(value)
    return Correlation(*(float(one) for one in (value, *np.tanh([middle - reach, middle + reach]))))


def _ratio(sums: Floats) -> Floats:
    """Correlation from sums of products and squares [3, ...]."""
    return np.asarray(sums[0] / np.sqrt(sums[1] * sums[2]))
