"""Exact and randomisation tests of two models, on their answers or on their seeds.

The sampling units are exchanged: examples, or clusters of examples with all their answers. A test
that cannot reach .05 with the given numbers says so and gives no p-value.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from ...data.seeds import Grid
from .clusters import Units, alone, count_of, over_units
from .corrections import ALPHA
from .count_laws import binomial_pmf
from .paired import error_of_mean
from .uncertainty import permutation_p
from .weighted import CLASS_METRICS, Floats, weighted_scores

DRAWS = 1999
"""Randomisations of a test: .05 of DRAWS + 1 is a whole number, so its size can be .05."""
LEAST_DIFFERING = 6
"""Items or seeds that must differ: 2 of 2^6 exchanges is the first share below .05."""
SAMPLED = 19_999
_MOST_SEEDS, _MOST_WAYS = 14, 20_000
_CELLS_AT_ONCE = 4_000_000
Answers = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Tested:
    """A p-value, or why there is none.

    Attributes:
        p_value: two-sided; NaN where .05 could not be reached.
        floor: the smallest p that these data could give.
        flag: why there is no p, else empty.
    """

    p_value: float
    floor: float
    flag: str = ""


def answered(p_value: float, floor: float, what: str) -> Tested:
    """The p-value, or the reason why the test could not have reached .05."""
    if floor <= ALPHA + 1e-12:
        return Tested(p_value, floor)
    return Tested(float("nan"), floor, f"smallest p is {floor:.3g}: {what}")


def sign_flips(differences: npt.ArrayLike, *, what: str = "seeds") -> Tested:
    """Two-sided randomisation test of paired differences: each sign is as likely as the other.

    All sign patterns are counted (Fisher 1935), or 19,999 sampled ones above 14 differences.

    Args:
        differences: one of each unit; what is not finite is left out.
        what: the units, in words.
    """
    d = np.asarray(differences, dtype=np.float64)
    d = d[np.isfinite(d)]
    n = len(d)
    if n < 2:
        return Tested(float("nan"), 1.0, f"fewer than 2 {what}")
    observed, margin = abs(d.sum()), 1e-12 * max(1.0, float(np.abs(d).sum()))
    if n <= _MOST_SEEDS:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        p = float((np.abs(signs @ d) >= observed - margin).mean())
        needed = f"{n} {what}; {LEAST_DIFFERING} are needed"
        return answered(p, 2.0 ** (1 - n), needed)
    signs = np.random.default_rng(n).choice([-1.0, 1.0], size=(SAMPLED, n))
    return Tested(
        permutation_p(observed, np.abs(signs @ d), alternative="greater"), 1 / (SAMPLED + 1)
    )


def cluster_signs(first: npt.ArrayLike, second: npt.ArrayLike, units: Units) -> Tested:
    """Exact two-sided test of two models' correct answers, with clusters of examples and draws.

    Under the null a cluster's difference, the number of its examples that the first model gets
    right minus the second's, could have had the other sign, as if all of its answers changed
    places. A model with several draws enters with the mean of its draws, and they change places
    together: the test is about these draws, not about others. All sign patterns are counted (Fisher
    1935), by convolution of the laws of clusters with equal differences; where each example stands
    alone and each model has one draw this is the exact McNemar test.

    Args:
        first: whether the first model is right on each example [N], or in each draw [N, D].
        second: the same for the second model; its number of draws may be another.
        units: cluster of each example [N].
    """
    a, b = (np.asarray(side, dtype=np.int64).reshape(len(units), -1) for side in (first, second))
    # times both numbers of draws: whole numbers
    right = a.sum(axis=1) * b.shape[1] - b.sum(axis=1) * a.shape[1]
    gaps = np.rint(over_units(right.astype(np.float64), units)).astype(np.int64)
    gaps //= max(1, int(np.gcd.reduce(gaps)))
    sizes, counts = np.unique(np.abs(gaps[gaps != 0]), return_counts=True)
    moving, most = int(counts.sum()), int(sizes @ counts)
    floor = min(1.0, 2.0 ** (1 - moving))
    if floor > ALPHA:
        return Tested(float("nan"), floor, few_differ(moving, "clusters"))
    law = np.ones(1)  # of the sum over clusters whose sign is +
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        wider = np.zeros(len(law) + size * count)
        for positive, chance in enumerate(binomial_pmf(np.arange(count + 1), count, 0.5)):
            wider[size * positive : size * positive + len(law)] += chance * law
        law = wider
    extreme = np.abs(2 * np.arange(most + 1) - most) >= abs(int(gaps.sum()))
    return Tested(min(1.0, float(law[extreme].sum())), floor)


def swap_test(
    metric: str, first: npt.NDArray[np.generic], second: npt.NDArray[np.generic],
    gold: npt.NDArray[np.generic], units: Units | None = None, *, draws: int = DRAWS,
    seed: int = 0,
) -> Tested:  # fmt: skip
    """Two-sided approximate randomisation of two models' answers (Noreen 1989, Yeh 2000).

    Under the null every example's two answers may change places, or all answers of a cluster at
    once. The statistic is the difference of the metric; the p-value is add-one.

    Args:
        metric: as in `weighted_scores`.
        first: answers of the first model [N].
        second: answers of the second model on the same examples [N].
        gold: what they should be [N].
        units: cluster of each example [N]; None = each stands alone.
        draws: random exchanges.
        seed: of the exchanges.
    """
    units = np.arange(len(gold)) if units is None else units
    differ = len(np.unique(units[first != second]))
    floor = min(1.0, 2.0 ** (1 - differ))
    if floor > ALPHA:
        return Tested(float("nan"), floor, few_differ(differ, called(units)))
    both = np.stack([first, second], axis=1)
    observed = _gap(metric, both, gold)
    rng = np.random.default_rng([seed, len(gold)])
    if metric in CLASS_METRICS:
        null = _swapped_classes(metric, both, gold, units, draws, rng)
    else:
        null = np.empty(draws)
        for start in range(0, draws, step := max(1, _CELLS_AT_ONCE // len(gold))):
            rows = min(step, draws - start)
            swap = (rng.random((rows, count_of(units))) < 0.5)[:, units]
            a, b = np.where(swap, second, first), np.where(swap, first, second)
            null[start : start + rows] = _gaps_of_numbers(metric, a, b, gold)
    return Tested(
        permutation_p(abs(observed), np.abs(null), alternative="greater"),
        max(floor, 1 / (draws + 1)),
    )


def swap_draws(
    metric: str, first: npt.NDArray[np.generic], second: npt.NDArray[np.generic],
    gold: npt.NDArray[np.generic], units: Units, *, draws: int = DRAWS, seed: int = 0,
) -> Tested:  # fmt: skip
    """`swap_test` of the mean difference over draws: an example changes places in all of them.

    Args:
        metric: as in `weighted_scores`.
        first: answers of the first model [N, D], one column per draw.
        second: answers of the second model [N, D].
        gold: what they should be [N].
        units: cluster of each example [N].
        draws: random exchanges.
        seed: of the exchanges.
    """
    differ = len(np.unique(units[(first != second).any(axis=1)]))
    floor = min(1.0, 2.0 ** (1 - differ))
    if floor > ALPHA:
        return Tested(float("nan"), floor, few_differ(differ, called(units)))
    rng = np.random.default_rng([seed, len(gold)])
    swap = (rng.random((draws, count_of(units))) < 0.5)[:, units].astype(np.float32)
    swap = np.concatenate([np.zeros((1, len(gold)), dtype=np.float32), swap])
    weights = np.concatenate([1 - swap, swap], axis=1)
    both = np.concatenate([first, second]), np.concatenate([second, first])
    a, b = (weighted_scores(metric, side, np.tile(gold, 2), weights) for side in both)
    gaps = np.abs((a - b).mean(axis=1))
    # sums in another order are ties
    null = gaps[1:] + 1e-9
    return Tested(
        permutation_p(float(gaps[0]), null, alternative="greater"), max(floor, 1 / (draws + 1))
    )


def few_differ(count: int, what: str = "items") -> str:
    """Why so few items on which two models differ give no p-value."""
    if not count:
        return "the two never differ"
    floor = 2.0 ** (1 - count)
    return (
        f"smallest p is {floor:.3g}: the two differ on {count} {what}; {LEAST_DIFFERING} are needed"
    )


def called(units: Units) -> str:
    """What is exchanged."""
    return "items" if alone(units) else "clusters"


def _gap(metric: str, both: npt.NDArray[np.generic], gold: npt.NDArray[np.generic]) -> float:
    once = np.ones((1, len(gold)), dtype=np.float32)
    a, b = weighted_scores(metric, both, gold, once)[0]
    return float(a - b)


def _swapped_classes(metric: str, both: npt.NDArray[np.generic], gold: npt.NDArray[np.generic],
                     units: Units, draws: int, rng: np.random.Generator) -> Floats:  # fmt: skip
    """The gap after random exchanges: examples with the same gold and answers are one cell."""
    cells, cell, counts = np.unique(
        np.column_stack([gold, both]), axis=0, return_inverse=True, return_counts=True
    )
    if alone(units):
        kept = rng.binomial(counts, 0.5, size=(draws, len(counts))).astype(np.float64)
    else:
        # clusters with the same numbers of examples in each cell are drawn at once
        of_unit = over_units(np.eye(len(cells))[cell.ravel()], units)
        kinds, repeats = np.unique(of_unit, axis=0, return_counts=True)
        kept = rng.binomial(repeats, 0.5, size=(draws, len(repeats))) @ kinds
    kept = np.where(cells[:, 1] == cells[:, 2], counts, kept)
    weights = np.concatenate([kept, counts - kept], axis=1).astype(np.float32)
    # the first model's answers as they are, then the second's in their place
    first = np.concatenate([cells[:, 1:], cells[:, :0:-1]])
    scores = weighted_scores(metric, first, np.tile(cells[:, 0], 2), weights)
    return scores[:, 0] - scores[:, 1]


def _gaps_of_numbers(metric: str, first: Answers, second: Answers, gold: Answers) -> Floats:
    """The gap of correlations, answers [B, N] against gold [N]."""
    from .uncertainty import _OF_PAIRS  # the same vectorised correlations

    wanted = np.broadcast_to(gold.astype(np.float64), first.shape)
    score = _OF_PAIRS[metric]
    return score(first.astype(np.float64), wanted) - score(second.astype(np.float64), wanted)


def crossed_t(differences: npt.ArrayLike, grid: Grid) -> Tested:
    """Two-sided t test that the mean over a grid of crossed seeds is 0.

    No exchange is exact where both seeds matter: those of a row share its initialisation, those of
    a column its data order. The mean is divided by the two-way standard error of `error_of_mean`,
    and referred to Student's t of the smaller number of seeds minus 1.

    Args:
        differences: one of each run, in the order of the grid.
        grid: the grid.
    """
    d = np.asarray(differences, dtype=np.float64)
    return _student(float(d.mean()), error_of_mean(d, grid), grid.units - 1)


def crossed_groups(
    first: npt.ArrayLike, second: npt.ArrayLike, grids: tuple[Grid | None, Grid | None]
) -> Tested:
    """Two-sided t test of the means of two runs, of which at least one has crossed seeds.

    Args:
        first: values of the first run's seeds, in the order of its grid.
        second: the same of the second run.
        grids: the grid of each run; None where its seeds are independent.
    """
    sides = [np.asarray(values, dtype=np.float64) for values in (first, second)]
    units = min(len(v) if grid is None else grid.units
                for v, grid in zip(sides, grids, strict=True))  # fmt: skip
    if units < 2:
        return Tested(float("nan"), 1.0, "a run has one seed")
    first_error, second_error = map(error_of_mean, sides, grids)
    error = float(np.hypot(first_error, second_error))
    return _student(float(sides[0].mean() - sides[1].mean()), error, units - 1)


def _student(value: float, error: float, df: int) -> Tested:
    if not error > 1e-12:
        return Tested(float("nan"), 1.0, "the seeds do not vary")
    return Tested(float(2 * stdtr(df, -abs(value) / error)), 0.0)


def exchanged_groups(first: npt.ArrayLike, second: npt.ArrayLike) -> Tested:
    """Two-sided permutation test of the means of two independent groups of seeds.

    All divisions into groups of these sizes are counted, or 19,999 sampled ones.
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (first, second))
    pooled, n, m = np.concatenate([a, b]), len(a), len(b)
    if not n or not m:
        return Tested(float("nan"), 1.0, "no seeds")
    ways = comb(n + m, n)
    observed = abs(a.mean() - b.mean())
    margin = 1e-12 * max(1.0, float(np.abs(pooled).max()))
    # with equal numbers every division has its mirror image
    floor = min(1.0, (2 if n == m else 1) / ways)
    if ways <= _MOST_WAYS:
        places = np.array(list(combinations(range(n + m), n)))
        mine = pooled[places].sum(axis=1)
        gaps = np.abs(mine / n - (pooled.sum() - mine) / m)
        p = float((gaps >= observed - margin).mean())
    else:
        rng = np.random.default_rng(n + m)
        drawn = rng.permuted(np.tile(pooled, (SAMPLED, 1)), axis=1)
        gaps = np.abs(drawn[:, :n].mean(axis=1) - drawn[:, n:].mean(axis=1))
        p = permutation_p(observed, gaps, alternative="greater")
    return answered(p, floor, f"{n} and {m} seeds are too few")
