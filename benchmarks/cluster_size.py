"""Size of the tests of two models where four examples at a time share a source.

Under the null, a coin decides for each cluster which model has which answers. Tests that exchange
clusters are compared with McNemar's, which treats examples as independent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm
from subprobe.analysis.findings.dependency_tests import mcnemar_p
from subprobe.analysis.statistics.clusters import over_units
from subprobe.analysis.statistics.corrections import ALPHA
from subprobe.analysis.statistics.paired_coverage import OVER_CLUSTERS, OVER_EXAMPLES
from subprobe.analysis.statistics.paired_ratios import swap_ratios
from subprobe.analysis.statistics.paired_tests import cluster_signs, swap_test
from subprobe.analysis.statistics.uncertainty import mcnemar_exact

from .cluster_coverage import ALIKE, CLUSTERS, MEMBERS
from .paired_size import DIFFERING

_DRAWS = 399


def cluster_size_cases() -> list[tuple[int, float]]:
    """A simulated case: clusters, and the correlation of their examples."""
    return [(clusters, icc) for clusters in CLUSTERS for icc in ALIKE]


def cluster_size_rows(case: tuple[int, float], simulations: int) -> list[dict[str, Any]]:
    """Simulated size of every test of one case; a test without a p does not reject."""
    clusters, icc = case
    rng = np.random.default_rng([clusters, round(100 * icc)])
    p_values: dict[tuple[str, str], list[float]] = {}
    for _ in range(simulations):
        for key, p in _tested(clusters, icc, rng).items():
            p_values.setdefault(key, []).append(p)
    error = float(np.sqrt(ALPHA * (1 - ALPHA) / simulations))
    rows = []
    for (name, over), values in p_values.items():
        size = float(np.mean(np.asarray(values) <= ALPHA + 1e-12))
        rows.append(
            {"test": name, "over": over, "n": clusters, "members": MEMBERS, "icc": icc,
             "size": size, "monte_carlo_error": error, "simulations": len(values),
             "holds": size <= ALPHA + 2 * error}
        )  # fmt: skip
    return rows


def _effective(first: Any, second: Any, units: Any) -> float:
    """The test of dependency heads: clusters are sentences, examples their arcs."""
    gaps = first.astype(float) - second
    squares = (over_units(gaps, units) ** 2).sum()
    return float(mcnemar_p([(gaps > 0).sum()], [(gaps < 0).sum()], [squares])[0])


def _tested(clusters: int, icc: float, rng: np.random.Generator) -> dict[tuple[str, str], float]:
    n = clusters * MEMBERS
    units = np.arange(n) // MEMBERS

    def alike(size: tuple[int, ...] = ()) -> Any:
        shared = np.repeat(rng.normal(size=(*size, clusters)), MEMBERS, axis=-1)
        return np.sqrt(icc) * shared + np.sqrt(1 - icc) * rng.normal(size=(*size, n))

    gold = rng.permuted(np.tile([0, 0, 1, 1], (clusters, 1)), axis=1).ravel()
    right = alike() < norm.ppf(0.75)
    other = np.where(alike() < norm.ppf(DIFFERING), ~right, right)
    swap = np.repeat(rng.random(clusters) < 0.5, MEMBERS)
    a, b = np.where(swap, right, other), np.where(swap, other, right)
    first, second = (np.where(side, gold, 1 - gold) for side in (a, b))
    exact = mcnemar_exact(a, b)
    found = {
        ("signs of clusters, exact", OVER_CLUSTERS): cluster_signs(a, b, units).p_value,
        ("McNemar of effective counts", OVER_CLUSTERS): _effective(a, b, units),
        ("McNemar, exact", OVER_EXAMPLES): exact.p_value,
    }
    for metric in ("matthews", "f1"):
        seed = int(rng.integers(2**31))
        tested = swap_test(metric, first, second, gold, units, seed=seed, draws=_DRAWS)
        found[f"exchanged answers, {metric}", OVER_CLUSTERS] = tested.p_value
    true = alike()
    said = true + alike() + alike((2,))
    seed = int(rng.integers(2**31))
    tested = swap_test("pearson", said[0], said[1], true, units, seed=seed, draws=_DRAWS)
    found["exchanged answers, pearson", OVER_CLUSTERS] = tested.p_value
    bottom = 1.0 + rng.poisson(5, size=n)
    top = bottom * (0.5 + 0.1 * np.exp(alike((2,))))
    sides = np.stack([top, np.broadcast_to(bottom, top.shape)], axis=1)[..., None]
    names = [str(rng.integers(2**31))] * n
    for over, of in ((OVER_CLUSTERS, units), (OVER_EXAMPLES, None)):
        tested = swap_ratios(sides[0], sides[1], names, of, draws=_DRAWS)[0]
        found["exchanged sentences", over] = tested.p_value
    return found
