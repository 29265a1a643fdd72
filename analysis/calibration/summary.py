"""Calibration measures with intervals and nulls, as means over seeds and draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..statistics.clusters import alone, count_of
from ..statistics.paired import expanded_limits
from ..statistics.uncertainty import Floats, permutation_p
from ..statistics.weighted import weight_blocks
from .binned import BINNED, BINS, ECE, MEANS, averaged, calibrated, measured
from .forecasts import Forecasts

RESAMPLES = 1000
DEBIASED = "ece_debiased"
METRICS = (ECE, DEBIASED, *(name for name in BINNED if name != ECE), *MEANS)
"""Every measure, in the order of tables."""
CALIBRATED = "calibrated model"
"""The baseline of binned errors: a calibrated model with the same confidences."""
ONE_UNIT = "no interval: there is only one independent unit"
_ALPHA = 0.05


@dataclass(frozen=True)
class Measured:
    """One measure of a model.

    Attributes:
        metric: its name.
        value: mean over seeds of the mean over draws.
        low: lower 95% limit; NaN = no interval.
        high: upper 95% limit.
        method: how the interval was made, or why there is none.
        calibrated: mean value of a calibrated model with the same confidences; NaN = not one of
            the binned errors.
        p_value: of the test that the model is calibrated; NaN as well.
    """

    metric: str
    value: float
    low: float
    high: float
    method: str
    calibrated: float
    p_value: float


@dataclass(frozen=True)
class Resampled:
    """The measures of a model on the sample and on resamples that other models share.

    Attributes:
        values: metric -> value.
        samples: metric -> values on resamples [R].
        nulls: metric -> values of a calibrated model [R].
        n: number of examples.
        n_units: number of clusters.
        clustered: whether some examples share a cluster.
        n_seeds: number of seeds.
    """

    values: Mapping[str, float]
    samples: Mapping[str, Floats]
    nulls: Mapping[str, Floats]
    n: int
    n_units: int
    clustered: bool
    n_seeds: int


def resampled_measures(
    seeds: Mapping[int, Forecasts], *, bins: int = BINS, resamples: int = RESAMPLES,
    nulls: bool = True,
) -> Resampled:  # fmt: skip
    """Measure a model on its examples and on bootstrap resamples of them.

    Args:
        seeds: seed -> forecasts of the same examples.
        bins: number of bins.
        resamples: bootstrap samples, and outcomes of a calibrated model.
        nulls: whether these outcomes are drawn.
    """
    first = next(iter(seeds.values()))
    once = np.ones((1, len(first.ids)), dtype=np.float32)
    whole = {seed: measured(found, once, bins) for seed, found in seeds.items()}
    values = {name: float(averaged(whole, name)[0]) for name in (*BINNED, *MEANS)}
    drawn: dict[str, list[Floats]] = {name: [] for name in values}
    for weights in weight_blocks(first.ids, first.units, resamples=resamples):
        found = {seed: measured(said, weights, bins) for seed, said in seeds.items()}
        for name, parts in drawn.items():
            parts.append(averaged(found, name))
    samples = {name: np.concatenate(parts) for name, parts in drawn.items()}
    chance = {s: calibrated(said, resamples, bins) for s, said in seeds.items()} if nulls else {}
    return Resampled(
        values, samples, {name: averaged(chance, name) for name in BINNED} if nulls else {},
        len(first.ids), count_of(first.units), not alone(first.units), len(seeds),
    )  # fmt: skip


def summed(found: Resampled) -> list[Measured]:
    """Every measure with its interval and, of binned errors, its null and test.

    A bin with few examples is never exactly as accurate as it is confident, so a binned error is
    above 0 for a calibrated model as well, and higher still on a resample. Its limits are therefore
    those of the basic bootstrap, reflected at the value (Davison & Hinkley 1997, 5.2), and the
    lower one is 0 where calibration is not rejected. `ece_debiased` is the value minus the
    bootstrap estimate of its bias, at least 0 (Efron & Tibshirani 1993, 10.6).
    """
    over = f"{found.n_units} clusters" if found.clustered else "examples"
    varies = "this seed" if found.n_seeds == 1 else "these seeds"
    ends = f"bootstrap over {over} ({_count(found)}), {varies}"
    lines = []
    for metric in METRICS:
        base = ECE if metric == DEBIASED else metric
        value, samples = found.values[base], found.samples[base]
        low, high = expanded_limits(samples, found.n_units)
        null, p = float("nan"), float("nan")
        name = f"percentile {ends}"
        if base in BINNED:
            name = f"basic {ends}"
            draws = found.nulls[base]
            null, p = float(draws.mean()), permutation_p(value, draws, alternative="greater")
            low, high = _reflected(value, low, high, rejected=p <= _ALPHA)
        if metric == DEBIASED:
            value = max(0.0, value - max(0.0, float(samples.mean()) - value))
            null, p = float("nan"), float("nan")
        if np.isnan(low):
            name = ONE_UNIT if found.n_units < 2 else "no interval: the resamples do not vary"
        lines.append(Measured(metric, value, low, high, name, null, p))
    return lines


def _count(found: Resampled) -> int:
    return len(found.samples[ECE])


def _reflected(value: float, low: float, high: float, *, rejected: bool) -> tuple[float, float]:
    """The limits of the basic bootstrap, from those of percentiles."""
    if np.isnan(low):
        return low, high
    return (max(0.0, 2 * value - high) if rejected else 0.0), max(0.0, 2 * value - low, 0.0)
