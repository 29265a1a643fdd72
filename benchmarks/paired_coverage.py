"""Coverage of the intervals of differences, on simulated models whose law is known.

Two models answer the same N examples in each of S seeds. Classes: a model is right where
mu + b + sqrt(rho) u + sqrt(1 - rho) e > 0, with u ~ N(0, 1) of the example (shared by both models
and by all seeds), e of the single answer, and b ~ N(0, tau) of the model's seed. Then it is right
with probability Phi(mu + b), and rho sets on how many examples the two models differ. Numbers:
predictions that correlate with gold by a known r. Ratios: numerators m + b plus skewed noise.

At level `examples` the truth is what these very models (b = 0) would score on infinitely many
examples; at `seeds and examples`, the mean over infinitely many seeds as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import multivariate_normal, norm
from subprobe.analysis.statistics.paired import (
    expanded_limits,
    over_seeds_and_examples,
    over_two_runs,
)
from subprobe.analysis.statistics.paired_coverage import (
    CROSSED_AND_EXAMPLES,
    CROSSED_RUNS,
    EXAMPLES,
    SEEDS_AND_EXAMPLES,
    TWO_RUNS,
)
from subprobe.analysis.statistics.weighted import CLASS_METRICS, weight_blocks, weighted_scores
from subprobe.data.seeds import Grid

ITEMS = (5, 10, 30, 100, 300)
SEEDS = (3, 5, 10, 30)
SHARES = (0.02, 0.05, 0.15, 0.3)
"""Shares of examples on which the two models differ."""
NUMBERS = ("pearson", "spearman")
PREVALENCE = 0.6
_MOST = {"numbers": 30, "ratio": 300}
"""Most items simulated with several seeds: ranks of many resamples take long."""
AT_ONCE = 60
_nodes, _weights = np.polynomial.hermite_e.hermegauss(60)
_weights = _weights / _weights.sum()


@dataclass(frozen=True)
class PairLaw:
    """One law of paired scores.

    Attributes:
        family: `classes`, `numbers` or `ratio`.
        n: items.
        seeds: S; 1 for the interval over examples alone.
        share: examples on which the models differ (classes), else NaN.
        level: how good the second model is: probability to be right, or correlation.
        effect: how much better the first is.
        seed_spread: standard deviation of a seed's part, on the scale of the law.
        members: examples of each cluster, neighbours; n is a multiple of it.
        icc: how alike the noise of one cluster's examples is: its intra-class correlation.
        of_seeds: shares of the variance of b that the initialisation and the data order have; the
            seeds are a square grid where they are given, and otherwise independent.
    """

    family: str
    n: int
    seeds: int
    share: float
    level: float
    effect: float
    seed_spread: float
    members: int = 1
    icc: float = 0.0
    of_seeds: tuple[float, float] | None = None

    @property
    def grid(self) -> Grid | None:
        """The grid of crossed seeds."""
        if self.of_seeds is None:
            return None
        side = tuple(range(math.isqrt(self.seeds)))
        return Grid(side, side)


def pair_laws() -> list[PairLaw]:
    """Every law of the table."""
    found = []
    for seeds in (1, *SEEDS):
        spreads = (0.0,) if seeds == 1 else (0.05, 0.3)
        for n in ITEMS if seeds == 1 else ITEMS[1:]:
            for spread in spreads:
                # many differing examples are the easier case
                for share in SHARES if seeds == 1 else SHARES[:3]:
                    for level in (0.6, 0.9):
                        law = PairLaw("classes", n, seeds, share, level, 0.4 * share, spread)
                        found += [law] if _overlap(law) is not None else []
                found += [
                    PairLaw(family, n, seeds, float("nan"), level, effect, spread)
                    for family in ("numbers", "ratio")
                    if seeds == 1 or n <= _MOST[family]
                    for level, effect in ((0.3, 0.0), (0.8, 0.1))
                ]
    return found


@cache
def _rho(first: float, second: float, share: float) -> float | None:
    """How much two answers must have in common to differ on this share of the examples."""
    a, b = norm.cdf(first), norm.cdf(second)

    def excess(rho: float) -> float:
        both = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([first, second])
        return float(a + b - 2 * both - share)

    most = 1 - 1e-9
    if excess(0.0) < 0 or excess(most) > 0:
        return None
    return float(brentq(excess, 0.0, most, xtol=1e-9))


def _overlap(law: PairLaw) -> float | None:
    if law.level + law.effect > 0.98:
        return None
    means = norm.ppf([law.level + law.effect, law.level])
    return _rho(float(means[0]), float(means[1]), law.share)


def population(metric: str, right: Any, prevalence: float = PREVALENCE) -> Any:
    """A metric on infinitely many examples, right with one probability in both classes."""
    hits, false = prevalence * right, (1 - prevalence) * (1 - right)
    called = hits + false
    if metric == "accuracy":
        return right
    if metric == "f1":
        return 2 * hits / (called + prevalence)
    spread = prevalence * (1 - prevalence) * called * (1 - called)
    return (hits - prevalence * called) / np.sqrt(spread)


def truths(law: PairLaw) -> dict[str, tuple[float, float]]:
    """What both models score on infinitely many examples and seeds, by outcome."""
    levels = (law.level + law.effect, law.level)
    if law.family == "ratio":
        return {"ratio": levels}
    if law.family == "numbers":
        moved = np.tanh(np.arctanh(levels)[:, None] + law.seed_spread * _nodes)
        of_rank = 6 / np.pi * np.arcsin(moved / 2)
        means = {"pearson": moved @ _weights, "spearman": of_rank @ _weights}
    else:
        right = norm.cdf(norm.ppf(levels)[:, None] + law.seed_spread * _nodes)
        means = {metric: population(metric, right) @ _weights for metric in CLASS_METRICS}
    return {name: (float(mean[0]), float(mean[1])) for name, mean in means.items()}


def cover_pairs(
    law: PairLaw, simulations: int, *, resamples: int = 400
) -> dict[tuple[str, str], float]:
    """Share of simulations whose interval covers the truth, by interval and outcome.

    An interval that cannot be computed is not counted. If it can be computed in less than half of
    the simulations, no coverage is reported.
    """
    numbers = (law.n, law.seeds, 100 * law.level, 1000 * law.effect, 100 * law.seed_spread)
    entropy = [round(number) for number in numbers]
    share = 0 if np.isnan(law.share) else round(100 * law.share)
    rng = np.random.default_rng([*entropy, share, len(law.family)])
    differences = {name: first - second for name, (first, second) in truths(law).items()}
    hits: dict[tuple[str, str], list[bool]] = {}
    ids = [str(i) for i in range(law.n)]
    # one row more: every example once
    drawn = list(weight_blocks(ids, resamples=resamples, seed=1))
    weights = np.concatenate([np.ones((1, law.n), dtype=np.float32), *drawn])
    step = max(1, AT_ONCE // law.seeds)  # simulations that share the gold labels
    for start in range(0, simulations, step):
        count = min(step, simulations - start)
        for name, (first, second) in simulated_scores(law, count, weights, rng).items():
            for g in range(count):
                made = intervals(first[:, g], second[:, g], law.n, law.grid)
                for interval, (low, high) in made.items():
                    if np.isfinite(low):
                        covered = bool(low <= differences[name] <= high)
                        hits.setdefault((interval, name), []).append(covered)
    return {
        key: float(np.mean(hit)) if len(hit) >= simulations / 2 else float("nan")
        for key, hit in hits.items()
    }


def intervals(
    first: Any, second: Any, n: int, grid: Grid | None = None
) -> dict[str, tuple[float, float]]:
    """Both sides [1 + R, S], the first line without resampling -> the limits of each interval."""
    gaps = first - second
    value, seeds = float(gaps[0].mean()), gaps.shape[1]
    if seeds == 1:
        return {EXAMPLES: expanded_limits(gaps[1:, 0], n)}
    if grid is not None:
        return {
            CROSSED_AND_EXAMPLES: over_seeds_and_examples(value, gaps[1:], grid=grid),
            CROSSED_RUNS: over_two_runs(value, first[1:], second[1:], grids=(grid, grid)),
        }
    return {
        SEEDS_AND_EXAMPLES: over_seeds_and_examples(value, gaps[1:]),
        TWO_RUNS: over_two_runs(value, first[1:], second[1:]),
    }


def _of_seeds(law: PairLaw, count: int, rng: np.random.Generator) -> Any:
    """The part of each model's seeds [2, 1, G, S], of variance 1."""
    left = rng.normal(size=(2, 1, count, law.seeds))
    if law.of_seeds is None:
        return left
    side, (of_init, of_order) = math.isqrt(law.seeds), law.of_seeds
    rows, columns = rng.normal(size=(2, 2, 1, count, side))
    both = np.sqrt(of_init) * rows[..., :, None] + np.sqrt(of_order) * columns[..., None, :]
    return both.reshape(left.shape) + np.sqrt(1 - of_init - of_order) * left


