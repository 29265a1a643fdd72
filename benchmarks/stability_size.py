"""Size of the tests of agreement: how often they reject where seeds and tasks are independent.

A test of whole units has few outcomes, so it seldom reaches exactly .05. The attainable size, from
the exact null distribution, is therefore reported too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import product
from typing import Any

import numpy as np
from scipy.stats import binom, hypergeom
from subprobe.analysis.stability.agreement import STATISTICS, cochran_q
from subprobe.analysis.stability.mask_nulls import (
    kept_in_all_null,
    kept_in_all_p,
    permutation_tests,
    shared_null,
    shared_p,
)
from subprobe.analysis.stability.mask_variance import exchange_p
from subprobe.analysis.statistics.corrections import ALPHA

DRAWS = 399
"""Permutations: .05 of DRAWS + 1 is a whole number, so the add-one p can have the size .05."""

SHARES = (0.5, 0.55, 0.6, 0.65, 0.7)
"""Kept shares of the seeds of one simulation."""

UNITS = (5, 10, 12, 30, 72, 144)
_EXACT_UNITS = 12


def sizes_of(units: int) -> list[int]:
    """Units that each seed keeps."""
    return [max(1, round(share * units)) for share in SHARES]


def random_masks(sizes: Any, units: int, rng: np.random.Generator) -> Any:
    """Independent masks [S, U] of these sizes."""
    return rng.permuted(np.arange(units) < np.asarray(sizes)[:, None], axis=1)


def size_rows(units: int, simulations: int) -> list[dict[str, Any]]:
    """Simulated and attainable size of every test at one number of units.

    NaN p-values (a test that cannot reach .05 here) are counted as not rejecting.
    """
    rng = np.random.default_rng(units)
    sizes = sizes_of(units)
    pairs = np.array([sizes, sizes[::-1]]).T
    p_values: dict[str, list[float]] = {}
    permuted = {name: STATISTICS[name] for name in ("fleiss_kappa", "jaccard_mean")}
    for _ in range(simulations):
        masks, beside = (random_masks(of, units, rng) for of in (sizes, sizes[::-1]))
        found = permutation_tests(masks, permuted, DRAWS, rng)
        found = {f"permutation of {name}": p for name, p in found.items()}
        found["kept in all, exact"] = kept_in_all_p(masks)
        found["shared by two tasks, exact"] = shared_p(int((masks & beside).sum()), pairs, units)
        # seeds that keep each unit with the same chance of its own
        chance = rng.beta(1.5, 1, units)
        found["Cochran's Q, chi-squared"] = cochran_q(rng.random((5, units)) < chance)[1]
        runs = rng.random((4, 5, units)) < chance
        found["task x unit, exchanged tasks"] = exchange_p(runs.astype(float), DRAWS, rng)
        for name, p in found.items():
            p_values.setdefault(name, []).append(p)
    attainable = {
        "kept in all, exact": _attainable(kept_in_all_null(sizes, units)),
        "shared by two tasks, exact": _attainable(shared_null(pairs, units)),
        "task x unit, exchanged tasks": ALPHA,
    }
    if units <= _EXACT_UNITS:
        attainable["permutation of fleiss_kappa"] = _monte_carlo_size(agreement_null(sizes, units))
    rows = []
    for name, values in p_values.items():
        size = float(np.mean(np.asarray(values) <= ALPHA + 1e-12))
        error = float(np.sqrt(ALPHA * (1 - ALPHA) / len(values)))
        rows.append(
            {"test": name, "units": units, "seeds": len(sizes), "size": size,
             "attainable": attainable.get(name, np.nan), "monte_carlo_error": error,
             "simulations": len(values), "holds": size <= ALPHA + 2 * error}
        )  # fmt: skip
    return rows


def agreement_null(sizes: Any, units: int) -> dict[int, float]:
    """Exact null of the sum over units of (seeds that keep it) squared, on which kappa depends.

    Masks join one by one; the state is how many units were kept 0, 1, 2, ... times so far.
    """
    states: dict[tuple[int, ...], float] = {(units,): 1.0}
    for size in map(int, sizes):
        after: defaultdict[tuple[int, ...], float] = defaultdict(float)
        for state, chance in states.items():
            for taken, part in _draws(state, size, units):
                kept = [*state, 0]
                for times, number in enumerate(taken):
                    kept[times] -= number
                    kept[times + 1] += number
                after[tuple(kept)] += chance * part
        states = dict(after)
    null: defaultdict[int, float] = defaultdict(float)
    for state, chance in states.items():
        null[sum(number * times**2 for times, number in enumerate(state))] += chance
    return dict(null)


def _draws(state: tuple[int, ...], size: int, units: int) -> list[tuple[tuple[int, ...], float]]:
    """Ways to draw `size` of the units in groups of these numbers, with their chances."""
    if len(state) == 1:
        return [((size,), 1.0)] if size <= state[0] else []
    found = []
    left = units - state[0]
    for number in range(min(size, state[0]) + 1):
        if size - number > left:
            continue
        chance = float(hypergeom_pmf(number, units, state[0], size))
        rest = _draws(state[1:], size - number, left)
        found += [((number, *taken), chance * part) for taken, part in rest]
    return found


_PMF: dict[tuple[int, int, int, int], float] = {}


def hypergeom_pmf(k: int, total: int, good: int, drawn: int) -> float:
    """The hypergeometric probability, cached: scipy takes 0.1 ms per call."""
    key = (k, total, good, drawn)
    if key not in _PMF:
        _PMF[key] = float(hypergeom.pmf(k, total, good, drawn)) if total else float(k == 0)
    return _PMF[key]


def _attainable(pmf: Any) -> float:
    """The largest exact p up to .05."""
    tails = np.cumsum(np.asarray(pmf)[::-1])[::-1]
    fitting = tails[tails <= ALPHA + 1e-12]
    return float(fitting.max()) if fitting.size else 0.0


def _monte_carlo_size(null: dict[int, float]) -> float:
    """Size of the add-one test with DRAWS permutations: the outcome's own tail is drawn, too."""
    values = sorted(null)
    chances = np.array([null[value] for value in values])
    tails = np.minimum(np.cumsum(chances[::-1])[::-1], 1.0)
    most = int(np.floor(ALPHA * (DRAWS + 1) + 1e-9)) - 1
    return float((chances * binom.cdf(most, DRAWS, tails)).sum())


def reference_null(sizes: Any, units: int) -> dict[int, float]:
    """The same null by listing every combination of masks: slow, for checking `agreement_null`."""
    from itertools import combinations

    rows = [[np.isin(np.arange(units), kept) for kept in combinations(range(units), int(size))]
            for size in sizes]  # fmt: skip
    found: Counter[int] = Counter(
        int((np.stack(masks).sum(axis=0) ** 2).sum()) for masks in product(*rows)
    )
    total = sum(found.values())
    return {value: count / total for value, count in found.items()}
