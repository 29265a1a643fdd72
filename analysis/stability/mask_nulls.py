"""What agreement chance alone makes: every seed's mask shuffled, its size kept.

The null is that seeds choose their units independently and uniformly, each as many as it kept.
Tests are one-sided: they ask for more agreement than that. A test whose most extreme outcome is
likelier than .05 at the sizes in use cannot say anything and gives NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..statistics.corrections import ALPHA
from ..statistics.count_laws import hypergeometric_pmf
from ..statistics.uncertainty import permutation_p
from .agreement import Floats, Masks, Statistic

_CELLS_AT_ONCE = 4_000_000
_SEED_PAIRS_AT_ONCE = 1_000_000
_PAIRS_KEPT = 1 << 16


def blocks(draws: int, masks: Masks) -> Iterator[int]:
    """Sizes of the blocks in which this many copies of masks [S, U] fit into memory.

    A copy costs its cells, and the pairs of its seeds since agreement compares each two.
    """
    step = min(_CELLS_AT_ONCE // max(1, masks.size), _SEED_PAIRS_AT_ONCE // len(masks) ** 2)
    step = max(1, step)
    for start in range(0, draws, step):
        yield min(step, draws - start)


def shuffled(masks: Masks, draws: int, rng: np.random.Generator) -> Iterator[Masks]:
    """Batches [B, S, U] of masks [S, U] with the units of each seed in random order."""
    n_seeds, n_units = masks.shape
    ordered = np.arange(n_units) < masks.sum(axis=1)[:, None]
    for size in blocks(draws, masks):
        yield rng.permuted(np.broadcast_to(ordered, (size, n_seeds, n_units)), axis=2)


def permutation_tests(
    masks: Masks, statistics: Mapping[str, Statistic], draws: int, rng: np.random.Generator
) -> dict[str, float]:
    """One-sided add-one permutation p of each statistic of masks [S, U], on the same shuffles.

    NaN where a statistic is not defined, or where even the most agreeing masks of these sizes
    would not be rare: see `smallest_p`.
    """
    if smallest_p(masks.sum(axis=1), masks.shape[1]) > ALPHA:
        return dict.fromkeys(statistics, float("nan"))
    null: dict[str, list[Floats]] = {name: [] for name in statistics}
    for batch in shuffled(masks, draws, rng):
        for name, statistic in statistics.items():
            null[name].append(statistic(batch))
    return {
        name: permutation_p(
            float(statistic(masks)), np.concatenate(null[name]), alternative="greater"
        )
        for name, statistic in statistics.items()
    }


def smallest_p(sizes: npt.ArrayLike, n_units: int) -> float:
    """Chance that random masks of these sizes [S] are nested: the smallest p of agreement.

    Pairwise overlaps are all largest, and with them kappa, Jaccard and the number kept in all,
    exactly where each mask contains the next smaller one.
    """
    ordered = np.sort(np.asarray(sizes, dtype=np.int64))
    inner, outer = ordered[:-1], ordered[1:]
    return float(hypergeometric_pmf(inner, n_units, outer, inner).prod())


def kept_in_all_p(masks: Masks) -> float:
    """Exact chance that random masks of these sizes [S, U] have as many units in common, or more.

    NaN where no number of common units is rare enough to reach .05.
    """
    pmf = kept_in_all_null(masks.sum(axis=1), masks.shape[1])
    return _upper_tail(pmf, int(masks.all(axis=0).sum()))


def kept_in_all_null(sizes: Sequence[int] | npt.NDArray[np.int64], n_units: int) -> Floats:
    """Chance of 0, 1, ... U common units of random masks with these sizes [U + 1], exact."""
    common = np.arange(n_units + 1)
    pmf = np.zeros(n_units + 1)
    pmf[int(sizes[0])] = 1
    steps: dict[int, Floats] = {}
    for size in map(int, sizes[1:]):
        if size not in steps:
            # [after, before]: of the units common so far, how many the next mask holds too
            step = hypergeometric_pmf(common[:, None], n_units, common[None, :], size)
            steps[size] = np.nan_to_num(step)
        pmf = steps[size] @ pmf
    return pmf


def shared_null(sizes: Sequence[tuple[int, int]] | npt.NDArray[np.int64], n_units: int) -> Floats:
    """Chance of 0, 1, ... units shared, summed over independent pairs of masks; exact.

    Args:
        sizes: units kept by the two masks of each pair [P, 2].
        n_units: U.
    """
    pmf = np.ones(1)
    for first, second in sizes:
        pmf = np.convolve(pmf, _shared_of_sizes(int(first), int(second), n_units))
    return pmf


@lru_cache(maxsize=_PAIRS_KEPT)
def _shared_of_sizes(first: int, second: int, n_units: int) -> Floats:
    """Chance of 0, 1, ... units shared by two random masks of these sizes."""
    shared = np.arange(min(first, second) + 1)
    return np.asarray(hypergeometric_pmf(shared, n_units, first, second))


def shared_p(observed: int, sizes: npt.NDArray[np.int64], n_units: int) -> float:
    """Exact one-sided p of the units shared, summed over independent pairs [P, 2] of masks.

    NaN where no overlap is rare enough to reach .05.
    """
    return _upper_tail(shared_null(sizes, n_units), observed)


def _upper_tail(pmf: Floats, observed: int) -> float:
    tails = np.cumsum(pmf[::-1])[::-1]
    possible = tails[pmf > 0]
    if not possible.size or possible.min() > ALPHA:
        return float("nan")
    return float(min(1.0, tails[observed]))
