"""Intervals of agreement: over seeds by the jackknife, over units by the bootstrap.

Seeds are never drawn with replacement: a mask drawn twice agrees with itself, and agreement is
overestimated (.403 instead of .258 for MNLI's heads). What each interval speaks of differs:

- *jackknife over seeds*: other seeds, the same units. What a claim of stability needs.
- *bootstrap over units*: other units like these, the same seeds. Heads of one model are hardly a
  sample, so it says how much the figure hangs on single units.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from .agreement import Floats, Masks, Statistic, jaccard_left_out, jaccard_mean
from .mask_nulls import blocks

JACKKNIFE = "jackknife"
BOOTSTRAP = "bootstrap"
COVERS = {JACKKNIFE: "other seeds, the same units", BOOTSTRAP: "other units, the same seeds"}
_NONE = float("nan")


def jackknife_limits(
    values: npt.ArrayLike, left_out: Floats, *, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Delete-one jackknife limits (Tukey 1958) with Student's t of S - 1 degrees of freedom.

    Args:
        values: the statistic on all S seeds [...].
        left_out: the statistic without each seed [..., S].
        level: coverage aimed at.

    Returns:
        Lower and upper limits [...]; NaN where the statistic is not defined without some seed.
    """
    n, middle = left_out.shape[-1], np.asarray(values, dtype=np.float64)
    apart = left_out - left_out.mean(axis=-1, keepdims=True)
    spread = np.sqrt((n - 1) / n * (apart**2).sum(axis=-1))
    half = stdtrit(n - 1, (1 + level) / 2) * spread
    return middle - half, middle + half


def jackknife_over_seeds(
    masks: Masks, statistic: Statistic, *, level: float = 0.95
) -> tuple[Floats, Floats]:
    """`jackknife_limits` of a statistic of masks [..., S, U], leaving out a seed at a time.

    Two seeds have no agreement without one of them: NaN.
    """
    values, n = np.asarray(statistic(masks)), masks.shape[-2]
    if n < 3:
        nothing = np.full(values.shape, np.nan)
        return nothing, nothing
    if statistic is jaccard_mean:
        # it is about pairs: deleting a seed at a time would compare all others again
        return jackknife_limits(values, jaccard_left_out(masks), level=level)
    left_out = [statistic(np.delete(masks, seed, axis=-2)) for seed in range(n)]
    return jackknife_limits(values, np.stack(left_out, axis=-1), level=level)


def bootstrap_over_units(
    masks: Masks,
    statistics: Mapping[str, Statistic],
    *,
    rng: np.random.Generator,
    resamples: int = 2000,
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Limits from the bootstrap standard error over units, with Student's t of U - 1.

    All seeds keep their place in a drawn unit. Percentiles of the same samples cover less at a
    dozen units (.82 against .88 for kappa), hence the t quantile and the factor U / (U - 1).

    Args:
        masks: masks [S, U].
        statistics: what to bootstrap, on the same samples.
        rng: draws the units.
        resamples: bootstrap samples.
        level: coverage aimed at.

    Returns:
        Name -> limits; NaN where the statistic is not defined, or does not vary over the samples.
    """
    n = masks.shape[1]
    drawn: dict[str, list[Floats]] = {name: [] for name in statistics}
    for size in blocks(resamples, masks):
        chosen = rng.integers(0, n, size=(size, n))
        # [S, B, U] -> [B, S, U]
        batch = np.ascontiguousarray(np.moveaxis(masks[:, chosen], 0, 1))
        for name, statistic in statistics.items():
            drawn[name].append(statistic(batch))
    quantile = stdtrit(n - 1, (1 + level) / 2) * np.sqrt(n / (n - 1)) if n > 1 else _NONE
    limits = {}
    for name, statistic in statistics.items():
        samples, value = np.concatenate(drawn[name]), float(statistic(masks))
        samples = samples[np.isfinite(samples)]
        # with half of the samples undefined, the rest is no sample of the statistic any more
        enough = len(samples) > resamples / 2 and np.ptp(samples) > 0
        half = float(quantile * samples.std(ddof=1)) if enough else _NONE
        limits[name] = value - half, value + half
    return limits
