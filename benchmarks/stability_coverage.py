"""Coverage of the intervals of agreement, on simulated masks whose law is known.

Unit u has a tendency t_u ~ N(m, a), seed s a leniency b_s ~ N(0, c), and the seed keeps the unit
with probability logistic(t_u + b_s). The jackknife over seeds is asked for the value that
infinitely many seeds would give on the same units; the bootstrap over units for the value that the
same seeds would give on infinitely many units. Both values follow from quadrature, and those of
ratios of one pair of masks from 4,000 pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from subprobe.analysis.stability.agreement import STATISTICS
from subprobe.analysis.stability.overlap import adjusted_overlap
from subprobe.analysis.stability.seed_intervals import (
    BOOTSTRAP,
    JACKKNIFE,
    bootstrap_over_units,
    jackknife_limits,
    jackknife_over_seeds,
)

KEPT = (0.3, 0.6, 0.9)
SPREADS = ((0.5, 0.3), (0.5, 1.0), (1.5, 0.3), (1.5, 1.0))
"""Standard deviations of units and of seeds, on the logit scale."""

JACKKNIFE_UNITS, JACKKNIFE_SEEDS = (5, 10, 72), (3, 5, 10, 30)
BOOTSTRAP_UNITS, BOOTSTRAP_SEEDS = (5, 10, 30, 72, 144), (2, 5, 10)
OVER_SEEDS = ("survival_mean", "survival_sd", "fleiss_kappa", "krippendorff_alpha", "jaccard_mean")
GROUP = 20
"""Simulations that share one truth."""

_nodes, _weights = np.polynomial.hermite_e.hermegauss(60)
_weights = _weights / _weights.sum()


@dataclass(frozen=True)
class Law:
    """One law of masks: numbers, kept share, and both spreads on the logit scale."""

    interval: str
    units: int
    seeds: int
    kept: float
    unit_spread: float
    seed_spread: float

    @property
    def centre(self) -> float:
        """The mean tendency for which about `kept` of all units are kept."""
        spread = self.unit_spread**2 + self.seed_spread**2
        return float(np.log(self.kept / (1 - self.kept)) * np.sqrt(1 + np.pi * spread / 8))


def laws() -> list[Law]:
    """Every law of the table."""
    grids = ((JACKKNIFE, JACKKNIFE_UNITS, JACKKNIFE_SEEDS),
             (BOOTSTRAP, BOOTSTRAP_UNITS, BOOTSTRAP_SEEDS))  # fmt: skip
    return [
        Law(interval, units, seeds, kept, *spread)
        for interval, all_units, all_seeds in grids
        for units in all_units
        for seeds in all_seeds
        for kept in KEPT
        for spread in SPREADS
    ]


def logistic(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def cover(law: Law, simulations: int, *, resamples: int = 200) -> dict[str, float]:
    """Share of simulations whose interval covers the truth, for each statistic of a law.

    An interval that cannot be computed (NaN limits) is not counted.
    """
    spreads = round(10 * law.unit_spread), round(10 * law.seed_spread)
    rng = np.random.default_rng([law.units, law.seeds, round(100 * law.kept), *spreads])
    hits: dict[str, list[bool]] = {}
    for _ in range(max(1, simulations // GROUP)):
        group = _over_seeds(law, rng) if law.interval == JACKKNIFE else _over_units(
            law, rng, resamples
        )  # fmt: skip
        for name, (truth, intervals) in group.items():
            made = [(low, high) for low, high in intervals if np.isfinite(low)]
            hits.setdefault(name, []).extend(low <= truth <= high for low, high in made)
    return {name: float(np.mean(hit)) if hit else float("nan") for name, hit in hits.items()}


Group = dict[str, tuple[float, list[tuple[float, float]]]]


def _over_seeds(law: Law, rng: np.random.Generator) -> Group:
    """Truths and jackknife intervals of a group with the same units and other seeds."""
    tendency = rng.normal(law.centre, law.unit_spread, law.units)
    other = law.centre + 0.5 * (tendency - law.centre)
    other = other + np.sqrt(0.75) * rng.normal(0, law.unit_spread, law.units)

    def masks(of: Any, number: int) -> Any:
        chance = logistic(of + rng.normal(0, law.seed_spread, (number, 1)))
        return rng.random(chance.shape) < chance

    # [nodes, U]: chance of each unit for each leniency of a seed
    chance = logistic(tendency + law.seed_spread * _nodes[:, None])
    mean = _weights @ chance
    share, own = chance.mean(axis=1), (chance * (1 - chance)).sum(axis=1) / law.units**2
    kappa = 1 - (mean * (1 - mean)).mean() / (mean.mean() * (1 - mean.mean()))
    first, second, third = masks(tendency, 4_000), masks(tendency, 4_000), masks(other, 4_000)
    with np.errstate(invalid="ignore"):
        jaccard = np.nanmean((first & second).sum(1) / (first | second).sum(1))
    overlap = adjusted_overlap((first & third).sum(1), first.sum(1), third.sum(1), law.units)
    truth = {
        "survival_mean": mean.mean(),
        "survival_sd": np.sqrt(_weights @ (share - mean.mean()) ** 2 + _weights @ own),
        "fleiss_kappa": kappa,
        "krippendorff_alpha": kappa,
        "jaccard_mean": jaccard,
    }
    truth["adjusted_overlap"] = np.nanmean(overlap)
    # [G, S, U]
    drawn, beside = (
        masks(of, GROUP * law.seeds).reshape(GROUP, law.seeds, -1) for of in (tendency, other)
    )
    made = {name: jackknife_over_seeds(drawn, STATISTICS[name]) for name in OVER_SEEDS}
    each = adjusted_overlap((drawn & beside).sum(2), drawn.sum(2), beside.sum(2), law.units)
    without = (each.sum(axis=1, keepdims=True) - each) / (law.seeds - 1)
    made["adjusted_overlap"] = jackknife_limits(each.mean(axis=1), without)
    return {
        name: (float(truth[name]), list(zip(*limits, strict=True))) for name, limits in made.items()
    }


def _over_units(law: Law, rng: np.random.Generator, resamples: int) -> Group:
    """Truths and bootstrap intervals of a group with the same seeds and other units."""
    lenient = rng.normal(0, law.seed_spread, law.seeds)
    # [S, nodes]: chance of each seed to keep a unit of each tendency
    chance = logistic(law.centre + law.unit_spread * _nodes + lenient[:, None])
    mean = (chance * _weights).sum(axis=1)
    first, second = np.triu_indices(law.seeds, 1)
    both = ((chance * _weights) @ chance.T)[first, second]
    either = mean[first] + mean[second] - both
    kappa = 1 - (either - both).mean() / (2 * mean.mean() * (1 - mean.mean()))
    truth = {
        "survival_mean": mean.mean(),
        "survival_sd": mean.std(ddof=1),
        "fleiss_kappa": kappa,
        "krippendorff_alpha": kappa,
        "jaccard_mean": (both / either).mean(),
        "kept_in_all": law.units * (_weights @ chance.prod(axis=0)),
    }
    made: dict[str, list[tuple[float, float]]] = {name: [] for name in truth}
    for _ in range(GROUP):
        tendency = rng.normal(law.centre, law.unit_spread, law.units)
        drawn = rng.random((law.seeds, law.units)) < logistic(tendency + lenient[:, None])
        wanted = {name: STATISTICS[name] for name in truth}
        found = bootstrap_over_units(drawn, wanted, rng=rng, resamples=resamples)
        for name, limits in found.items():
            made[name].append(limits)
    return {name: (float(truth[name]), intervals) for name, intervals in made.items()}