def _alike(law: PairLaw, draw: Any, shape: tuple[int, ...]) -> Any:
    """Noise of mean 0 and variance 1 [..., N, G, S], alike within clusters of neighbours."""
    if not law.icc:
        return draw(size=shape)
    *before, n, count, seeds = shape
    of_cluster = draw(size=(*before, n // law.members, count, seeds))
    shared = np.repeat(of_cluster, law.members, axis=-3)
    return np.sqrt(law.icc) * shared + np.sqrt(1 - law.icc) * draw(size=shape)


def simulated_scores(
    law: PairLaw, count: int, weights: Any, rng: np.random.Generator
) -> dict[str, Any]:
    """Both models' scores on resamples [R, G, S] of G simulations, for each outcome."""
    shape = (law.n, count, law.seeds)
    levels = np.array([law.level + law.effect, law.level])
    b = law.seed_spread * _of_seeds(law, count, rng)
    if law.family == "classes":
        rho = _overlap(law) or 0.0
        # the same examples in all seeds of one simulation
        u = np.sqrt(rho) * _alike(law, rng.normal, (1, law.n, count, 1))
        e = np.sqrt(1 - rho) * _alike(law, rng.normal, (2, *shape))
        right = norm.ppf(levels)[:, None, None, None] + b + u + e > 0
        gold = (np.arange(law.n) < round(PREVALENCE * law.n)).astype(np.int64)
        gold = rng.permutation(gold) if law.n < 30 else rng.binomial(1, PREVALENCE, law.n)
        said = np.where(right, gold[:, None, None], 1 - gold[:, None, None])
        return {name: _both(name, said, gold, weights) for name in CLASS_METRICS}
    if law.family == "numbers":
        gold = _alike(law, rng.normal, (law.n, 1, 1))[:, 0, 0]
        r = np.tanh(np.arctanh(levels)[:, None, None, None] + b)
        noise = np.sqrt(0.5) * (
            _alike(law, rng.normal, (1, law.n, count, 1)) + _alike(law, rng.normal, (2, *shape))
        )
        said = r * gold[:, None, None] + np.sqrt(1 - r**2) * noise
        return {name: _both(name, said, gold, weights) for name in NUMBERS}

    def skew(size: tuple[int, ...]) -> Any:
        return rng.exponential(size=size) - 1

    size = 1 + rng.poisson(5, size=(1, law.n, count, 1)).astype(float)
    skewed = _alike(law, skew, (1, law.n, count, 1)) + _alike(law, skew, (2, *shape))
    top = size * (levels[:, None, None, None] + 0.5 * b + 0.2 * skewed)
    bottom = weights @ np.broadcast_to(size, (1, *shape)).reshape(law.n, -1)
    sides = [weights @ side.reshape(law.n, -1) / bottom for side in top]
    return {"ratio": [side.reshape(len(weights), count, law.seeds) for side in sides]}


def _both(name: str, said: Any, gold: Any, weights: Any) -> list[Any]:
    """said [2, N, G, S] -> scores [R, G, S] of both models."""
    scores = [weighted_scores(name, side.reshape(len(gold), -1), gold, weights) for side in said]
    return [score.reshape(len(weights), *said.shape[2:]) for score in scores]
