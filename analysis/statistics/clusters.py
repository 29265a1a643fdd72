"""Resampling whole clusters, such as texts with all that was measured in them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RESAMPLES = 1000


def resampled(clusters: Floats, seed: int) -> Floats:
    """Sums over resampled clusters [B, C], of values [clusters, C]; NaN for fewer than two."""
    if len(clusters) < 2:
        return np.full((RESAMPLES, clusters.shape[-1]), np.nan)
    n = len(clusters)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    return np.asarray(drawn @ clusters, dtype=np.float64)


def limits(statistic: Floats) -> Floats:
    """The middle 95% of each column [B, M] as [M, 2]; NaN where a draw is undefined."""
    return np.asarray(np.quantile(statistic, [0.025, 0.975], axis=0).T)
