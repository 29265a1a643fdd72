"""Calibration measures with intervals and nulls, as means over seeds and draws."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from ..statistics.clusters import alone, count_of
from ..statistics.paired import expanded_limits
from ..statistics.uncertainty import Floats, permutation_p
from ..statistics.weighted import weight_blocks
from .binned import BINNED, BINS, ECE, MEANS, calibrated, measured
from .forecasts import Forecasts

RESAMPLES = 1000
DEBIASED = "ece_debiased"
METRICS = (ECE, DEBIASED, *(name for name in BINNED if name != ECE), *MEANS)
"""Every measure, in the order of tables."""
CALIBRATED = "calibrated model"
"""The baseline of binned errors: a calibrated model with the same confidences."""
ONE_UNIT = "no interval: there is only one independent unit"
NO_SPREAD = "no interval: the resamples do not vary"
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
        values: metric -> seed -> mean over draws.
        samples: the same on resamples [R].
        nulls: binned error -> seed -> values of a calibrated model [R].
        n: number of examples.
        n_units: number of their clusters.
        resamples: R.
    """

    values: Mapping[str, Mapping[int, float]]
    samples: Mapping[str, Mapping[int, Floats]]
    nulls: Mapping[str, Mapping[int, Floats]]
    n: int
    n_units: int
    resamples: int

    @property
    def seeds(self) -> list[int]:
        """The seeds."""
        return sorted(self.values[ECE])

    @property
    def over(self) -> str:
        """What is resampled, in words."""
        units = "examples" if self.n_units == self.n else f"{self.n_units} clusters"
        return f"bootstrap over {units} ({self.resamples})"

    def mean(self, metric: str, seeds: Collection[int]) -> float:
        """Mean over these seeds."""
        return float(np.mean([self.values[metric][seed] for seed in seeds]))

    def drawn(self, metric: str, seeds: Collection[int]) -> Floats:
        """The same on the resamples [R]."""
        return np.asarray(np.mean([self.samples[metric][seed] for seed in seeds], axis=0))


def resampled_measures(
    seeds: Mapping[int, Forecasts], *, bins: int = BINS, resamples: int = RESAMPLES
) -> Resampled:
    """Measure a model on its examples, on bootstrap resamples, and had it been calibrated.

    Args:
        seeds: seed -> forecasts of the same examples.
        bins: number of bins.
        resamples: bootstrap samples, and outcomes of a calibrated model.
    """
    first = next(iter(seeds.values()))
    once = np.ones((1, len(first.ids)), dtype=np.float32)
    blocks = list(weight_blocks(first.ids, first.units, resamples=resamples))
    names = (*BINNED, *MEANS)
    values: dict[str, dict[int, float]] = {name: {} for name in names}
    samples: dict[str, dict[int, Floats]] = {name: {} for name in names}
    nulls: dict[str, dict[int, Floats]] = {name: {} for name in BINNED}
    for seed, said in seeds.items():
        whole = measured(said, once, bins)
        parts = [measured(said, weights, bins) for weights in blocks]
        for name in names:
            values[name][seed] = float(whole[name].mean())
            samples[name][seed] = np.concatenate([part[name].mean(axis=1) for part in parts])
        for name, draws in calibrated(said, resamples, bins).items():
            nulls[name][seed] = draws.mean(axis=1)
    n_units = len(first.ids) if alone(first.units) else count_of(first.units)
    return Resampled(values, samples, nulls, len(first.ids), n_units, resamples)


def summed(found: Resampled) -> list[Measured]:
    """Every measure with its interval and, of binned errors, its null and test.

    A bin with few examples is never exactly as accurate as it is confident, so a binned error is
    above 0 for a calibrated model as well, and higher still on a resample. Its limits are therefore
    those of the basic bootstrap, reflected at the value (Davison & Hinkley 1997, 5.2), and the
    lower one is 0 where calibration is not rejected. `ece_debiased` is the value minus the
    bootstrap estimate of its bias, at least 0 (Efron & Tibshirani 1993, 10.6).
    """
    seeds = found.seeds
    ends = f"{found.over}, {'this seed' if len(seeds) == 1 else 'these seeds'}"
    lines = []
    for metric in METRICS:
        base = ECE if metric == DEBIASED else metric
        value, samples = found.mean(base, seeds), found.drawn(base, seeds)
        low, high = expanded_limits(samples, found.n_units)
        null, p = float("nan"), float("nan")
        name = f"percentile {ends}"
        if base in BINNED:
            name = f"basic {ends}"
            draws = np.mean([found.nulls[base][seed] for seed in seeds], axis=0)
            null, p = float(draws.mean()), permutation_p(value, draws, alternative="greater")
            low, high = _reflected(value, low, high, rejected=p <= _ALPHA)
        if metric == DEBIASED:
            value = max(0.0, value - max(0.0, float(samples.mean()) - value))
            null, p = float("nan"), float("nan")
        if np.isnan(low):
            name = ONE_UNIT if found.n_units < 2 else NO_SPREAD
        lines.append(Measured(metric, value, low, high, name, null, p))
    return lines


def _reflected(value: float, low: float, high: float, *, rejected: bool) -> tuple[float, float]:
    """The limits of the basic bootstrap, from those of percentiles."""
    if np.isnan(low):
        return low, high
    return (max(0.0, 2 * value - high) if rejected else 0.0), max(0.0, 2 * value - low)
