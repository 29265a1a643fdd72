"""Size of the tests of two models: how often they reject if both are equally good.

The attainable size is reported too, if it follows from few outcomes.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
from scipy.stats import binom
from subprobe.analysis.comparison.mixed_model import fit_kinds
from subprobe.analysis.statistics.corrections import ALPHA
from subprobe.analysis.statistics.paired_ratios import swap_ratios
from subprobe.analysis.statistics.paired_tests import exchanged_groups, sign_flips, swap_test
from subprobe.analysis.statistics.uncertainty import mcnemar_exact

ITEMS = (5, 10, 30, 100)
SEEDS = (2, 3, 4, 5, 6, 10, 30)
RUNS = ((3, 5), (5, 5), (9, 5))
"""Tasks and seeds of the mixed model."""
DIFFERING = 0.3
"""Share of items on which the two models differ."""


def size_cases() -> list[tuple[str, int, int]]:
    """What is simulated: kind of test, number of items or tasks, number of seeds."""
    items = [("items", n, 1) for n in ITEMS]
    return items + [("seeds", 1, s) for s in SEEDS] + [("mixed", t, s) for t, s in RUNS]


def paired_size_rows(case: tuple[str, int, int], simulations: int) -> list[dict[str, Any]]:
    """Simulated and attainable size of every test of one case.

    NaN p-values (a test that cannot reach .05 here) count as not rejecting.
    """
    kind, n, seeds = case
    rng = np.random.default_rng([n, seeds, len(kind)])
    made = {"items": _items, "seeds": _seeds, "mixed": _mixed}[kind]
    p_values: dict[str, list[float]] = {}
    for _ in range(simulations):
        for name, p in made(n, seeds, rng).items():
            p_values.setdefault(name, []).append(p)
    attainable = _attainable(n, seeds) if kind != "mixed" else {}
    rows = []
    for name, values in p_values.items():
        size = float(np.mean(np.asarray(values) <= ALPHA + 1e-12))
        error = float(np.sqrt(ALPHA * (1 - ALPHA) / len(values)))
        rows.append(
            {"test": name, "n": n, "seeds": seeds, "size": size,
             "attainable": attainable.get(name, np.nan), "monte_carlo_error": error,
             "simulations": len(values), "holds": size <= ALPHA + 2 * error}
        )  # fmt: skip
    return rows


def _items(n: int, _: int, rng: np.random.Generator) -> dict[str, float]:
    gold = rng.binomial(1, 0.6, n)
    right = rng.random(n) < 0.75
    other = np.where(rng.random(n) < DIFFERING, ~right, right)
    # under the null, a coin decides which model has which answer
    swap = rng.random(n) < 0.5
    a, b = np.where(swap, right, other), np.where(swap, other, right)
    first, second = (np.where(side, gold, 1 - gold) for side in (a, b))
    found = {}
    exact = mcnemar_exact(a, b)
    differing = exact.only_first + exact.only_second
    found["McNemar, exact"] = exact.p_value if 2.0 ** (1 - differing) <= ALPHA else np.nan
    for metric in ("matthews", "f1"):
        seed = int(rng.integers(2**31))
        tested = swap_test(metric, first, second, gold, seed=seed, draws=399)
        found[f"exchanged answers, {metric}"] = tested.p_value
    true = rng.normal(size=n)
    said = true[:, None] + rng.normal(size=(n, 1)) + rng.normal(size=(n, 2))
    for metric in ("pearson", "spearman"):
        seed = int(rng.integers(2**31))
        tested = swap_test(metric, said[:, 0], said[:, 1], true, seed=seed, draws=399)
        found[f"exchanged answers, {metric}"] = tested.p_value
    bottom = 1.0 + rng.poisson(5, size=n)
    top = bottom * (0.5 + 0.1 * rng.exponential(size=(2, n)))
    sides = np.stack([top, np.broadcast_to(bottom, top.shape)], axis=1)[..., None]
    names = [str(rng.integers(2**31))] * n
    found["exchanged sentences"] = swap_ratios(sides[0], sides[1], names, draws=399)[0].p_value
    return found


def _seeds(_: int, seeds: int, rng: np.random.Generator) -> dict[str, float]:
    first, second = rng.normal(size=(2, seeds))
    return {
        "sign flips over seeds": sign_flips(first - second).p_value,
        "seeds exchanged between runs": exchanged_groups(first, second).p_value,
    }


def _mixed(tasks: int, seeds: int, rng: np.random.Generator) -> dict[str, float]:
    import pandas as pd

    kinds = ("full", "good", "random", "bad")
    task, run = 0.1 * rng.normal(size=(tasks, 1, 1)), 0.02 * rng.normal(size=(tasks, seeds, 1))
    value = task + run + 0.02 * rng.normal(size=(tasks, seeds, len(kinds)))
    places = [axis.ravel() for axis in np.indices(value.shape)]
    frame = pd.DataFrame(
        {
            "task": np.array([f"t{i}" for i in range(tasks)])[places[0]],
            "seed": places[1],
            "kind": np.array(kinds)[places[2]],
            "value": value.ravel(),
        }
    )
    found = fit_kinds(frame)
    line = found[(found["kind_a"] == "good") & (found["kind_b"] == "random")]
    return {"mixed model, good against random": float(line["p_value"].iloc[0])}


def _attainable(n: int, seeds: int) -> dict[str, float]:
    if seeds == 1:
        return {"McNemar, exact": mcnemar_size(n, DIFFERING)}
    ways = comb(2 * seeds, seeds)
    return {
        "sign flips over seeds": _of_pairs(2**seeds),
        "seeds exchanged between runs": _of_pairs(ways),
    }


def _of_pairs(outcomes: int) -> float:
    """Largest size up to .05 of equally likely outcomes that come in pairs."""
    return 2 * int(ALPHA * outcomes / 2 + 1e-9) / outcomes


def mcnemar_size(n: int, share: float) -> float:
    """Exact size of McNemar's exact test where this share of n items differs."""
    size = 0.0
    for differing in range(n + 1):
        one = np.arange(differing + 1)
        p = np.minimum(1.0, 2 * binom.cdf(np.minimum(one, differing - one), differing, 0.5))
        rejected = binom.pmf(one, differing, 0.5)[p <= ALPHA + 1e-12].sum()
        size += float(binom.pmf(differing, n, share) * rejected)
    return size
