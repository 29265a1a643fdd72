"""Coverage of intervals where four examples at a time share a source, by what is resampled.

The laws are those of `paired_coverage`, with noise that is correlated inside clusters of four: the
intra-class correlation is 0, .3 or .8. Intervals that resample clusters are compared with those
that resample single examples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from subprobe.analysis.statistics.paired import expanded_limits
from subprobe.analysis.statistics.paired_coverage import (
    ONE_MODEL,
    OVER_CLUSTERS,
    OVER_EXAMPLES,
)
from subprobe.analysis.statistics.weighted import weight_blocks

from .paired_coverage import AT_ONCE, PairLaw, intervals, pair_laws, simulated_scores, truths

MEMBERS = 4
ALIKE = (0.0, 0.3, 0.8)
CLUSTERS = (5, 10, 30, 100)
SEEDS = (1, 3, 10)
_SEVERAL = (30, 100)
"""Clusters simulated with several seeds."""


def cluster_laws() -> list[PairLaw]:
    """Every law of the table: those of single examples whose numbers it has, in clusters."""
    found = []
    for law in pair_laws():
        wanted = CLUSTERS if law.seeds == 1 else _SEVERAL
        if law.seeds not in SEEDS or law.n not in wanted:
            continue
        # ranks of many resamples take long
        if law.family == "numbers" and (law.seeds > 1 or law.n > 30):
            continue
        about = (law.family, law.n * MEMBERS, law.seeds, law.share, law.level, law.effect,
                 law.seed_spread)  # fmt: skip
        found += [PairLaw(*about, MEMBERS, icc) for icc in ALIKE]
    return found


def cover_clusters(
    law: PairLaw, simulations: int, *, resamples: int = 400
) -> dict[tuple[str, str, str], float]:
    """Share of simulations whose interval covers the truth, by interval, outcome, what is drawn.

    An interval that cannot be computed is not counted, as in `paired_coverage.cover_pairs`.
    """
    numbers = [law.n, law.seeds, *(round(100 * x) for x in (law.level, law.effect, law.icc))]
    more = [round(100 * np.nan_to_num(law.share)), round(100 * law.seed_spread), len(law.family)]
    rng = np.random.default_rng([*numbers, *more])
    ids = [str(i) for i in range(law.n)]
    units = np.arange(law.n) // law.members
    once = np.ones((1, law.n), dtype=np.float32)
    drawn = {
        OVER_CLUSTERS: list(weight_blocks(ids, units, resamples=resamples, seed=1)),
        OVER_EXAMPLES: list(weight_blocks(ids, resamples=resamples, seed=1)),
    }
    weights = np.concatenate([once, *drawn[OVER_CLUSTERS], *drawn[OVER_EXAMPLES]])
    places = {
        OVER_CLUSTERS: np.arange(resamples + 1),
        OVER_EXAMPLES: np.r_[0, np.arange(resamples + 1, 2 * resamples + 1)],
    }
    of_model = truths(law)
    hits: dict[tuple[str, str, str], list[bool]] = {}
    # a correlation depends on the gold numbers, which simultaneous simulations share
    step = 1 if law.family == "numbers" else max(1, AT_ONCE // law.seeds)
    for start in range(0, simulations, step):
        count = min(step, simulations - start)
        for name, (first, second) in simulated_scores(law, count, weights, rng).items():
            truth = of_model[name]
            for over, chosen in places.items():
                for g in range(count):
                    a, b = first[chosen, g], second[chosen, g]
                    for interval, (low, high) in _made(a, b, law, over).items():
                        true = truth[0] if interval == ONE_MODEL else truth[0] - truth[1]
                        if np.isfinite(low):
                            covered = bool(low <= true <= high)
                            hits.setdefault((interval, name, over), []).append(covered)
    return {
        key: float(np.mean(hit)) if len(hit) >= simulations / 2 else float("nan")
        for key, hit in hits.items()
    }


def _made(first: Any, second: Any, law: PairLaw, over: str) -> dict[str, tuple[float, float]]:
    """The limits of each interval from scores [1 + R, S], of which the first is not resampled."""
    n = law.n // law.members if over == OVER_CLUSTERS else law.n
    found = intervals(first, second, n)
    if law.seeds == 1:
        # as `bootstrap_interval` makes them: quantiles are expanded for clusters alone
        plain = np.quantile(first[1:, 0], [0.025, 0.975])
        alone = (float(plain[0]), float(plain[1])) if np.ptp(first[1:, 0]) else (np.nan, np.nan)
        found[ONE_MODEL] = expanded_limits(first[1:, 0], n) if over == OVER_CLUSTERS else alone
    return found
