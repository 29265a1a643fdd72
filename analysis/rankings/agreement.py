"""Agreement of two rankings of units: rank correlation, and overlap of their top units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb, factorial
from typing import Any

import numpy as np
import numpy.typing as npt

from ..statistics.uncertainty import permutation_p
from .ranking import Ranking

UNITS = ("head", "mlp")
SHUFFLES = 1999
"""Orders of the units behind the p-value of a correlation."""


def agreement_rows(
    attributions: Sequence[Ranking],
    importances: Sequence[Ranking],
    keep: Sequence[float],
    *,
    seed: int = 0,
) -> Iterator[dict[str, Any]]:
    """Spearman correlation, and overlap of top units, of each attribution with each importance.

    The correlation is tested against shuffled units, two-sided. The overlap is the share of the top
    units of one ranking that are also top units of the other; its expectation for random selections
    is k / n, and its p-value the exact hypergeometric probability of an overlap at least as large.
    Sizes that keep all units are left out. Heads and MLPs are ranked separately, as in pruning.
    `floor` is the smallest p-value that the test of a row can give.

    Args:
        attributions: rankings by attribution.
        importances: rankings by importance, of those units at least.
        keep: sizes of the tops, as shares of the units.
        seed: of the shuffles.
    """
    for attribution in attributions:
        for importance in importances:
            other = importance.among(attribution)
            for unit in UNITS:
                first, second = attribution.of(unit), other.of(unit)
                if not len(first):
                    continue
                about = {
                    "unit": "model",
                    "variant": attribution.name,
                    "target": importance.name,
                    "n": len(first),
                }
                yield {
                    **about,
                    "metric": "importance_spearman",
                    "relation": f"{unit}s",
                    **_correlated(first, second, seed),
                }
                for share in keep:
                    k = top_size(share, len(first))
                    if k == len(first):
                        continue
                    yield {
                        **about,
                        "metric": "importance_overlap",
                        "relation": f"{unit}s;top={share:g}",
                        **_overlapping(first, second, k),
                    }


def top_size(share: float, n: int) -> int:
    """How many of n units a share is: the nearest number, one at least."""
    return max(1, int(np.floor(share * n + 0.5)))


def top(scores: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.int64]:
    """Places of the k highest scores; of equal ones the last, as pruning removes the first."""
    return np.argsort(scores, kind="stable")[len(scores) - k :]


def _correlated(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], seed: int
) -> dict[str, Any]:
    from scipy.stats import rankdata

    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return {"flag": "degenerate"}
    one, other = (rankdata(scores) - (len(scores) + 1) / 2 for scores in (first, second))
    size = np.sqrt((one @ one) * (other @ other))
    rng = np.random.default_rng([seed, len(one)])
    shuffled = rng.permuted(np.broadcast_to(other, (SHUFFLES, len(other))), axis=1)
    value = float(one @ other / size)
    return {
        "value": value,
        "baseline": "shuffled-units",
        "baseline_value": 0.0,
        "p_value": permutation_p(value, shuffled @ one / size),
        "floor": max(2 / (SHUFFLES + 1), min(1.0, 2 / factorial(len(one)))),
    }


def _overlapping(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], k: int
) -> dict[str, Any]:
    from scipy.stats import hypergeom

    n, shared = len(first), len(np.intersect1d(top(first, k), top(second, k)))
    return {
        "value": shared / k,
        "baseline": "random-units",
        "baseline_value": k / n,
        "p_value": float(hypergeom.sf(shared - 1, n, k, k)),
        "floor": 1 / comb(n, k),
    }
